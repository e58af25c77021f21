//! Who may change something: the host, by password or token, and nobody else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::Value;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use tests::hook::Hook;
use tests::{PoolConfig, Punchbowl, http};

const PASSWORD: &str = "correct horse battery";
/// Of keys that are not anybody's: BIP173's example programs, for regtest.
const FIRST: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

struct Answer {
    status: u16,
    head: String,
    body: String,
}

async fn ask(address: SocketAddr, line: &str, headers: &str, body: &str) -> Answer {
    let form = if body.is_empty() { "" } else { "Content-Type: application/x-www-form-urlencoded\r\n" };
    let (head, body) =
        http::exchange(address, &format!("{line} HTTP/1.1"), &format!("{form}{headers}"), body)
            .await
            .unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body }
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.trim())
    }
}

/// Sets the host's password, as a script would.
fn set_password(config: &Path) {
    let mut command = Command::new(Punchbowl::program().unwrap());
    command.arg("password").arg("--config").arg(config).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().unwrap();
    writeln!(running.stdin.take().unwrap(), "{PASSWORD}").unwrap();
    let output = running.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Signs in and returns the header that shows the session, and its CSRF token.
async fn sign_in(address: SocketAddr) -> (String, String) {
    let body = format!("password={}", PASSWORD.replace(' ', "+"));
    let answer = ask(address, "POST /sign-in", "Origin: http://localhost\r\n", &body).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/settings")), "{}", answer.body);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let cookie = format!("Cookie: {}\r\n", cookie.split(';').next().unwrap());
    let page = ask(address, "GET /settings", &cookie, "").await;
    let (_, rest) = page.body.split_once("name=\"csrf\" value=\"").unwrap();
    (cookie, rest.split('"').next().unwrap().to_owned())
}

#[tokio::test]
async fn a_program_needs_a_token_that_is_not_revoked() {
    let mut hook = Hook::listen(200).await.unwrap();
    let section = format!("[notify]\nwebhook = {:?}", hook.url());
    let pool = Punchbowl::pool(PoolConfig::embedded("1d00ffff").section(&section)).await.unwrap();
    let address = pool.http().unwrap();
    let file = pool.folder().join("punchbowl.toml");
    let file = file.to_str().unwrap();
    let test = |token: String| async move {
        let headers = if token.is_empty() { token } else { format!("Authorization: Bearer {token}\r\n") };
        ask(address, "POST /api/v1/notify/test", &headers, "").await
    };
    for wrong in ["", "punchbowl_00", "x"] {
        let answer = test(wrong.to_owned()).await;
        assert_eq!((answer.status, answer.header("content-type")), (401, Some("application/problem+json")));
    }
    let made = Punchbowl::run(&["token", "new", "scripts", "--config", file]).await.unwrap();
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let answer = test(token.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let outcome: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(
        (&outcome["sinks"][0]["name"], &outcome["sinks"][0]["error"]),
        (&"webhook".into(), &Value::Null)
    );
    hook.notice("test").await.unwrap();
    assert_eq!(ask(address, "GET /api/v1/notify", "", "").await.status, 401);

    let listed = Punchbowl::run(&["token", "list", "--config", file]).await.unwrap();
    assert!(String::from_utf8(listed.stdout).unwrap().contains("scripts"));
    assert!(
        Punchbowl::run(&["token", "revoke", "scripts", "--config", file]).await.unwrap().status.success()
    );
    assert_eq!(test(token).await.status, 401);
}

#[tokio::test]
async fn the_host_signs_in_and_changes_who_is_paid_and_the_pool_goes_on_with_it() {
    let pool = Punchbowl::pool(PoolConfig::embedded("1f00ffff")).await.unwrap();
    let address = pool.http().unwrap();
    set_password(&pool.folder().join("punchbowl.toml"));
    let (cookie, csrf) = sign_in(address).await;

    let body = format!("pay=address&address={FIRST}&pool_tag=%2Fmeetup%2F");
    let own = "Origin: http://localhost\r\n";
    // Without the session, without its token, and from another page.
    let stranger = ask(address, "POST /settings/payout", own, &format!("{body}&csrf={csrf}")).await;
    assert_eq!(stranger.status, 403);
    for (headers, csrf) in [(own, "0"), ("Origin: http://evil.example\r\n", csrf.as_str())] {
        let headers = format!("{cookie}{headers}");
        let answer = ask(address, "POST /settings/payout", &headers, &format!("{body}&csrf={csrf}")).await;
        assert_eq!(answer.status, 403, "{}", answer.body);
    }
    assert!(!pool.data_dir().join("settings.toml").exists());

    let wrong = format!("pay=address&address=bc1nonsense&csrf={csrf}");
    let answer = ask(address, "POST /settings/payout", &format!("{cookie}{own}"), &wrong).await;
    assert_eq!(answer.status, 422);
    assert!(answer.body.contains("payout.address"), "{}", answer.body);

    let mark = pool.process().log().mark();
    let right = format!("{body}&csrf={csrf}");
    let answer = ask(address, "POST /settings/payout", &format!("{cookie}{own}"), &right).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/settings?saved")), "{}", answer.body);
    pool.process().line_after(mark, |line| line.contains("the pool starts anew")).await.unwrap();
    pool.process().line_after(mark, |line| line.contains("\"http\"")).await.unwrap();

    // At the same port, with the same key, and with another payout.
    let uri = pool.uri();
    let mut miner = Punchbowl::spawn(&["miner", &uri, "--user", "ann.rig", "--blocks", "1"]).unwrap();
    assert!(miner.exit().await.unwrap().success());
    let status = pool.until_status(|status| status["blocks"][0]["accepted"] == true).await.unwrap();
    assert_eq!(status["blocks"][0]["paid"][0][0], FIRST);

    // The session has outlived that, and ends when it is told to.
    let page = ask(address, "GET /settings", &cookie, "").await;
    assert!(page.body.contains(FIRST) && page.body.contains("/meetup/"), "{}", page.body);
    ask(address, "POST /sign-out", &format!("{cookie}{own}"), &format!("csrf={csrf}")).await;
    assert!(!ask(address, "GET /settings", &cookie, "").await.body.contains(FIRST));
}

#[tokio::test]
async fn notifications_are_changed_while_miners_stay_connected() {
    let mut hook = Hook::listen(200).await.unwrap();
    let pool = Punchbowl::pool(PoolConfig::embedded("1f00ffff")).await.unwrap();
    let address = pool.http().unwrap();
    set_password(&pool.folder().join("punchbowl.toml"));
    let (cookie, csrf) = sign_in(address).await;
    let _miner = pool.miner(0).await.unwrap();
    let before = pool.status().await.unwrap();

    let url = hook.url().replace(':', "%3A").replace('/', "%2F");
    let body = format!("csrf={csrf}&webhook={url}");
    let headers = format!("{cookie}Origin: http://localhost\r\n");
    assert_eq!(ask(address, "POST /settings/notifications", &headers, &body).await.status, 303);
    let asked = async {
        loop {
            let answer = ask(address, "POST /settings/test", &headers, &format!("csrf={csrf}")).await;
            if answer.body.contains(": taken") {
                return;
            }
        }
    };
    tests::within_deadline("the new webhook", asked).await.unwrap();
    hook.notice("test").await.unwrap();
    let after = pool.status().await.unwrap();
    assert_eq!(before["connection_counts"]["opened"], after["connection_counts"]["opened"]);
    assert_eq!(after["connection_counts"]["open"], 1);
}

#[tokio::test]
async fn guessing_the_password_is_slowed_down() {
    let pool = Punchbowl::pool(PoolConfig::embedded("1d00ffff")).await.unwrap();
    let address = pool.http().unwrap();
    set_password(&pool.folder().join("punchbowl.toml"));
    let mut statuses = Vec::new();
    for number in 0..8 {
        statuses.push(ask(address, "POST /sign-in", "", &format!("password=guess{number}")).await.status);
    }
    assert_eq!((statuses[0], statuses[7]), (403, 429), "{statuses:?}");
}

#[tokio::test]
async fn where_the_configuration_is_managed_the_page_only_shows() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut command = Command::new(Punchbowl::program().unwrap());
    command.env("PUNCHBOWL_CONFIG_MANAGED", "1").env("PUNCHBOWL_DATA_DIR", &data);
    command.args([
        "pool",
        "--network",
        "regtest",
        "--template-source",
        "embedded",
        "--listen",
        "127.0.0.1:0",
    ]);
    command.args(["--http", "127.0.0.1:0", "--set", "p2p.enabled=false", "--log-format", "json"]);
    let pool = tests::Process::spawn("punchbowl", command).unwrap();
    let line = pool.line(|line| line.contains("\"http\"")).await.unwrap();
    let line: Value = serde_json::from_str(&line).unwrap();
    let address: SocketAddr = line["address"].as_str().unwrap().parse().unwrap();
    let config = folder.path().join("punchbowl.toml");
    std::fs::write(&config, format!("network = \"regtest\"\ndata_dir = {data:?}\n")).unwrap();
    set_password(&config);
    let (cookie, csrf) = sign_in(address).await;
    let page = ask(address, "GET /settings", &cookie, "").await.body;
    assert!(page.contains("only shown") && page.contains("disabled"), "{page}");
    let headers = format!("{cookie}Origin: http://localhost\r\n");
    let body = format!("csrf={csrf}&pay=address&address={FIRST}");
    assert_eq!(ask(address, "POST /settings/payout", &headers, &body).await.status, 422);
    assert!(!data.join("settings.toml").exists());
}
