//! An event, such as a meetup's evening: what was worked from its start to its end.

use super::round::difficulty;
use super::tally::Done;
use ledger::window::Window;
use ledger::{MemberWork, Reader, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// When it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Seconds since the Unix epoch, included.
    pub from: u64,
    /// Seconds since the Unix epoch, not included.
    pub to: u64,
}

/// What each member did in slices that have ended.
pub type Closed = HashMap<Arc<str>, Done>;

impl Event {
    /// The event of a payout window; none where it is another kind of window.
    pub fn of(window: Window) -> Option<Event> {
        match window {
            Window::Event { from, to } => Some(Event { from, to }),
            _ => None,
        }
    }

    /// Whether `time` is in it.
    pub fn holds(&self, time: u64) -> bool {
        (self.from..self.to).contains(&time)
    }

    /// What each member did in its slices that have ended: those that were opened in it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn closed(&self, reader: &Reader) -> Result<Closed, StoreError> {
        let first = slice_opened_from(reader, self.from)?;
        let last = slice_opened_from(reader, self.to)?.saturating_sub(1);
        by_name(reader, reader.slices_work(first, last)?)
    }

    /// The first share that may be in it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn first_share(&self, reader: &Reader) -> Result<u64, StoreError> {
        let before = reader.head(slice_opened_from(reader, self.from)?.saturating_sub(1))?;
        Ok(before.map_or(1, |head| head.head.first_share))
    }
}

/// What everybody did in slices that have ended, since the ledger began.
///
/// # Errors
/// [`StoreError`].
pub fn ever(reader: &Reader) -> Result<Closed, StoreError> {
    by_name(reader, reader.all_work()?)
}

fn by_name(reader: &Reader, work: Vec<MemberWork>) -> Result<Closed, StoreError> {
    let mut closed = Closed::new();
    for part in work {
        let Some(member) = reader.member(part.member)? else { continue };
        closed.insert(member.identity, Done { shares: part.sum.shares, work: difficulty(part.sum.work) });
    }
    Ok(closed)
}

/// The first slice that was opened at `time` or later; the one after the newest, if none was.
fn slice_opened_from(reader: &Reader, time: u64) -> Result<u64, StoreError> {
    super::follower::first_slice(reader, |head| u64::from(head.opened) >= time)
}
