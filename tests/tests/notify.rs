//! The host is told, whatever happens to the pool or to the line.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};
use serde_json::Value;
use tests::hook::Hook;
use tests::tls::TlsFront;
use tests::{PoolConfig, Process, Punchbowl};

const EASY_BLOCKS: &str = "1f00ffff";
const NO_BLOCKS: &str = "1d00ffff";
/// Ten shares a second from whoever says honestly how fast it is.
const MANY_SHARES: &str =
    "[vardiff]\nenabled = false\nshares_per_minute = 600\nmin_difficulty = 0.0000000001";

fn miner(pool: &Punchbowl, user: &str, more: &[&str]) -> Process {
    let uri = pool.uri();
    let line = ["miner", &uri, "--user", user];
    Punchbowl::spawn(&[&line[..], more].concat()).unwrap()
}

#[tokio::test]
async fn a_found_block_reaches_the_webhook_signed_and_the_nostr_hook_as_an_unsigned_event() {
    let mut hook = Hook::listen(200).await.unwrap();
    let mut nostr = Hook::listen(200).await.unwrap();
    let section = format!(
        "[notify]\nwebhook = {:?}\nnostr = {:?}\nwebhook_secret = \"s3cret\"",
        hook.url(),
        nostr.url()
    );
    let pool = Punchbowl::pool(PoolConfig::embedded(EASY_BLOCKS).section(&section)).await.unwrap();
    let mut miner = miner(&pool, "ann.rig", &["--blocks", "1"]);
    assert!(miner.exit().await.unwrap().success());

    let call = hook.call(|call| call.body.contains("\"block\"")).await.unwrap();
    let notice = call.json().unwrap();
    let status = pool.status().await.unwrap();
    let blocks = status["blocks"].as_array().unwrap();
    assert!(blocks.iter().any(|block| block["hash"] == notice["data"]["hash"]), "{blocks:?}");
    assert_eq!((&notice["data"]["worker"], &notice["severity"]), (&"ann.rig".into(), &"info".into()));
    assert_eq!(notice["data"]["value_sat"], 5_000_000_000u64);
    assert_eq!(call.header("Punchbowl-Id"), notice["id"].as_str());

    // As a program of the host's would check it.
    let signature = call.header("Punchbowl-Signature").unwrap();
    let (time, hex) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let mut engine = HmacEngine::<sha256::Hash>::new(b"s3cret");
    engine.input(time.as_bytes());
    engine.input(b".");
    engine.input(call.body.as_bytes());
    assert_eq!(Hmac::<sha256::Hash>::from_engine(engine).to_string(), hex);

    let event = nostr.call(|call| call.body.contains("punchbowl-block")).await.unwrap().json().unwrap();
    assert_eq!((&event["kind"], event.get("sig")), (&1.into(), None));
    assert!(event["content"].as_str().unwrap().contains(notice["data"]["hash"].as_str().unwrap()));
}

#[tokio::test]
async fn what_could_not_be_delivered_before_kill_9_is_delivered_after_the_restart_with_the_same_id() {
    let mut hook = Hook::listen(503).await.unwrap();
    let section = format!("[notify]\nwebhook = {:?}\nevents = [\"block\"]", hook.url());
    let config = PoolConfig::embedded(EASY_BLOCKS).section(&section);
    let mut pool = Punchbowl::pool(config).await.unwrap();
    miner(&pool, "ann.rig", &["--blocks", "1"]).exit().await.unwrap();
    let refused = hook.call(|call| call.answered == 503).await.unwrap().json().unwrap();
    pool.kill().await.unwrap();

    hook.answer(200);
    pool.restart().await.unwrap();
    let taken = hook.notice("block").await.unwrap();
    assert_eq!(taken["id"], refused["id"]);
    assert_eq!(taken["time"], refused["time"]);
}

#[tokio::test]
async fn a_worker_that_stops_is_told_of_once_and_so_is_its_return() {
    let mut hook = Hook::listen(200).await.unwrap();
    let section = format!(
        "[notify]\nwebhook = {:?}\nworker_offline_after = 15\nevents = [\"worker-offline\"]",
        hook.url()
    );
    let config = PoolConfig::embedded(NO_BLOCKS).section(&section).section(MANY_SHARES);
    let pool = Punchbowl::pool(config).await.unwrap();
    let mut first = miner(&pool, "ann.rig", &["--max-hash-rate", "500"]);
    // Only who has mined for a while is missed; channels report every ten seconds.
    let accepted = |status: &Value| {
        status["connections"][0]["channels"][0]["report"]["accepted"].as_u64().unwrap_or_default()
    };
    let mut before = 0;
    for _ in 0..4 {
        let status = pool.until_status(|status| accepted(status) > before).await.unwrap();
        before = accepted(&status);
    }
    first.kill().await.unwrap();
    let offline = hook.notice("worker-offline").await.unwrap();
    assert_eq!(
        (&offline["data"]["workers"][0], &offline["data"]["online"]),
        (&"ann.rig".into(), &false.into())
    );

    let _second = miner(&pool, "ann.rig", &["--max-hash-rate", "500"]);
    let back = hook.notice("worker-offline").await.unwrap();
    assert_eq!((&back["data"]["workers"][0], &back["data"]["online"]), (&"ann.rig".into(), &true.into()));
}

#[tokio::test]
async fn notify_test_says_of_each_place_whether_it_took_the_message() {
    let mut good = Hook::listen(200).await.unwrap();
    let bad = Hook::listen(403).await.unwrap();
    let (ntfy, webhook) = (format!("notify.ntfy={}", good.url()), format!("notify.webhook={}", bad.url()));
    let output = Punchbowl::run(&["notify", "test", "--set", &ntfy, "--set", &webhook]).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("ntfy") && text.contains(": taken"), "{text}");
    assert!(text.contains("NOT taken: it answered with status 403"), "{text}");
    let message: Value = good.call(|_| true).await.unwrap().json().unwrap();
    assert_eq!((&message["topic"], &message["priority"]), (&"hook".into(), &3.into()));

    let nobody = Punchbowl::run(&["notify", "test"]).await.unwrap();
    let complaint = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(!nobody.status.success() && complaint.contains("set notify.ntfy"), "{complaint}");
}

#[tokio::test]
async fn a_webhook_over_tls_is_told_where_its_certificate_is_believed_and_not_else() {
    let mut hook = Hook::listen(200).await.unwrap();
    let front = TlsFront::before(hook.address()).await.unwrap();
    let webhook = format!("notify.webhook=https://{}/hook", front.place());
    let test = |roots: &str| {
        let mut command = Punchbowl::command().unwrap();
        command.args(["notify", "test", "--set", &webhook, "--set", roots]);
        command.env("SSL_CERT_FILE", front.certificate());
        Process::spawn("punchbowl", command).unwrap()
    };
    let mut stranger = test("notify.roots=mozilla");
    assert_eq!(stranger.exit().await.unwrap().code(), Some(1));
    let text = stranger.log().tail(10);
    assert!(text.contains("NOT taken") && text.contains("certificate"), "{text}");

    let mut known = test("notify.roots=system");
    assert_eq!(known.exit().await.unwrap().code(), Some(0), "{}", known.log().tail(10));
    hook.notice("test").await.unwrap();
}

#[tokio::test]
async fn a_ledger_that_was_changed_on_disk_is_noticed_by_its_pool_shown_and_told() {
    let mut hook = Hook::listen(200).await.unwrap();
    let section = format!("[notify]\nwebhook = {:?}\nevents = [\"ledger\"]", hook.url());
    let config = PoolConfig::embedded(EASY_BLOCKS).section(&section).section(MANY_SHARES);
    let mut pool = Punchbowl::pool(config).await.unwrap();
    // A block ends a slice.
    let pace = ["--blocks", "1", "--max-hash-rate", "20000"];
    assert!(miner(&pool, "ann.rig", &pace).exit().await.unwrap().success());
    pool.terminate().await.unwrap();
    pool.restart().await.unwrap();
    let checked = |status: &Value| status["ledger"]["check"]["slices"].as_u64().unwrap_or_default() > 0;
    let status = pool.until_status(checked).await.unwrap();
    assert_eq!((&status["ledger"]["check"]["wrong"], pool.get("/check").await.unwrap().0), (&0.into(), 200));
    pool.terminate().await.unwrap();

    // Somebody gives ann more than she worked.
    let ledger = rusqlite::Connection::open(pool.ledger()).unwrap();
    let changed = ledger.execute("UPDATE slice_members SET shares = shares + 1", []).unwrap();
    assert!(changed > 0);
    drop(ledger);
    pool.restart().await.unwrap();
    let notice = hook.notice("ledger").await.unwrap();
    assert_eq!((&notice["severity"], &notice["data"]["state"]), (&"critical".into(), &"check-failed".into()));
    let status = pool.until_status(|status| status["ledger"]["check"]["wrong"] != 0).await.unwrap();
    let found = status["ledger"]["check"]["found"][0].as_str().unwrap();
    assert!(notice["message"].as_str().unwrap().contains(found), "{notice}");
    let (_, page) = pool.get("/check").await.unwrap();
    assert!(page.contains("Last verification") && page.contains("the ledger is not what it says"), "{page}");
    let (_, front) = pool.get("/").await.unwrap();
    assert!(front.contains("the ledger is not what it says") && !front.contains("All is well"), "{front}");
}
