//! Old miners on another network: through `punchbowl join` to the pool.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::Value;
use std::io::Read;
use tests::{BitcoinNode, Join, PoolConfig, Punchbowl, Sv1Miner};

const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
const AGENT: &str = "cpuminer/of the tests";

#[tokio::test]
async fn an_sv1_miner_finds_a_block_through_join_and_core_takes_it() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let (_, tip) = node.tip().await.unwrap();
    let pool = Punchbowl::pool(PoolConfig::on_core(&node).paying(ADDRESS)).await.unwrap();
    let mut join = Join::start(&[&pool.uri()], &["--user", "alice"]).await.unwrap();

    let mut miner = Sv1Miner::mining(join.address(), AGENT, "garage").await.unwrap();
    let share = loop {
        let share = miner.find().unwrap();
        if share.is_block {
            break share;
        }
        miner.submit(&share).await.unwrap();
    };
    miner.submit(&share).await.unwrap();
    let (_, new_tip) = node.wait_for_tip_after(&tip).await.unwrap();
    assert_eq!(new_tip, share.display_hash());
    let block = node.block(&new_tip).await.unwrap();
    assert_eq!(block["tx"][0]["vout"][0]["scriptPubKey"]["address"], ADDRESS);
    // The new tip reaches the miner the same way; a verdict of the pool's does too.
    let next = miner.until_job(|job| job.prev_hash == share.hash).await.unwrap();
    assert!(next.clean);
    assert!(miner.submit(&share).await.unwrap_err().to_string().contains("stale"));
    let status = pool.status().await.unwrap();
    let worker = &status["connections"][0]["channels"][0];
    assert_eq!((worker["member"].as_str(), worker["worker"].as_str()), (Some("alice"), Some("garage")));
    assert_eq!(join.terminate().await.unwrap(), Some(0));
    let said = miner.until_closed().await.unwrap();
    assert!(said.iter().any(|line| line["method"] == "client.reconnect"), "{said:?}");
}

#[tokio::test]
async fn an_invite_carries_old_miners_over_iroh() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let join = Join::start(&[&pool.invite().to_string()], &[]).await.unwrap();
    let mut miner = Sv1Miner::mining(join.address(), AGENT, "alice.rig").await.unwrap();
    let share = miner.find().unwrap();
    miner.submit(&share).await.unwrap();
    let twice = miner.submit(&share).await.unwrap_err().to_string();
    assert_eq!(twice, "this share was sent before");
    let status = pool.status().await.unwrap();
    assert!(status["connections"][0]["path"].as_str().unwrap().starts_with("iroh"));
    assert_eq!(status["connections"][0]["channels"][0]["member"], "alice");
}

/// A script that reads the file while it is written finds a whole one each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_file_is_whole_whenever_it_is_read_and_says_what_the_address_says() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("join.json");
    let mut pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let to_file = ["--status-file", file.to_str().unwrap()];
    let mut join = Join::start(&[&pool.uri()], &to_file).await.unwrap();
    // Written before the first miner is served; an empty or half a file would be an error.
    let read = || -> Value { serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap() };
    let (first, mut opened) = (read(), std::fs::File::open(&file).unwrap());
    assert_eq!((&first["mode"], &first["shares"]["accepted"]), (&"one channel per miner".into(), &0.into()));
    let mut miner = Sv1Miner::mining(join.address(), AGENT, "alice.rig").await.unwrap();
    let share = miner.find().unwrap();
    miner.submit(&share).await.unwrap();
    tests::status::until_status(
        || async { anyhow::Ok(read()) },
        |status| status["shares"]["accepted"] == 1 && status["miners"]["sv1"] == 1,
    )
    .await
    .unwrap();
    let (in_file, at_address) = (read(), join.status().await.unwrap());
    for part in ["mode", "upstream", "miners", "shares", "heat"] {
        assert_eq!(in_file[part], at_address[part], "{part}");
    }
    // It is another file: whoever has opened the old one reads that to its end.
    let mut old = String::new();
    opened.read_to_string(&mut old).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&old).unwrap(), first);

    // Its last word, once it has ended, is on disk too; nothing else is left there.
    pool.kill().await.unwrap();
    join.until_status(|status| status["upstream"]["connected"] == false).await.unwrap();
    assert_eq!(join.terminate().await.unwrap(), Some(0));
    assert_eq!(read()["upstream"]["connected"], false);
    let names: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names, ["join.json"]);
}

#[tokio::test]
async fn a_name_that_the_pool_does_not_take_is_refused_through_join_too() {
    let pool = Punchbowl::pool(PoolConfig::shares_only().solo()).await.unwrap();
    let join = Join::start(&[&pool.uri()], &[]).await.unwrap();
    join.connected().await.unwrap();
    let mut miner = Sv1Miner::connect(join.address()).await.unwrap();
    miner.subscribe(AGENT).await.unwrap();
    let refused = miner.authorize("alice.rig", "x").await.unwrap_err().to_string();
    assert!(refused.contains("does not know the user 'alice.rig'"), "{refused}");
    miner.authorize(&format!("{ADDRESS}.rig"), "x").await.unwrap();
}

#[tokio::test]
async fn fifty_miners_outlive_a_pool_that_is_killed_and_comes_back() {
    const MINERS: usize = 50;
    let mut pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let join = Join::start(&[&pool.uri()], &[]).await.unwrap();
    let mut miners = Vec::new();
    for number in 0..MINERS {
        let name = format!("alice.rig{number}");
        let mut miner = Sv1Miner::mining(join.address(), AGENT, &name).await.unwrap();
        let share = miner.find().unwrap();
        miner.submit(&share).await.unwrap();
        miners.push(miner);
    }
    let mark = join.process().log().mark();
    pool.kill().await.unwrap();
    join.process().line_after(mark, |line| line.contains("no pool at present")).await.unwrap();
    pool.restart().await.unwrap();
    for miner in &mut miners {
        let before = miner.job().unwrap().id.clone();
        // On the same connection: it would be an error if it had been closed.
        miner.until_job(|job| job.clean && job.id != before).await.unwrap();
        let share = miner.find().unwrap();
        miner.submit(&share).await.unwrap();
    }
    let status = pool.status().await.unwrap();
    assert_eq!(status["shares"]["accepted"], MINERS);
    let left = join.process().log().all().iter().filter(|line| line.contains("\"miner ")).count();
    assert_eq!(left, MINERS, "each has connected, and none has left");
}

#[tokio::test]
async fn when_the_first_pool_is_away_the_next_one_serves() {
    let mut first = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let second = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let join = Join::start(&[&first.uri(), &second.uri()], &[]).await.unwrap();
    let mut miner = Sv1Miner::mining(join.address(), AGENT, "alice.rig").await.unwrap();
    assert_eq!(first.status().await.unwrap()["connection_counts"]["channels"], 1);
    assert_eq!(first.terminate().await.unwrap().code(), Some(0));
    let before = miner.job().unwrap().id.clone();
    miner.until_job(|job| job.clean && job.id != before).await.unwrap();
    let share = miner.find().unwrap();
    miner.submit(&share).await.unwrap();
    assert_eq!(second.status().await.unwrap()["shares"]["accepted"], 1);
}
