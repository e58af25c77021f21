//! What shares weigh: expected hashes, in whole numbers, so that sums are exact.

use crate::member::MemberId;
use std::fmt;
use work::Target;

/// Expected hashes: 2^256 / (target + 1), rounded down, for one share; sums of these for
/// many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Work(pub u128);

/// What a member did, or everybody did, in a stretch of the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkSum {
    /// Shares.
    pub shares: u64,
    /// Sum of the shares' work.
    pub work: Work,
    /// Sum of each share's work times the fees of its template in sat: what a
    /// fee-weighted payout divides by.
    pub fee_work: u128,
}

/// A member's part of a stretch of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberWork {
    /// Who.
    pub member: MemberId,
    /// How much.
    pub sum: WorkSum,
}

impl Work {
    /// Nothing done.
    pub const ZERO: Work = Work(0);

    /// Of one share that meets `target`. Some 256 steps: once a target, not once a share.
    pub fn of_target(target: Target) -> Work {
        Work(target.work_integer())
    }

    /// The sum; none when it does not fit, which no real work comes near (Bitcoin's whole
    /// chain was some 2^96 hashes in 2026).
    pub fn checked_add(self, other: Work) -> Option<Work> {
        self.0.checked_add(other.0).map(Work)
    }

    /// The difference; none when `other` is more.
    pub fn checked_sub(self, other: Work) -> Option<Work> {
        self.0.checked_sub(other.0).map(Work)
    }

    /// This work `count` times; none when it does not fit.
    pub fn checked_mul(self, count: u64) -> Option<Work> {
        self.0.checked_mul(u128::from(count)).map(Work)
    }

    /// Work times the fees of its template in sat; none when it does not fit.
    pub fn times_fees(self, fees: u64) -> Option<u128> {
        self.0.checked_mul(u128::from(fees))
    }
}

impl WorkSum {
    /// Nothing done.
    pub const ZERO: WorkSum = WorkSum { shares: 0, work: Work::ZERO, fee_work: 0 };

    /// `count` shares of `each`, on templates with `fees` sat; none when a sum does not fit.
    pub fn of_shares(count: u64, each: Work, fees: u64) -> Option<WorkSum> {
        let work = each.checked_mul(count)?;
        Some(WorkSum { shares: count, work, fee_work: work.times_fees(fees)? })
    }

    /// Both together; none when a sum does not fit.
    pub fn checked_add(self, other: WorkSum) -> Option<WorkSum> {
        Some(WorkSum {
            shares: self.shares.checked_add(other.shares)?,
            work: self.work.checked_add(other.work)?,
            fee_work: self.fee_work.checked_add(other.fee_work)?,
        })
    }

    /// All together; none when a sum does not fit.
    pub fn total(each: impl IntoIterator<Item = WorkSum>) -> Option<WorkSum> {
        each.into_iter().try_fold(WorkSum::ZERO, WorkSum::checked_add)
    }

    /// What is left without `other`; none when `other` is not a part of it.
    pub fn checked_sub(self, other: WorkSum) -> Option<WorkSum> {
        Some(WorkSum {
            shares: self.shares.checked_sub(other.shares)?,
            work: self.work.checked_sub(other.work)?,
            fee_work: self.fee_work.checked_sub(other.fee_work)?,
        })
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} hashes", self.0)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_share_weighs_the_hashes_that_its_target_takes() {
        assert_eq!(Work::of_target(Target::MAX), Work(1));
        assert_eq!(Work::of_target(Target::DIFFICULTY_1), Work(0x1_0001_0001));
    }

    #[test]
    fn sums_count_shares_work_and_work_times_fees() {
        let sum = WorkSum::of_shares(3, Work(10), 7).unwrap();
        assert_eq!(sum, WorkSum { shares: 3, work: Work(30), fee_work: 210 });
        let both = sum.checked_add(sum).unwrap();
        assert_eq!(both.checked_sub(sum), Some(sum));
        assert_eq!(sum.checked_sub(both), None);
    }

    #[test]
    fn what_does_not_fit_is_no_sum() {
        assert_eq!(WorkSum::of_shares(2, Work(u128::MAX), 0), None);
        assert_eq!(WorkSum::of_shares(1, Work(u128::MAX), 2), None);
    }
}
