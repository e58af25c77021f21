//! Somebody else finds a block: every miner moves on at once, with the job that it was
//! given in advance.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::json;
use std::collections::BTreeMap;
use tests::{
    BitcoinNode, Client, PoolConfig, Punchbowl,
    client::{Channel, Message, SLOW, Share, Wanted, flags},
};

#[tokio::test]
async fn every_miner_moves_to_the_new_tip_by_set_new_prev_hash_alone_and_old_shares_are_stale() {
    let Some(node) = BitcoinNode::signet().await.unwrap() else { return };
    let config = PoolConfig::on_core(&node).section("[vardiff]\nenabled = false");
    let pool = Punchbowl::pool(config).await.unwrap();
    let mut crowd = vec![
        Miner::connect(&pool, flags::REQUIRES_STANDARD_JOBS, &[Kind::Standard, Kind::Standard]).await,
        Miner::connect(&pool, flags::REQUIRES_STANDARD_JOBS, &[Kind::Standard]).await,
        Miner::connect(&pool, 0, &[Kind::Extended, Kind::Extended]).await,
        Miner::connect(&pool, 0, &[Kind::Standard, Kind::Extended]).await,
    ];
    for miner in &mut crowd {
        miner.hold_the_next_job().await;
        miner.find_shares();
    }

    let parent = node.generate(1).await.unwrap().remove(0);
    for miner in &mut crowd {
        miner.move_by_prev_hash_alone(&parent).await;
        miner.old_shares_are_stale().await;
        miner.new_shares_are_accepted().await;
    }
}

#[tokio::test]
async fn block_found_on_the_job_held_in_advance_becomes_the_tip() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let pool = Punchbowl::pool(PoolConfig::on_core(&node).every_hash_a_share()).await.unwrap();
    let mut device = Miner::connect(&pool, flags::REQUIRES_STANDARD_JOBS, &[Kind::Standard]).await;
    let mut proxy = Miner::connect(&pool, 0, &[Kind::Extended]).await;
    let mut parent = node.tip().await.unwrap().1;
    for finder in [0, 1, 0] {
        for miner in [&mut device, &mut proxy] {
            miner.hold_the_next_job().await;
        }
        node.generate(1).await.unwrap();
        parent = node.wait_for_tip_after(&parent).await.unwrap().1;
        for miner in [&mut device, &mut proxy] {
            miner.move_by_prev_hash_alone(&parent).await;
        }
        let miner = [&mut device, &mut proxy].into_iter().nth(finder).unwrap();
        let channel = miner.channels[0];
        let block = miner.client.find(channel, Wanted::Block).unwrap();
        assert!(miner.client.submit_and_wait(&block).await.unwrap().is_accepted());
        parent = node.wait_for_tip_after(&parent).await.unwrap().1;
        assert_eq!(parent, block.display_hash());
        for miner in [&mut device, &mut proxy] {
            miner.client.until_channel(miner.channels[0], |channel| channel.mines_on(&parent)).await.unwrap();
        }
    }
}

#[tokio::test]
async fn empty_job_of_the_new_tip_is_followed_by_one_with_the_fees_that_are_left() {
    let Some(mut node) = BitcoinNode::regtest().await.unwrap() else { return };
    let waiting = node.pay_fee(20_000).await.unwrap();
    let pool = Punchbowl::pool(PoolConfig::on_core(&node).every_hash_a_share()).await.unwrap();
    let mut miner = Miner::connect(&pool, 0, &[Kind::Extended]).await;
    miner.client.until_channel(miner.channels[0], Channel::pays_fees).await.unwrap();
    miner.hold_the_next_job().await;
    // A block without the transaction that waits.
    let block = node.rpc("generateblock", json!(["raw(51)", []])).await.unwrap();
    let parent = block["hash"].as_str().unwrap();
    let channel = miner.channels[0];
    // Core is asked for an empty template and a full one at once and may have the full one
    // first; then there is nothing to bridge. Otherwise it is the job that was held.
    miner.client.until_channel(channel, |channel| channel.mines_on(parent)).await.unwrap();
    let first = miner.client.channel(channel).unwrap();
    assert!(first.pays_fees() || first.current_job == miner.held.get(&channel).copied());

    miner.client.until_channel(channel, Channel::pays_fees).await.unwrap();
    let block = miner.client.find(channel, Wanted::Block).unwrap();
    assert!(miner.client.submit_and_wait(&block).await.unwrap().is_accepted());
    miner.client.until_channel(channel, |channel| channel.mines_on(&block.display_hash())).await.unwrap();
    let block = node.block(&block.display_hash()).await.unwrap();
    assert_eq!(block["tx"][1]["txid"], waiting.to_string());
}

#[derive(Clone, Copy)]
enum Kind {
    Standard,
    Extended,
}

/// A connection with channels, what they hold in advance and shares found before.
struct Miner {
    client: Client,
    channels: Vec<u32>,
    /// Job held for the next block, by channel.
    held: BTreeMap<u32, u32>,
    old_shares: Vec<Share>,
}

impl Miner {
    async fn connect(pool: &Punchbowl, flags: u32, kinds: &[Kind]) -> Miner {
        let mut client = pool.miner(flags).await.unwrap();
        let mut channels = Vec::new();
        for kind in kinds {
            channels.push(match kind {
                Kind::Standard => client.open_standard("ann.device", SLOW).await.unwrap(),
                Kind::Extended => client.open_extended("bob.proxy", SLOW).await.unwrap(),
            });
        }
        Miner { client, channels, held: BTreeMap::new(), old_shares: Vec::new() }
    }

    async fn hold_the_next_job(&mut self) {
        for id in &self.channels {
            self.client.until_channel(*id, |channel| channel.future_job().is_some()).await.unwrap();
            let held = self.client.channel(*id).unwrap().future_job().unwrap().id;
            self.held.insert(*id, held);
        }
    }

    fn find_shares(&mut self) {
        for id in &self.channels {
            self.old_shares.push(self.client.find(*id, Wanted::ShareButNoBlock).unwrap());
        }
    }

    /// Reads until every channel mines on `parent`; no job may come before.
    async fn move_by_prev_hash_alone(&mut self, parent: &str) {
        while !self.channels.iter().all(|id| self.client.channel(*id).unwrap().mines_on(parent)) {
            let message = self.client.next().await.unwrap();
            let moves = matches!(message, Message::SetNewPrevHash(_));
            assert!(moves, "{message:?} came before every channel had the new tip");
        }
        for id in &self.channels {
            let current = self.client.channel(*id).unwrap().current_job;
            assert_eq!(current, self.held.get(id).copied(), "not the job that was held in advance");
        }
    }

    async fn old_shares_are_stale(&mut self) {
        for share in std::mem::take(&mut self.old_shares) {
            let verdict = self.client.submit_and_wait(&share).await.unwrap();
            assert_eq!(verdict.rejection(), Some("stale-share"));
        }
    }

    async fn new_shares_are_accepted(&mut self) {
        for id in &self.channels {
            let share = self.client.find(*id, Wanted::ShareButNoBlock).unwrap();
            assert!(self.client.submit_and_wait(&share).await.unwrap().is_accepted());
        }
    }
}
