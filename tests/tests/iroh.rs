//! Members by node id: the built binary at both ends, over loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::Value;
use std::{fs, path::Path};
use tests::{PoolConfig, Process, Punchbowl, within_deadline};

#[tokio::test]
async fn a_member_mines_at_an_invite_and_the_pool_says_which_way_it_comes() {
    let pool = Punchbowl::pool(config()).await.unwrap();
    let miner = miner(&pool, &[]);
    miner.line(|line| line.contains("shares accepted")).await.unwrap();
    miner.line(|line| line == "path: iroh-lan").await.unwrap();

    let status = pool.status().await.unwrap();
    let connection = &status["connections"][0];
    assert_eq!(connection["path"], "iroh-lan");
    assert!(connection["agent"].as_str().unwrap().starts_with("punchbowl cpu"), "{connection}");
    assert!(connection["peer"].as_str().unwrap().len() == 52, "{connection}");
    assert!(connection["iroh"]["address"].as_str().unwrap().starts_with("127.0.0.1:"), "{connection}");
    assert!(connection["iroh"]["rtt_milliseconds"].as_f64().unwrap() > 0.0, "{connection}");
    assert!(status["shares"]["accepted"].as_u64().unwrap() > 0);
    let metrics = pool.get("/metrics").await.unwrap().1;
    assert!(metrics.contains("punchbowl_connections{path=\"iroh-lan\"} 1"), "{metrics}");
    let peer = connection["peer"].as_str().unwrap();
    let series = format!("punchbowl_node_rtt_seconds{{node=\"{peer}\",path=\"iroh-lan\"}} ");
    assert!(metrics.contains(&series), "{metrics}");
    let logged = |line: &str| line.contains("packets to a node go this way") && line.contains(peer);
    pool.process().line(|line| logged(line) && line.contains("lan") && line.contains("rtt")).await.unwrap();
}

#[tokio::test]
async fn both_kinds_of_channel_and_both_transports_are_served_at_once() {
    let pool = Punchbowl::pool(config()).await.unwrap();
    let extended = miner(&pool, &["--channel", "extended"]);
    let tcp = Punchbowl::spawn(&["miner", &pool.uri(), "--max-hash-rate", "100", "--no-check"]).unwrap();
    for miner in [&extended, &tcp] {
        miner.line(|line| line.contains("shares accepted")).await.unwrap();
    }
    let paths = &pool.status().await.unwrap()["connection_counts"]["paths"];
    assert_eq!((paths["tcp"].as_u64(), paths["iroh-lan"].as_u64()), (Some(1), Some(1)), "{paths}");
}

#[tokio::test]
async fn a_member_is_known_by_its_key_file_and_nobody_else_is_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ann.key");
    let ann = p2p::NodeKey::load_or_create(&file).unwrap().id().to_z32();
    let pool = Punchbowl::pool(config().with_member(&ann)).await.unwrap();

    let stranger = miner(&pool, &[]);
    stranger.line(|line| line.contains("not a member")).await.unwrap();
    let ann = miner(&pool, &["--identity", file.to_str().unwrap()]);
    ann.line(|line| line.contains("shares accepted")).await.unwrap();

    let status = pool.status().await.unwrap();
    assert_eq!(status["connection_counts"]["opened"], 1);
    assert!(status["connection_counts"]["refused"]["not-member"].as_u64().unwrap() > 0, "{status}");
}

#[tokio::test]
async fn a_pool_that_stops_tells_its_members_to_come_back() {
    let mut pool = Punchbowl::pool(config()).await.unwrap();
    let miner = miner(&pool, &[]);
    miner.line(|line| line.contains("shares accepted")).await.unwrap();
    assert!(pool.terminate().await.unwrap().success());
    miner.line(|line| line.contains("the pool asked to reconnect")).await.unwrap();
}

#[tokio::test]
async fn the_file_of_external_addresses_changes_the_invite_while_the_pool_runs() {
    let pool = Punchbowl::pool(config()).await.unwrap();
    let identity = pool.data_dir().join("run/identity.json");
    let json = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
    let known = json(&identity);
    assert_eq!(known["node_id"], pool.invite().node.to_z32());
    assert_eq!(known["authority_key"], pool.authority().to_string());
    assert_eq!(known["tcp"][0], pool.uri());
    assert!(!known["invite"].as_str().unwrap().contains("a="), "{known}");

    let external = pool.data_dir().join("run/external-addrs.json");
    fs::write(&external, "[\"8.8.4.4:40000\"]").unwrap();
    pool.process().line(|line| line.contains("external address added")).await.unwrap();
    printed_invite(&pool, |invite| invite.contains("a=8.8.4.4:40000")).await;
    assert!(json(&identity)["invite"].as_str().unwrap().contains("a=8.8.4.4:40000"));
    let node = &pool.status().await.unwrap()["node"];
    assert_eq!(node["id"], known["node_id"]);
    assert!(node["addresses"].as_array().unwrap().contains(&"8.8.4.4:40000".into()), "{node}");

    fs::write(&external, "[\"8.8.4.4:40000\", ").unwrap();
    pool.process().line(|line| line.contains("external addresses is of no use")).await.unwrap();
    printed_invite(&pool, |invite| invite.contains("a=8.8.4.4:40000")).await;

    fs::remove_file(&external).unwrap();
    pool.process().line(|line| line.contains("external address removed")).await.unwrap();
    printed_invite(&pool, |invite| !invite.contains("8.8.4.4")).await;
}

/// Asks for the invite as a host does, until it is as wanted.
async fn printed_invite(pool: &Punchbowl, wanted: impl Fn(&str) -> bool) {
    let config = pool.folder().join("punchbowl.toml");
    let asking = async {
        loop {
            let arguments = ["invite", "--json", "--config", config.to_str().unwrap()];
            let printed = Punchbowl::run(&arguments).await.unwrap();
            let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
            if wanted(printed["iroh"].as_str().unwrap()) {
                return;
            }
        }
    };
    within_deadline("the printed invite to follow", asking).await.unwrap();
}

/// Shares come quickly, and none of them is a block.
fn config() -> PoolConfig {
    PoolConfig::embedded("1d00ffff").every_hash_a_share()
}

/// A miner at the pool's invite, slow enough to share the machine.
fn miner(pool: &Punchbowl, more: &[&str]) -> Process {
    let invite = pool.invite().to_string();
    Punchbowl::spawn(&[&["miner", &invite, "--max-hash-rate", "100", "--no-check"], more].concat()).unwrap()
}
