//! Which work counts for a block: the window.
//!
//! A window is a run of slices. Slices are whole in it or out of it, decided by when they
//! were *opened*; the pool closes a slice at every edge that matters (a block found, an
//! event's start and end). The one exception is the far end of a window that is limited
//! in work, where the oldest slice is prorated exactly.
//!
//! The work of a slice is the sum of its shares for each member, so that a window is
//! computed from stored aggregates alone and a restart changes nothing. A job pays by
//! closed slices only; with the open slice as the last one the same function tells what a
//! block would pay now.

mod fullness;

pub use fullness::Fullness;

use crate::{MemberId, Work};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A rule that says which slices count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", deny_unknown_fields)]
pub enum Window {
    /// All that no block has paid yet: from the first slice that the pool's last block
    /// did not count. Work never expires.
    #[default]
    SinceLastBlock,
    /// The most recent work: so much of it or so much time, whichever is less.
    Recent {
        /// Work in thousandths of what a block takes on average (k x D).
        difficulties_milli: Option<u32>,
        /// Time before the last slice was closed, in seconds.
        seconds: Option<u64>,
    },
    /// What was worked during an event, however many blocks it found.
    Event {
        /// Seconds since the Unix epoch, included.
        from: u64,
        /// Seconds since the Unix epoch, not included.
        to: u64,
    },
}

/// One slice, as far as windows are concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SliceWork {
    /// Its place in the ledger; slices are numbered one by one.
    pub sequence: u64,
    /// When it was opened, in seconds since the Unix epoch.
    pub opened: u64,
    /// What each member worked in it.
    pub members: Vec<(MemberId, Work)>,
}

/// The moment that a window is looked at from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When the last slice was closed (for the open slice: now), in seconds since the
    /// Unix epoch.
    pub time: u64,
    /// Hashes that a block takes on average, by the `nBits` of the last slice's jobs.
    pub network: Work,
    /// The first slice that the pool's last block, orphaned ones apart, did not count.
    pub since_block: u64,
}

/// The work in a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowWork {
    /// What each member worked in it; nobody is in here with nothing.
    pub members: BTreeMap<MemberId, Work>,
    /// All of it.
    pub total: Work,
    /// The oldest slice that counts.
    pub first_slice: Option<u64>,
    /// Whether that slice counts in part only.
    pub prorated: bool,
    /// How full the window is.
    pub fullness: Fullness,
}

impl Window {
    /// Whether it can ever hold anything.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), &'static str> {
        match self {
            Window::SinceLastBlock => Ok(()),
            Window::Recent { difficulties_milli: None, seconds: None } => {
                Err("a recent window needs a limit in difficulties, in seconds or both")
            }
            Window::Recent { difficulties_milli: Some(0), .. } => Err("its limit is 0 difficulties"),
            Window::Recent { seconds: Some(0), .. } => Err("its limit is 0 seconds"),
            Window::Recent { .. } => Ok(()),
            Window::Event { from, to } if from >= to => Err("the event ends before it starts"),
            Window::Event { .. } => Ok(()),
        }
    }

    /// When slices must end so that it is made of whole ones, seconds since the Unix epoch; 0 for
    /// no such time.
    pub fn edges(&self) -> [u32; 2] {
        match self {
            Window::Event { from, to } => [from, to].map(|edge| u32::try_from(*edge).unwrap_or(0)),
            Window::SinceLastBlock | Window::Recent { .. } => [0, 0],
        }
    }

    /// What counts of `slices`, which are in the order of their sequence and reach back at
    /// least to [`oldest_needed`](Self::oldest_needed). Sums saturate, at 10^9 times
    /// Bitcoin's whole chain.
    pub fn work<'a>(
        &self,
        slices: impl DoubleEndedIterator<Item = &'a SliceWork>,
        moment: &Moment,
    ) -> WindowWork {
        let limit = self.work_limit(moment.network);
        let mut window = WindowWork {
            members: BTreeMap::new(),
            total: Work(0),
            first_slice: None,
            prorated: false,
            fullness: Fullness::default(),
        };
        for slice in slices.rev().filter(|slice| self.counts(slice, moment)) {
            let room = limit.map_or(u128::MAX, |limit| limit.0.saturating_sub(window.total.0));
            if room == 0 {
                break;
            }
            let in_slice = slice.members.iter().fold(0u128, |sum, (_, work)| sum.saturating_add(work.0));
            window.first_slice = Some(slice.sequence);
            window.prorated = in_slice > room;
            for (member, work) in &slice.members {
                let work = if window.prorated { prorate(work.0, room, in_slice) } else { work.0 };
                window.add(*member, work);
            }
            if window.prorated {
                break;
            }
        }
        window.fullness = Fullness::new(self, window.total, limit.unwrap_or(moment.network));
        window
    }

    /// The oldest time of opening and the oldest sequence that can count: for the query
    /// that fetches slices.
    pub fn oldest_needed(&self, moment: &Moment) -> (u64, u64) {
        match self {
            Window::SinceLastBlock => (0, moment.since_block),
            Window::Recent { seconds, .. } => (seconds.map_or(0, |s| moment.time.saturating_sub(s)), 0),
            Window::Event { from, .. } => (*from, 0),
        }
    }

    /// Whether `newest_first` slices hold all that can count: what is older makes no
    /// difference.
    pub fn is_covered<'a>(
        &self,
        newest_first: impl DoubleEndedIterator<Item = &'a SliceWork> + Clone,
        moment: &Moment,
    ) -> bool {
        let (oldest, first) = self.oldest_needed(moment);
        let last = newest_first.clone().next_back();
        let past_the_end = last.is_some_and(|slice| slice.opened < oldest || slice.sequence <= first.max(1));
        let full = self.work_limit(moment.network).is_some_and(|limit| {
            let works = newest_first.flat_map(|slice| slice.members.iter().map(|(_, work)| work.0));
            works.fold(0u128, |sum, work| sum.saturating_add(work)) >= limit.0
        });
        past_the_end || full
    }

    fn counts(&self, slice: &SliceWork, moment: &Moment) -> bool {
        let (oldest, first) = self.oldest_needed(moment);
        let over = matches!(self, Window::Event { to, .. } if slice.opened >= *to);
        slice.opened >= oldest && slice.sequence >= first && !over
    }

    /// The most work that counts; None for a window that is not limited in work.
    fn work_limit(&self, network: Work) -> Option<Work> {
        let Window::Recent { difficulties_milli: Some(milli), .. } = self else { return None };
        let (whole, rest) = (network.0 / 1000, network.0 % 1000);
        let milli = u128::from(*milli);
        Some(Work(whole.saturating_mul(milli).saturating_add(rest * milli / 1000).max(1)))
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Window::SinceLastBlock => f.write_str("all work since the last block"),
            Window::Recent { difficulties_milli, seconds } => {
                f.write_str("the most recent work, up to ")?;
                if let Some(milli) = difficulties_milli {
                    write!(f, "{}.{:03} times what a block takes", milli / 1000, milli % 1000)?;
                }
                if difficulties_milli.is_some() && seconds.is_some() {
                    f.write_str(" or ")?;
                }
                seconds.map_or(Ok(()), |seconds| write!(f, "{seconds} seconds back"))
            }
            Window::Event { from, to } => write!(f, "work from {from} to {to} (seconds since 1970)"),
        }
    }
}

impl WindowWork {
    fn add(&mut self, member: MemberId, work: u128) {
        if work > 0 {
            let sum = self.members.entry(member).or_default();
            sum.0 = sum.0.saturating_add(work);
            self.total.0 = self.total.0.saturating_add(work);
        }
    }
}

/// `work * room / whole`, rounded down, for `work <= whole` and `room < whole`.
fn prorate(work: u128, room: u128, whole: u128) -> u128 {
    if let Some(product) = work.checked_mul(room) {
        return product / whole;
    }
    // Long division, one bit of `room` at a time; a remainder below `whole` may still
    // overflow when it is doubled, which then is a subtraction of `whole` at once.
    let (mut quotient, mut remainder) = (0u128, 0u128);
    for bit in (0..u128::BITS).rev() {
        quotient <<= 1;
        quotient += add_modulo(&mut remainder, None, whole);
        if room >> bit & 1 == 1 {
            quotient += add_modulo(&mut remainder, Some(work), whole);
        }
    }
    quotient
}

/// Adds `other` (None: itself) to `remainder` modulo `whole`, both at most `whole`;
/// returns how often `whole` was taken away.
fn add_modulo(remainder: &mut u128, other: Option<u128>, whole: u128) -> u128 {
    let other = other.unwrap_or(*remainder);
    let gap = whole - *remainder;
    if other >= gap {
        *remainder = other - gap;
        return 1;
    }
    *remainder += other;
    0
}

#[cfg(test)]
mod tests;
