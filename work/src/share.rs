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
}

impl ShareFault {
    /// Every fault, for counters.
    pub const ALL: [ShareFault; 10] = [
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
    ];

    /// The `error_code` of SV2's `SubmitShares.Error`.
    pub fn error_code(self) -> &'static str {
        match self {
            ShareFault::InvalidChannelId => "invalid-channel-id",
            ShareFault::InvalidJobId => "invalid-job-id",
            ShareFault::Stale => "stale-share",
            ShareFault::BadExtranonceSize => "bad-extranonce-size",
            ShareFault::NtimeTooOld | ShareFault::NtimeTooNew => "invalid-share",
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
