//! Heat mode in the pool: while Bitcoin Core is gone, miners work for warmth alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::json;
use tests::{
    BitcoinNode, PoolConfig, Punchbowl, Sv1Miner,
    client::{Channel, SLOW, Wanted, flags},
};

const HEAT: &str = "[heat]\nenabled = true\nafter = 1";

#[tokio::test]
async fn while_core_is_gone_miners_work_for_warmth_that_nobody_is_paid_for_and_go_on_when_it_is_back() {
    let Some(mut node) = BitcoinNode::regtest().await.unwrap() else { return };
    let config = PoolConfig::on_core(&node).every_hash_a_share().section(HEAT);
    let pool = Punchbowl::pool(config).await.unwrap();
    let mut device = pool.miner(flags::REQUIRES_STANDARD_JOBS).await.unwrap();
    let on_device = device.open_standard("ann.device", SLOW).await.unwrap();
    let mut proxy = pool.miner(0).await.unwrap();
    let on_proxy = proxy.open_extended("bob.proxy", SLOW).await.unwrap();
    let mut old = Sv1Miner::mining(pool.address(), "cpuminer", "carol.s9").await.unwrap();
    assert_eq!(pool.status().await.unwrap()["heat"]["on"], false);

    node.kill().await.unwrap();
    let status = pool.until_status(|status| status["heat"]["on"] == true).await.unwrap();
    assert!(status["heat"]["note"].as_str().unwrap().contains("nobody is paid"), "{status:#}");
    // The coinbase says so to whoever looks into it.
    proxy.until_channel(on_proxy, is_marked).await.unwrap();
    // A standard channel does not see it, but its job is the same.
    let warm = job_id(proxy.channel(on_proxy).unwrap());
    device.until_channel(on_device, |channel| job_id(channel) == warm).await.unwrap();
    old.until_job(|job| job.is_for_warmth()).await.unwrap();
    let real = pool.status().await.unwrap()["shares"].clone();
    let share = proxy.find(on_proxy, Wanted::Block).unwrap();
    assert!(proxy.submit_and_wait(&share).await.unwrap().is_accepted());
    assert_eq!(proxy.submit_and_wait(&share).await.unwrap().rejection(), Some("duplicate-share"));
    let share = device.find(on_device, Wanted::Block).unwrap();
    assert!(device.submit_and_wait(&share).await.unwrap().is_accepted());
    let share = old.find().unwrap();
    old.submit(&share).await.unwrap();

    let status = pool.status().await.unwrap();
    assert_eq!(status["heat"]["shares"], 3);
    // Three hashes good enough for a block, and it is as if they had never been.
    assert_eq!(status["shares"]["accepted"], real["accepted"]);
    assert_eq!(status["shares"]["difficulty"], real["difficulty"]);
    assert_eq!(status["block_counts"]["submitted"], 0);
    assert_eq!(status["ledger"]["shares_written"], real["accepted"], "{:#}", status["ledger"]);

    node.restart().await.unwrap();
    let parent = node.generate(1).await.unwrap().remove(0);
    pool.until_status(|status| status["heat"]["on"] == false).await.unwrap();
    for (miner, channel) in [(&mut device, on_device), (&mut proxy, on_proxy)] {
        miner.until_channel(channel, |channel| channel.mines_on(&parent)).await.unwrap();
    }
    let block = proxy.find(on_proxy, Wanted::Block).unwrap();
    assert!(proxy.submit_and_wait(&block).await.unwrap().is_accepted());
    assert_eq!(node.wait_for_tip_after(&parent).await.unwrap().1, block.display_hash());
    let status = pool.status().await.unwrap();
    // A node that has just come up may take its time for a template, and it is warm work again.
    assert!(status["heat"]["times"].as_u64().unwrap() >= 1, "{status:#}");
    assert_eq!(status["heat"]["shares"], 3);
    // Nobody was disconnected.
    let connections = &status["connection_counts"];
    assert_eq!((&connections["opened"], &connections["open"]), (&json!(3), &json!(3)));
}

fn is_marked(channel: &Channel) -> bool {
    const MARK: &[u8] = b"heat only, never payable";
    channel.work().is_ok_and(|(job, _)| match &job.body {
        tests::client::JobBody::Coinbase { prefix, .. } => {
            prefix.windows(MARK.len()).any(|bytes| bytes == MARK)
        }
        tests::client::JobBody::Root(_) => false,
    })
}

fn job_id(channel: &Channel) -> u32 {
    channel.work().unwrap().0.id
}
