//! Whether a share counts.
//!
//! Two questions that do not depend on each other: does the hash meet the *network's*
//! target (then it is a block, and is worth submitting whatever the channel's
//! target is), and does it meet the *channel's* (then it is credited, at that target
//! and never at the difficulty that the hash happens to have).

use crate::hash::Hash256;
use crate::header::Header;
use crate::job::JobWork;
use crate::target::Target;
use thiserror::Error;

/// The version bits that BIP323 gives to the miner: 5 to 28. (BIP320 gave fewer, 13 to
/// 28, `0x1fffe000`: SV1 firmware still rolls only those.)
pub const BIP323_MASK: u32 = 0x1fff_ffe0;

/// What a share builds on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Hash of the parent block, internal byte order.
    pub prev_hash: Hash256,
    /// The header's compact target.
    pub nbits: u32,
    /// At or below this a hash is worth submitting: what `nbits` says, or what the
    /// template source asked for.
    pub network_target: Target,
    /// The earliest time a header may have, in seconds since the Unix epoch.
    pub min_ntime: u32,
}

/// The fields of a header that a miner chooses, besides the extranonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The full version field.
    pub version: u32,
    /// Seconds since the Unix epoch.
    pub ntime: u32,
    /// The nonce.
    pub nonce: u32,
}

/// A share that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The header's hash.
    pub hash: Hash256,
    /// It meets the network's target: submit it, at once.
    pub is_block: bool,
    /// It meets the channel's target: credit it. False only for a block found at a
    /// target harder than the network's (a test chain): that block is submitted but
    /// its finder gets no share, so that nobody gains by sending below their target.
    pub is_share: bool,
}

/// Why a share does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
pub enum ShareFault {
    /// The channel is not open on this connection.
    #[error("share for a channel that is not open on this connection")]
    InvalidChannelId,
    /// The job was never sent on this channel or is long gone.
    #[error("share for a job that this channel does not know")]
    InvalidJobId,
    /// The job's prev-hash is no longer the tip.
    #[error("share for a block that has been found meanwhile")]
    Stale,
    /// The rolled part is not of the size negotiated when the channel was opened.
    #[error("share with a rolled extranonce of another size than the channel's")]
    BadExtranonceSize,
    /// Time before the tip's minimum.
    #[error("share with a time before the job's minimum")]
    NtimeTooOld,
    /// Time further ahead than allowed.
    #[error("share with a time too far in the future")]
    NtimeTooNew,
    /// Version bits changed outside the mask.
    #[error("share with version bits changed that are not the miner's to roll")]
    VersionBits,
    /// Version changed in a job that fixes it.
    #[error("share with a rolled version on a job that fixes it")]
    VersionRolled,
    /// The hash meets neither the channel's target nor the network's.
    #[error("share does not meet the channel's target")]
    DifficultyTooLow,
    /// The same header was accepted before.
    #[error("share was accepted before")]
    Duplicate,
    /// The fields of a negotiated extension that come with it cannot be read.
    #[error("share with extension fields that cannot be read")]
    BadExtension,
}

impl ShareFault {
    /// Every fault, for counters.
    pub const ALL: [ShareFault; 11] = [
        ShareFault::InvalidChannelId,
        ShareFault::InvalidJobId,
        ShareFault::Stale,
        ShareFault::BadExtranonceSize,
        ShareFault::NtimeTooOld,
        ShareFault::NtimeTooNew,
        ShareFault::VersionBits,
        ShareFault::VersionRolled,
        ShareFault::DifficultyTooLow,
        ShareFault::Duplicate,
        ShareFault::BadExtension,
    ];

    /// The `error_code` of SV2's `SubmitShares.Error`.
    pub fn error_code(self) -> &'static str {
        match self {
            ShareFault::InvalidChannelId => "invalid-channel-id",
            ShareFault::InvalidJobId => "invalid-job-id",
            ShareFault::Stale => "stale-share",
            ShareFault::BadExtranonceSize => "bad-extranonce-size",
            ShareFault::NtimeTooOld | ShareFault::NtimeTooNew | ShareFault::BadExtension => "invalid-share",
            ShareFault::VersionBits => "invalid-non-rollable-version-bit",
            ShareFault::VersionRolled => "version-rolling-not-allowed",
            ShareFault::DifficultyTooLow => "difficulty-too-low",
            ShareFault::Duplicate => "duplicate-share",
        }
    }
}

/// Judges a share whose merkle root is known (a standard channel's is the same for
/// a whole job: keep it).
///
/// `target`: the channel's when the job was sent. `ntime_max`: the latest time that is
/// accepted. `version_mask`: the bits that may differ from the job's version, usually
/// [`BIP323_MASK`]. Allocates nothing. Duplicates are the caller's to refuse
/// ([`SeenShares`](crate::SeenShares)), of the hash in the answer.
///
/// # Errors
/// The first fault found; what is cheap to check comes first.
pub fn judge(
    work: &JobWork,
    tip: &Tip,
    merkle_root: &Hash256,
    submission: &Submission,
    target: &Target,
    ntime_max: u32,
    version_mask: u32,
) -> Result<Judged, ShareFault> {
    check_fields(work, tip, submission, ntime_max, version_mask)?;
    let header = Header {
        version: submission.version,
        prev_hash: tip.prev_hash,
        merkle_root: *merkle_root,
        ntime: submission.ntime,
        nbits: tip.nbits,
        nonce: submission.nonce,
    };
    let hash = header.hash();
    let (is_block, is_share) = (tip.network_target.is_met_by(&hash), target.is_met_by(&hash));
    if is_block || is_share {
        Ok(Judged { hash, is_block, is_share })
    } else {
        Err(ShareFault::DifficultyTooLow)
    }
}

/// Judges a share of an extended channel: as [`judge`], with the merkle root computed
/// from `extranonce` (the channel's prefix, the rolled part) only once the cheap
/// checks have passed.
///
/// # Errors
/// As [`judge`], and [`ShareFault::BadExtranonceSize`] when the parts together are not
/// the size that the coinbase has room for.
pub fn judge_extended(
    work: &JobWork,
    tip: &Tip,
    extranonce: &[&[u8]],
    submission: &Submission,
    target: &Target,
    ntime_max: u32,
    version_mask: u32,
) -> Result<Judged, ShareFault> {
    check_fields(work, tip, submission, ntime_max, version_mask)?;
    if extranonce.iter().map(|part| part.len()).sum::<usize>() != work.coinbase().extranonce_size {
        return Err(ShareFault::BadExtranonceSize);
    }
    let merkle_root = work.merkle_root(extranonce);
    judge(work, tip, &merkle_root, submission, target, ntime_max, version_mask)
}

/// What can be refused without hashing.
fn check_fields(
    work: &JobWork,
    tip: &Tip,
    submission: &Submission,
    ntime_max: u32,
    version_mask: u32,
) -> Result<(), ShareFault> {
    if submission.ntime < tip.min_ntime {
        return Err(ShareFault::NtimeTooOld);
    }
    if submission.ntime > ntime_max {
        return Err(ShareFault::NtimeTooNew);
    }
    let changed = submission.version ^ work.version();
    if changed != 0 && !work.version_rolling() {
        return Err(ShareFault::VersionRolled);
    }
    if changed & !(version_mask & BIP323_MASK) != 0 {
        return Err(ShareFault::VersionBits);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::coinbase::SplitCoinbase;
    use proptest::prelude::*;

    const VERSION: u32 = 0x2000_0000;
    const NTIME_MAX: u32 = 2_000;

    fn job(version_rolling: bool) -> JobWork {
        let coinbase =
            SplitCoinbase { prefix: vec![1; 60], suffix: vec![2; 80], extranonce_size: 16, witness: None };
        JobWork::new(VERSION, version_rolling, coinbase, [Hash256([3; 32])])
    }

    fn tip(network_target: Target) -> Tip {
        Tip { prev_hash: Hash256([4; 32]), nbits: 0x207f_ffff, network_target, min_ntime: 1_000 }
    }

    const SUBMISSION: Submission = Submission { version: VERSION, ntime: 1_000, nonce: 7 };

    fn judged(
        job: &JobWork,
        network: Target,
        submission: &Submission,
        target: Target,
    ) -> Result<Judged, ShareFault> {
        let root = job.merkle_root(&[&[0; 16]]);
        judge(job, &tip(network), &root, submission, &target, NTIME_MAX, BIP323_MASK)
    }

    #[test]
    fn time_is_accepted_from_the_minimum_to_the_maximum() {
        for (ntime, fault) in [
            (999, Some(ShareFault::NtimeTooOld)),
            (0, Some(ShareFault::NtimeTooOld)),
            (1_000, None),
            (NTIME_MAX, None),
            (NTIME_MAX + 1, Some(ShareFault::NtimeTooNew)),
            (u32::MAX, Some(ShareFault::NtimeTooNew)),
        ] {
            let submission = Submission { ntime, ..SUBMISSION };
            assert_eq!(judged(&job(true), Target::ZERO, &submission, Target::MAX).err(), fault, "{ntime}");
        }
    }

    #[test]
    fn each_version_bit_is_the_miners_or_not_as_bip323_says() {
        for bit in 0..32 {
            let submission = Submission { version: VERSION ^ 1 << bit, ..SUBMISSION };
            let fault = judged(&job(true), Target::ZERO, &submission, Target::MAX).err();
            let rollable = (5..=28).contains(&bit);
            assert_eq!(fault, (!rollable).then_some(ShareFault::VersionBits), "bit {bit}");

            let fixed = judged(&job(false), Target::ZERO, &submission, Target::MAX).err();
            assert_eq!(fixed, Some(ShareFault::VersionRolled), "bit {bit}");
        }
        assert!(judged(&job(false), Target::ZERO, &SUBMISSION, Target::MAX).is_ok());
    }

    #[test]
    fn a_mask_can_take_bits_away_but_not_add_any() {
        let (job, tip) = (job(true), tip(Target::ZERO));
        let judge_with = |version, mask| {
            let submission = Submission { version, ..SUBMISSION };
            judge(&job, &tip, &Hash256::default(), &submission, &Target::MAX, NTIME_MAX, mask)
        };
        assert_eq!(judge_with(VERSION ^ 1 << 5, 0x1fff_e000), Err(ShareFault::VersionBits));
        assert!(judge_with(VERSION ^ 1 << 13, 0x1fff_e000).is_ok());
        assert_eq!(judge_with(VERSION ^ 1 << 30, u32::MAX), Err(ShareFault::VersionBits));
    }

    #[test]
    fn share_below_target_is_refused() {
        let hash = judged(&job(true), Target::ZERO, &SUBMISSION, Target::MAX).unwrap().hash;
        let exactly = Target::from_le_bytes(hash.0);
        let mut bytes = hash.0;
        bytes[0] = bytes[0].checked_sub(1).unwrap(); // the hash does not end in a zero byte
        let just_missed = Target::from_le_bytes(bytes);
        assert!(judged(&job(true), Target::ZERO, &SUBMISSION, exactly).is_ok());
        let refused = judged(&job(true), Target::ZERO, &SUBMISSION, just_missed);
        assert_eq!(refused, Err(ShareFault::DifficultyTooLow));
    }

    #[test]
    fn a_block_is_a_block_whatever_the_channels_target() {
        let block = judged(&job(true), Target::MAX, &SUBMISSION, Target::ZERO).unwrap();
        assert!(block.is_block && !block.is_share);
        let both = judged(&job(true), Target::MAX, &SUBMISSION, Target::MAX).unwrap();
        assert!(both.is_block && both.is_share);
        let share = judged(&job(true), Target::ZERO, &SUBMISSION, Target::MAX).unwrap();
        assert!(!share.is_block && share.is_share);
    }

    #[test]
    fn a_block_with_a_fault_in_its_header_is_no_block() {
        let too_new = Submission { ntime: NTIME_MAX + 1, ..SUBMISSION };
        assert_eq!(judged(&job(true), Target::MAX, &too_new, Target::MAX), Err(ShareFault::NtimeTooNew));
    }

    #[test]
    fn an_extranonce_of_another_size_is_refused() {
        for size in [0, 11, 13, 32] {
            let rolled = vec![0; size];
            let refused = judge_extended(
                &job(true),
                &tip(Target::ZERO),
                &[&[0; 4], &rolled],
                &SUBMISSION,
                &Target::MAX,
                NTIME_MAX,
                BIP323_MASK,
            );
            assert_eq!(refused, Err(ShareFault::BadExtranonceSize), "{size}");
        }
    }

    #[test]
    fn every_fault_has_one_of_the_codes_that_sv2_knows() {
        use mining_sv2::*;
        let known = [
            ERROR_CODE_SUBMIT_SHARES_INVALID_CHANNEL_ID,
            ERROR_CODE_SUBMIT_SHARES_INVALID_SHARE,
            ERROR_CODE_SUBMIT_SHARES_STALE_SHARE,
            ERROR_CODE_SUBMIT_SHARES_INVALID_JOB_ID,
            ERROR_CODE_SUBMIT_SHARES_DIFFICULTY_TOO_LOW,
            ERROR_CODE_SUBMIT_SHARES_DUPLICATE_SHARE,
            ERROR_CODE_SUBMIT_SHARES_BAD_EXTRANONCE_SIZE,
            ERROR_CODE_VERSION_ROLLING_NOT_ALLOWED,
            ERROR_CODE_SUBMIT_SHARES_INVALID_NON_ROLLABLE_VERSION_BIT,
        ];
        let used = ShareFault::ALL.map(ShareFault::error_code);
        assert!(used.iter().all(|code| known.contains(code)), "{used:?}");
        assert!(known.iter().all(|code| used.contains(code)), "{used:?}");
    }

    proptest! {
        #[test]
        fn an_extended_share_is_judged_as_a_standard_one_with_its_merkle_root(
            extranonce: [u8; 16],
            version: u32,
            ntime in 900u32..2_100,
            nonce: u32,
            target: [u8; 32],
            network: [u8; 32],
        ) {
            let (job, tip) = (job(true), tip(Target::from_le_bytes(network)));
            // Half of all versions differ only in bits that may be rolled.
            let version = if nonce % 2 == 0 { VERSION ^ version & BIP323_MASK } else { version };
            let submission = Submission { version, ntime, nonce };
            let target = Target::from_le_bytes(target);
            let root = job.merkle_root(&[&extranonce]);
            prop_assert_eq!(
                judge_extended(&job, &tip, &[&extranonce[..4], &extranonce[4..]], &submission, &target, NTIME_MAX, BIP323_MASK),
                judge(&job, &tip, &root, &submission, &target, NTIME_MAX, BIP323_MASK)
            );
        }
    }
}
