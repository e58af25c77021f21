//! No two miners of a pool ever try the same header.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::{BTreeMap, HashMap};
use tests::{
    Client, PoolConfig, Punchbowl,
    client::{ChannelKind, Job, Verdict, Wanted, flags},
};

#[tokio::test]
async fn channels_of_both_kinds_on_many_connections_never_share_search_space() {
    let pool = Punchbowl::pool(PoolConfig::embedded("1e00ffff")).await.unwrap();
    let mut crowd = Vec::new();
    for _ in 0..2 {
        crowd.push(connect(&pool, flags::REQUIRES_STANDARD_JOBS, "ssssss").await);
        crowd.push(connect(&pool, 0, "eeeeee").await);
        crowd.push(connect(&pool, 0, "seseses").await);
    }
    no_overlap(&crowd);

    // Channels and whole connections go, others come in their place.
    for miner in &mut crowd {
        for channel in [1, 3] {
            let gone = miner.channels.remove(channel);
            miner.client.close_channel(gone).await.unwrap();
        }
    }
    drop(crowd.remove(2));
    for miner in &mut crowd {
        let last = miner.channels.len() - 1;
        let kind = miner.client.channel(miner.channels[last]).unwrap().kind;
        for _ in 0..3 {
            miner.open(kind).await;
        }
    }
    crowd.push(connect(&pool, 0, "sesese").await);
    no_overlap(&crowd);

    // What is proved above, seen from the pool: everybody's shares are new to it.
    for miner in &mut crowd {
        for channel in miner.channels.clone() {
            let share = miner.client.find(channel, Wanted::ShareButNoBlock).unwrap();
            assert_eq!(miner.client.submit_and_wait(&share).await.unwrap(), Verdict::Accepted);
        }
    }
}

struct Miner {
    client: Client,
    channels: Vec<u32>,
}

impl Miner {
    async fn open(&mut self, kind: ChannelKind) {
        let opened = match kind {
            ChannelKind::Standard => self.client.open_standard("ann.device", 1e3).await,
            ChannelKind::Extended => self.client.open_extended("bob.proxy", 1e3).await,
        };
        self.channels.push(opened.unwrap());
    }
}

/// A connection with one channel for each letter: `s` for standard, `e` for extended.
async fn connect(pool: &Punchbowl, flags: u32, kinds: &str) -> Miner {
    let mut miner = Miner { client: pool.miner(flags).await.unwrap(), channels: Vec::new() };
    for kind in kinds.chars() {
        miner.open(if kind == 's' { ChannelKind::Standard } else { ChannelKind::Extended }).await;
    }
    miner
}

/// Every prefix stands alone, and so does every merkle root that can be made with the
/// extranonces that would collide if it did not.
fn no_overlap(crowd: &[Miner]) {
    let all: Vec<_> = crowd
        .iter()
        .flat_map(|miner| miner.channels.iter().map(|id| miner.client.channel(*id).unwrap()))
        .collect();
    for (number, one) in all.iter().enumerate() {
        for other in &all[number + 1..] {
            let (a, b) = (&one.extranonce_prefix, &other.extranonce_prefix);
            assert!(!a.starts_with(b) && !b.starts_with(a), "{a:02x?} and {b:02x?} overlap");
        }
    }
    let sizes: BTreeMap<usize, usize> = all.iter().fold(BTreeMap::new(), |mut sizes, channel| {
        *sizes.entry(channel.extranonce_prefix.len() + channel.rolled_size).or_default() += 1;
        sizes
    });
    assert_eq!(sizes.len(), 1, "coinbases of different lengths: {sizes:?}");

    // Everyone rolls what is at the end of everyone else's extranonce, and some plain ones.
    let mut tails: Vec<Vec<u8>> = vec![vec![0; 32], vec![0xff; 32]];
    tails.extend(all.iter().map(|channel| channel.extranonce_prefix.clone()));
    let mut owners: HashMap<[u8; 32], usize> = HashMap::new();
    for (owner, channel) in all.iter().enumerate() {
        let (job, _) = channel.work().unwrap();
        for root in roots(job, channel.rolled_size, &tails) {
            let first = *owners.entry(root).or_insert(owner);
            assert_eq!(first, owner, "two channels mine the same merkle root");
        }
    }
    assert!(owners.len() > all.len());
}

fn roots(job: &Job, rolled_size: usize, tails: &[Vec<u8>]) -> Vec<[u8; 32]> {
    tails
        .iter()
        .map(|tail| {
            let mut rolled = vec![0; rolled_size.saturating_sub(tail.len())];
            rolled.extend_from_slice(&tail[tail.len().saturating_sub(rolled_size)..]);
            job.merkle_root(&rolled)
        })
        .collect()
}
