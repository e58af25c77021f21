//! The ledger over HTTP: heads, a slice, a proof, the stream, and what is refused.

use crate::cheat::CheatingPool;
use crate::ledgers::ANN;
use crate::quiet_day;
use ledger::audit::{Auditor, Evidence};
use ledger::evidence::{Intake, Received};
use serde_json::Value;
use tests::{PoolConfig, Punchbowl};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

async fn json(pool: &Punchbowl, path: &str) -> Value {
    let (code, body) = pool.get(path).await.unwrap();
    assert_eq!(code, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn heads_come_in_pages_and_a_share_comes_with_its_proof() {
    let mut pool = CheatingPool::start().await.unwrap();
    pool.tell(&quiet_day().evidence).await.unwrap();
    let pool = pool.pool();
    let about = json(pool, "/api/v1/audit").await;
    assert_eq!((&about["shares"], &about["slices"]), (&48.into(), &4.into()));

    let page = json(pool, "/api/v1/audit/heads?from=1&limit=3").await;
    let slices = page["heads"].as_array().unwrap().iter().map(|head| head["slice"].as_u64().unwrap());
    assert_eq!((slices.collect::<Vec<_>>(), &page["next"]), (vec![1, 2, 3], &4.into()));
    let rest = json(pool, "/api/v1/audit/heads?from=4&limit=3").await;
    assert_eq!((rest["heads"][0]["slice"].as_u64(), &rest["next"]), (Some(4), &Value::Null));
    assert_eq!(rest["heads"][0]["previous"], page["heads"][2]["hash"]);

    let proof = json(pool, "/api/v1/audit/shares/20/proof").await;
    assert_eq!((&proof["share"]["sequence"], &proof["head"]["slice"]), (&20.into(), &2.into()));
    assert_eq!((&proof["leaves"], &proof["index"]), (&12.into(), &7.into()));
    assert!(!proof["path"].as_array().unwrap().is_empty());

    for (path, code) in [
        ("/api/v1/audit/shares/49/proof", 404),
        ("/api/v1/audit/slices/9", 404),
        ("/api/v1/audit/heads?from=x", 400),
        ("/api/v1/shares/stream?from=0", 400),
    ] {
        let (answered, body) = pool.get(path).await.unwrap();
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((answered, &problem["status"]), (code, &u64::from(code).into()), "{path}: {body}");
        assert!(problem["detail"].as_str().unwrap().len() > 10, "{body}");
    }
}

/// The answer to `GET path`, as bytes, its head first.
async fn open(pool: &Punchbowl, path: &str, headers: &str) -> (String, BufReader<TcpStream>) {
    let mut stream = TcpStream::connect(pool.http().unwrap()).await.unwrap();
    // In HTTP 1.0 a body ends with its connection.
    let request = format!("GET {path} HTTP/1.0\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut stream, mut head) = (BufReader::new(stream), String::new());
    while !head.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut head).await.unwrap() > 0, "{head}");
    }
    (head, stream)
}

#[tokio::test]
async fn a_slice_holds_all_that_recomputes_it() {
    let mut pool = CheatingPool::start().await.unwrap();
    pool.tell(&quiet_day().evidence).await.unwrap();
    let (head, mut body) = open(pool.pool(), "/api/v1/audit/slices/1", "").await;
    assert!(head.starts_with("HTTP/1.0 200"), "{head}");
    let mut bytes = Vec::new();
    body.read_to_end(&mut bytes).await.unwrap();
    let (mut intake, mut auditor) = (Intake::default(), Auditor::new(None, Vec::new()));
    intake.push(&bytes);
    while let Some(received) = intake.received().unwrap() {
        match received {
            Received::Shares(shares) => shares.iter().for_each(|share| _ = auditor.share(share)),
            Received::Evidence(evidence) => auditor.add(&evidence),
            Received::Nothing | Received::Ledger { .. } | Received::CaughtUp => {}
        }
    }
    let report = auditor.finish();
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.shares, report.slices), (12, 1));
}

/// The next event: name and id.
async fn event(stream: &mut BufReader<TcpStream>) -> (String, String) {
    let (mut name, mut id) = (String::new(), String::new());
    loop {
        let mut line = String::new();
        assert!(stream.read_line(&mut line).await.unwrap() > 0, "the stream has ended");
        let line = line.trim_end();
        if line.is_empty() && !name.is_empty() {
            return (name, id);
        }
        name = line.strip_prefix("event: ").map_or(name, str::to_owned);
        id = line.strip_prefix("id: ").map_or(id, str::to_owned);
    }
}

#[tokio::test]
async fn the_stream_goes_on_from_any_event_and_tells_what_is_new() {
    let mut cheating = CheatingPool::start().await.unwrap();
    let mut day = quiet_day();
    cheating.tell(&day.evidence).await.unwrap();
    let (head, mut stream) = open(cheating.pool(), "/api/v1/shares/stream?from=37", "").await;
    assert!(head.contains("text/event-stream"), "{head}");
    let mut names = Vec::new();
    let last = loop {
        let (name, id) = event(&mut stream).await;
        names.push(name.clone());
        if name == "caught-up" {
            break id;
        }
    };
    assert_eq!(names, ["ledger", "template", "job", "template", "job", "shares", "slice", "caught-up"]);
    assert_eq!(last, "49.5.1");
    drop(stream);

    day.mine(ANN, 2);
    day.close();
    let new: Vec<Evidence> = day.evidence.clone();
    cheating.tell(&new).await.unwrap();
    let (_, mut stream) =
        open(cheating.pool(), "/api/v1/shares/stream", &format!("Last-Event-ID: {last}\r\n")).await;
    let mut names = Vec::new();
    while names.last().map(String::as_str) != Some("caught-up") {
        names.push(event(&mut stream).await.0);
    }
    assert_eq!(names, ["ledger", "template", "job", "shares", "slice", "caught-up"]);
}

#[tokio::test]
async fn listeners_are_bounded_and_those_over_are_told_to_come_back() {
    let pool = Punchbowl::pool(PoolConfig::shares_only().section("[limits]\nauditors = 1")).await.unwrap();
    let (head, mut stream) = open(&pool, "/api/v1/shares/stream", "").await;
    assert!(head.starts_with("HTTP/1.0 200"), "{head}");
    assert_eq!(event(&mut stream).await.0, "ledger");
    let (code, body) = pool.get("/api/v1/shares/stream").await.unwrap();
    assert_eq!(code, 503);
    assert!(body.contains("try again later"), "{body}");
    let output = Punchbowl::run(&["verify", &pool.uri()]).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("does not let us read its ledger now"), "{said}");
    drop(stream);
}
