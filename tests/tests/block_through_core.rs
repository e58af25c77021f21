//! The whole way: a template that a real Bitcoin Core pushed becomes its next block.

use serde_json::json;
use tests::{
    BitcoinNode, PoolConfig, Punchbowl,
    client::{Channel, Wanted, arithmetic, flags},
};

const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

#[tokio::test]
async fn block_found_on_an_extended_channel_becomes_cores_tip_and_pays_the_configured_address() {
    let Some(mut node) = BitcoinNode::regtest().await.unwrap() else { return };
    let paid_by_miner = node.pay_fee(7_000).await.unwrap();
    let (_, tip) = node.tip().await.unwrap();
    let pool = Punchbowl::pool(PoolConfig::on_core(&node).paying(ADDRESS)).await.unwrap();

    let mut miner = pool.miner(0).await.unwrap();
    let channel = miner.open_extended("alice.rig", 1e3).await.unwrap();
    // The first job may be an empty one, to lose no time; the fee follows.
    miner.until_channel(channel, Channel::pays_fees).await.unwrap();
    let share = miner.find(channel, Wanted::Block).unwrap();
    assert!(miner.submit_and_wait(&share).await.unwrap().is_accepted());

    let (_, new_tip) = node.wait_for_tip_after(&tip).await.unwrap();
    assert_eq!(new_tip, share.display_hash());
    let block = node.block(&new_tip).await.unwrap();
    assert_eq!(block["tx"][1]["txid"], paid_by_miner.to_string());
    assert_eq!(block["tx"][0]["vout"][0]["scriptPubKey"]["address"], ADDRESS);
}

#[tokio::test]
async fn block_found_on_a_standard_channel_becomes_cores_tip_and_every_miner_moves_on() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let (_, tip) = node.tip().await.unwrap();
    let pool = Punchbowl::pool(PoolConfig::on_core(&node).paying(ADDRESS)).await.unwrap();

    let mut finder = pool.miner(flags::REQUIRES_STANDARD_JOBS).await.unwrap();
    let channel = finder.open_standard("alice.rig", 1e3).await.unwrap();
    let mut other = pool.miner(0).await.unwrap();
    let others = other.open_extended("bob.rig", 1e3).await.unwrap();
    let old_parent = other.channel(others).unwrap().prev_hash.unwrap().hash;
    let old_share = other.find(others, Wanted::Share).unwrap();

    let block = finder.find(channel, Wanted::Block).unwrap();
    assert!(finder.submit_and_wait(&block).await.unwrap().is_accepted());
    assert_eq!(node.wait_for_tip_after(&tip).await.unwrap().1, block.display_hash());

    other.until_tip_after(others, old_parent).await.unwrap();
    assert_eq!(other.channel(others).unwrap().prev_hash.unwrap().hash, block.hash);
    assert_eq!(other.submit_and_wait(&old_share).await.unwrap().rejection(), Some("stale-share"));
}

#[tokio::test]
async fn block_that_misses_the_share_target_becomes_the_tip_but_earns_no_credit() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let (_, tip) = node.tip().await.unwrap();
    // With the usual vardiff a share takes thousands of hashes, a block of regtest two.
    let pool = Punchbowl::pool(PoolConfig::on_core(&node)).await.unwrap();
    let mut miner = pool.miner(0).await.unwrap();
    let channel = miner.open_extended("alice.rig", 1e3).await.unwrap();
    let (_, parent) = miner.channel(channel).unwrap().work().unwrap();
    let network_target = arithmetic::network_target(parent.nbits);
    let block = loop {
        let hash = miner.find(channel, Wanted::Miss).unwrap();
        if arithmetic::meets(&hash.hash, &network_target) {
            break hash;
        }
    };
    assert!(miner.submit_and_wait(&block).await.unwrap().is_accepted());
    assert_eq!(node.wait_for_tip_after(&tip).await.unwrap().1, block.display_hash());
    let shares = pool.status().await.unwrap()["shares"].clone();
    assert_eq!((&shares["accepted"], &shares["difficulty"]), (&json!(1), &json!(0.0)));
}
