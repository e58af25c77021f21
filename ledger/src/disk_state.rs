//! Whether the disk keeps up, for whoever looks.

use crate::store::Trouble;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the writer is up to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskState {
    /// Shares are written as they come.
    Working,
    /// Nothing can be written at present; it is tried again. Nothing is acknowledged
    /// meanwhile, and nothing that was is lost.
    Stalled(Trouble),
    /// The ledger contradicts itself or cannot be written by any means: the writer has ended.
    Failed,
}

/// How far the ledger is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Sequence number of the last share on disk.
    pub last_share: u64,
    /// Number of the last slice that has ended.
    pub last_slice: u64,
    /// Number of the book's last entry.
    pub last_entry: u64,
}

/// Counters of the writer. Only it writes them.
#[derive(Debug)]
pub struct WriterStats {
    started: Instant,
    commits: AtomicU64,
    shares: AtomicU64,
    /// Microseconds since `started`.
    committing_since: AtomicU64,
    committing: AtomicBool,
    slowest: AtomicU64,
    total: AtomicU64,
}

impl WriterStats {
    pub(crate) fn new(now: Instant) -> WriterStats {
        WriterStats {
            started: now,
            commits: AtomicU64::new(0),
            shares: AtomicU64::new(0),
            committing_since: AtomicU64::new(0),
            committing: AtomicBool::new(false),
            slowest: AtomicU64::new(0),
            total: AtomicU64::new(0),
        }
    }

    /// Commits since the start.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Shares written since the start.
    pub fn shares(&self) -> u64 {
        self.shares.load(Ordering::Relaxed)
    }

    /// The longest that a commit took.
    pub fn slowest_commit(&self) -> Duration {
        Duration::from_micros(self.slowest.load(Ordering::Relaxed))
    }

    /// The time that all commits took together.
    pub fn total_commit(&self) -> Duration {
        Duration::from_micros(self.total.load(Ordering::Relaxed))
    }

    /// How long the present commit has taken by `now`; none between commits. A disk that hangs
    /// shows here, as the writer hangs with it.
    pub fn committing_for(&self, now: Instant) -> Option<Duration> {
        let since = Duration::from_micros(self.committing_since.load(Ordering::Relaxed));
        let present = now.saturating_duration_since(self.started).saturating_sub(since);
        self.committing.load(Ordering::Relaxed).then_some(present)
    }

    pub(crate) fn begin(&self, now: Instant) {
        self.committing_since.store(micros(now.saturating_duration_since(self.started)), Ordering::Relaxed);
        self.committing.store(true, Ordering::Relaxed);
    }

    /// Ends what [`begin`](Self::begin) began; returns how long it took.
    pub(crate) fn end(&self, now: Instant, shares: u64) -> Duration {
        let took = self.committing_for(now).unwrap_or_default();
        self.committing.store(false, Ordering::Relaxed);
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.shares.fetch_add(shares, Ordering::Relaxed);
        self.total.fetch_add(micros(took), Ordering::Relaxed);
        self.slowest.fetch_max(micros(took), Ordering::Relaxed);
        took
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
