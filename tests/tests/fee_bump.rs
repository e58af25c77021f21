//! Fees rise while a block is being mined: miners are given the better job, and what they
//! did on the one before still counts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bitcoin::Amount;
use tests::{
    BitcoinNode, Client, PoolConfig, Punchbowl,
    client::{Channel, Message, SLOW, Wanted, flags},
};

#[tokio::test]
async fn transaction_in_the_mempool_brings_a_job_that_pays_its_fee_on_the_same_tip() {
    const FEE: u64 = 30_000;
    let Some(mut node) = BitcoinNode::regtest().await.unwrap() else { return };
    node.generate(100).await.unwrap(); // ripe coins, so that `pay_fee` need not mine
    let pool = Punchbowl::pool(PoolConfig::on_core(&node).every_hash_a_share()).await.unwrap();
    let mut device = pool.miner(flags::REQUIRES_STANDARD_JOBS).await.unwrap();
    let on_device = device.open_standard("ann.device", SLOW).await.unwrap();
    let mut proxy = pool.miner(0).await.unwrap();
    let on_proxy = proxy.open_extended("bob.proxy", SLOW).await.unwrap();
    let (_, tip) = node.tip().await.unwrap();
    let worth_before = coinbase_value(&proxy, on_proxy);
    let old_shares = [
        device.find(on_device, Wanted::ShareButNoBlock).unwrap(),
        proxy.find(on_proxy, Wanted::ShareButNoBlock).unwrap(),
    ];

    let paid = node.pay_fee(FEE).await.unwrap();
    next_job_on_the_same_tip(&mut device, on_device).await;
    next_job_on_the_same_tip(&mut proxy, on_proxy).await;
    assert!(proxy.channel(on_proxy).unwrap().pays_fees());
    assert_eq!(coinbase_value(&proxy, on_proxy), worth_before + Amount::from_sat(FEE));

    for (miner, channel, old_share) in
        [(&mut device, on_device, &old_shares[0]), (&mut proxy, on_proxy, &old_shares[1])]
    {
        assert!(miner.channel(channel).unwrap().mines_on(&tip));
        assert!(miner.submit_and_wait(old_share).await.unwrap().is_accepted(), "the old job still counts");
        let share = miner.find(channel, Wanted::ShareButNoBlock).unwrap();
        assert!(miner.submit_and_wait(&share).await.unwrap().is_accepted());
    }
    // A miner that sees only merkle roots mines the fee as well.
    let block = device.find(on_device, Wanted::Block).unwrap();
    assert!(device.submit_and_wait(&block).await.unwrap().is_accepted());
    assert_eq!(node.wait_for_tip_after(&tip).await.unwrap().1, block.display_hash());
    let block = node.block(&block.display_hash()).await.unwrap();
    assert_eq!(block["tx"][1]["txid"], paid.to_string());
}

/// Reads up to the next job; it must be for now, and no prev-hash may come with it.
async fn next_job_on_the_same_tip(miner: &mut Client, channel: u32) {
    let before = miner.channel(channel).unwrap().current_job;
    while miner.channel(channel).unwrap().current_job == before {
        let message = miner.next().await.unwrap();
        assert!(!matches!(message, Message::SetNewPrevHash(_)), "{message:?}");
    }
}

fn coinbase_value(miner: &Client, channel: u32) -> Amount {
    let channel: &Channel = miner.channel(channel).unwrap();
    let (job, _) = channel.work().unwrap();
    let coinbase = job.coinbase(&vec![0; channel.rolled_size]).unwrap();
    coinbase.output.iter().map(|output| output.value).sum()
}
