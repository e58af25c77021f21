//! What a miner tells of its work.

use crate::check::CheckStatus;
use p2p::iroh::Way;
use std::time::Duration;
use work::{Hash256, Target};

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum MinerEvent {
    /// A channel is open.
    Connected {
        /// Its id.
        channel_id: u32,
        /// Its first target.
        target: Target,
    },
    /// After an outage the channel goes on.
    Resumed {
        /// Its id.
        channel_id: u32,
        /// Shares that the pool had judged, though its word was lost.
        judged: u64,
        /// Shares that were sent, or sent again, as it had not.
        sent: u64,
    },
    /// It hashes on this job now.
    Job {
        /// Its id.
        job_id: u32,
        /// What it builds on.
        prev_hash: Hash256,
    },
    /// The pool asks for shares of another difficulty.
    NewTarget(Target),
    /// The pool accepted shares.
    Accepted {
        /// How many.
        shares: u64,
        /// How many of them are blocks.
        blocks: u64,
    },
    /// The pool refused a share.
    Rejected {
        /// Its SV2 error code.
        code: String,
        /// It was a block.
        block: bool,
    },
    /// Shares that nobody will judge, or whose judgement will not be known.
    Lost {
        /// How many.
        shares: u64,
        /// Why.
        reason: String,
    },
    /// The pool's node was found in this way.
    Found(Way),
    /// Packets go this way now: `tcp`, `iroh-lan`, `iroh-direct` or `iroh-relayed`.
    Path(&'static str),
    /// The connection ended; it is tried again.
    Disconnected {
        /// Why.
        reason: String,
        /// After how long.
        retry_in: Duration,
    },
    /// How the check of the pool's ledger stands: when that has changed, and at the end.
    Checked(CheckStatus),
    /// The last word: all shares are accounted for by these and the events before.
    Ended {
        /// Shares found in all.
        found: u64,
        /// Those that the pool had not answered.
        unanswered: u64,
    },
}
