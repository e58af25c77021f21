#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use super::*;
use crate::join::news::RefusedChannel;
use binary_sv2::from_bytes;
use work::Tip;

const OWN: [u8; 4] = [0x80, 1, 2, 3];
const PREFIX: [u8; 4] = [0xa0; 4];
const VERSION: u32 = 0x2000_0000;

fn channel(kind: Kind) -> Channel {
    let start = Start {
        request_id: 9,
        name: "alice.rig".into(),
        hash_rate: HashRate(1e12),
        max_target: Target::MAX,
        kind,
    };
    let mut channel =
        Channel::new(5, 77, OWN, start, "bitaxe".into(), CoinbaseClass::Respectable, JoinStatus::new(false));
    assert!(matches!(channel.open(), Command::Open(_)));
    channel
}

fn opened(prefix: &[u8], rolled: usize) -> News {
    News::Opened(Opened { prefix: Extranonce::new(prefix).unwrap(), rolled, target: Target::DIFFICULTY_1 })
}

/// A job of the pool's, whose whole extranonce has so many bytes.
fn job(id: u32, tip: u8, prefix: &[u8], size: usize) -> News {
    let coinbase = SplitCoinbase {
        prefix: vec![0xc1; 60],
        suffix: vec![0xc2; 80],
        extranonce_size: size,
        witness: None,
    };
    let work = JobWork::new(VERSION, true, coinbase, [Hash256([3; 32])]);
    let tip = Tip {
        prev_hash: Hash256([tip; 32]),
        nbits: 0x1703_0000,
        network_target: Target::ZERO,
        min_ntime: 100,
    };
    let job = Arc::new(TipJob::new(id, work, tip, 100));
    News::Job(JobNews { job, id, prefix: Extranonce::new(prefix).unwrap(), target: Target::DIFFICULTY_1 })
}

fn hear(channel: &mut Channel, news: News, id: u32) -> Vec<Message> {
    let outcome = channel.hear(news, id, Instant::now());
    assert!(!outcome.over && outcome.end.is_none());
    outcome.messages
}

fn mining(kind: Kind) -> Channel {
    let mut channel = channel(kind);
    hear(&mut channel, opened(&PREFIX, 12), 0);
    hear(&mut channel, job(7, 1, &PREFIX, 16), 20);
    channel
}

fn types(messages: &[Message]) -> Vec<u8> {
    messages.iter().map(|(msg_type, ..)| *msg_type).collect()
}

fn share(sequence_number: u32, job_id: u32, extranonce: Option<&[u8]>) -> SubmitShares<'_> {
    SubmitShares {
        channel_id: 5,
        sequence_number,
        job_id,
        nonce: 1,
        ntime: 100,
        version: VERSION,
        extranonce,
        tlvs: &[],
    }
}

/// The share that goes up.
fn sent(command: Option<Command>) -> Share {
    let Some(Command::Submit(share)) = command else { panic!("{command:?}") };
    share
}

fn error_code(message: &Message) -> (u32, String) {
    let mut payload = message.2.clone();
    let error: mining::SubmitSharesError<'_> = from_bytes(&mut payload).unwrap();
    (error.sequence_number, error.error_code.as_utf8_or_hex())
}

fn acknowledged(channel: &mut Channel) -> Option<(u32, u32)> {
    let (_, _, mut payload) = channel.acknowledge()?;
    let success: mining::SubmitSharesSuccess = from_bytes(&mut payload).unwrap();
    Some((success.last_sequence_number, success.new_submits_accepted_count))
}

#[test]
fn a_standard_channel_mines_the_merkle_root_that_the_pool_will_recompute() {
    let mut channel = channel(Kind::Standard);
    let welcome = hear(&mut channel, opened(&PREFIX, 12), 0);
    assert_eq!(types(&welcome), [mining::MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL_SUCCESS]);
    let News::Job(news) = job(7, 1, &PREFIX, 16) else { panic!() };
    let messages = hear(&mut channel, News::Job(news.clone()), 20);
    assert_eq!(
        types(&messages),
        [mining::MESSAGE_TYPE_NEW_MINING_JOB, mining::MESSAGE_TYPE_MINING_SET_NEW_PREV_HASH]
    );
    let mut payload = messages[0].2.clone();
    let told: mining::NewMiningJob<'_> = from_bytes(&mut payload).unwrap();
    assert!(told.is_future());
    let up = sent(channel.submit(&share(3, 20, None)).unwrap());
    assert_eq!((up.job, up.rolled.as_bytes().len()), (7, 12));
    let root = news.job.work.merkle_root(&[&PREFIX, up.rolled.as_bytes()]);
    assert_eq!(told.merkle_root.as_bytes(), root.0);
}

#[test]
fn an_extended_channel_has_the_pools_prefix_in_its_coinbase_and_keeps_its_own_for_ever() {
    let mut channel = channel(Kind::Extended { rolled: 2 });
    let mut welcome = hear(&mut channel, opened(&PREFIX, 12), 0).remove(0).2;
    let success: mining::OpenExtendedMiningChannelSuccess<'_> = from_bytes(&mut welcome).unwrap();
    assert_eq!((success.channel_id, success.extranonce_size), (5, 8));
    assert_eq!(success.extranonce_prefix.as_bytes(), OWN);
    let coinbase = |messages: &[Message]| {
        let mut payload = messages[0].2.clone();
        let told: mining::NewExtendedMiningJob<'_> = from_bytes(&mut payload).unwrap();
        told.coinbase_tx_prefix.as_bytes().to_vec()
    };
    let first = hear(&mut channel, job(7, 1, &PREFIX, 16), 20);
    assert_eq!(coinbase(&first), [&[0xc1; 60][..], &PREFIX].concat());
    let up = sent(channel.submit(&share(1, 20, Some(&[9; 8]))).unwrap());
    assert_eq!(up.rolled.as_bytes(), [&OWN[..], &[9; 8]].concat());

    // Another pool, whose prefix and room are others: the miner need not know.
    hear(&mut channel, News::Lost, 0);
    assert!(channel.hear(News::Back, 0, Instant::now()).command.is_some());
    assert_eq!(hear(&mut channel, opened(&[0xbb; 2], 14), 0), []);
    let second = hear(&mut channel, job(1, 1, &[0xbb; 2], 16), 21);
    assert_eq!(coinbase(&second), [&[0xc1; 60][..], &[0xbb; 2], &[0, 0]].concat());
    let up = sent(channel.submit(&share(2, 21, Some(&[9; 8]))).unwrap());
    assert_eq!(up.rolled.as_bytes(), [&[0, 0][..], &OWN, &[9; 8]].concat());
    // The job of before is worth nothing to this pool.
    assert_eq!(channel.submit(&share(3, 20, Some(&[9; 8]))), Err("stale-share"));
}

#[test]
fn a_job_on_the_same_tip_comes_at_once_and_a_target_before_it() {
    let mut channel = mining(Kind::Standard);
    let News::Job(news) = job(8, 1, &PREFIX, 16) else { panic!() };
    let messages = hear(&mut channel, News::Job(JobNews { target: Target::MAX, ..news }), 21);
    assert_eq!(types(&messages), [mining::MESSAGE_TYPE_SET_TARGET, mining::MESSAGE_TYPE_NEW_MINING_JOB]);
    let mut payload = messages[1].2.clone();
    let told: mining::NewMiningJob<'_> = from_bytes(&mut payload).unwrap();
    assert!(!told.is_future());
    // The job before is still good on this tip, and over on the next.
    assert_eq!(sent(channel.submit(&share(1, 20, None)).unwrap()).job, 7);
    hear(&mut channel, job(9, 2, &PREFIX, 16), 22);
    assert_eq!(channel.submit(&share(2, 20, None)), Err("stale-share"));
    assert_eq!(channel.submit(&share(2, 99, None)), Err("invalid-job-id"));
}

#[test]
fn an_acknowledgement_waits_for_every_share_before_it() {
    let mut channel = mining(Kind::Standard);
    let up: Vec<u32> = (1..=3)
        .map(|number| sent(channel.submit(&share(100 + number, 20, None)).unwrap()).sequence)
        .collect();
    hear(&mut channel, News::Accepted(up[1]), 0);
    assert_eq!(acknowledged(&mut channel), None);
    let refused = hear(&mut channel, News::Rejected(up[0], Refusal::of_sv2("stale-share")), 0);
    assert_eq!(error_code(&refused[0]), (101, "stale-share".into()));
    assert_eq!(acknowledged(&mut channel), Some((102, 1)));
    hear(&mut channel, News::Accepted(up[2]), 0);
    assert_eq!(acknowledged(&mut channel), Some((103, 1)));
    assert_eq!(acknowledged(&mut channel), None);
}

#[test]
fn no_share_under_way_is_lost_without_a_word() {
    let mut channel = mining(Kind::Standard);
    channel.submit(&share(100, 20, None)).unwrap();
    let lost = hear(&mut channel, News::Lost, 0);
    assert_eq!(error_code(&lost[0]), (100, "pool-lost".into()));
    assert_eq!(channel.submit(&share(101, 20, None)), Err("pool-lost"));
}

#[test]
fn heat_begins_when_the_pool_was_away_for_long_and_ends_with_the_next_job() {
    let minute = Duration::from_secs(60);
    for kind in [Kind::Standard, Kind::Extended { rolled: 8 }] {
        let mut channel = mining(kind);
        let rolled = (kind != Kind::Standard).then_some(&[9u8; 8][..]);
        let lost = Instant::now();
        channel.hear(News::Lost, 0, lost);
        assert_eq!(channel.start_heat(minute, 21, lost + Duration::from_secs(59)), []);
        let messages = channel.start_heat(minute, 21, lost + minute);
        assert_eq!(messages.len(), 1);
        assert_eq!(channel.start_heat(minute, 22, lost + 2 * minute), [], "once is enough");
        // Acknowledged, worth nothing, and not sent on.
        assert_eq!(channel.submit(&share(50, 21, rolled)), Ok(None));
        let (_, _, mut payload) = channel.acknowledge().unwrap();
        let success: mining::SubmitSharesSuccess = from_bytes(&mut payload).unwrap();
        assert_eq!((success.last_sequence_number, success.new_shares_sum), (50, 0));
        // Real work is back.
        channel.hear(News::Back, 0, lost);
        hear(&mut channel, opened(&PREFIX, 12), 0);
        hear(&mut channel, job(9, 2, &PREFIX, 16), 23);
        assert_eq!(channel.submit(&share(51, 21, rolled)), Err("stale-share"));
        assert_eq!(sent(channel.submit(&share(52, 23, rolled)).unwrap()).job, 9);
    }
}

#[test]
fn a_pool_with_too_little_room_is_a_reason_to_connect_anew() {
    let mut fresh = channel(Kind::Extended { rolled: 8 });
    let outcome = fresh.hear(opened(&PREFIX, 6), 0, Instant::now());
    assert_eq!(types(&outcome.messages), [mining::MESSAGE_TYPE_OPEN_MINING_CHANNEL_ERROR]);
    assert!(outcome.over && outcome.end.is_none());

    let mut channel = mining(Kind::Extended { rolled: 8 });
    hear(&mut channel, News::Lost, 0);
    let outcome = channel.hear(opened(&PREFIX, 6), 0, Instant::now());
    assert_eq!(outcome.end, Some(Goodbye::Extranonce));
}

#[test]
fn a_name_that_the_pool_does_not_take_is_answered_with_its_code() {
    let mut channel = channel(Kind::Standard);
    let refused = RefusedChannel { code: "unknown-user".into(), words: String::new() };
    let outcome = channel.hear(News::Refused(refused), 0, Instant::now());
    let mut payload = outcome.messages[0].2.clone();
    let error: mining::OpenMiningChannelError<'_> = from_bytes(&mut payload).unwrap();
    assert_eq!((error.request_id, error.error_code.as_utf8_or_hex().as_str()), (9, "unknown-user"));
    assert!(outcome.over && outcome.end.is_none());
}

#[test]
fn the_easiest_target_that_a_miner_takes_is_never_exceeded_by_rounding() {
    for target in [Target::MAX, Target::DIFFICULTY_1, Target::from_difficulty(Difficulty(3.7))] {
        assert!(Target::from_difficulty(at_least(target)) <= target);
    }
}
