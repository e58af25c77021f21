//! Jobs, tips and targets: SV2 sections 5.1, 5.3.15 to 5.3.17 and 5.3.21. The numbers in
//! comments are those of docs/conformance.md.

use bitcoin::consensus::deserialize;
use std::collections::BTreeSet;
use tests::{
    Client, PoolConfig, Punchbowl,
    client::{JobBody, Message, Search, Wanted, arithmetic, flags},
};

const ANY_TARGET: [u8; 32] = [0xff; 32];
const TRANSACTIONS: u32 = 5;

/// The two ways to be sent jobs: as a group, and one by one.
const FLAGS: [u32; 2] = [0, flags::REQUIRES_STANDARD_JOBS];

async fn open(client: &mut Client, extended: bool) -> u32 {
    match extended {
        true => client.open_extended("alice", 1.0).await.unwrap(),
        false => client.open_standard("alice", 1.0).await.unwrap(),
    }
}

/// Finds the next block on a connection of its own, and leaves.
async fn find_block_elsewhere(pool: &Punchbowl) -> [u8; 32] {
    let mut finder = pool.miner(0).await.unwrap();
    let channel = finder.open_extended("finder", 1.0).await.unwrap();
    let block = finder.find(channel, Wanted::Block).unwrap();
    finder.submit(&block).await.unwrap();
    let parent = finder.channel(channel).unwrap().prev_hash.unwrap().hash;
    finder.until_tip_after(channel, parent).await.unwrap();
    block.hash
}

/// Reads until the client has a future job for the block after.
async fn until_future(client: &mut Client, channel: u32) -> u32 {
    loop {
        let jobs = &client.channel(channel).unwrap().jobs;
        let current = client.channel(channel).unwrap().current_job;
        if let Some(future) = jobs.values().find(|job| job.min_ntime.is_none() && Some(job.id) != current) {
            return future.id;
        }
        client.next().await.unwrap();
    }
}

async fn is_accepted(client: &mut Client, search: Search) -> bool {
    client.submit_and_wait(&search.find().unwrap()).await.unwrap().is_accepted()
}

/// 44, 48, 50
#[tokio::test]
async fn a_new_channel_is_sent_a_future_job_then_the_tip_then_the_job_for_the_next_block() {
    let pool = Punchbowl::pool(PoolConfig::shares_only().transactions(TRANSACTIONS)).await.unwrap();
    for flags in FLAGS {
        let mut client = pool.miner(flags).await.unwrap();
        // The second of each kind joins a group that has been sent its jobs.
        for extended in [false, false, true, true] {
            if extended && flags != 0 {
                continue;
            }
            match extended {
                true => client.request_extended("alice", 1.0, ANY_TARGET, 4).await.unwrap(),
                false => client.request_standard("alice", 1.0, ANY_TARGET).await.unwrap(),
            };
            let said = client.fence().await.unwrap();
            let (channel, group) = match &said[0] {
                Message::OpenStandardSuccess(open) => (open.channel_id, open.group_channel_id),
                Message::OpenExtendedSuccess(open) => (open.channel_id, open.group_channel_id),
                other => panic!("{other:?}"),
            };
            let job = |message: &Message| match message {
                Message::NewMiningJob(job) if job.channel_id == channel => {
                    (job.job_id, job.min_ntime.as_ref().copied())
                }
                Message::NewExtendedMiningJob(job) if [channel, group].contains(&job.channel_id) => {
                    (job.job_id, job.min_ntime.as_ref().copied())
                }
                other => panic!("{other:?}"),
            };
            let (first, min_ntime) = job(&said[1]);
            assert_eq!(min_ntime, None, "the first job is not a future one");
            assert_eq!(said[1].channel_id(), Some(channel));
            let Message::SetNewPrevHash(tip) = &said[2] else { panic!("{said:?}") };
            assert_eq!((tip.channel_id, tip.job_id), (channel, first));
            let (ahead, min_ntime) = job(&said[3]);
            assert!(min_ntime.is_none() && ahead != first);
            assert_eq!(said.len(), 4, "{said:?}");
        }
    }
}

/// 44, 48, 50: the switch costs one message.
#[tokio::test]
async fn a_block_found_elsewhere_costs_each_miner_one_set_new_prev_hash() {
    let pool = Punchbowl::pool(PoolConfig::shares_and_blocks()).await.unwrap();
    for flags in FLAGS {
        let mut client = pool.miner(flags).await.unwrap();
        let channels = [open(&mut client, false).await, open(&mut client, flags == 0).await];
        for _ in 0..2 {
            let ahead = until_future(&mut client, channels[0]).await;
            assert_eq!(until_future(&mut client, channels[1]).await, ahead);
            client.fence().await.unwrap();
            let block = find_block_elsewhere(&pool).await;

            let messages = if flags == 0 { 1 } else { channels.len() };
            for _ in 0..messages {
                let message = client.next().await.unwrap();
                let Message::SetNewPrevHash(tip) = &message else { panic!("{message:?}") };
                assert_eq!((tip.job_id, tip.prev_hash.to_array()), (ahead, block));
            }
            for channel in channels {
                let share = Search::new(client.channel(channel).unwrap()).unwrap();
                assert!(is_accepted(&mut client, share.wanted(Wanted::ShareButNoBlock)).await);
            }
        }
    }
}

/// 49: a job in advance is empty, so that it can hold no transaction of the block that it
/// follows; the job that pays more comes right after the tip.
#[tokio::test]
async fn jobs_in_advance_are_empty_and_the_full_job_follows_the_tip() {
    let config = PoolConfig::shares_and_blocks().transactions(TRANSACTIONS);
    let pool = Punchbowl::pool(config).await.unwrap();
    let path_length =
        |client: &Client, channel: u32, job: u32| match &client.channel(channel).unwrap().jobs[&job].body {
            JobBody::Coinbase { path, .. } => path.len(),
            root => panic!("{root:?}"),
        };
    let mut client = pool.miner(0).await.unwrap();
    let channel = open(&mut client, true).await;
    for _ in 0..3 {
        let ahead = until_future(&mut client, channel).await;
        assert_eq!(path_length(&client, channel, ahead), 0);
        let parent = client.channel(channel).unwrap().prev_hash.unwrap().hash;
        find_block_elsewhere(&pool).await;
        client.until_tip_after(channel, parent).await.unwrap();
        while path_length(&client, channel, client.channel(channel).unwrap().current_job.unwrap()) == 0 {
            client.next().await.unwrap();
        }
        let share = Search::new(client.channel(channel).unwrap()).unwrap();
        assert!(is_accepted(&mut client, share.wanted(Wanted::ShareButNoBlock)).await);
    }
}

/// 48, 58: everything older than the tip is stale, and was known.
#[tokio::test]
async fn after_a_new_tip_shares_for_all_earlier_jobs_are_stale() {
    let pool = Punchbowl::pool(PoolConfig::shares_and_blocks()).await.unwrap();
    for flags in FLAGS {
        let mut client = pool.miner(flags).await.unwrap();
        let channel = open(&mut client, flags == 0).await;
        let first = client.find(channel, Wanted::ShareButNoBlock).unwrap();
        // A change of target brings the same job again under an id of its own.
        client.update_channel(channel, 2.0, ANY_TARGET).await.unwrap();
        client.fence().await.unwrap();
        let again = client.find(channel, Wanted::ShareButNoBlock).unwrap();
        assert_ne!(first.job_id, again.job_id);

        let parent = client.channel(channel).unwrap().prev_hash.unwrap().hash;
        find_block_elsewhere(&pool).await;
        client.until_tip_after(channel, parent).await.unwrap();
        for late in [first, again] {
            assert_eq!(client.submit_and_wait(&late).await.unwrap().rejection(), Some("stale-share"));
        }
    }
}

/// 45
#[tokio::test]
async fn no_two_jobs_of_a_connection_have_the_same_id() {
    let config = PoolConfig::shares_and_blocks().transactions(TRANSACTIONS);
    let pool = Punchbowl::pool(config).await.unwrap();
    for flags in FLAGS {
        let mut client = pool.miner(flags).await.unwrap();
        let channels = [open(&mut client, false).await, open(&mut client, flags == 0).await];
        // Who is sent a job, by its id: a group's and a member's own must not collide.
        let mut sent: BTreeSet<(u32, u32)> = BTreeSet::new();
        for round in 1..4u8 {
            for (channel, more) in channels.into_iter().zip([1.0, 8.0]) {
                let hash_rate = f32::from(round) * more;
                client.update_channel(channel, hash_rate, ANY_TARGET).await.unwrap();
            }
            let said = client.fence().await.unwrap();
            let jobs = said.iter().filter_map(|message| match message {
                Message::NewMiningJob(job) => Some((job.job_id, job.channel_id)),
                Message::NewExtendedMiningJob(job) => Some((job.job_id, job.channel_id)),
                _ => None,
            });
            for (job, receiver) in jobs {
                assert!(sent.insert((job, receiver)), "job {job} came twice");
            }
            let parent = client.channel(channels[0]).unwrap().prev_hash.unwrap().hash;
            find_block_elsewhere(&pool).await;
            client.until_tip_after(channels[0], parent).await.unwrap();
            client.until_tip_after(channels[1], parent).await.unwrap();
        }
        // Jobs sent after a change of target are one channel's alone.
        let ids: BTreeSet<u32> = sent.iter().map(|(job, _)| *job).collect();
        assert!(ids.len() >= 4, "{sent:?}");
        if flags == 0 {
            assert_eq!(ids.len(), sent.len(), "{sent:?}");
        }
        // The scripted client refuses ids that come twice on a channel by itself.
    }
}

/// 51
#[tokio::test]
async fn a_new_target_holds_for_the_jobs_after_it_and_for_the_one_held_ahead_only() {
    let pool = Punchbowl::pool(PoolConfig::shares_and_blocks()).await.unwrap();
    for flags in FLAGS {
        let mut client = pool.miner(flags).await.unwrap();
        let channel = open(&mut client, flags == 0).await;
        until_future(&mut client, channel).await;
        let old_job = client.channel(channel).unwrap().current_job.unwrap();
        let easy = client.channel(channel).unwrap().target;

        client.update_channel(channel, 16.0, ANY_TARGET).await.unwrap();
        client.fence().await.unwrap();
        let after = client.channel(channel).unwrap().clone();
        let (new_job, hard) = (after.current_job.unwrap(), after.target);
        assert!(new_job != old_job && hard != easy);

        // Shares that meet the old target and miss the new one.
        let between = |job: u32, first_nonce: u32| {
            let mut nonce = first_nonce;
            loop {
                let search = Search::on_job(&after, job).unwrap().target(easy).first_nonce(nonce);
                let share = search.wanted(Wanted::ShareButNoBlock).find().unwrap();
                if !arithmetic::meets(&share.hash, &hard) {
                    return share;
                }
                nonce = share.nonce + 1;
            }
        };
        let old = between(old_job, 0);
        assert!(client.submit_and_wait(&old).await.unwrap().is_accepted());
        let new = between(new_job, old.nonce + 1);
        assert_eq!(client.submit_and_wait(&new).await.unwrap().rejection(), Some("difficulty-too-low"));
        let hard_enough = Search::on_job(&after, new_job).unwrap().wanted(Wanted::ShareButNoBlock);
        assert!(is_accepted(&mut client, hard_enough.first_nonce(new.nonce + 1)).await);

        // The job held ahead was sent before the new target and is activated after it.
        let parent = after.prev_hash.unwrap().hash;
        find_block_elsewhere(&pool).await;
        client.until_tip_after(channel, parent).await.unwrap();
        let ahead = client.channel(channel).unwrap().clone();
        let mut nonce = 0;
        let miss = loop {
            let search = Search::new(&ahead).unwrap().target(easy).first_nonce(nonce);
            let share = search.wanted(Wanted::ShareButNoBlock).find().unwrap();
            if !arithmetic::meets(&share.hash, &hard) {
                break share;
            }
            nonce = share.nonce + 1;
        };
        assert_eq!(client.submit_and_wait(&miss).await.unwrap().rejection(), Some("difficulty-too-low"));
        let hit = Search::new(&ahead).unwrap().target(hard).first_nonce(miss.nonce + 1);
        assert!(is_accepted(&mut client, hit.wanted(Wanted::ShareButNoBlock)).await);
    }
}

/// 15, 27, 33, 47: everybody has the same transactions, in a coinbase without BIP141's
/// fields, and computes the merkle root that standard channels are given.
#[tokio::test]
async fn every_channels_job_is_the_same_template_and_differs_in_the_extranonce_alone() {
    let pool = Punchbowl::pool(PoolConfig::shares_only().transactions(TRANSACTIONS)).await.unwrap();
    let mut one_by_one = pool.miner(flags::REQUIRES_STANDARD_JOBS).await.unwrap();
    let rooted = [open(&mut one_by_one, false).await, open(&mut one_by_one, false).await];
    let mut proxy = pool.miner(flags::REQUIRES_VERSION_ROLLING).await.unwrap();
    let mut bodies = Vec::new();
    for _ in 0..2 {
        let channel = proxy.open_extended("farm", 1.0).await.unwrap();
        let (job, tip) = proxy.channel(channel).unwrap().work().unwrap();
        bodies.push((job.version, tip, job.body.clone(), job.extranonce_prefix.clone()));
        let share = proxy.find(channel, Wanted::Share).unwrap();
        assert!(proxy.submit_and_wait(&share).await.unwrap().is_accepted());
    }
    let (version, tip, body, prefix) = bodies.remove(0);
    let JobBody::Coinbase { prefix: head, suffix: tail, path, version_rolling_allowed } = &body else {
        panic!("{body:?}")
    };
    assert!(*version_rolling_allowed);
    assert_eq!(1 << path.len(), (TRANSACTIONS + 1).next_power_of_two());
    for (_, other_tip, other, _) in &bodies {
        let JobBody::Coinbase { prefix, suffix, path: others, .. } = other else { panic!("{other:?}") };
        assert_eq!((prefix, suffix, others, *other_tip), (head, tail, path, tip));
    }

    // Legacy serialisation: with a witness the bytes would not parse to their end so.
    let rolled = vec![0; extranonce_size(&proxy) - prefix.len()];
    let coinbase: bitcoin::Transaction =
        deserialize(&[&head[..], &prefix, &rolled, &tail[..]].concat()).unwrap();
    assert!(coinbase.is_coinbase() && coinbase.input[0].witness.is_empty());
    let commitments = coinbase
        .output
        .iter()
        .filter(|output| output.script_pubkey.as_bytes().starts_with(&[0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed]));
    assert_eq!(commitments.count(), 1);

    for channel in rooted {
        let channel = one_by_one.channel(channel).unwrap();
        let (job, other_tip) = channel.work().unwrap();
        let JobBody::Root(root) = job.body else { panic!("{:?}", job.body) };
        let txid = arithmetic::double_sha256(&[head, &channel.extranonce_prefix, tail]);
        let expected = arithmetic::merkle_root(txid, path.iter().map(|leaf| leaf.as_slice()));
        assert_eq!((root, job.version, other_tip), (expected, version, tip));
    }
}

/// The full extranonce of the client's channels, in bytes.
fn extranonce_size(client: &Client) -> usize {
    let channel = client.channels().next().unwrap();
    channel.extranonce_prefix.len() + channel.rolled_size
}
