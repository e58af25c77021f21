//! `punchbowl join` with several pools: to the next one, and back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::Value;
use tests::{
    Join, PoolConfig, Punchbowl, Sv1Miner,
    client::{Channel, SLOW, Wanted},
};

#[tokio::test]
async fn by_node_id_too_miners_go_to_the_next_pool_and_back_to_the_preferred_one() {
    let mut first = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let second = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let (invites, arguments) =
        ([first.invite().to_string(), second.invite().to_string()], ["--fail-back-after", "1"]);
    let join = Join::start(&[&invites[0], &invites[1]], &arguments).await.unwrap();
    let mut miner = Sv1Miner::mining(join.address(), "cpuminer", "alice.s9").await.unwrap();
    let by_node_id = |pool: u64| {
        move |status: &Value| {
            let upstream = &status["upstream"];
            upstream["pool"] == pool && upstream["connected"] == true && upstream["path"] == "iroh-lan"
        }
    };
    join.until_status(by_node_id(1)).await.unwrap();
    assert_eq!(first.status().await.unwrap()["connection_counts"]["channels"], 1);

    let mut before = miner.job().unwrap().id.clone();
    first.kill().await.unwrap();
    join.until_status(by_node_id(2)).await.unwrap();
    for back in [false, true] {
        if back {
            first.restart().await.unwrap();
            join.process().line(|line| line.contains("going back to it")).await.unwrap();
            join.until_status(by_node_id(1)).await.unwrap();
        }
        // On the same connection: it would be an error if it had been closed.
        miner.until_job(|job| job.clean && job.id != before).await.unwrap();
        before = miner.job().unwrap().id.clone();
        let share = miner.find().unwrap();
        miner.submit(&share).await.unwrap();
        let serving = if back { &first } else { &second };
        assert_eq!(serving.status().await.unwrap()["shares"]["accepted"], 1);
    }
    second.until_status(|status| status["connection_counts"]["channels"] == 0).await.unwrap();
}

#[tokio::test]
async fn miners_go_to_the_next_pool_and_back_to_the_preferred_one_without_being_dropped() {
    let mut first = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let second = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let arguments = ["--fail-back-after", "1"];
    let join = Join::start(&[&first.uri(), &second.uri()], &arguments).await.unwrap();
    let mut old = Sv1Miner::mining(join.address(), "cpuminer", "alice.s9").await.unwrap();
    let mut new = join.miner(0).await.unwrap();
    let channel = new.open_extended("alice.bitaxe", SLOW).await.unwrap();
    assert_eq!(first.status().await.unwrap()["connection_counts"]["channels"], 2);

    let mut before = (old.job().unwrap().id.clone(), job_id(new.channel(channel).unwrap()));
    assert_eq!(first.kill().await.unwrap().code(), None);
    join.until_status(|status| status["upstream"]["pool"] == 2 && status["upstream"]["connected"] == true)
        .await
        .unwrap();
    for back in [false, true] {
        if back {
            first.restart().await.unwrap();
            join.process().line(|line| line.contains("going back to it")).await.unwrap();
            join.until_status(|status| status["upstream"]["pool"] == 1).await.unwrap();
        }
        // On the same connections: it would be an error if one had been closed.
        old.until_job(|job| job.clean && job.id != before.0).await.unwrap();
        new.until_channel(channel, |channel| job_id(channel) != before.1).await.unwrap();
        before = (old.job().unwrap().id.clone(), job_id(new.channel(channel).unwrap()));
        let share = old.find().unwrap();
        old.submit(&share).await.unwrap();
        let share = new.find(channel, Wanted::Share).unwrap();
        assert!(new.submit_and_wait(&share).await.unwrap().is_accepted());
        let serving = if back { &first } else { &second };
        assert_eq!(serving.status().await.unwrap()["shares"]["accepted"], 2);
    }
    let left = join.process().log().all().iter().filter(|line| line.contains("\"miner ")).count();
    assert_eq!(left, 2, "each has connected, and none has left");
}

fn job_id(channel: &Channel) -> u32 {
    channel.work().unwrap().0.id
}
