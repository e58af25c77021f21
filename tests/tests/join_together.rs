//! `punchbowl join --aggregate`: many miners, one channel at the pool.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::BTreeSet;
use tests::client::arithmetic::meets;
use tests::sv1::Sv1Share;
use tests::{
    BitcoinNode, Join, PoolConfig, Punchbowl, Sv1Miner,
    client::{SLOW, Wanted},
};
use work::{Difficulty, Target};

const AGENT: &str = "cpuminer/of the tests";

/// A share whose hash does, or does not, meet a difficulty.
fn share(miner: &mut Sv1Miner, difficulty: f64, should_meet: bool) -> Sv1Share {
    let target = Target::from_difficulty(Difficulty(difficulty)).to_le_bytes();
    loop {
        let share = miner.find().unwrap();
        if meets(&share.hash, &target) == should_meet {
            return share;
        }
    }
}

#[tokio::test]
async fn three_miners_share_one_channel_and_the_pool_knows_each_by_name() {
    /// Harder than the pool asks of the three of them, and easier.
    const HARD: f64 = 0.000_05;
    const EASY: f64 = 0.000_03;
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let join = Join::start(&[&pool.uri()], &["--user", "alice", "--aggregate"]).await.unwrap();
    let mut miners = Vec::new();
    for number in 0..3 {
        let name = format!("rig{number}");
        miners.push(Sv1Miner::mining(join.address(), AGENT, &name).await.unwrap());
    }
    for miner in &mut miners {
        let share = share(miner, HARD, true);
        miner.submit(&share).await.unwrap();
        // Of another miner's search space it is worth nothing; nor is it twice.
        assert!(miner.submit(&share).await.unwrap_err().to_string().contains("sent before"));
    }
    // One connection, one channel, three workers.
    let status = pool
        .until_status(|status| {
            let workers = &status["connections"][0]["channels"][0]["report"]["workers"];
            workers.as_array().is_some_and(|workers| workers.len() == 3)
        })
        .await
        .unwrap();
    assert_eq!(status["connection_counts"]["channels"], 1);
    let channel = &status["connections"][0]["channels"][0];
    assert_eq!(channel["member"], "alice");
    let workers = channel["report"]["workers"].as_array().unwrap();
    let names: BTreeSet<_> = workers.iter().map(|worker| worker["name"].as_str().unwrap()).collect();
    assert_eq!(names, BTreeSet::from(["rig0", "rig1", "rig2"]));
    assert!(workers.iter().all(|worker| worker["accepted"] == 1), "{workers:?}");

    // What is good for the miner alone is acknowledged here, and said to be so.
    let before = join.status().await.unwrap();
    assert_eq!(before["shares"]["accepted"], 3);
    // The newest job, with the target that the pool has given to all three, has come by now.
    miners[0].ask("mining.ping", serde_json::json!([])).await.unwrap();
    let small = share(&mut miners[0], EASY, false);
    miners[0].submit(&small).await.unwrap();
    let after = join.status().await.unwrap();
    assert_eq!(after["mode"], "aggregated");
    assert_eq!(after["shares"]["below_pool_difficulty"], 1);
    assert_eq!(pool.status().await.unwrap()["shares"]["accepted"], 3);
}

#[tokio::test]
async fn miners_of_both_protocols_mine_together_and_find_a_block() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let pool = Punchbowl::pool(PoolConfig::on_core(&node)).await.unwrap();
    let join = Join::start(&[&pool.uri()], &["--user", "alice", "--aggregate"]).await.unwrap();
    let mut old = Sv1Miner::mining(join.address(), AGENT, "s9").await.unwrap();
    let mut new = join.miner(0).await.unwrap();
    let standard = new.open_standard("bitaxe", SLOW).await.unwrap();
    let extended = new.open_extended("proxy", SLOW).await.unwrap();
    let (_, mut tip) = node.tip().await.unwrap();
    for channel in [standard, extended] {
        new.until_channel(channel, |channel| channel.mines_on(&tip)).await.unwrap();
        let block = new.find(channel, Wanted::Block).unwrap();
        assert!(new.submit_and_wait(&block).await.unwrap().is_accepted());
        (_, tip) = node.wait_for_tip_after(&tip).await.unwrap();
        assert_eq!(tip, block.display_hash());
    }
    let parent = old.until_job(|job| display(&job.prev_hash) == tip).await.unwrap().prev_hash;
    loop {
        let share = old.find().unwrap();
        if share.is_block {
            old.submit(&share).await.unwrap();
            assert_eq!(node.wait_for_tip_after(&tip).await.unwrap().1, share.display_hash());
            break;
        }
    }
    old.until_job(|job| job.prev_hash != parent).await.unwrap();
    assert_eq!(pool.status().await.unwrap()["connection_counts"]["channels"], 1);
}

#[tokio::test]
async fn together_they_outlive_a_pool_that_is_killed_and_comes_back() {
    let mut pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let join = Join::start(&[&pool.uri()], &["--user", "alice", "--aggregate"]).await.unwrap();
    let mut miners = Vec::new();
    for number in 0..3 {
        miners.push(Sv1Miner::mining(join.address(), AGENT, &format!("rig{number}")).await.unwrap());
    }
    let mark = join.process().log().mark();
    pool.kill().await.unwrap();
    join.process().line_after(mark, |line| line.contains("no pool at present")).await.unwrap();
    pool.restart().await.unwrap();
    for miner in &mut miners {
        let before = miner.job().unwrap().id.clone();
        miner.until_job(|job| job.clean && job.id != before).await.unwrap();
        let share = share(miner, 0.000_05, true);
        miner.submit(&share).await.unwrap();
    }
    assert_eq!(pool.status().await.unwrap()["shares"]["accepted"], 3);
}

fn display(hash: &[u8; 32]) -> String {
    tests::client::arithmetic::display(hash)
}
