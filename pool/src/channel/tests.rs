#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::extranonces::Extranonces;
use crate::job::limit::CoinbaseLimit;
use crate::job::{Assigned, JobParts, JobTip};
use crate::payout::Payouts;
use bitcoin::ScriptBuf;
use std::sync::Arc;
use std::time::Duration;
use work::share::Tip;
use work::{CoinbaseTemplate, ShareRate};

const NTIME: u32 = 1_700_000_000;
const NTIME_MAX: u32 = NTIME + 600;

pub(super) fn job(id: u32) -> Arc<Job> {
    let coinbase = CoinbaseTemplate {
        version: 2,
        sequence: 0,
        script_sig_prefix: vec![2, 0x10, 0x27],
        witness: None,
        value_remaining: 5_000_000_000,
        required_outputs: Vec::new(),
        lock_time: 0,
    };
    let merkle_path = vec![Hash256([3; 32])];
    let parts = JobParts { height: 10_000, version: 0x2000_0000, coinbase, merkle_path, fees: 0 };
    let payouts = Payouts::single(ScriptBuf::from_bytes(vec![0x51]));
    Arc::new(Job::build(id, &parts, payouts, b"", CoinbaseLimit::NONE).unwrap())
}

fn live(job: Arc<Job>, sent: Moment) -> LiveJob {
    // A target that no test's hash meets, so that no share is a block.
    let tip = Tip {
        prev_hash: Hash256([8; 32]),
        nbits: 0x1d00_ffff,
        network_target: Target::DIFFICULTY_1,
        min_ntime: NTIME,
    };
    let tip = Arc::new(JobTip { sequence: 1, tip, ntime: NTIME });
    let id = job.id;
    let assigned = Arc::new(Assigned { job, tip, template_id: 1, ntime: NTIME });
    LiveJob { id, assigned, min_ntime: NTIME, sent, activated: sent }
}

fn vardiff() -> VardiffConfig {
    VardiffConfig {
        shares_per_minute: ShareRate(6.0),
        min_difficulty: Difficulty(1e-12),
        ..VardiffConfig::default()
    }
}

fn channel(space: &Extranonces, kind: ChannelKind, now: Instant) -> Channel {
    let allocation = match kind {
        ChannelKind::Standard => space.standard().unwrap(),
        ChannelKind::Extended { rolled } => space.extended(rolled).unwrap(),
    };
    let terms = ChannelTerms {
        id: 1,
        kind,
        group: 2,
        identity: Identity::of_member(b"ann.rig"),
        allocation,
        // A tenth of a hash a share: every hash is one.
        hash_rate: HashRate(0.01),
        max_target: Target::MAX,
        max_workers: 4,
        retarget: true,
    };
    Channel::open(terms, &vardiff(), now)
}

fn submission(nonce: u32) -> Submission {
    Submission { version: 0x2000_0000, ntime: NTIME, nonce }
}

#[test]
fn after_an_outage_all_that_was_judged_is_told_and_nothing_acknowledged_twice() {
    let (space, now) = (Extranonces::new(0).unwrap(), Instant::now());
    let mut channel = channel(&space, ChannelKind::Standard, now);
    channel.credit(1, None, Some(Difficulty(1.0)), now);
    channel.credit(2, None, Some(Difficulty(1.0)), now);
    channel.refuse(3, None);
    let resumed = channel.resume(0, 0);
    assert_eq!((resumed.last_sequence_number, resumed.accepted, resumed.rejected), (3, 2, 1));
    assert_eq!((resumed.target, resumed.extranonce_prefix), (channel.target(), *channel.prefix()));
    assert_eq!(channel.unacknowledged.take(), None);
}

#[test]
fn a_share_sent_again_is_a_duplicate_even_under_another_job_id() {
    let (space, now) = (Extranonces::new(0).unwrap(), Instant::now());
    let mut channel = channel(&space, ChannelKind::Standard, now);
    let first = live(job(1), 1);
    let again = LiveJob { id: 2, ..first.clone() };
    assert!(channel.judge(&first, None, &submission(5), NTIME_MAX).is_ok());
    assert_eq!(channel.judge(&first, None, &submission(5), NTIME_MAX), Err(ShareFault::Duplicate));
    assert_eq!(channel.judge(&again, None, &submission(5), NTIME_MAX), Err(ShareFault::Duplicate));
    channel.new_tip(now);
    assert!(channel.judge(&again, None, &submission(5), NTIME_MAX).is_ok());
}

#[test]
fn a_share_is_credited_at_the_target_in_force_when_its_job_was_activated() {
    let (space, now) = (Extranonces::new(0).unwrap(), Instant::now());
    let mut channel = channel(&space, ChannelKind::Standard, now);
    let easy = channel.target();
    let old = live(job(1), 1);
    let harder = channel
        .update(HashRate(1e3), Target::MAX, 2, now)
        .expect("a thousand hashes a second need a harder target");
    let new = live(job(2), 2);
    assert!(harder < easy);

    // A hash that meets the old target only.
    let nonce = (0..).find(|nonce| {
        let root = channel.merkle_root(&old);
        let header = work::Header {
            version: 0x2000_0000,
            prev_hash: old.tip.tip.prev_hash,
            merkle_root: root,
            ntime: NTIME,
            nbits: old.tip.tip.nbits,
            nonce: *nonce,
        };
        !harder.is_met_by(&header.hash())
    });
    let nonce = nonce.unwrap();
    let verdict = channel.judge(&old, None, &submission(nonce), NTIME_MAX).unwrap();
    assert_eq!(verdict.credited.map(|credit| credit.0), Some(easy.difficulty().0));
    let refused =
        (0..100).filter(|nonce| channel.judge(&new, None, &submission(*nonce), NTIME_MAX).is_err()).count();
    assert!(refused > 90, "{refused} of 100 hashes missed a target of ten thousand hashes");
}

#[test]
fn jobs_sent_before_a_move_are_judged_with_the_old_prefix() {
    let (space, now) = (Extranonces::new(0).unwrap(), Instant::now());
    let kind = ChannelKind::Extended { rolled: space.rolled() };
    let mut channel = channel(&space, kind, now);
    let rolled = vec![0; space.rolled()];
    let (before, after) = (live(job(1), 1), live(job(2), 2));
    let old = channel.extranonce(&before, Some(&rolled));
    channel.move_to(space.extended(0).unwrap(), 2);
    assert_eq!(channel.extranonce(&before, Some(&rolled)), old);
    assert_ne!(channel.extranonce(&after, Some(&rolled)), old);
    // Both are judged with what the client hashed.
    let hash = |channel: &mut Channel, live: &LiveJob| {
        channel.judge(live, Some(&rolled), &submission(1), NTIME_MAX).unwrap().judged.hash
    };
    assert_ne!(hash(&mut channel, &before), hash(&mut channel, &after));
}

#[test]
fn another_extranonce_size_than_the_channels_is_refused() {
    let (space, now) = (Extranonces::new(0).unwrap(), Instant::now());
    let job = live(job(1), 1);
    let extended = ChannelKind::Extended { rolled: 12 };
    let cases =
        [(ChannelKind::Standard, Some([0u8; 12].as_slice())), (extended, None), (extended, Some(&[0; 11]))];
    for (kind, extranonce) in cases {
        let verdict = channel(&space, kind, now).judge(&job, extranonce, &submission(1), NTIME_MAX);
        assert_eq!(verdict, Err(ShareFault::BadExtranonceSize));
    }
}

#[test]
fn a_full_filter_raises_the_difficulty_and_still_knows_every_duplicate() {
    let (space, now) = (Extranonces::new(0).unwrap(), Instant::now());
    let mut channel = channel(&space, ChannelKind::Standard, now);
    // Difficulty does not follow the pace here, as in a pool that has it switched off.
    channel.retarget = false;
    let live = live(job(1), 1);
    let mut accepted = Vec::new();
    let mut nonces = 0..;
    while channel.seen.len() < SEEN_LIMIT {
        let nonce = nonces.next().unwrap();
        if channel.judge(&live, None, &submission(nonce), NTIME_MAX).is_ok() {
            accepted.push(nonce);
        }
    }
    let easy = channel.target();
    let harder = channel.adjust(2, now).expect("a full filter asks for a harder target");
    assert!(harder < easy);
    assert!(channel.seen.len() < SEEN_LIMIT / 2, "{} still held", channel.seen.len());
    // Nothing that was accepted is accepted again, whether it is still remembered or not.
    for nonce in accepted {
        assert!(channel.judge(&live, None, &submission(nonce), NTIME_MAX).is_err());
    }
    // An honest miner goes on.
    let fresh =
        nonces.take(100).filter(|nonce| channel.judge(&live, None, &submission(*nonce), NTIME_MAX).is_ok());
    assert!(fresh.count() > 5);
}

#[test]
fn a_run_of_duplicates_asks_for_another_search_space_and_one_good_share_ends_it() {
    let (space, now) = (Extranonces::new(0).unwrap(), Instant::now());
    let mut channel = channel(&space, ChannelKind::Standard, now);
    let live = live(job(1), 1);
    channel.judge(&live, None, &submission(1), NTIME_MAX).unwrap();
    for _ in 0..DUPLICATES_BEFORE_MOVE - 1 {
        channel.judge(&live, None, &submission(1), NTIME_MAX).unwrap_err();
    }
    assert!(!channel.should_move());
    channel.judge(&live, None, &submission(1), NTIME_MAX).unwrap_err();
    assert!(channel.should_move());
    channel.judge(&live, None, &submission(2), NTIME_MAX).unwrap();
    assert!(!channel.should_move());
}

#[test]
fn a_batch_of_easy_shares_is_not_said_to_be_worth_nothing() {
    let (space, now) = (Extranonces::new(0).unwrap(), Instant::now());
    let mut channel = channel(&space, ChannelKind::Standard, now);
    for sequence in 1..=3 {
        channel.credit(sequence, None, Some(Difficulty(0.25)), now + Duration::from_secs(1));
    }
    assert_eq!(channel.unacknowledged.take(), Some((3, 3, 1)));
    assert_eq!(channel.unacknowledged.take(), None);
}
