//! A new tip on its way to all connections.
//!
//! Until it has reached them, what else there is to send waits: a miner without the new
//! tip wastes all its work, one without the newest fees or the job for the block after
//! loses next to nothing. With thousands of connections on few cores the one would
//! otherwise take the other's turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Notify;

/// Counts the groups of channels that have not been sent the newest tip. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct TipWave(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// The tip's sequence number in the upper half, how many wait for it in the lower:
    /// one value, so that word of an older tip is never counted for a newer.
    tip_and_missing: AtomicU64,
    over: Notify,
}

impl TipWave {
    /// The tip `sequence` is about to be announced to `groups`.
    pub(super) fn start(&self, sequence: u64, groups: usize) {
        let missing = u32::try_from(groups).unwrap_or(u32::MAX);
        self.0.tip_and_missing.store(pack(sequence, missing), Ordering::Release);
    }

    /// One group has been sent the tip `sequence`.
    pub fn reached(&self, sequence: u64) {
        let count_down = |state: u64| {
            let missing = missing(state);
            (missing > 0 && state == pack(sequence, missing)).then(|| state - 1)
        };
        let state = &self.0.tip_and_missing;
        if let Ok(before) = state.fetch_update(Ordering::AcqRel, Ordering::Acquire, count_down)
            && missing(before) == 1
        {
            self.0.over.notify_one();
        }
    }

    /// Whether all groups have been sent the newest tip.
    pub(super) fn is_over(&self) -> bool {
        missing(self.0.tip_and_missing.load(Ordering::Acquire)) == 0
    }

    /// Waits for that. For one waiter; a connection that closes or does not read never
    /// reports, so the waiter needs a time limit.
    pub(super) async fn over(&self) {
        while !self.is_over() {
            self.0.over.notified().await;
        }
    }
}

fn pack(sequence: u64, missing: u32) -> u64 {
    sequence << 32 | u64::from(missing)
}

fn missing(state: u64) -> u32 {
    state as u32 // the lower half
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wave_is_over_when_it_has_reached_every_group() {
        let wave = TipWave::default();
        assert!(wave.is_over());
        wave.start(1, 2);
        wave.reached(1);
        assert!(!wave.is_over());
        wave.reached(1);
        wave.over().await;
        // Who joined meanwhile was sent it too, and is one too many.
        wave.reached(1);
        assert!(wave.is_over());
    }

    #[tokio::test]
    async fn word_of_an_older_tip_does_not_count_for_a_newer_one() {
        let wave = TipWave::default();
        wave.start(1, 2);
        wave.reached(1);
        wave.start(2, 1);
        wave.reached(1);
        assert!(!wave.is_over());
        wave.reached(2);
        wave.over().await;
    }

    #[test]
    fn nobody_is_waited_for_where_nobody_mines() {
        let wave = TipWave::default();
        wave.start(u64::MAX, 0);
        assert!(wave.is_over());
    }
}
