//! Members and their workers, by the short numbers that one ledger gives them.
//!
//! A number means nothing outside its ledger: what is hashed and signed names members by
//! their identity.

use std::sync::Arc;

/// A member in one ledger. Numbered from 1 in the order of their first shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberId(pub u32);

/// A device of a member in one ledger. Numbered from 1 in the order of their first shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkerId(pub u32);

/// A payout identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its number in this ledger.
    pub id: MemberId,
    /// What it is called by everybody: an address, a name or a split identity. At most
    /// [`MAX_IDENTITY_BYTES`] of UTF-8.
    pub identity: Arc<str>,
}

/// A device of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// Its number in this ledger.
    pub id: WorkerId,
    /// Whose it is.
    pub member: MemberId,
    /// What its owner calls it; may be empty. At most [`MAX_IDENTITY_BYTES`] of UTF-8.
    pub name: Arc<str>,
}

/// The longest identity or worker name in bytes (SV2's `STR0_255`).
pub const MAX_IDENTITY_BYTES: usize = 255;
