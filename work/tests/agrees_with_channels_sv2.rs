//! SRI's `channels_sv2` as an oracle: it must come to the same verdicts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "fixture/sri.rs"]
mod sri;

use channels_sv2::server::share_accounting::{ShareValidationError, ShareValidationResult};
use channels_sv2::target::{hash_rate_from_target, hash_rate_to_target};
use proptest::prelude::*;
use sri::{Job, submit_extended, submit_standard};
use work::extranonce::ROLLED_SIZE;
use work::{
    BIP323_MASK, HashRate, Judged, SeenShares, ShareFault, ShareRate, Submission, Target, judge,
    judge_extended,
};

/// What SRI says, in our words.
fn theirs(verdict: Result<ShareValidationResult, ShareValidationError>) -> Result<Verdict, &'static str> {
    use ShareValidationError::*;
    match verdict {
        Ok(ShareValidationResult::Valid(hash)) => Ok((hash_bytes(hash), false, vec![])),
        Ok(ShareValidationResult::BlockFound(hash, _, coinbase)) => Ok((hash_bytes(hash), true, coinbase)),
        Err(
            Invalid(code)
            | Stale(code)
            | InvalidJobId(code)
            | DoesNotMeetTarget(code)
            | VersionRollingNotAllowed(code)
            | DuplicateShare(code)
            | BadExtranonceSize(code),
        ) => Err(code),
        Err(other) => panic!("{other:?}"),
    }
}

/// The hash, whether it is a block, and the block's coinbase.
type Verdict = ([u8; 32], bool, Vec<u8>);

fn hash_bytes(hash: impl AsRef<[u8]>) -> [u8; 32] {
    hash.as_ref().try_into().unwrap()
}

/// What we say, with the duplicate filter that the pool puts behind it.
fn ours(
    judged: Result<Judged, ShareFault>,
    seen: &mut SeenShares,
    coinbase: impl Fn() -> Vec<u8>,
) -> Result<Verdict, &'static str> {
    let judged = judged.map_err(ShareFault::error_code)?;
    if !seen.insert(&judged.hash) {
        return Err(ShareFault::Duplicate.error_code());
    }
    Ok((judged.hash.0, judged.is_block, if judged.is_block { coinbase() } else { vec![] }))
}

/// Mostly good submissions, with every field wrong now and then.
fn submission() -> impl Strategy<Value = Submission> {
    let version = prop_oneof![
        4 => Just(0x2000_0000),
        4 => any::<u32>().prop_map(|bits| 0x2000_0000 ^ (bits & BIP323_MASK)),
        1 => any::<u32>(),
        1 => (0u32..32).prop_map(|bit| 0x2000_0000 ^ (1 << bit)),
    ];
    let ntime = prop_oneof![
        8 => 1_700_000_000u32..=1_700_007_200,
        1 => 1_699_999_990u32..1_700_000_010,
        1 => 1_700_007_190u32..1_700_007_210,
        1 => any::<u32>(),
    ];
    // Few nonces, so that there are duplicates.
    (version, ntime, 0u32..4).prop_map(|(version, ntime, nonce)| Submission { version, ntime, nonce })
}

/// The channel's target, the network's: each from "all hashes" to "one in a million".
fn difficulties() -> impl Strategy<Value = (Target, u32)> {
    let bits = prop_oneof![Just(0u32), Just(1), Just(2), Just(8), Just(20)];
    let target = bits.prop_map(|bits| Target::from_hashes(f64::from(bits).exp2()));
    // 2^-1, 2^-2, 2^-9 and about never.
    let nbits = prop_oneof![Just(0x207f_ffff_u32), Just(0x203f_ffff), Just(0x1f7f_ffff), Just(0x1d00_ffff)];
    // A block that misses the channel's target is no share of ours: see the test below.
    (target, nbits).prop_map(|(target, nbits)| (target.max(Target::from_compact(nbits)), nbits))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn on_shares_of_an_extended_channel(
        (target, nbits) in difficulties(),
        depth in 0u8..15,
        payouts in 1u16..20,
        shares in prop::collection::vec((submission(), 0u8..2, prop_oneof![9 => Just(ROLLED_SIZE), 1 => 0usize..=16]), 1..60),
    ) {
        let job = Job::new(depth, payouts, target, nbits);
        let (mut channel, prefix) = job.extended();
        let mut seen = SeenShares::new();
        for (share, rolled, size) in shares {
            let rolled = vec![rolled; size];
            let extranonce = [&prefix[..], &rolled].concat();
            let verdict = judge_extended(
                &job.work, &job.tip, &[&prefix, &rolled], &share, &job.target, job.ntime_max, BIP323_MASK,
            );
            let coinbase = || job.work.coinbase().to_block_bytes(&extranonce);
            let expected = theirs(channel.validate_share(submit_extended(&share, &rolled)));
            let verdict = ours(verdict, &mut seen, coinbase);
            // Several faults in one share: which is named is a matter of order.
            prop_assert_eq!(verdict.is_ok(), expected.is_ok(), "{:?} {:?} {:?}", share, verdict, expected);
            if size == ROLLED_SIZE {
                if expected.is_ok() { prop_assert_eq!(verdict, expected); }
                else { prop_assert_eq!(verdict.err(), expected.err()); }
            }
        }
    }

    #[test]
    fn on_shares_of_a_standard_channel(
        (target, nbits) in difficulties(),
        depth in 0u8..15,
        payouts in 1u16..20,
        shares in prop::collection::vec(submission(), 1..60),
    ) {
        let job = Job::new(depth, payouts, target, nbits);
        let (mut channel, extranonce) = job.standard();
        let root = job.work.merkle_root(&[&extranonce]);
        let mut seen = SeenShares::new();
        for share in shares {
            let verdict =
                judge(&job.work, &job.tip, &root, &share, &job.target, job.ntime_max, BIP323_MASK);
            let coinbase = || job.work.coinbase().to_block_bytes(&extranonce);
            let expected = theirs(channel.validate_share(submit_standard(&share)));
            prop_assert_eq!(ours(verdict, &mut seen, coinbase), expected, "{:?}", share);
        }
    }

    #[test]
    fn on_the_target_of_a_hash_rate(hash_rate in 1e3..1e20f64, shares_per_minute in 0.1..1000f64) {
        let ours = Target::from_hashrate(HashRate(hash_rate), ShareRate(shares_per_minute));
        let theirs = hash_rate_to_target(hash_rate, shares_per_minute).unwrap();
        let theirs = Target::from_le_bytes(theirs.to_le_bytes());
        // Theirs rounds the hashes of a share to a whole number and adds one.
        let hashes = hash_rate * 60.0 / shares_per_minute;
        let tolerance = 2.0 / hashes + 1e-12;
        prop_assert!((ours.work() / theirs.work() - 1.0).abs() < tolerance, "{ours} {theirs}");
    }

    #[test]
    fn on_the_hash_rate_of_a_target(hash_rate in 1e6..1e18f64) {
        let target = Target::from_hashrate(HashRate(hash_rate), ShareRate(6.0));
        let theirs = hash_rate_from_target(target.to_le_bytes().into(), 6.0).unwrap();
        prop_assert!((theirs / hash_rate - 1.0).abs() < 1e-5, "{theirs} {hash_rate}");
    }
}

#[test]
fn except_that_a_block_below_the_channels_target_is_no_share() {
    let job = Job::new(0, 1, Target::from_hashes(1e30), 0x207f_ffff);
    let (mut channel, extranonce) = job.standard();
    let root = job.work.merkle_root(&[&extranonce]);
    let mut blocks = 0;
    for nonce in 0..20 {
        let share = Submission { version: 0x2000_0000, ntime: 1_700_000_000, nonce };
        let verdict = judge(&job.work, &job.tip, &root, &share, &job.target, job.ntime_max, BIP323_MASK);
        let expected = theirs(channel.validate_share(submit_standard(&share)));
        assert_eq!(verdict.is_ok(), expected.is_ok());
        if let Ok(judged) = verdict {
            assert!(judged.is_block && !judged.is_share);
            blocks += 1;
        }
    }
    assert!(blocks > 0);
    // They credit it at the channel's target, all the same.
    assert_eq!(channel.get_share_accounting().get_shares_accepted(), blocks);
}
