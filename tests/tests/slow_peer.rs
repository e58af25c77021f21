//! A peer that asks for much and reads nothing harms only itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::{fs, net::SocketAddr};
use tests::{
    Client, DEADLINE, PoolConfig, Punchbowl,
    client::{SLOW, Wanted},
    within_deadline,
};

#[tokio::test]
async fn peer_that_reads_nothing_is_disconnected_and_nobody_else_notices() {
    let config = hard_chain().section("[limits]\nwrite_stall_timeout = 1");
    let pool = Punchbowl::pool(config).await.unwrap();
    let mut honest = pool.miner(0).await.unwrap();
    let on_honest = honest.open_extended("ann.rig", SLOW).await.unwrap();
    let mut greedy = pool.miner(0).await.unwrap();
    let on_greedy = greedy.open_extended("mallory.rig", SLOW).await.unwrap();

    let mut disconnected = tokio::spawn(async move { ask_without_reading(&mut greedy, on_greedy).await });
    let mut answered = 0;
    let gone = within_deadline("the greedy peer to be disconnected", async {
        while !disconnected.is_finished() {
            let share = honest.find(on_honest, Wanted::Share).unwrap();
            assert!(honest.submit_and_wait(&share).await.unwrap().is_accepted());
            answered += 1;
        }
        (&mut disconnected).await
    });
    gone.await.unwrap().unwrap();
    assert!(answered > 0);
    pool.process().line(|line| line.contains("connection closed by us")).await.unwrap();
    let counts = pool.status().await.unwrap()["connection_counts"].clone();
    assert_eq!(counts["closed"]["slow-reader"], 1, "{counts}");
    assert_eq!(counts["open"], 1);
}

#[tokio::test]
async fn peer_that_reads_nothing_does_not_keep_the_pool_from_stopping() {
    let pool_stall = DEADLINE.as_secs() * 2; // the pool must not wait for this
    let config = hard_chain().section(&format!("[limits]\nwrite_stall_timeout = {pool_stall}"));
    let mut pool = Punchbowl::pool(config).await.unwrap();
    let mut greedy = pool.miner(0).await.unwrap();
    let channel = greedy.open_extended("mallory.rig", SLOW).await.unwrap();
    let asking = tokio::spawn(async move { ask_without_reading(&mut greedy, channel).await });
    within_deadline("the pool to stop reading from the greedy peer", async {
        while unread(pool.address()) < 32 * 1024 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(pool.terminate().await.unwrap().code(), Some(0));
    asking.await.unwrap();
}

fn hard_chain() -> PoolConfig {
    PoolConfig::embedded("1d00ffff").every_hash_a_share()
}

/// Asks for a new target, which comes with a new job, again and again, until the pool
/// has had enough.
async fn ask_without_reading(peer: &mut Client, channel: u32) {
    for round in 0.. {
        let hash_rate = if round % 2 == 0 { 1e6 } else { 1e9 };
        if peer.update_channel(channel, hash_rate, [0xff; 32]).await.is_err() {
            return;
        }
    }
}

/// Bytes that wait to be read in sockets of the pool at `address`.
fn unread(address: SocketAddr) -> u64 {
    let port = format!(":{:04X}", address.port());
    let sockets = fs::read_to_string("/proc/net/tcp").unwrap();
    let waiting = sockets.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, received) = fields[4].split_once(':')?;
        (fields[1].ends_with(&port) && fields[3] == "01").then(|| u64::from_str_radix(received, 16).unwrap())
    });
    waiting.sum()
}
