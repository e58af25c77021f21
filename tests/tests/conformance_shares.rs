//! Shares: SV2 sections 5.3.11 to 5.3.14. The numbers in comments are those of
//! docs/conformance.md.

use std::time::{SystemTime, UNIX_EPOCH};
use tests::{
    Client, PoolConfig, Punchbowl,
    client::{JobBody, Message, Search, Share, Wanted, flags},
};

const ANY_TARGET: [u8; 32] = [0xff; 32];

async fn pool() -> Punchbowl {
    Punchbowl::pool(PoolConfig::shares_only()).await.unwrap()
}

/// A connection with a standard and an extended channel.
async fn both_channels(pool: &Punchbowl) -> (Client, [u32; 2]) {
    let mut client = pool.miner(0).await.unwrap();
    let channels = [
        client.open_standard("alice", 1.0).await.unwrap(),
        client.open_extended("alice", 1.0).await.unwrap(),
    ];
    (client, channels)
}

async fn refusal(client: &mut Client, share: &Share) -> Option<String> {
    client.submit_and_wait(share).await.unwrap().rejection().map(str::to_owned)
}

fn search(client: &Client, channel: u32) -> Search {
    Search::new(client.channel(channel).unwrap()).unwrap()
}

fn now() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as u32
}

/// 53: devices are seen a minute ahead of our clock; a job's time is the least there is.
#[tokio::test]
async fn a_shares_time_is_from_the_jobs_minimum_to_some_minutes_ahead_of_now() {
    let pool = pool().await;
    let (mut client, channels) = both_channels(&pool).await;
    for channel in channels {
        let (job, tip) = client.channel(channel).unwrap().work().unwrap();
        assert!(job.min_ntime.is_none_or(|ntime| ntime >= tip.min_ntime));
        let minimum = tip.min_ntime;
        let mut nonce = 0;
        for good in [minimum, minimum + 1, now(), now() + 60, now() + 120] {
            let share = search(&client, channel).ntime(good).first_nonce(nonce).find().unwrap();
            nonce = share.nonce + 1;
            assert_eq!(refusal(&mut client, &share).await, None, "{good}");
        }
        for bad in [minimum - 1, 0, now() + 3 * 3600, u32::MAX] {
            let share = search(&client, channel).ntime(bad).find().unwrap();
            assert_eq!(refusal(&mut client, &share).await.as_deref(), Some("invalid-share"), "{bad}");
        }
    }
}

/// 33, 54
#[tokio::test]
async fn the_bits_that_bip323_gives_to_miners_may_be_rolled_and_no_others() {
    let pool = pool().await;
    let mut client = pool.miner(flags::REQUIRES_VERSION_ROLLING).await.unwrap();
    let standard = client.open_standard("alice", 1.0).await.unwrap();
    let extended = client.open_extended("alice", 1.0).await.unwrap();
    for channel in [standard, extended] {
        let (job, _) = client.channel(channel).unwrap().work().unwrap();
        let version = job.version;
        if let JobBody::Coinbase { version_rolling_allowed, .. } = job.body {
            assert!(version_rolling_allowed);
        }
        for bit in 0..32 {
            let share = search(&client, channel).version(version ^ 1 << bit).find().unwrap();
            let expected =
                if (5..=28).contains(&bit) { None } else { Some("invalid-non-rollable-version-bit") };
            assert_eq!(refusal(&mut client, &share).await.as_deref(), expected, "bit {bit}");
        }
        let all = search(&client, channel).version(version ^ 0x1fff_ffe0).find().unwrap();
        assert_eq!(refusal(&mut client, &all).await, None);
    }
}

/// 55
#[tokio::test]
async fn an_extranonce_of_another_size_than_the_channels_is_refused() {
    let pool = pool().await;
    let (mut client, [standard, extended]) = both_channels(&pool).await;
    let size = client.channel(extended).unwrap().rolled_size;
    for wrong in [0, 1, size - 1, size + 1, 32] {
        let share = search(&client, extended).extranonce(vec![7; wrong]).find().unwrap();
        assert_eq!(refusal(&mut client, &share).await.as_deref(), Some("bad-extranonce-size"), "{wrong}");
    }
    for extranonce in [vec![7; size], vec![0xff; size]] {
        let share = search(&client, extended).extranonce(extranonce).find().unwrap();
        assert_eq!(refusal(&mut client, &share).await, None);
    }
    // Each kind of channel has a message of its own.
    let mut standards = client.find(standard, Wanted::Share).unwrap();
    standards.extranonce = Some(Vec::new());
    let mut extendeds = client.find(extended, Wanted::Share).unwrap();
    extendeds.extranonce = None;
    for wrong in [standards, extendeds] {
        assert_eq!(refusal(&mut client, &wrong).await.as_deref(), Some("bad-extranonce-size"));
    }
}

/// 57
#[tokio::test]
async fn shares_for_what_is_not_there_say_what_is_missing() {
    let pool = pool().await;
    let (mut client, channels) = both_channels(&pool).await;
    let mut stranger = pool.miner(0).await.unwrap();
    for _ in 0..8 {
        stranger.open_standard("mallory", 1.0).await.unwrap();
    }
    let strangers = stranger.channels().map(|channel| channel.id).max().unwrap();
    for channel in channels {
        let good = client.find(channel, Wanted::Share).unwrap();
        let group = client.channel(channel).unwrap().group_id;
        for missing in [0, group, strangers, u32::MAX] {
            let share = Share { channel_id: missing, ..good.clone() };
            assert_eq!(
                refusal(&mut client, &share).await.as_deref(),
                Some("invalid-channel-id"),
                "{missing}"
            );
        }
        for never in [u32::MAX, good.job_id + 1_000_000] {
            let share = Share { job_id: never, ..good.clone() };
            assert_eq!(refusal(&mut client, &share).await.as_deref(), Some("invalid-job-id"), "{never}");
        }
        // What is held for the next block is not to be mined yet, and not stale either.
        client.fence().await.unwrap();
        let jobs = &client.channel(channel).unwrap().jobs;
        let future = jobs.values().find(|job| job.min_ntime.is_none() && job.id != good.job_id).unwrap().id;
        let early = Share { job_id: future, ..good.clone() };
        assert_eq!(refusal(&mut client, &early).await.as_deref(), Some("invalid-job-id"));
        assert_eq!(refusal(&mut client, &good).await, None);
    }
}

/// 57
#[tokio::test]
async fn share_below_target_is_refused_and_not_credited() {
    let pool = pool().await;
    let (mut client, channels) = both_channels(&pool).await;
    for channel in channels {
        let miss = client.find(channel, Wanted::Miss).unwrap();
        assert_eq!(refusal(&mut client, &miss).await.as_deref(), Some("difficulty-too-low"));
        // A refused header is not remembered as an accepted one.
        assert_eq!(refusal(&mut client, &miss).await.as_deref(), Some("difficulty-too-low"));
    }
    let status = pool.status().await.unwrap();
    assert_eq!(status["shares"]["accepted"], 0);
    assert_eq!(status["shares"]["rejected"]["difficulty-too-low"], 4);
}

/// 58
#[tokio::test]
async fn the_same_header_is_not_taken_twice_under_whatever_job_id_it_comes() {
    let pool = pool().await;
    let (mut client, channels) = both_channels(&pool).await;
    for channel in channels {
        let share = client.find(channel, Wanted::Share).unwrap();
        assert_eq!(refusal(&mut client, &share).await, None);
        assert_eq!(refusal(&mut client, &share).await.as_deref(), Some("duplicate-share"));
        // The same work comes again under another id when the target changes.
        client.update_channel(channel, 1.1, ANY_TARGET).await.unwrap();
        client.fence().await.unwrap();
        let again = client.channel(channel).unwrap().current_job.unwrap();
        assert_ne!(again, share.job_id);
        let hard_enough = search(&client, channel).ntime(share.ntime).first_nonce(share.nonce + 1);
        let fresh = hard_enough.find().unwrap();
        assert_eq!(fresh.job_id, again);
        assert_eq!(refusal(&mut client, &fresh).await, None);
        let under_the_old_id = Share { job_id: share.job_id, ..fresh };
        assert_eq!(refusal(&mut client, &under_the_old_id).await.as_deref(), Some("duplicate-share"));
    }
}

/// 56, 57: every share of a burst is answered; each acknowledgement is of its own batch.
#[tokio::test]
async fn acknowledgements_of_a_burst_add_up_to_its_good_shares() {
    const SHARES: u32 = 300;
    let pool = pool().await;
    let (mut client, channels) = both_channels(&pool).await;
    client.fence().await.unwrap();
    for channel in channels {
        let mut good = 0;
        let mut bad = Vec::new();
        let mut payloads = Vec::new();
        let mut msg_type = 0;
        for sequence in 1..=SHARES {
            let is_bad = sequence % 10 == 3;
            let share = client.find(channel, if is_bad { Wanted::Miss } else { Wanted::Share }).unwrap();
            let (kind, payload) = share.message(sequence).unwrap();
            msg_type = kind;
            payloads.push(payload);
            if is_bad { bad.push(sequence) } else { good += 1 }
        }
        client.send_all(0, true, msg_type, &payloads).await.unwrap();

        let (mut accepted, mut last, mut refused) = (0, 0, Vec::new());
        while accepted < good || refused.len() < bad.len() {
            match client.next().await.unwrap() {
                Message::SubmitSuccess(success) => {
                    assert_eq!(success.channel_id, channel);
                    assert!(success.last_sequence_number > last && success.new_submits_accepted_count > 0);
                    // Difficulties far below one: a batch is never said to be worth nothing.
                    assert!(success.new_shares_sum >= 1);
                    assert!(success.new_shares_sum <= u64::from(success.new_submits_accepted_count));
                    accepted += success.new_submits_accepted_count;
                    last = success.last_sequence_number;
                }
                Message::SubmitError(error) => {
                    assert_eq!(error.error_code.as_utf8_or_hex(), "difficulty-too-low");
                    refused.push(error.sequence_number);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!((accepted, last, refused), (good, SHARES, bad));
        let said = client.fence().await.unwrap();
        assert!(said.is_empty(), "{said:?}");
    }
}

/// 59: a block is handed on though its finder is told no more than of any share.
#[tokio::test]
async fn a_block_is_taken_to_the_chain_and_paid_to_the_configured_address() {
    let pool = Punchbowl::pool(PoolConfig::shares_and_blocks()).await.unwrap();
    for flags in [0, flags::REQUIRES_STANDARD_JOBS] {
        let mut client = pool.miner(flags).await.unwrap();
        let channel = match flags {
            0 => client.open_extended("alice.rig", 1.0).await.unwrap(),
            _ => client.open_standard("alice.rig", 1.0).await.unwrap(),
        };
        let block = client.find(channel, Wanted::Block).unwrap();
        assert_eq!(refusal(&mut client, &block).await, None);
        let found = pool.until_status(|status| status["blocks"][0]["hash"] == block.display_hash());
        let status = found.await.unwrap();
        assert_eq!(status["blocks"][0]["accepted"], true);
        assert_eq!(status["blocks"][0]["member"], "alice");
    }
}

/// 55: more than 32 bytes is no extranonce of the protocol at all.
#[tokio::test]
async fn an_extranonce_longer_than_the_protocol_knows_ends_the_connection() {
    let pool = pool().await;
    let (mut client, [_, extended]) = both_channels(&pool).await;
    let share = client.find(extended, Wanted::Share).unwrap();
    let (msg_type, mut payload) = share.message(1).unwrap();
    payload.truncate(24);
    payload.push(33);
    payload.extend([0; 33]);
    client.send_raw(0, true, msg_type, &payload).await.unwrap();
    client.until_closed().await.unwrap();
    pool.until_closed("malformed", 1).await.unwrap();
}
