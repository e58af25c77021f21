//! Whether shares are written down, for the status page.

use super::{LedgerCheck, Status};
use ledger::{DiskState, LedgerHandle};
use serde::Serialize;
use std::time::Instant;

/// The ledger.
#[derive(Clone, Debug, Serialize)]
pub struct LedgerSnapshot {
    /// `working`; `stalled` while the disk takes nothing and acknowledgements wait; `failed`.
    pub state: &'static str,
    /// What is wrong and what to do, in words.
    pub detail: Option<&'static str>,
    /// Sequence number of the last share on disk.
    pub last_share: u64,
    /// Number of the last slice that has ended.
    pub last_slice: u64,
    /// Shares written since the start.
    pub shares_written: u64,
    /// Commits since the start.
    pub commits: u64,
    /// Seconds that all commits took together.
    pub commit_seconds: f64,
    /// Seconds that the slowest commit took.
    pub slowest_commit_seconds: f64,
    /// Seconds that the present commit has taken: more than one means that the disk hangs.
    pub committing_seconds: f64,
    /// What came of the pool's last check of it; none before the first.
    pub check: Option<LedgerCheck>,
}

/// The ledger as of `now`.
pub(super) fn snapshot(ledger: &LedgerHandle, status: &Status, now: Instant) -> LedgerSnapshot {
    let (at, stats) = (*ledger.progress().borrow(), ledger.stats());
    let (state, detail) = match *ledger.state().borrow() {
        DiskState::Working => ("working", None),
        DiskState::Stalled(trouble) => ("stalled", Some(trouble.advice())),
        DiskState::Failed => ("failed", Some("the ledger cannot be written; see the log")),
    };
    LedgerSnapshot {
        state,
        detail,
        last_share: at.last_share,
        last_slice: at.last_slice,
        shares_written: stats.shares(),
        commits: stats.commits(),
        commit_seconds: stats.total_commit().as_secs_f64(),
        slowest_commit_seconds: stats.slowest_commit().as_secs_f64(),
        committing_seconds: stats.committing_for(now).unwrap_or_default().as_secs_f64(),
        check: status.ledger_check.newest(),
    }
}
