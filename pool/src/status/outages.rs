//! What became of channels whose connection died.

use super::Counter;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of channels, but for [`taken_over`](Self::taken_over) and
/// [`unknown_tokens`](Self::unknown_tokens).
#[derive(Debug, Default)]
pub struct Outages {
    /// Left behind by a connection that died, to wait for their client.
    pub parked: Counter,
    /// Taken up again by their client.
    pub resumed: Counter,
    /// Given up, as their client did not come back in time.
    pub expired: Counter,
    /// Given up at once, as too many were waiting.
    pub no_room: Counter,
    /// Connections that were alive, for all that the pool knew, when their client came
    /// back.
    pub taken_over: Counter,
    /// Requests for channels that are not there.
    pub unknown_tokens: Counter,
    parked_now: AtomicU64,
}

impl Outages {
    /// Channels that wait now.
    pub fn parked_now(&self) -> u64 {
        self.parked_now.load(Ordering::Relaxed)
    }

    /// Publishes how many channels wait now.
    pub fn set_parked_now(&self, channels: usize) {
        self.parked_now.store(channels as u64, Ordering::Relaxed);
    }
}
