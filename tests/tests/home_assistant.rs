//! The pool and its workers in Home Assistant, on a real broker.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::Value;
use std::collections::BTreeSet;
use tests::mosquitto::{Mosquitto, Watcher};
use tests::tls::TlsFront;
use tests::{PoolConfig, Process, Punchbowl};

const MANY_SHARES: &str =
    "[vardiff]\nenabled = false\nshares_per_minute = 600\nmin_difficulty = 0.0000000001";

/// The state of the worker that is called so, once Home Assistant would know of it.
fn worker(seen: &Watcher, name: &str) -> Option<Value> {
    let configs = seen.latest.iter().filter(|(topic, _)| topic.ends_with("/config"));
    let configs = configs.filter_map(|(_, text)| serde_json::from_str::<Value>(text).ok());
    let config = configs.into_iter().find(|config| config["device"]["name"] == name)?;
    serde_json::from_str(seen.latest.get(config["state_topic"].as_str()?)?).ok()
}

fn availability(seen: &Watcher) -> Option<&str> {
    let (_, text) = seen.latest.iter().find(|(topic, _)| topic.ends_with("/availability"))?;
    Some(text.as_str())
}

#[tokio::test]
async fn a_worker_appears_mines_and_leaves_and_a_killed_pool_is_offline() {
    let Some(broker) = Mosquitto::start().await.unwrap() else { return };
    let section = format!("[home_assistant]\nbroker = {:?}\ninterval = 1", broker.url());
    let config = PoolConfig::embedded("1d00ffff").section(&section).section(MANY_SHARES);
    let mut pool = Punchbowl::pool(config).await.unwrap();
    let mut seen = broker.watch("first").await.unwrap();
    seen.until("the pool", |seen| (availability(seen) == Some("online")).then_some(())).await.unwrap();

    let uri = pool.uri();
    let line = ["miner", &uri, "--user", "ann.rig", "--max-hash-rate", "500"];
    let mut miner = Punchbowl::spawn(&line).unwrap();
    let mining = |seen: &Watcher| {
        let state = worker(seen, "ann.rig")?;
        let busy = state["accepted"].as_u64()? > 5 && state["hashrate"].as_f64()? > 0.0;
        (busy && state["online"] == "ON").then_some(state)
    };
    seen.until("a worker that mines", mining).await.unwrap();

    // Whoever comes later, as after a restart of Home Assistant, finds everything.
    let mut later = broker.watch("later").await.unwrap();
    later.until("the retained messages", |seen| worker(seen, "ann.rig")).await.unwrap();
    let known: BTreeSet<&String> = later.retained.keys().collect();
    let configs = known.iter().filter(|topic| topic.starts_with("homeassistant/")).count();
    assert!(configs >= 16, "{known:?}");

    miner.kill().await.unwrap();
    let gone = |seen: &Watcher| (worker(seen, "ann.rig")?["online"] == "OFF").then_some(());
    seen.until("the worker to be offline", gone).await.unwrap();

    pool.kill().await.unwrap();
    seen.until("the last will", |seen| (availability(seen) == Some("offline")).then_some(())).await.unwrap();
    pool.restart().await.unwrap();
    seen.until("the pool's return", |seen| (availability(seen) == Some("online")).then_some(()))
        .await
        .unwrap();
    pool.terminate().await.unwrap();
    seen.until("its leave", |seen| (availability(seen) == Some("offline")).then_some(())).await.unwrap();
}

#[tokio::test]
async fn there_are_never_more_workers_than_places() {
    let Some(broker) = Mosquitto::start().await.unwrap() else { return };
    let section = format!("[home_assistant]\nbroker = {:?}\ninterval = 1\nworkers = 2", broker.url());
    let config = PoolConfig::embedded("1d00ffff").section(&section).section(MANY_SHARES);
    let pool = Punchbowl::pool(config).await.unwrap();
    let mut seen = broker.watch("watcher").await.unwrap();
    let uri = pool.uri();
    let users = ["ann.a", "ben.b", "cid.c", "dan.d"];
    let _miners: Vec<_> = users
        .iter()
        .map(|user| Punchbowl::spawn(&["miner", &uri, "--user", user, "--max-hash-rate", "100"]).unwrap())
        .collect();
    let four = |seen: &Watcher| {
        let (_, text) = seen
            .latest
            .iter()
            .find(|(topic, _)| topic.matches('/').count() == 2 && topic.ends_with("/state"))?;
        let pool: Value = serde_json::from_str(text).ok()?;
        // Shares are told of some ten seconds after the workers: whoever has a place has it now.
        (pool["workers"] == 4 && pool["accepted"].as_u64()? > 100).then_some(())
    };
    seen.until("four workers", four).await.unwrap();
    let told: BTreeSet<&String> = seen.latest.keys().filter(|topic| topic.contains("/worker/")).collect();
    assert_eq!(told.len(), 2, "{told:?}");
}

#[tokio::test]
async fn a_broker_is_told_over_tls_too() {
    let Some(broker) = Mosquitto::start().await.unwrap() else { return };
    let front = TlsFront::before(broker.address()).await.unwrap();
    let mut seen = broker.watch("watcher").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut command = Punchbowl::command().unwrap();
    let chain = ["--network", "regtest", "--template-source", "embedded", "--payout-mode", "solo"];
    command.arg("pool").args(chain).arg("--data-dir").arg(&data).args(["--listen", "127.0.0.1:0"]);
    command.args(["--set", "p2p.enabled=false", "--set", "http.listen=off"]);
    command.arg("--set").arg(format!("home_assistant.broker=mqtts://{}", front.place()));
    command.args(["--set", "home_assistant.roots=system", "--set", "home_assistant.interval=1"]);
    command.env("SSL_CERT_FILE", front.certificate());
    let mut pool = Process::spawn("punchbowl", command).unwrap();
    seen.until("the pool", |seen| (availability(seen) == Some("online")).then_some(())).await.unwrap();
    pool.terminate().await.unwrap();
    seen.until("its leave", |seen| (availability(seen) == Some("offline")).then_some(())).await.unwrap();
}
