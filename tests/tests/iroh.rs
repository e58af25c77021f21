//! Members by node id: the built binary at both ends, over loopback.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use tests::{PoolConfig, Process, Punchbowl};

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
}

#[tokio::test]
async fn both_kinds_of_channel_and_both_transports_are_served_at_once() {
    let pool = Punchbowl::pool(config()).await.unwrap();
    let extended = miner(&pool, &["--channel", "extended"]);
    let tcp = Punchbowl::spawn(&["miner", &pool.uri(), "--max-hash-rate", "100"]).unwrap();
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

/// Shares come quickly, and none of them is a block.
fn config() -> PoolConfig {
    PoolConfig::embedded("1d00ffff").every_hash_a_share()
}

/// A miner at the pool's invite, slow enough to share the machine.
fn miner(pool: &Punchbowl, more: &[&str]) -> Process {
    let invite = pool.invite().to_string();
    Punchbowl::spawn(&[&["miner", &invite, "--max-hash-rate", "100"], more].concat()).unwrap()
}
