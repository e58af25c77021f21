//! Channels opened, changed, closed: SV2 sections 5.2 and 5.3.2 to 5.3.10. The numbers in
//! comments are those of docs/conformance.md.

use mining_sv2 as mining;
use std::collections::BTreeSet;
use tests::{
    Client, PoolConfig, Punchbowl,
    client::{ChannelKind, JobBody, Message, Search, Wanted, arithmetic, flags, message},
};

const ANY_TARGET: [u8; 32] = [0xff; 32];
const REGTEST_ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

async fn pool() -> Punchbowl {
    Punchbowl::pool(PoolConfig::shares_only()).await.unwrap()
}

/// The error code with which a request for a channel is refused.
async fn refusal(client: &mut Client, request_id: u32) -> String {
    let answer = client.until(|message| match message {
        Message::OpenError(error) => Some((error.request_id, error.error_code.as_utf8_or_hex())),
        Message::OpenStandardSuccess(_) | Message::OpenExtendedSuccess(_) => Some((0, "opened".to_owned())),
        _ => None,
    });
    let (answered, code) = answer.await.unwrap();
    assert_eq!(answered, request_id, "{code}");
    code
}

/// 28, 29, 30, 31, 52
#[tokio::test]
async fn both_kinds_of_channels_share_a_connection_and_a_group_but_no_search_space() {
    let pool = pool().await;
    let mut prefixes: Vec<Vec<u8>> = Vec::new();
    for _ in 0..3 {
        let mut client = pool.miner(0).await.unwrap();
        let mut ids = Vec::new();
        for user in ["alice", "bob", "carol"] {
            ids.push(client.open_standard(user, 1.0).await.unwrap());
            ids.push(client.open_extended(user, 1.0).await.unwrap());
        }
        let channels: Vec<_> = ids.iter().map(|id| client.channel(*id).unwrap().clone()).collect();
        let groups: BTreeSet<u32> = channels.iter().map(|channel| channel.group_id).collect();
        assert_eq!(groups.len(), 1);
        assert!(ids.iter().all(|id| !groups.contains(id)));
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        let sizes: BTreeSet<usize> =
            channels.iter().map(|channel| channel.extranonce_prefix.len() + channel.rolled_size).collect();
        assert_eq!(sizes.len(), 1, "{sizes:?}");
        for (id, channel) in ids.iter().zip(&channels) {
            let share = client.find(*id, Wanted::Share).unwrap();
            assert!(client.submit_and_wait(&share).await.unwrap().is_accepted());
            assert_eq!(share.extranonce.is_some(), channel.kind == ChannelKind::Extended);
        }
        prefixes.extend(channels.into_iter().map(|channel| channel.extranonce_prefix));
    }
    for (index, prefix) in prefixes.iter().enumerate() {
        let overlaps = |other: &Vec<u8>| prefix.starts_with(other) || other.starts_with(prefix);
        assert!(!prefixes[index + 1..].iter().any(overlaps), "{prefixes:02x?}");
    }
}

/// 32, 52
#[tokio::test]
async fn who_requires_standard_jobs_gets_no_others_and_no_extended_channel() {
    let pool = Punchbowl::pool(PoolConfig::shares_and_blocks().transactions(3)).await.unwrap();
    let mut client = pool.miner(flags::REQUIRES_STANDARD_JOBS).await.unwrap();
    let request = client.request_extended("alice", 1.0, ANY_TARGET, 4).await.unwrap();
    let code = refusal(&mut client, request).await;
    assert_eq!(code, "extended-channels-not-supported-for-standard-jobs");

    let channels =
        [client.open_standard("alice", 1.0).await.unwrap(), client.open_standard("bob", 1.0).await.unwrap()];
    // A change of target and a new block bring jobs of every sort.
    client.update_channel(channels[0], 4.0, ANY_TARGET).await.unwrap();
    let mut said = client.fence().await.unwrap();
    let block = client.find(channels[1], Wanted::Block).unwrap();
    client.submit(&block).await.unwrap();
    while !channels.iter().all(|id| client.channel(*id).unwrap().prev_hash.unwrap().hash == block.hash) {
        said.push(client.next().await.unwrap());
    }
    for message in said {
        let group = matches!(message, Message::SetGroupChannel(_) | Message::NewExtendedMiningJob(_));
        assert!(!group, "{message:?}");
        assert!(message.channel_id().is_none_or(|id| channels.contains(&id)), "{message:?}");
    }
    for id in channels {
        let share = client.find(id, Wanted::ShareButNoBlock).unwrap();
        assert!(client.submit_and_wait(&share).await.unwrap().is_accepted());
    }
}

/// 30, 39: a refused channel costs neither its connection nor the other channels.
#[tokio::test]
async fn channels_beyond_the_limit_are_refused_until_one_is_closed() {
    let config = PoolConfig::shares_only().section("[limits]\nchannels_per_connection = 2");
    let pool = Punchbowl::pool(config).await.unwrap();
    let mut client = pool.miner(0).await.unwrap();
    let first = client.open_standard("alice", 1.0).await.unwrap();
    let second = client.open_extended("alice", 1.0).await.unwrap();
    for request in [
        client.request_standard("alice", 1.0, ANY_TARGET).await.unwrap(),
        client.request_extended("alice", 1.0, ANY_TARGET, 4).await.unwrap(),
    ] {
        assert_eq!(refusal(&mut client, request).await, "channel-capacity-exhausted");
    }
    let share = client.find(second, Wanted::Share).unwrap();
    assert!(client.submit_and_wait(&share).await.unwrap().is_accepted());
    client.close_channel(first).await.unwrap();
    let third = client.open_standard("alice", 1.0).await.unwrap();
    assert!(third != first && third != second, "{first} {second} {third}");
    pool.until_status(|status| status["channels_refused"] == 2).await.unwrap();
}

/// 39
#[tokio::test]
async fn a_solo_pool_refuses_who_cannot_be_paid_and_the_connection_stays_usable() {
    let config = PoolConfig::shares_only().solo();
    let pool = Punchbowl::pool(config).await.unwrap();
    let mut client = pool.miner(0).await.unwrap();
    for user in ["", "alice", "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", ".worker"] {
        let request = client.request_extended(user, 1.0, ANY_TARGET, 4).await.unwrap();
        assert_eq!(refusal(&mut client, request).await, "unknown-user", "{user:?}");
    }
    let channel = client.open_extended(&format!("{REGTEST_ADDRESS}.garage"), 1.0).await.unwrap();
    let share = client.find(channel, Wanted::Share).unwrap();
    assert!(client.submit_and_wait(&share).await.unwrap().is_accepted());
}

/// 29, 52: jobs that pay different members are different, and so are their groups.
#[tokio::test]
async fn members_of_a_solo_pool_on_one_connection_are_in_groups_of_their_own() {
    let config = PoolConfig::shares_only().solo();
    let pool = Punchbowl::pool(config).await.unwrap();
    let mut client = pool.miner(0).await.unwrap();
    let other = "bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry";
    let mut channels = Vec::new();
    for user in [REGTEST_ADDRESS, other, REGTEST_ADDRESS] {
        channels.push(client.open_extended(user, 1.0).await.unwrap());
    }
    let groups: Vec<u32> = channels.iter().map(|id| client.channel(*id).unwrap().group_id).collect();
    assert_eq!(groups[0], groups[2]);
    assert_ne!(groups[0], groups[1]);
    assert!(groups.iter().all(|group| !channels.contains(group)));
    for channel in channels {
        let share = client.find(channel, Wanted::Share).unwrap();
        assert!(client.submit_and_wait(&share).await.unwrap().is_accepted());
    }
}

/// 37
#[tokio::test]
async fn a_hash_rate_of_zero_is_welcome_and_one_that_is_no_number_is_refused() {
    let pool = pool().await;
    let mut client = pool.miner(0).await.unwrap();
    for hash_rate in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, -f32::MIN_POSITIVE] {
        for request in [
            client.request_standard("alice", hash_rate, ANY_TARGET).await.unwrap(),
            client.request_extended("alice", hash_rate, ANY_TARGET, 4).await.unwrap(),
        ] {
            assert_eq!(refusal(&mut client, request).await, "invalid-nominal-hashrate", "{hash_rate}");
        }
    }
    for hash_rate in [0.0, -0.0, f32::MIN_POSITIVE, f32::MAX] {
        let channel = client.open_standard("alice", hash_rate).await.unwrap();
        assert_ne!(client.channel(channel).unwrap().target, [0; 32], "{hash_rate}");
    }
}

/// 36
#[tokio::test]
async fn the_clients_easiest_target_is_honoured_and_none_at_all_is_refused() {
    let pool = pool().await;
    let mut client = pool.miner(0).await.unwrap();
    let mut harder = [0xff; 32];
    harder[31] = 0x01;
    let hardest = std::array::from_fn(|index| u8::from(index == 0));
    for easiest in [harder, hardest] {
        let standard = client.request_standard("alice", 1.0, easiest).await.unwrap();
        let extended = client.request_extended("alice", 1.0, easiest, 4).await.unwrap();
        for request in [standard, extended] {
            let target = client.until(|message| match message {
                Message::OpenStandardSuccess(open) if open.request_id == request => {
                    Some(open.target.to_array())
                }
                Message::OpenExtendedSuccess(open) if open.request_id == request => {
                    Some(open.target.to_array())
                }
                _ => None,
            });
            let target = target.await.unwrap();
            assert!(arithmetic::meets(&target, &easiest), "{target:02x?} {easiest:02x?}");
        }
    }
    let standard = client.request_standard("alice", 1.0, [0; 32]).await.unwrap();
    assert_eq!(refusal(&mut client, standard).await, "max-target-out-of-range");
    let extended = client.request_extended("alice", 1.0, [0; 32], 4).await.unwrap();
    assert_eq!(refusal(&mut client, extended).await, "max-target-out-of-range");
}

/// 38
#[tokio::test]
async fn as_much_extranonce_as_is_asked_for_is_granted_or_the_channel_refused() {
    let pool = pool().await;
    let mut client = pool.miner(0).await.unwrap();
    let channel = client.open_extended("alice", 1.0).await.unwrap();
    let granted = client.channel(channel).unwrap().rolled_size;
    assert!(granted >= 8, "{granted}");
    for wanted in 0..=granted {
        let request = client.request_extended("alice", 1.0, ANY_TARGET, wanted as u16).await.unwrap();
        let size = client.until(|message| match message {
            Message::OpenExtendedSuccess(open) if open.request_id == request => Some(open.extranonce_size),
            Message::OpenError(error) => panic!("{wanted}: {error:?}"),
            _ => None,
        });
        assert!(usize::from(size.await.unwrap()) >= wanted);
    }
    for wanted in [granted as u16 + 1, 32, u16::MAX] {
        let request = client.request_extended("alice", 1.0, ANY_TARGET, wanted).await.unwrap();
        assert_eq!(refusal(&mut client, request).await, "min-extranonce-size-too-large", "{wanted}");
    }
}

/// 39, and no burst of requests fills the queue of a client that reads.
#[tokio::test]
async fn many_channels_asked_for_at_once_are_all_opened_and_each_answer_names_its_request() {
    const CHANNELS: u32 = 400;
    let config = PoolConfig::shares_only().section("[limits]\nwrite_buffer_bytes = 65536");
    let pool = Punchbowl::pool(config).await.unwrap();
    let mut client = pool.miner(0).await.unwrap();
    let open = |request_id| mining::OpenExtendedMiningChannel {
        request_id,
        user_identity: message::text("alice").unwrap(),
        nominal_hash_rate: 1.0,
        max_target: (&ANY_TARGET).into(),
        min_extranonce_size: 4,
    };
    let requests: Vec<Vec<u8>> =
        (0..CHANNELS).map(|request| message::bytes(open(u32::MAX - request)).unwrap()).collect();
    client.send_all(0, false, mining::MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL, &requests).await.unwrap();
    let said = client.fence().await.unwrap();
    let answered: BTreeSet<u32> = said
        .iter()
        .filter_map(|message| match message {
            Message::OpenExtendedSuccess(open) => Some(u32::MAX - open.request_id),
            _ => None,
        })
        .collect();
    assert_eq!(answered, (0..CHANNELS).collect());
}

/// 40
#[tokio::test]
async fn a_harder_target_asked_for_is_reflected_at_once_and_an_easier_one_is_not_forced() {
    let pool = pool().await;
    let mut client = pool.miner(0).await.unwrap();
    for extended in [false, true] {
        let channel = match extended {
            true => client.open_extended("alice", 1.0).await.unwrap(),
            false => client.open_standard("alice", 1.0).await.unwrap(),
        };
        client.fence().await.unwrap();
        let before = client.channel(channel).unwrap().target;
        let mut quarter = before;
        quarter[31] /= 4;

        client.update_channel(channel, 1.0, quarter).await.unwrap();
        let said = client.fence().await.unwrap();
        let Message::SetTarget(set) = &said[0] else { panic!("{said:?}") };
        assert_eq!((set.channel_id, set.maximum_target.to_array()), (channel, quarter));
        assert!(said[1..].iter().all(|message| message.channel_id() == Some(channel)), "{said:?}");
        let share = client.find(channel, Wanted::Share).unwrap();
        assert!(arithmetic::meets(&share.hash, &quarter));
        assert!(client.submit_and_wait(&share).await.unwrap().is_accepted());

        // Back to what its hash rate gives, and no easier than that.
        client.update_channel(channel, 1.0, ANY_TARGET).await.unwrap();
        client.fence().await.unwrap();
        assert_eq!(client.channel(channel).unwrap().target, before);
        // What changes nothing is answered by nothing.
        client.update_channel(channel, 1.0, ANY_TARGET).await.unwrap();
        let said = client.fence().await.unwrap();
        assert!(said.is_empty(), "{said:?}");
        // A proxy with more devices is given harder work.
        client.update_channel(channel, 8.0, ANY_TARGET).await.unwrap();
        client.fence().await.unwrap();
        let harder = client.channel(channel).unwrap().target;
        assert!(harder != before && arithmetic::meets(&harder, &before));
        client.close_channel(channel).await.unwrap();
    }
}

/// 37, 40
#[tokio::test]
async fn an_invalid_update_is_answered_by_its_error_alone_and_changes_nothing() {
    let pool = pool().await;
    let mut client = pool.miner(0).await.unwrap();
    let channel = client.open_extended("alice", 1.0).await.unwrap();
    client.fence().await.unwrap();
    let before = client.channel(channel).unwrap().clone();
    for (id, hash_rate, target, code) in [
        (channel, f32::NAN, ANY_TARGET, "invalid-nominal-hashrate"),
        (channel, -1.0, ANY_TARGET, "invalid-nominal-hashrate"),
        (channel, f32::INFINITY, ANY_TARGET, "invalid-nominal-hashrate"),
        (channel, 2.0, [0; 32], "max-target-out-of-range"),
        (channel + 1000, 2.0, ANY_TARGET, "invalid-channel-id"),
        (before.group_id, 2.0, ANY_TARGET, "invalid-channel-id"),
    ] {
        client.update_channel(id, hash_rate, target).await.unwrap();
        let said = client.fence().await.unwrap();
        let [Message::UpdateChannelError(error)] = &said[..] else { panic!("{said:?}") };
        assert_eq!((error.channel_id, error.error_code.as_utf8_or_hex().as_str()), (id, code));
    }
    let after = client.channel(channel).unwrap();
    assert_eq!((after.target, after.current_job), (before.target, before.current_job));
}

/// 42
#[tokio::test]
async fn nothing_is_sent_for_a_closed_channel_and_its_shares_are_refused() {
    let pool = Punchbowl::pool(PoolConfig::shares_and_blocks()).await.unwrap();
    for standard_jobs in [0, flags::REQUIRES_STANDARD_JOBS] {
        let mut client = pool.miner(standard_jobs).await.unwrap();
        let closed = client.open_standard("alice", 1.0).await.unwrap();
        let kept = client.open_standard("alice", 1.0).await.unwrap();
        let late = client.find(closed, Wanted::ShareButNoBlock).unwrap();
        client.close_channel(closed).await.unwrap();

        let sequence = client.submit(&late).await.unwrap();
        let verdict = client.verdict(closed, sequence).await.unwrap();
        assert_eq!(verdict.rejection(), Some("invalid-channel-id"));

        client.update_channel(kept, 4.0, ANY_TARGET).await.unwrap();
        let mut said = client.fence().await.unwrap();
        let block = client.find(kept, Wanted::Block).unwrap();
        client.submit(&block).await.unwrap();
        while client.channel(kept).unwrap().prev_hash.unwrap().hash != block.hash {
            said.push(client.next().await.unwrap());
        }
        assert!(said.iter().all(|message| message.channel_id() != Some(closed)), "{said:?}");
        // Neither twice nor of one that never was: there is nothing to say to that.
        for id in [closed, 77_777] {
            client.close_channel(id).await.unwrap();
        }
        client.fence().await.unwrap();
        let share = client.find(kept, Wanted::ShareButNoBlock).unwrap();
        assert!(client.submit_and_wait(&share).await.unwrap().is_accepted());
    }
}

/// 42
#[tokio::test]
async fn closing_a_group_closes_every_member_and_no_id_is_used_again() {
    let pool = Punchbowl::pool(PoolConfig::shares_and_blocks()).await.unwrap();
    let mut client = pool.miner(0).await.unwrap();
    let mut finder = pool.miner(0).await.unwrap();
    let finders = finder.open_extended("finder", 1.0).await.unwrap();
    let members =
        [client.open_standard("alice", 1.0).await.unwrap(), client.open_extended("bob", 1.0).await.unwrap()];
    let group = client.channel(members[0]).unwrap().group_id;
    let shares = members.map(|id| client.find(id, Wanted::ShareButNoBlock).unwrap());
    client.close_channel(group).await.unwrap();
    for share in &shares {
        let sequence = client.submit(share).await.unwrap();
        let verdict = client.verdict(share.channel_id, sequence).await.unwrap();
        assert_eq!(verdict.rejection(), Some("invalid-channel-id"));
    }
    // A new tip reaches others, and nobody here.
    let block = finder.find(finders, Wanted::Block).unwrap();
    finder.submit(&block).await.unwrap();
    finder.until_tip_after(finders, finder.channel(finders).unwrap().prev_hash.unwrap().hash).await.unwrap();
    let said = client.fence().await.unwrap();
    assert!(said.is_empty(), "{said:?}");

    let fresh = client.open_extended("carol", 1.0).await.unwrap();
    let used = [members[0], members[1], group];
    assert!(!used.contains(&fresh) && !used.contains(&client.channel(fresh).unwrap().group_id));
    let share = client.find(fresh, Wanted::ShareButNoBlock).unwrap();
    assert!(client.submit_and_wait(&share).await.unwrap().is_accepted());
}

/// 28, 43: two devices with the same search space are told apart by moving the channel.
#[tokio::test]
async fn after_a_run_of_duplicates_a_channel_is_moved_and_its_old_job_keeps_the_old_prefix() {
    let pool = pool().await;
    let mut client = pool.miner(0).await.unwrap();
    for extended in [false, true] {
        let channel = match extended {
            true => client.open_extended("alice", 1.0).await.unwrap(),
            false => client.open_standard("alice", 1.0).await.unwrap(),
        };
        let other = client.open_extended("bob", 1.0).await.unwrap();
        client.fence().await.unwrap();
        let before = client.channel(channel).unwrap().clone();
        let others = client.channel(other).unwrap().clone();

        let share = client.find(channel, Wanted::Share).unwrap();
        assert!(client.submit_and_wait(&share).await.unwrap().is_accepted());
        let mut said = Vec::new();
        for _ in 0..100 {
            client.submit(&share).await.unwrap();
            said = client.fence().await.unwrap();
            if said.iter().any(|message| matches!(message, Message::SetExtranoncePrefix(_))) {
                break;
            }
        }
        let moved = said.iter().find_map(|message| match message {
            Message::SetExtranoncePrefix(set) => Some((set.channel_id, set.extranonce_prefix.as_bytes())),
            _ => None,
        });
        let (id, prefix) = moved.expect("the channel was not moved");
        assert_eq!((id, prefix.len()), (channel, before.extranonce_prefix.len()));
        assert_ne!(prefix, before.extranonce_prefix);

        let after = client.channel(channel).unwrap().clone();
        let (old_job, new_job) = (before.current_job.unwrap(), after.current_job.unwrap());
        assert_ne!(old_job, new_job);
        if let (JobBody::Root(old), JobBody::Root(new)) =
            (&after.jobs[&old_job].body, &after.jobs[&new_job].body)
        {
            assert_ne!(old, new);
        }
        for job in [old_job, new_job] {
            // The client's books hold each job with the prefix that it came under.
            let share = Search::on_job(&after, job).unwrap().first_nonce(share.nonce + 1).find().unwrap();
            assert!(client.submit_and_wait(&share).await.unwrap().is_accepted(), "job {job}");
        }
        assert_eq!(client.channel(other).unwrap().extranonce_prefix, others.extranonce_prefix);
        client.close_channel(before.group_id).await.unwrap();
    }
}

/// 34, 60: without REQUIRES_WORK_SELECTION, which setup refuses, there are no custom jobs.
#[tokio::test]
async fn a_custom_job_is_refused_and_the_connection_kept() {
    let pool = pool().await;
    let mut client = pool.miner(0).await.unwrap();
    let channel = client.open_extended("alice", 1.0).await.unwrap();
    client.fence().await.unwrap();
    let job = mining::SetCustomMiningJob {
        channel_id: channel,
        request_id: 99,
        token: (&[1u8; 8][..]).try_into().unwrap(),
        version: 0x2000_0000,
        prev_hash: (&[0; 32]).into(),
        min_ntime: 0,
        nbits: 0,
        coinbase_tx_version: 2,
        coinbase_prefix: (&[][..]).try_into().unwrap(),
        coinbase_tx_input_n_sequence: 0,
        coinbase_tx_outputs: (&[][..]).try_into().unwrap(),
        coinbase_tx_locktime: 0,
        merkle_path: Vec::new().try_into().unwrap(),
    };
    let payload = message::bytes(job).unwrap();
    client.send_raw(0, true, mining::MESSAGE_TYPE_SET_CUSTOM_MINING_JOB, &payload).await.unwrap();
    let said = client.fence().await.unwrap();
    let [Message::SetCustomMiningJobError(error)] = &said[..] else { panic!("{said:?}") };
    let answer = (error.channel_id, error.request_id, error.error_code.as_utf8_or_hex());
    assert_eq!(answer, (channel, 99, "jd-not-supported".to_owned()));
}
