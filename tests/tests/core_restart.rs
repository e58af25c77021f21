//! Bitcoin Core dies and comes back: miners keep their connections and lose no block.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::json;
use std::fs;
use tests::{
    BitcoinNode, Client, PoolConfig, Punchbowl,
    client::{Channel, SLOW, Share, Wanted, flags},
};

#[tokio::test]
async fn miners_stay_connected_while_core_is_killed_and_mine_its_next_tip_when_it_is_back() {
    let Some(mut node) = BitcoinNode::regtest().await.unwrap() else { return };
    let pool = Punchbowl::pool(PoolConfig::on_core(&node).every_hash_a_share()).await.unwrap();
    let mut device = pool.miner(flags::REQUIRES_STANDARD_JOBS).await.unwrap();
    let on_device = device.open_standard("ann.device", SLOW).await.unwrap();
    let mut proxy = pool.miner(0).await.unwrap();
    let on_proxy = proxy.open_extended("bob.proxy", SLOW).await.unwrap();

    node.kill().await.unwrap();
    core_is_away(&pool).await;
    // They still work, and are still paid for it.
    for (miner, channel) in [(&mut device, on_device), (&mut proxy, on_proxy)] {
        let share = miner.find(channel, Wanted::ShareButNoBlock).unwrap();
        assert!(miner.submit_and_wait(&share).await.unwrap().is_accepted());
    }
    assert_eq!(pool.get("/readyz").await.unwrap().0, 200);

    node.restart().await.unwrap();
    let parent = node.generate(1).await.unwrap().remove(0);
    for (miner, channel) in [(&mut device, on_device), (&mut proxy, on_proxy)] {
        miner.until_channel(channel, |channel| channel.mines_on(&parent)).await.unwrap();
    }
    let block = proxy.find(on_proxy, Wanted::Block).unwrap();
    assert!(proxy.submit_and_wait(&block).await.unwrap().is_accepted());
    assert_eq!(node.wait_for_tip_after(&parent).await.unwrap().1, block.display_hash());
    device.until_channel(on_device, |channel| channel.mines_on(&block.display_hash())).await.unwrap();

    // Not one connection was lost, on either side.
    let connections = pool.status().await.unwrap()["connection_counts"].clone();
    assert_eq!((&connections["opened"], &connections["open"]), (&json!(2), &json!(2)));
}

#[tokio::test]
async fn block_found_while_core_is_down_waits_on_disk_and_becomes_the_tip_when_it_is_back() {
    let Some(mut node) = BitcoinNode::regtest().await.unwrap() else { return };
    let (pool, mut miner, channel) = pool_with_fees(&mut node).await;
    let (_, parent) = node.tip().await.unwrap();
    node.kill().await.unwrap();
    core_is_away(&pool).await;
    let block = found_block(&pool, &mut miner, channel).await;

    node.restart().await.unwrap();
    let (_, tip) = node.wait_for_tip_after(&parent).await.unwrap();
    assert_eq!(tip, block.display_hash());
    assert_eq!(node.block(&tip).await.unwrap()["nTx"], 2);
    // The miner, never disconnected, goes on from its own block.
    miner.until_channel(channel, |channel| channel.mines_on(&tip)).await.unwrap();
}

#[tokio::test]
async fn block_found_while_core_is_down_survives_the_pool_too() {
    let Some(mut node) = BitcoinNode::regtest().await.unwrap() else { return };
    let (mut pool, mut miner, channel) = pool_with_fees(&mut node).await;
    let (_, parent) = node.tip().await.unwrap();
    node.kill().await.unwrap();
    core_is_away(&pool).await;
    let block = found_block(&pool, &mut miner, channel).await;
    pool.kill().await.unwrap();

    node.restart().await.unwrap();
    assert_eq!(node.tip().await.unwrap().1, parent);
    pool.restart().await.unwrap();
    assert_eq!(node.wait_for_tip_after(&parent).await.unwrap().1, block.display_hash());
}

/// A pool, and a miner whose current job holds a transaction and is saved whole.
async fn pool_with_fees(node: &mut BitcoinNode) -> (Punchbowl, Client, u32) {
    node.pay_fee(7_000).await.unwrap();
    let pool = Punchbowl::pool(PoolConfig::on_core(node).every_hash_a_share()).await.unwrap();
    let mut miner = pool.miner(0).await.unwrap();
    let channel = miner.open_extended("ann.rig", SLOW).await.unwrap();
    miner.until_channel(channel, Channel::pays_fees).await.unwrap();
    (pool, miner, channel)
}

/// Finds a block while Core is away and waits until the pool has it on disk.
async fn found_block(pool: &Punchbowl, miner: &mut Client, channel: u32) -> Share {
    let block = miner.find(channel, Wanted::Block).unwrap();
    assert!(miner.submit_and_wait(&block).await.unwrap().is_accepted());
    let hash = block.display_hash();
    pool.process()
        .line(|line| line.contains("block waits for the node") && line.contains(&hash))
        .await
        .unwrap();
    let names: Vec<String> = fs::read_dir(pool.data_dir().join("solutions/regtest"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for ending in ["pending", "block"] {
        let wanted = format!("{hash}.{ending}");
        assert!(names.iter().any(|name| name.ends_with(&wanted)), "no {wanted} among {names:?}");
    }
    block
}

async fn core_is_away(pool: &Punchbowl) {
    pool.process().line(|line| line.contains("Bitcoin Core") && line.contains("again")).await.unwrap();
}
