//! `punchbowl miner` with several pools: each is tried when those before it are away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::Value;
use tests::{PoolConfig, Process, Punchbowl};

/// Shares come quickly, and none of them is a block.
fn config() -> PoolConfig {
    PoolConfig::embedded("1d00ffff").every_hash_a_share()
}

fn miner(pools: &[&str]) -> Process {
    Punchbowl::spawn(&[&["miner", "--max-hash-rate", "50"], pools].concat()).unwrap()
}

fn has_accepted(status: &Value) -> bool {
    status["shares"]["accepted"].as_u64().is_some_and(|accepted| accepted > 0)
}

#[tokio::test]
async fn when_the_first_pool_stops_the_second_serves_and_after_it_the_first_again() {
    let mut first = Punchbowl::pool(config()).await.unwrap();
    let mut second = Punchbowl::pool(config()).await.unwrap();
    // One by address, the other by node id.
    let miner = miner(&[&first.uri(), &second.invite().to_string()]);
    first.until_status(has_accepted).await.unwrap();
    assert_eq!(second.status().await.unwrap()["shares"]["accepted"], 0, "the first is preferred");
    assert_eq!(first.terminate().await.unwrap().code(), Some(0));
    second.until_status(has_accepted).await.unwrap();
    first.restart().await.unwrap();
    assert_eq!(second.terminate().await.unwrap().code(), Some(0));
    first.until_status(has_accepted).await.unwrap();
    drop(miner);
}

#[tokio::test]
async fn a_pool_that_refuses_the_miner_is_passed_over_and_where_no_other_is_left_it_ends() {
    // On a solo pool a name must be an address.
    let refuses = Punchbowl::pool(config().solo()).await.unwrap();
    let takes = Punchbowl::pool(config()).await.unwrap();
    let both = miner(&[&refuses.uri(), &takes.uri()]);
    both.line(|line| line.contains("the pool opened no channel: unknown-user")).await.unwrap();
    takes.until_status(has_accepted).await.unwrap();

    let mut alone = miner(&[&refuses.uri()]);
    assert_eq!(alone.exit().await.unwrap().code(), Some(1));
}
