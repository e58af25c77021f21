//! Why a share is refused, in words for whoever reads a miner's log.

use crate::sv1::ErrorCode;
use work::ShareFault;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The pool's judgement.
    Fault(ShareFault),
    /// `mining.subscribe` is missing.
    NotSubscribed,
    /// `mining.authorize` is missing.
    NotAuthorized,
    /// It cannot be read.
    Unreadable(&'static str),
    /// More shares a second than any difficulty of ours should bring.
    TooMany,
    /// The pool is not there.
    PoolAway,
    /// The pool went away before it said anything about the share.
    PoolLost,
    /// The pool said nothing about the share in time.
    NoVerdict,
    /// What another pool says, in its own words.
    Pool(String),
}

impl Refusal {
    /// From the error code of SV2's `SubmitShares.Error`.
    pub fn of_sv2(code: &str) -> Refusal {
        let known = [
            ShareFault::Stale,
            ShareFault::InvalidJobId,
            ShareFault::DifficultyTooLow,
            ShareFault::Duplicate,
            ShareFault::BadExtranonceSize,
            ShareFault::VersionRolled,
            ShareFault::VersionBits,
        ];
        let fault = known.into_iter().find(|fault| fault.error_code() == code);
        fault.map_or_else(|| Refusal::Pool(printable(code)), Refusal::Fault)
    }

    /// SV1's number for it.
    pub fn code(&self) -> ErrorCode {
        match self {
            Refusal::Fault(ShareFault::Stale | ShareFault::InvalidJobId) => ErrorCode::JobNotFound,
            Refusal::Fault(ShareFault::Duplicate) => ErrorCode::Duplicate,
            Refusal::Fault(ShareFault::DifficultyTooLow) => ErrorCode::LowDifficulty,
            Refusal::NotAuthorized => ErrorCode::Unauthorized,
            Refusal::NotSubscribed => ErrorCode::NotSubscribed,
            _ => ErrorCode::Other,
        }
    }

    /// The words.
    pub fn words(&self) -> &str {
        match self {
            Refusal::Fault(fault) => words(*fault),
            Refusal::NotSubscribed => "send mining.subscribe first",
            Refusal::NotAuthorized => "send mining.authorize first",
            Refusal::Unreadable(words) => words,
            Refusal::TooMany => "too many shares a second: the difficulty is being raised",
            Refusal::PoolAway => "the pool cannot be reached at present",
            Refusal::PoolLost => "the connection to the pool was lost before it answered",
            Refusal::NoVerdict => "the pool did not answer in time",
            Refusal::Pool(words) => words,
        }
    }
}

fn words(fault: ShareFault) -> &'static str {
    match fault {
        ShareFault::Stale => "stale: a block has been found, or the job is too old",
        ShareFault::InvalidJobId => "no such job: it is too old, or from another connection",
        ShareFault::DifficultyTooLow => "below the difficulty of its job",
        ShareFault::Duplicate => "this share was sent before",
        ShareFault::BadExtranonceSize => "extranonce2 is not of the size that mining.subscribe told",
        ShareFault::NtimeTooOld => "ntime is before that of the job",
        ShareFault::NtimeTooNew => "ntime is too far in the future: check the miner's clock",
        ShareFault::VersionBits => "version bits outside the mask that mining.configure told",
        ShareFault::VersionRolled => "version bits without version rolling in mining.configure",
        ShareFault::InvalidChannelId => "the pool knows this miner no longer",
        ShareFault::BadExtension => "the share cannot be read",
    }
}

/// What may stand in a line and on a page: a foreign pool's words are not trusted.
fn printable(words: &str) -> String {
    const LONGEST: usize = 120;
    let words: String = words.chars().filter(|letter| !letter.is_control()).take(LONGEST).collect();
    if words.is_empty() { "the pool refused the share".to_owned() } else { words }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_words_of_its_own() {
        let mut all: Vec<&str> = ShareFault::ALL.iter().map(|fault| words(*fault)).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), ShareFault::ALL.len());
    }

    #[test]
    fn sv2_codes_are_understood_and_foreign_ones_passed_on() {
        assert_eq!(Refusal::of_sv2("stale-share"), Refusal::Fault(ShareFault::Stale));
        assert_eq!(Refusal::of_sv2("difficulty-too-low").code(), ErrorCode::LowDifficulty);
        assert_eq!(Refusal::of_sv2("no\nluck").words(), "noluck");
        assert_eq!(Refusal::of_sv2("").words(), "the pool refused the share");
    }
}
