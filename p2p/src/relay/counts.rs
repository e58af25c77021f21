//! What a relay did so far.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a relay did so far, for status and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelayCounts {
    /// Connections of nodes now.
    pub clients: u64,
    /// Connections now that have not proved who they are.
    pub waiting: u64,
    /// Put out of the waiting room because it was full.
    pub put_out: u64,
    /// Turned away because the relay is not for them, or full.
    pub denied: u64,
    /// TCP connections taken.
    pub accepted: u64,
    /// TCP connections closed at once because their address came too often.
    pub hurried: u64,
    /// TCP connections closed because nothing sensible came in time.
    pub late: u64,
    /// Bytes of packets that came.
    pub bytes_received: u64,
    /// Bytes of packets passed on.
    pub bytes_sent: u64,
    /// Connections that were slowed down at least once, because they sent too much.
    pub slowed_down: u64,
    /// How often somebody was told their address.
    pub told_address: u64,
    /// How often somebody was not, because there were too many, or they came too often.
    pub askers_refused: u64,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) accepted: Count,
    pub(super) hurried: Count,
    pub(super) late: Count,
    pub(super) told: Count,
    pub(super) askers_refused: Count,
}
