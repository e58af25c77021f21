//! Counters: a fixed set of them, so that what can be scraped is bounded.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `count`.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The number.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Rare events.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests for a channel that were refused.
    pub channels_refused: Counter,
    /// Messages that were ignored because nobody knows their type.
    pub unknown_messages: Counter,
    /// Blocks found and handed to the template source.
    pub blocks_submitted: Counter,
    /// Blocks that it took.
    pub blocks_accepted: Counter,
    /// Blocks that were good, but somebody else's was first.
    pub blocks_late: Counter,
    /// Blocks that it refused.
    pub blocks_refused: Counter,
    closed: [Counter; CloseReason::ALL.len()],
}

impl Counters {
    /// Counts a connection that closed otherwise than by the peer's leaving.
    pub fn closed(&self, reason: impl Into<CloseReason>) {
        let reason = reason.into();
        let counters = CloseReason::ALL.iter().zip(&self.closed);
        counters.filter(|(known, _)| **known == reason).for_each(|(_, counter)| counter.add(1));
    }

    /// Connections closed, by reason.
    pub fn closed_by_reason(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CloseReason::ALL.iter().zip(&self.closed).map(|(reason, counter)| (reason.name(), counter.get()))
    }
}

/// Why a connection closed, other than by the peer's leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// No Noise session came about.
    Handshake,
    /// The transport broke.
    Broken,
    /// It sent what is no valid message, or failed authentication.
    Malformed,
    /// It broke the protocol's order, or wants what cannot be served.
    Protocol,
    /// It missed a deadline.
    Timeout,
    /// It did not read what it was sent.
    SlowReader,
    /// It said nothing any more, though it had promised to.
    Silent,
    /// Shares could not be written down any more.
    Ledger,
    /// The pool is stopping.
    Stopping,
}

impl CloseReason {
    /// Every reason, for counters.
    pub const ALL: [CloseReason; 9] = [
        CloseReason::Handshake,
        CloseReason::Broken,
        CloseReason::Malformed,
        CloseReason::Protocol,
        CloseReason::Timeout,
        CloseReason::SlowReader,
        CloseReason::Silent,
        CloseReason::Ledger,
        CloseReason::Stopping,
    ];

    /// A name for labels.
    pub fn name(self) -> &'static str {
        match self {
            CloseReason::Handshake => "handshake",
            CloseReason::Broken => "broken",
            CloseReason::Malformed => "malformed",
            CloseReason::Protocol => "protocol",
            CloseReason::Timeout => "timeout",
            CloseReason::SlowReader => "slow-reader",
            CloseReason::Silent => "silent",
            CloseReason::Ledger => "ledger",
            CloseReason::Stopping => "stopping",
        }
    }
}

/// A number that one task alone adds to and others may read: no locked instruction,
/// which a share would have to wait for.
#[derive(Debug, Default)]
pub(super) struct OwnCount(AtomicU64);

impl OwnCount {
    pub(super) fn add(&self, count: u64) {
        self.0.store(self.get().wrapping_add(count), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// As [`OwnCount`], for sums of difficulties.
#[derive(Debug, Default)]
pub(super) struct OwnSum(AtomicU64);

impl OwnSum {
    pub(super) fn add(&self, difficulty: f64) {
        self.0.store((self.get() + difficulty).to_bits(), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_close_reason_has_a_counter_and_a_name_of_its_own() {
        let counters = Counters::default();
        CloseReason::ALL.into_iter().for_each(|reason| counters.closed(reason));
        let counted: std::collections::BTreeMap<_, _> = counters.closed_by_reason().collect();
        assert_eq!(counted.len(), CloseReason::ALL.len());
        assert!(counted.values().all(|count| *count == 1));
    }
}
