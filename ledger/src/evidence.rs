//! A ledger as a stream: everything needed to verify it, in the order in which an
//! [`Auditor`](crate::audit::Auditor) takes it.
//!
//! ```text
//!  file ── Reader ── Source ──────────────────────────────────────── Auditor    here
//!  file ── Reader ── Source ── Feed ── messages ~~ wire ~~ Intake ── Auditor    elsewhere
//! ```
//!
//! Whoever reads may stop anywhere and go on from its [`Cursor`], over another connection and
//! however long after. A feed keeps nothing but hashes of what it has sent lately, an intake
//! the jobs that shares may still name; both are bounded. The bytes are specified in
//! `docs/audit.md`.

mod feed;
mod intake;
mod message;
mod pack;
mod recent;
mod source;

pub use feed::{Batch, Feed};
pub use intake::{Intake, IntakeError, Received};
pub use message::{Kind, Message};
pub use source::Source;
pub(crate) use source::{Step, Taker};

use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Where in a ledger a stream stands: what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Sequence number of the next share.
    pub share: u64,
    /// Number of the next slice.
    pub slice: u64,
    /// Number of the book's next entry.
    pub entry: u64,
}

/// A text that is no [`Cursor`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a place in the ledger is written share.slice.entry, such as 1041.7.3")]
pub struct NoCursor;

impl Cursor {
    /// The beginning.
    pub const START: Cursor = Cursor { share: 1, slice: 1, entry: 1 };
}

impl Default for Cursor {
    fn default() -> Cursor {
        Cursor::START
    }
}

/// As `FromStr` reads it: `share.slice.entry`.
impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.share, self.slice, self.entry)
    }
}

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Cursor, NoCursor> {
        let mut numbers =
            text.split('.').map(|number| number.parse::<u64>().ok().filter(|number| *number > 0));
        let mut next = || numbers.next().flatten().ok_or(NoCursor);
        let cursor = Cursor { share: next()?, slice: next()?, entry: next()? };
        if numbers.next().is_some() { Err(NoCursor) } else { Ok(cursor) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        let cursor = Cursor { share: 1041, slice: 7, entry: 3 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for wrong in ["", "1", "1.2", "1.2.3.4", "0.1.1", "1.-1.1", "a.b.c"] {
            assert_eq!(wrong.parse::<Cursor>(), Err(NoCursor), "{wrong}");
        }
    }
}
