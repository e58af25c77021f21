//! `punchbowl status`: the pool at a glance, in the terminal.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::Value;
use std::process::Command;
use tests::process::Signal;
use tests::{PoolConfig, Process, Punchbowl};

const MANY_SHARES: &str =
    "[vardiff]\nenabled = false\nshares_per_minute = 600\nmin_difficulty = 0.0000000001";

async fn pool_with_a_miner() -> (Punchbowl, Process) {
    let pool = Punchbowl::pool(PoolConfig::embedded("1d00ffff").section(MANY_SHARES)).await.unwrap();
    let uri = pool.uri();
    let miner = Punchbowl::spawn(&["miner", &uri, "--user", "ann.rig", "--max-hash-rate", "500"]).unwrap();
    pool.until_status(|status| {
        status["connections"][0]["channels"][0]["report"]["accepted"].as_u64() > Some(0)
    })
    .await
    .unwrap();
    (pool, miner)
}

#[tokio::test]
async fn it_finds_the_pool_by_its_configuration_and_says_that_all_is_well_and_who_mines() {
    let (mut pool, _miner) = pool_with_a_miner().await;
    let file = pool.folder().join("punchbowl.toml");
    let file = file.to_str().unwrap();
    let once = Punchbowl::run(&["status", "--once", "--config", file]).await.unwrap();
    let text = String::from_utf8(once.stdout).unwrap();
    assert!(once.status.success(), "{text}");
    for wanted in ["on regtest", "All is well.", "1 worker mining", "ann.rig", "share", "height 1"] {
        assert!(text.contains(wanted), "{wanted:?} is not in\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "no colours and no cursor in a pipe:\n{text}");

    let url = format!("http://{}", pool.http().unwrap());
    let json = Punchbowl::run(&["status", "--json", "--url", &url]).await.unwrap();
    let json: Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&json["well"], &json["troubles"]), (&true.into(), &Value::Array(Vec::new())));
    assert_eq!(json["status"]["connections"][0]["channels"][0]["worker"], "rig");

    pool.kill().await.unwrap();
    let gone = Punchbowl::run(&["status", "--once", "--config", file]).await.unwrap();
    let complaint = String::from_utf8(gone.stderr).unwrap();
    assert_eq!(gone.status.code(), Some(1), "{complaint}");
    assert!(complaint.contains("no pool answers") && complaint.contains("punchbowl pool"), "{complaint}");
}

#[tokio::test]
async fn on_a_terminal_it_is_drawn_anew_until_it_is_interrupted() {
    let (pool, _miner) = pool_with_a_miner().await;
    let url = format!("http://{}", pool.http().unwrap());
    let binary = Punchbowl::program().unwrap().display();
    // A terminal of its own, from util-linux.
    let mut command = Command::new("script");
    let line = format!("stty rows 30 cols 100; exec '{binary}' status --interval 1 --url {url}");
    command.args(["--quiet", "--flush", "--return", "--command", &line, "/dev/null"]);
    command.env_remove("NO_COLOR").env("TERM", "xterm");
    let mut live = Process::spawn("script", command).unwrap();
    live.line(|line| line.contains("\u{1b}[?1049h") || line.contains("\u{1b}[H")).await.unwrap();
    for _ in 0..2 {
        let mark = live.log().mark();
        live.line_after(mark, |line| line.contains("\u{1b}[32m") && line.contains("All is well."))
            .await
            .unwrap();
    }
    live.signal(Signal::TERM).unwrap();
    live.exit().await.unwrap();
}
