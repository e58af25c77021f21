//! The pool ends, in order or by force, and comes back on the same data folder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::{fs, io};
use tests::{
    BitcoinNode, PoolConfig, Process, Punchbowl,
    client::{Message, SLOW, Wanted, flags},
    within_deadline,
};
use tokio::net::TcpStream;

#[tokio::test]
async fn miners_find_a_killed_pool_again_by_themselves_and_go_on_finding_blocks() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let mut pool = Punchbowl::pool(PoolConfig::on_core(&node)).await.unwrap();
    let (address, key) = (pool.address(), pool.authority());
    let mut miners = [miner(&pool, "standard"), miner(&pool, "extended")];
    for miner in &miners {
        finds_a_block(miner, 0).await;
    }

    let mut waits = Vec::new();
    for _ in 0..2 {
        let marks = miners.each_ref().map(|miner| miner.log().mark());
        pool.kill().await.unwrap();
        let (_, parent) = node.tip().await.unwrap();
        pool.restart().await.unwrap();
        assert_eq!((pool.address(), pool.authority()), (address, key));
        for (miner, mark) in miners.iter().zip(marks) {
            let lost = miner.line_after(mark, |line| line.contains("; trying again in ")).await.unwrap();
            let wait = lost.split_once("again in ").unwrap().1.trim_end_matches(" s");
            waits.push(wait.parse::<f64>().unwrap());
            miner.line_after(mark, |line| line.contains("connected: channel")).await.unwrap();
            finds_a_block(miner, miner.log().mark()).await;
        }
        node.wait_for_tip_after(&parent).await.unwrap();
    }
    // Nobody is out of patience the first time.
    assert!(waits[..2].iter().all(|wait| *wait <= 0.5), "{waits:?}");
    for miner in &mut miners {
        assert_eq!(miner.terminate().await.unwrap().code(), Some(0));
    }
}

#[tokio::test]
async fn pool_that_is_asked_to_stop_tells_its_miners_leaves_core_and_ends_with_code_0() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let core = node.process().pid().unwrap();
    let (sockets_before, threads_before) = (sockets(core), threads(core));
    let config = PoolConfig::on_core(&node).every_hash_a_share();
    let mut pool = Punchbowl::pool(config.clone()).await.unwrap();
    let mut device = pool.miner(flags::REQUIRES_STANDARD_JOBS).await.unwrap();
    let on_device = device.open_standard("ann.device", SLOW).await.unwrap();
    let mut proxy = pool.miner(0).await.unwrap();
    let on_proxy = proxy.open_extended("bob.proxy", SLOW).await.unwrap();
    let mut without_channel = pool.miner(0).await.unwrap();
    // Two that are only half there.
    let mut without_setup = tests::Client::connect(pool.address(), pool.authority()).await.unwrap();
    let _without_noise = TcpStream::connect(pool.address()).await.unwrap();

    // A share that is on its way when the pool is told to stop is answered.
    let share = proxy.find(on_proxy, Wanted::ShareButNoBlock).unwrap();
    assert!(proxy.submit_and_wait(&share).await.unwrap().is_accepted());
    let mark = node.process().log().mark();
    assert_eq!(pool.terminate().await.unwrap().code(), Some(0));
    for miner in [&mut device, &mut proxy, &mut without_channel] {
        let told = miner.until(|message| match message {
            Message::Reconnect(reconnect) => Some(reconnect.clone()),
            _ => None,
        });
        let told = told.await.unwrap();
        // Nothing named: the same address again (SV2 section 3.6.5).
        assert_eq!((told.new_host.as_bytes(), told.new_port), (&b""[..], 0));
        miner.until_closed().await.unwrap();
    }
    without_setup.until_closed().await.unwrap();

    node.process().line_after(mark, |line| line.contains("socket disconnected")).await.unwrap();
    // From its first client on, Core keeps a thread for itself.
    within_deadline("Bitcoin Core to let go of what it had for the pool", async {
        while sockets(core) > sockets_before || threads(core) > threads_before + 1 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();

    // Core is none the worse for it: it serves the next pool.
    let next = Punchbowl::pool(config).await.unwrap();
    let mut miner = next.miner(flags::REQUIRES_STANDARD_JOBS).await.unwrap();
    let channel = miner.open_standard("ann.device", SLOW).await.unwrap();
    assert_eq!(channel, on_device);
    let (_, parent) = node.tip().await.unwrap();
    let block = miner.find(channel, Wanted::Block).unwrap();
    assert!(miner.submit_and_wait(&block).await.unwrap().is_accepted());
    assert_eq!(node.wait_for_tip_after(&parent).await.unwrap().1, block.display_hash());
}

#[tokio::test]
async fn block_under_way_when_the_pool_is_asked_to_stop_becomes_the_tip() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let mut pool = Punchbowl::pool(PoolConfig::on_core(&node).every_hash_a_share()).await.unwrap();
    let mut miner = pool.miner(0).await.unwrap();
    let channel = miner.open_extended("ann.rig", SLOW).await.unwrap();
    let (_, parent) = node.tip().await.unwrap();
    let block = miner.find(channel, Wanted::Block).unwrap();
    let number = miner.submit(&block).await.unwrap();
    // Acknowledged is promised: from here on the block must not be lost.
    assert!(miner.verdict(channel, number).await.unwrap().is_accepted());
    assert_eq!(pool.terminate().await.unwrap().code(), Some(0));
    assert_eq!(node.wait_for_tip_after(&parent).await.unwrap().1, block.display_hash());
}

/// `punchbowl miner`, slow enough that regtest is not flooded with blocks.
fn miner(pool: &Punchbowl, channel: &str) -> Process {
    let uri = pool.uri();
    Punchbowl::spawn(&["miner", &uri, "--channel", channel, "--user", "ann.laptop", "--max-hash-rate", "10"])
        .unwrap()
}

async fn finds_a_block(miner: &Process, after: usize) {
    let found = |line: &str| line.contains("of them blocks") && !line.contains(" 0 of them");
    miner.line_after(after, found).await.unwrap();
}

fn sockets(pid: u32) -> usize {
    let is_socket = |entry: io::Result<fs::DirEntry>| {
        let target = entry.and_then(|entry| fs::read_link(entry.path()));
        target.is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
    };
    fs::read_dir(format!("/proc/{pid}/fd")).unwrap().map(is_socket).filter(|is| *is).count()
}

fn threads(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).unwrap().count()
}
