//! The slice that is being filled.

use crate::head::{CloseReason, Head, LedgerId, members_root};
use crate::member::MemberId;
use crate::merkle::Frontier;
use crate::share_work::{MemberWork, WorkSum};
use crate::tagged_hash::Commitment;
use std::collections::BTreeMap;
use std::sync::Arc;
use work::Hash256;

/// When a slice ends, besides at a new prev-hash and at a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SliceRules {
    /// After this many seconds.
    pub seconds: u32,
    /// Before a share whose template has this many sat more in fees than that of the slice's
    /// first share.
    pub fee_jump: u64,
    /// After this many shares. Bounds what must be read again at a start, and for a proof.
    pub shares: u64,
    /// At these times, seconds since the Unix epoch; 0 for none. An event's start and end, so that
    /// what was worked in it is whole slices.
    pub edges: [u32; 2],
}

/// What of a share's job decides about slices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Number of the prev-hash among all that this ledger has seen.
    pub(crate) tip: u64,
    /// Fees of the template in sat.
    pub(crate) fees: u64,
}

/// A slice that is being filled.
#[derive(Clone, Debug)]
pub(crate) struct OpenSlice {
    number: u64,
    first_share: u64,
    opened: u32,
    tip: u64,
    prev_hash: Hash256,
    fee_limit: u64,
    sum: WorkSum,
    members: BTreeMap<MemberId, (Arc<str>, WorkSum)>,
    tree: Frontier,
}

/// What a head says besides the slice itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings {
    pub(crate) ledger: LedgerId,
    pub(crate) previous: Commitment,
    pub(crate) book: Commitment,
    pub(crate) now: u32,
}

impl Default for SliceRules {
    fn default() -> SliceRules {
        SliceRules { seconds: 600, fee_jump: 1_000_000, shares: 1 << 18, edges: [0, 0] }
    }
}

impl OpenSlice {
    /// Opens slice `number` for the share `first_share`, received at `opened` and mined at
    /// `place` on `prev_hash`.
    pub(crate) fn open(
        number: u64,
        first_share: u64,
        opened: u32,
        place: Place,
        prev_hash: Hash256,
        rules: &SliceRules,
    ) -> OpenSlice {
        OpenSlice {
            number,
            first_share,
            opened,
            tip: place.tip,
            prev_hash,
            fee_limit: place.fees.saturating_add(rules.fee_jump),
            sum: WorkSum::ZERO,
            members: BTreeMap::new(),
            tree: Frontier::new(),
        }
    }

    /// Why the slice is over before a share at `place`, if it is. A share on a prev-hash that
    /// is older than the slice's came late and belongs here.
    pub(crate) fn ends_before(&self, place: Place, rules: &SliceRules) -> Option<CloseReason> {
        if place.tip > self.tip {
            Some(CloseReason::NewPrevHash)
        } else if place.fees >= self.fee_limit {
            Some(CloseReason::FeeJump)
        } else if self.tree.leaves() >= rules.shares || self.sum.fee_work >> 126 != 0 {
            Some(CloseReason::Full)
        } else {
            None
        }
    }

    /// Whether its time is over at `now`, seconds since the Unix epoch.
    pub(crate) fn is_due(&self, now: u32, rules: &SliceRules) -> bool {
        let at_edge = rules.edges.iter().any(|edge| (self.opened.saturating_add(1)..=now).contains(edge));
        at_edge || now.saturating_sub(self.opened) >= rules.seconds
    }

    /// Takes a share's leaf. What it weighs is told by [`credit`](Self::credit), for many at a
    /// time.
    pub(crate) fn push(&mut self, leaf: Commitment) {
        self.tree.push(leaf);
    }

    /// Adds what a member's shares weigh.
    pub(crate) fn credit(&mut self, member: MemberId, identity: &Arc<str>, more: WorkSum) {
        let (_, sum) = self.members.entry(member).or_insert_with(|| (identity.clone(), WorkSum::ZERO));
        // No sum comes near its limit: see `ends_before` and `ShareContext::new`.
        *sum = sum.checked_add(more).unwrap_or(*sum);
        self.sum = self.sum.checked_add(more).unwrap_or(self.sum);
    }

    /// Its number.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// What each member did.
    pub(crate) fn members(&self) -> Vec<MemberWork> {
        self.members.iter().map(|(member, (_, sum))| MemberWork { member: *member, sum: *sum }).collect()
    }

    /// Its head, if it ends now.
    pub(crate) fn head(&self, reason: CloseReason, around: Surroundings) -> Head {
        Head {
            ledger: around.ledger,
            slice: self.number,
            previous: around.previous,
            opened: self.opened,
            closed: around.now.max(self.opened),
            reason,
            prev_hash: self.prev_hash,
            first_share: self.first_share,
            sum: self.sum,
            shares_root: self.tree.root(),
            members_root: members_root(self.members.values().map(|(identity, sum)| (&**identity, *sum))),
            book: around.book,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tagged_hash::Tag;

    const RULES: SliceRules = SliceRules { seconds: 600, fee_jump: 50, shares: 3, edges: [0, 0] };

    fn place(tip: u64, fees: u64) -> Place {
        Place { tip, fees }
    }

    fn slice() -> OpenSlice {
        OpenSlice::open(1, 1, 1_000, place(5, 100), Hash256([5; 32]), &RULES)
    }

    #[test]
    fn a_slice_ends_before_a_new_prev_hash_and_before_a_fee_jump() {
        let slice = slice();
        assert_eq!(slice.ends_before(place(5, 149), &RULES), None);
        assert_eq!(slice.ends_before(place(6, 100), &RULES), Some(CloseReason::NewPrevHash));
        assert_eq!(slice.ends_before(place(5, 150), &RULES), Some(CloseReason::FeeJump));
    }

    #[test]
    fn a_share_that_comes_late_on_an_older_prev_hash_stays_in_the_slice() {
        assert_eq!(slice().ends_before(place(4, 100), &RULES), None);
    }

    #[test]
    fn a_slice_ends_when_it_is_full_or_its_time_is_over() {
        let mut slice = slice();
        (0..3u8).for_each(|number| slice.push(Tag::Share.hash(&[number])));
        assert_eq!(slice.ends_before(place(5, 100), &RULES), Some(CloseReason::Full));
        assert!(!slice.is_due(1_599, &RULES) && slice.is_due(1_600, &RULES));
        // A clock that was set back ends nothing.
        assert!(!slice.is_due(0, &RULES));
    }

    #[test]
    fn a_slice_ends_at_the_start_and_the_end_of_an_event() {
        // It was opened at 1000.
        for (edges, at, ends) in [
            ([1_005, 2_000], 1_004, false),
            ([1_005, 2_000], 1_005, true),
            ([900, 1_007], 1_006, false),
            ([900, 1_007], 1_009, true),
            // It was opened within the event, or behind it.
            ([1_000, 2_000], 1_001, false),
            ([0, 0], 1_001, false),
        ] {
            let rules = SliceRules { edges, ..RULES };
            assert_eq!(slice().is_due(at, &rules), ends, "{edges:?} at {at}");
        }
    }
}
