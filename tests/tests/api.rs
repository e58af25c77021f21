//! The API is what its OpenAPI document says, and what tools for other pools expect.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::Value;
use tests::client::{SLOW, Wanted};
use tests::hook::Hook;
use tests::{Party, PoolConfig, Punchbowl, http, openapi};

#[tokio::test]
async fn every_endpoint_answers_as_the_openapi_document_says() {
    let mut hook = Hook::listen(200).await.unwrap();
    let section = format!("[notify]\nwebhook = {:?}\n[coinbase]\ncommitment_bytes = 100", hook.url());
    let party = Party::start(Party::chain().solo().section(&section)).await.unwrap();
    party.block().await.unwrap();
    let file = party.pool.folder().join("punchbowl.toml");
    let made = Punchbowl::run(&["token", "new", "api", "--config", file.to_str().unwrap()]).await.unwrap();
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let document = json(&party.pool, "/api/v1/openapi.json").await;
    assert_eq!(document["openapi"].as_str().unwrap().split('.').next(), Some("3"));
    let paths = document["paths"].as_object().unwrap();
    let block = json(&party.pool, "/api/v1/blocks").await["items"][0]["hash"].as_str().unwrap().to_owned();
    let mut asked = 0;
    // In the order in which a commitment is set, shown and ended.
    for method in ["put", "get", "post", "delete"] {
        for (path, described) in paths.iter().filter_map(|(path, item)| Some((path, item.get(method)?))) {
            let Some(schema) = described["responses"]["200"].pointer("/content/application~1json/schema")
            else {
                continue;
            };
            let mut address = path.clone();
            for (name, value) in [
                ("{member}", Party::member()),
                ("{address}", Party::member()),
                ("{user}", Party::member()),
                ("{hash}", &block),
                ("{sequence}", "1"),
                ("{name}", "sidechain"),
            ] {
                address = address.replace(name, value);
            }
            let mut headers = "Content-Type: application/json\r\n".to_owned();
            if described.get("security").is_some() {
                let (head, _) =
                    exchange(&party.pool, &format!("{} {address}", method.to_uppercase()), "", "").await;
                assert!(head.starts_with("HTTP/1.1 401 "), "{method} {address} without a token: {head}");
                headers += &format!("Authorization: Bearer {token}\r\n");
            }
            let body = if method == "put" { r#"{"data": "00ff", "seconds": 60}"# } else { "" };
            let (head, body) =
                exchange(&party.pool, &format!("{} {address}", method.to_uppercase()), &headers, body).await;
            assert!(head.starts_with("HTTP/1.1 200 "), "{method} {address}: {head}\n{body}");
            if method == "get" {
                assert!(head.to_lowercase().contains("access-control-allow-origin: *"), "{address}: {head}");
            }
            let answer: Value = serde_json::from_str(&body).unwrap();
            let faults = openapi::faults(&document, schema, &answer);
            assert!(faults.is_empty(), "{method} {address}: {faults:#?}\n{body:.2000}");
            asked += 1;
        }
    }
    assert!(asked >= 25, "{asked}");
    hook.notice("test").await.unwrap();
}

#[tokio::test]
async fn an_event_has_a_leaderboard_of_its_own() {
    let window =
        "window = \"event\"\nevent_start = \"2020-01-01T00:00:00Z\"\nevent_end = \"2099-01-01T00:00:00Z\"";
    let party = Party::start(Party::chain().shared(window)).await.unwrap();
    let mut events = tests::Events::listen(party.pool.http().unwrap(), "/api/v1/events").await.unwrap();
    // All four, with slices that have ended and one that has not.
    party.block().await.unwrap();
    loop {
        let board = json(&party.pool, "/api/v1/leaderboard").await;
        let (work, best) = (&board["event"]["work"], &board["event"]["best"]);
        let places = |list: &Value| list.as_array().map_or(0, Vec::len);
        if places(work) == 4 && places(best) == 4 {
            assert_eq!(board["event"]["from"], 1_577_836_800);
            // The event has lasted since before the ledger began.
            assert_eq!(work[0]["member"], board["work_ever"][0]["member"]);
            assert_eq!(best[0], board["best_ever"][0]);
            break;
        }
        events.until("more of the ledger", |name, _| name == "pool").await.unwrap();
    }
    let (_, page) = fetch(&party.pool, "/leaderboard").await;
    assert!(
        page.contains("Most work in the event") && page.contains("2020-01-01 00:00:00 to 2099"),
        "{page}"
    );
    let party = Party::start(Party::chain().solo()).await.unwrap();
    assert_eq!(json(&party.pool, "/api/v1/leaderboard").await["event"], Value::Null);
}

#[tokio::test]
async fn refused_shares_are_shown_by_reason_after_their_connection_has_gone() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let mut miner = pool.miner(0).await.unwrap();
    let channel = miner.open_extended("ann.rig", SLOW).await.unwrap();
    let share = miner.find(channel, Wanted::Share).unwrap();
    assert!(miner.submit_and_wait(&share).await.unwrap().is_accepted());
    assert!(!miner.submit_and_wait(&share).await.unwrap().is_accepted(), "sent before");
    drop(miner);
    pool.until_status(|status| status["connection_counts"]["open"] == 0).await.unwrap();
    let mut events = tests::Events::listen(pool.http().unwrap(), "/api/v1/events").await.unwrap();
    loop {
        let rejects = json(&pool, "/api/v1/rejects").await;
        if let Some(refused) = rejects["items"].get(0) {
            assert_eq!((&refused["member"], &refused["worker"]), (&"ann".into(), &"rig".into()));
            assert_eq!((&refused["reason"], &refused["count"]), (&"duplicate-share".into(), &1.into()));
            break;
        }
        events.until("a view without it", |name, _| name == "pool").await.unwrap();
    }
    let ann = json(&pool, "/api/v1/members/ann").await;
    assert_eq!((&ann["accepted"], &ann["workers"][0]["rejected"]["duplicate-share"]), (&1.into(), &1.into()));
    let (_, page) = fetch(&pool, "/members/ann").await;
    assert!(page.contains("sent before"), "{page}");
}

#[tokio::test]
async fn members_are_listed_in_pieces_and_their_numbers_add_up() {
    let party = Party::start(Party::chain().solo()).await.unwrap();
    let all = json(&party.pool, "/api/v1/members").await;
    let members = all["items"].as_array().unwrap();
    assert_eq!((members.len(), &all["total"], &all["next"]), (4, &4.into(), &Value::Null));
    let parts: f64 = members.iter().map(|member| member["round_part"].as_f64().unwrap()).sum();
    assert!((parts - 1.0).abs() < 1e-9, "{parts}");
    let two = json(&party.pool, "/api/v1/members?offset=1&limit=2").await;
    assert_eq!((two["items"].as_array().unwrap().len(), &two["next"]), (2, &3.into()));
    let one = json(&party.pool, &format!("/api/v1/members/{}", Party::member())).await;
    let worker = &one["workers"][0];
    assert_eq!((&worker["name"], &worker["online"]), (&"garage".into(), &true.into()));
    let path = worker["connections"][0]["path"].as_str().unwrap();
    assert!(path.starts_with("iroh-"), "{path}");
    let best = one["best_ever"]["difficulty"].as_f64().unwrap();
    assert!(best >= worker["difficulty"].as_f64().unwrap(), "a best share meets its target: {one}");
}

#[tokio::test]
async fn what_history_shows_is_there_again_after_a_restart() {
    let mut party = Party::start(Party::chain().solo()).await.unwrap();
    // What is accepted is in the ledger.
    party.miners[0].line(|line| line.contains("shares accepted")).await.unwrap();
    party.miners.clear();
    let path = format!("/api/v1/members/{}", Party::member());
    let before = json(&party.pool, &path).await;
    party.pool.kill().await.unwrap();
    party.pool.restart().await.unwrap();
    let mut events = tests::Events::listen(party.pool.http().unwrap(), "/api/v1/events").await.unwrap();
    // The ledger is read in pieces.
    while !fetch(&party.pool, &path).await.0.starts_with("HTTP/1.1 200 ") {
        events.until("more of the ledger", |name, _| name == "pool").await.unwrap();
    }
    let caught_up = |name: &str, data: &Value| name == "pool" && !data["best"].is_null();
    events.until("the ledger to be read", caught_up).await.unwrap();
    let after = json(&party.pool, &path).await;
    // Shares that were under way when it was killed may come on top.
    assert!(after["round_shares"].as_u64() >= before["round_shares"].as_u64(), "{before} {after}");
    assert!(after["best_ever"]["difficulty"].as_f64() >= before["best_ever"]["difficulty"].as_f64());
    assert!(after["hashrate"]["1h"]["shares"].as_u64() >= before["hashrate"]["1h"]["shares"].as_u64());
    assert_eq!(after["online"], false);
}

#[tokio::test]
async fn errors_are_problems_with_a_word_on_what_to_do() {
    let party = Party::start(Party::chain().solo()).await.unwrap();
    for path in ["/api/v1/members/nobody", "/api/v1/blocks/00", "/api/v1/nothing", "/api/client/nobody"] {
        let (head, body) = fetch(&party.pool, path).await;
        assert!(head.starts_with("HTTP/1.1 404 "), "{path}: {head}");
        assert!(head.contains("application/problem+json"), "{path}: {head}");
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(problem["status"], 404);
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn pages_load_nothing_from_elsewhere_and_others_may_read_the_api_but_not_change_anything() {
    let pool = Punchbowl::pool(PoolConfig::embedded("1d00ffff")).await.unwrap();
    for path in ["/", "/screen", "/settings", "/api/v1/pool", "/nothing"] {
        let (head, _) = fetch(&pool, path).await;
        let head = head.to_lowercase();
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self'",
            "frame-ancestors 'none'",
            "x-frame-options: deny",
            "x-content-type-options: nosniff",
            "referrer-policy: same-origin",
        ] {
            assert!(head.contains(header), "{path} lacks {header}: {head}");
        }
        assert_eq!(
            head.contains("access-control-allow-origin: *"),
            path.starts_with("/api/"),
            "{path}: {head}"
        );
    }
    let asked = "Origin: http://elsewhere.example\r\nAccess-Control-Request-Method: POST\r\n";
    let (head, _) = exchange(&pool, "OPTIONS /api/v1/notify/test", asked, "").await;
    assert!(head.to_lowercase().contains("access-control-allow-methods: get, head"), "{head}");
    let (head, _) = exchange(&pool, "POST /api/v1/notify/test", asked, "").await;
    assert!(head.starts_with("HTTP/1.1 401 ") && !head.to_lowercase().contains("access-control"), "{head}");
}

#[tokio::test]
async fn tools_for_other_pools_find_what_they_read() {
    let party = Party::start(Party::chain().solo()).await.unwrap();
    // As ckpool writes it, and solostats reads it.
    let path = format!("/users/{}", Party::member());
    let asked = async {
        loop {
            // Who was the last to connect may have no share yet.
            let user = json(&party.pool, &path).await;
            if user["lastshare"].as_u64().is_some_and(|last| last > 1_700_000_000) {
                return user;
            }
            tokio::task::yield_now().await;
        }
    };
    let user = tests::within_deadline("the member's first share", asked).await.unwrap();
    for field in ["hashrate1m", "hashrate5m", "hashrate1hr", "hashrate1d", "hashrate7d"] {
        assert!(user[field].as_str().unwrap().ends_with(|c: char| c.is_ascii_alphanumeric()), "{user}");
    }
    assert_eq!(user["worker"][0]["workername"], format!("{}.garage", Party::member()));
    let (_, pool) = fetch(&party.pool, "/pool/pool.status").await;
    let lines: Vec<Value> = pool.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["Users"], &lines[0]["Workers"]), (&4.into(), &4.into()));
    assert!(lines[1]["hashrate5m"].is_string() && lines[2]["accepted"].is_u64());
    // As public-pool answers.
    let client = json(&party.pool, &format!("/api/client/{}", Party::member())).await;
    assert_eq!((&client["workersCount"], &client["workers"][0]["name"]), (&1.into(), &"garage".into()));
    let info = json(&party.pool, "/api/info").await;
    assert_eq!(info["userAgents"][0]["count"], "4");
    assert_eq!(info["highScores"].as_array().unwrap().len(), 4);
}

async fn fetch(pool: &Punchbowl, path: &str) -> (String, String) {
    exchange(pool, &format!("GET {path}"), "", "").await
}

async fn exchange(pool: &Punchbowl, question: &str, headers: &str, body: &str) -> (String, String) {
    http::exchange(pool.http().unwrap(), &format!("{question} HTTP/1.1"), headers, body).await.unwrap()
}

async fn json(pool: &Punchbowl, path: &str) -> Value {
    let (head, body) = fetch(pool, path).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {head}\n{body}");
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{path}: {error}: {body}"))
}

#[tokio::test]
async fn the_dashboard_asks_only_for_metrics_that_there_are() {
    let party = Party::start(Party::chain().solo()).await.unwrap();
    let (_, metrics) = fetch(&party.pool, "/metrics").await;
    let names: Vec<&str> = metrics
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(['{', ' ']).next().unwrap())
        .collect();
    let dashboard = include_str!("../../docs/grafana.json");
    let dashboard: Value = serde_json::from_str(dashboard).unwrap();
    let mut asked = 0;
    for target in
        dashboard["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().unwrap())
    {
        for part in target["expr"].as_str().unwrap().split("punchbowl_").skip(1) {
            let name = part.split(|c: char| !c.is_ascii_lowercase() && c != '_').next().unwrap();
            assert!(names.contains(&format!("punchbowl_{name}").as_str()), "no metric punchbowl_{name}");
            asked += 1;
        }
    }
    assert!(asked > 15, "{asked}");
}
