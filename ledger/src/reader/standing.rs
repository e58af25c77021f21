//! What a job that is made now pays by: the window and the balances, from the stored sums.

use super::Reader;
use crate::SignedHead;
use crate::member::MemberId;
use crate::payout::{Basis, Rules, Standing};
use crate::share_work::Work;
use crate::store::StoreError;
use crate::tagged_hash::Commitment;
use crate::window::{Fullness, Moment, SliceWork, Window};
use std::sync::Arc;
use work::{Hash256, Target};

/// The state of a ledger that payouts are computed from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// The last closed slice; 0 before the first.
    pub slice: u64,
    /// The book's last entry; zeros before the first.
    pub book: Commitment,
    /// Work in the window, and balances.
    pub standing: Standing,
    /// How full the window is.
    pub fullness: Fullness,
    /// The newest blocks that count and are booked, so that this has what they paid; newest first.
    pub paid_by: Vec<Hash256>,
}

/// What is in a window, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowView {
    /// The rule.
    pub window: Window,
    /// How full it is.
    pub fullness: Fullness,
    /// The work in it.
    pub work: Work,
    /// Members who have work in it.
    pub members: u64,
    /// The oldest slice in it; none while it is empty.
    pub first_slice: Option<u64>,
    /// When that was opened, seconds since the Unix epoch.
    pub since: Option<u32>,
    /// The newest closed slice; 0 before the first.
    pub last_slice: u64,
}

impl Reader {
    /// What a job pays by that is made now by `rules`, on a template with this `nbits`. From
    /// sums alone: no share is read.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn present(&self, rules: &Rules, nbits: u32) -> Result<Present, StoreError> {
        loop {
            let head = self.last_head()?;
            let (_, book) = self.last_entry()?;
            let present = self.present_at(head.as_ref(), book, rules, nbits)?;
            // The writer may have gone on while this was read. It does so rarely.
            let slice = |head: Option<&SignedHead>| head.map_or(0, |head| head.head.slice);
            let unchanged = slice(self.last_head()?.as_ref()) == slice(head.as_ref());
            if unchanged && self.last_entry()?.1 == book {
                return Ok(present);
            }
        }
    }

    fn present_at(
        &self,
        head: Option<&SignedHead>,
        book: Commitment,
        rules: &Rules,
        nbits: u32,
    ) -> Result<Present, StoreError> {
        let slice = head.map_or(0, |head| head.head.slice);
        let moment = self.moment(head, nbits)?;
        let slices = self.slices_for(rules.window, &moment, slice)?;
        let window = rules.window.work(slices.iter(), &moment);
        let mut work = Vec::with_capacity(window.members.len());
        for (member, sum) in window.members {
            work.push((self.known_member(member)?.identity, sum));
        }
        let mut balances: Vec<(Arc<str>, i64)> = Vec::new();
        for balance in self.balances()? {
            balances.push((self.known_member(balance.member)?.identity, balance.credit));
        }
        let (standing, paid_by) = (Standing { work, balances }, self.newest_paid()?);
        Ok(Present { slice, book, standing, fullness: window.fullness, paid_by })
    }

    /// The newest blocks that count and are booked.
    fn newest_paid(&self) -> Result<Vec<Hash256>, StoreError> {
        const NEWEST: usize = 16;
        let mut paid = Vec::new();
        for recorded in self.blocks()?.iter().rev().take(NEWEST).filter(|block| block.state.counts()) {
            if !self.bookings(recorded.number)?.is_empty() {
                paid.push(recorded.block.hash);
            }
        }
        Ok(paid)
    }

    /// What is in a window now, on a chain with this `nbits`: closed slices, as jobs pay by
    /// them. Blocks that the ledger's rules did not pay end rounds here too.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn window(&self, window: Window, nbits: u32) -> Result<WindowView, StoreError> {
        let head = self.last_head()?;
        let slice = head.as_ref().map_or(0, |head| head.head.slice);
        let mut moment = self.moment(head.as_ref(), nbits)?;
        moment.since_block = moment.since_block.max(self.last_round_without_rule()? + 1);
        let slices = self.slices_for(window, &moment, slice)?;
        let held = window.work(slices.iter(), &moment);
        let first_slice = match window {
            Window::SinceLastBlock => (moment.since_block <= slice).then_some(moment.since_block),
            _ => held.first_slice,
        };
        let first = first_slice.map(|number| self.head(number)).transpose()?.flatten();
        Ok(WindowView {
            window,
            fullness: held.fullness,
            work: held.total,
            members: held.members.len() as u64,
            first_slice,
            since: first.map(|head| head.head.opened),
            last_slice: slice,
        })
    }

    fn moment(&self, head: Option<&SignedHead>, nbits: u32) -> Result<Moment, StoreError> {
        Ok(Moment {
            time: head.map_or(0, |head| head.head.closed.into()),
            network: Work::of_target(Target::from_compact(nbits)),
            since_block: self.first_unpaid_slice()?,
        })
    }

    /// The slice that ended with the last block that counts and was paid by no rule; else 0.
    fn last_round_without_rule(&self) -> Result<u64, StoreError> {
        for recorded in self.blocks()?.iter().rev().filter(|recorded| recorded.state.counts()) {
            if self.job(&recorded.block.job)?.is_none_or(|job| job.basis.is_empty()) {
                return Ok(recorded.slice);
            }
        }
        Ok(0)
    }

    /// The first slice that no block has paid that counts.
    fn first_unpaid_slice(&self) -> Result<u64, StoreError> {
        let mut paid = 0;
        for recorded in self.blocks()?.iter().rev() {
            // A job pays by slices before the one that its own shares are in.
            if recorded.slice <= paid {
                break;
            }
            if recorded.state.counts()
                && let Some(job) = self.job(&recorded.block.job)?
                && let Ok(basis) = Basis::from_bytes(&job.basis)
            {
                paid = paid.max(basis.slice);
            }
        }
        Ok(paid.saturating_add(1))
    }

    /// The slices up to `last` that may be in the window, and perhaps some before.
    fn slices_for(&self, window: Window, moment: &Moment, last: u64) -> Result<Vec<SliceWork>, StoreError> {
        if window == Window::SinceLastBlock {
            // All of them count in full: one sum is as good as each slice's.
            let members = self.slices_work(moment.since_block, last)?;
            let members = members.into_iter().map(|part| (part.member, part.sum.work)).collect();
            return Ok(vec![SliceWork { sequence: last, opened: moment.time, members }]);
        }
        const AT_A_TIME: u64 = 256;
        let mut newest_first: Vec<SliceWork> = Vec::new();
        let mut end = last;
        while end > 0 && !window.is_covered(newest_first.iter(), moment) {
            let start = end.saturating_sub(AT_A_TIME - 1).max(1);
            let heads = self.heads(start, usize::try_from(end - start + 1).unwrap_or(usize::MAX))?;
            for head in heads.iter().rev() {
                let sequence = head.head.slice;
                let members: Vec<(MemberId, Work)> = self
                    .slices_work(sequence, sequence)?
                    .into_iter()
                    .map(|part| (part.member, part.sum.work))
                    .collect();
                newest_first.push(SliceWork { sequence, opened: head.head.opened.into(), members });
            }
            end = start - 1;
        }
        newest_first.reverse();
        Ok(newest_first)
    }
}
