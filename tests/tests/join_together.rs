//! `punchbowl join --aggregate`: many miners, one channel at the pool.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use ledger::Reader;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tests::client::arithmetic::meets;
use tests::sv1::Sv1Share;
use tests::{
    BitcoinNode, Join, PoolConfig, Punchbowl, Sv1Miner,
    client::{SLOW, Search, Wanted},
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

#[tokio::test]
async fn the_ledger_and_the_api_tell_the_workers_of_one_channel_apart() {
    const HARD: f64 = 0.000_05;
    let mut pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let join = Join::start(&[&pool.uri()], &["--user", "alice", "--aggregate"]).await.unwrap();
    // The higher its number, the more a rig finds; one speaks V2, and one has no name.
    let mut found: BTreeMap<[u8; 32], String> = BTreeMap::new();
    for (number, name) in ["rig1", "alice.rig2", "alice"].into_iter().enumerate() {
        let mut miner = Sv1Miner::mining(join.address(), AGENT, name).await.unwrap();
        for _ in 0..=number {
            let share = share(&mut miner, HARD, true);
            miner.submit(&share).await.unwrap();
            found.insert(share.hash, below_alice(name));
        }
    }
    let mut new = join.miner(0).await.unwrap();
    let channel = new.open_extended("bitaxe", SLOW).await.unwrap();
    let target = Target::from_difficulty(Difficulty(HARD)).to_le_bytes();
    let share = Search::new(new.channel(channel).unwrap()).unwrap().target(target).find().unwrap();
    assert!(new.submit_and_wait(&share).await.unwrap().is_accepted());
    found.insert(share.hash, "bitaxe".into());

    let shown = |workers: &Value| -> BTreeMap<String, u64> {
        let all = workers["items"].as_array().unwrap().iter();
        let with_shares = all.filter(|worker| worker["accepted"] != 0);
        with_shares
            .map(|worker| (worker["name"].as_str().unwrap().to_owned(), worker["accepted"].as_u64().unwrap()))
            .collect()
    };
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    found.values().for_each(|worker| *counts.entry(worker.clone()).or_default() += 1);
    // The API composes its view anew every second.
    let ask = || async {
        let (status, body) = pool.get("/api/v1/members/alice/workers").await?;
        anyhow::Ok(if status == 200 { serde_json::from_str(&body)? } else { json!({"items": []}) })
    };
    tests::status::until_status(ask, |workers| shown(workers) == counts).await.unwrap();

    pool.kill().await.unwrap();
    let mut reader = Reader::open(&pool.ledger()).unwrap();
    let recorded: BTreeMap<[u8; 32], String> = reader
        .shares(1, u64::MAX)
        .map(|share| {
            let share = share.unwrap();
            let terms = share.context.terms();
            assert_eq!(&*terms.member, "alice");
            (share.header().unwrap().hash().0, terms.worker.to_string())
        })
        .collect();
    assert_eq!(recorded, found);
}

/// What the pool is told of a miner that calls itself `name`.
fn below_alice(name: &str) -> String {
    name.trim_start_matches("alice").trim_start_matches('.').to_owned()
}
