//! A new tip on its way to all connections.
//!
//! Until it has reached them, what else there is to send waits: a miner without the new
//! tip wastes all its work, one without the newest fees or the job for the block after
//! loses next to nothing. With thousands of connections on few cores the one would
//! otherwise take the other's turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use tokio::sync::Notify;

/// Counts the connections that have not been sent the newest tip. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct TipWave(Arc<State>);

#[derive(Debug, Default)]
struct State {
    listeners: AtomicU32,
    /// The tip's number in the upper half, how many wait for it in the lower: one value,
    /// so that word of an older tip is never counted for a newer.
    tip_and_missing: AtomicU64,
    over: Notify,
}

/// A connection that passes tips on. Once dropped, it is not waited for.
#[derive(Debug)]
pub struct Listener {
    wave: TipWave,
    /// The newest tip that it reported.
    reported: u32,
}

impl TipWave {
    /// A connection begins.
    pub fn listen(&self) -> Listener {
        self.0.listeners.fetch_add(1, Ordering::AcqRel);
        Listener { wave: self.clone(), reported: self.newest() }
    }

    /// The tip `sequence` is about to be announced.
    pub(super) fn start(&self, sequence: u64) {
        let missing = self.0.listeners.load(Ordering::Acquire);
        // Only the next few tips need to be told apart.
        let tip = sequence & u64::from(u32::MAX);
        self.0.tip_and_missing.store((tip << 32) | u64::from(missing), Ordering::Release);
    }

    /// Whether all connections have been sent the newest tip.
    pub(super) fn is_over(&self) -> bool {
        split(self.0.tip_and_missing.load(Ordering::Acquire)).1 == 0
    }

    /// Waits for that. For one waiter, which needs a time limit: who does not read is
    /// never reached.
    pub(super) async fn over(&self) {
        while !self.is_over() {
            self.0.over.notified().await;
        }
    }

    fn newest(&self) -> u32 {
        split(self.0.tip_and_missing.load(Ordering::Acquire)).0
    }

    fn count_down(&self, tip: u32) {
        let less = |state: u64| {
            let (newest, missing) = split(state);
            (newest == tip && missing > 0).then(|| state - 1)
        };
        let counted = self.0.tip_and_missing.fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
        if counted.is_ok_and(|before| split(before).1 == 1) {
            self.0.over.notify_one();
        }
    }
}

impl Listener {
    /// The tip that is to be passed on now. Ask for it before looking at the jobs: a newer
    /// one that comes between is then reported when its own turn comes.
    pub fn newest(&self) -> u32 {
        self.wave.newest()
    }

    /// This connection has been sent all that there is to send of `tip`.
    pub fn reached(&mut self, tip: u32) {
        if self.reported != tip {
            self.reported = tip;
            self.wave.count_down(tip);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.wave.0.listeners.fetch_sub(1, Ordering::AcqRel);
        self.reached(self.newest());
    }
}

/// Tip and missing.
fn split(state: u64) -> (u32, u32) {
    ((state >> 32) as u32, state as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wave_is_over_when_it_has_reached_every_connection() {
        let wave = TipWave::default();
        let (mut first, mut second) = (wave.listen(), wave.listen());
        assert!(wave.is_over());
        wave.start(1);
        first.reached(first.newest());
        first.reached(first.newest());
        assert!(!wave.is_over(), "counted once only");
        second.reached(second.newest());
        wave.over().await;
    }

    #[tokio::test]
    async fn word_of_an_older_tip_does_not_count_for_a_newer_one() {
        let wave = TipWave::default();
        let mut listener = wave.listen();
        wave.start(1);
        let older = listener.newest();
        wave.start(2);
        listener.reached(older);
        assert!(!wave.is_over());
        listener.reached(listener.newest());
        wave.over().await;
    }

    #[tokio::test]
    async fn who_leaves_is_not_waited_for_and_who_joins_late_is_not_either() {
        let wave = TipWave::default();
        let early = wave.listen();
        wave.start(1);
        let mut late = wave.listen();
        late.reached(late.newest());
        assert!(!wave.is_over());
        drop(early);
        wave.over().await;
        wave.start(2);
        assert!(!wave.is_over());
        drop(late);
        wave.over().await;
    }

    #[test]
    fn nobody_is_waited_for_where_nobody_mines() {
        let wave = TipWave::default();
        wave.start(u64::MAX);
        assert!(wave.is_over());
    }
}
