//! Everything that people and programs are shown, as one value.
//!
//! One task puts it together, at most once a second and less often where that takes long,
//! and publishes it: a page, an answer of the API and two hundred listeners all read the
//! same value, and none of them costs those who take shares anything.

pub mod blocks;
pub mod check;
pub mod coinbase;
pub mod leaderboard;
pub mod luck;
pub mod members;
pub mod next_block;
pub mod pool;
pub mod publisher;

pub use blocks::BlockView;
pub use check::CheckView;
pub use coinbase::{CoinbaseView, OutputView};
pub use leaderboard::{Entry, EventBoard, Leaderboard};
pub use luck::Odds;
pub use members::{MemberView, WorkerView};
pub use pool::{PoolView, RoundView};
pub use publisher::{Scene, start};

use crate::described;
use crate::history::Following;
use crate::status::StatusSnapshot;
use serde::Serialize;
use std::sync::Arc;

/// Everything at one moment.
#[derive(Clone, Debug)]
pub struct View {
    /// Which it is; they are counted.
    pub number: u64,
    /// When, seconds since the Unix epoch.
    pub time: u64,
    /// The pool at a glance.
    pub pool: PoolView,
    /// The template that is mined on.
    pub template: Option<TemplateView>,
    /// Members, those with most work in this round first.
    pub members: Vec<MemberView>,
    /// Blocks, newest first.
    pub blocks: Vec<BlockView>,
    /// Who is in front.
    pub leaderboard: Leaderboard,
    /// What the next block would pay.
    pub coinbases: Vec<CoinbaseView>,
    /// How far the ledger is and what signs it.
    pub check: CheckView,
    /// The newest shares.
    pub feed: Vec<ShareView>,
    /// Connections, counters and so on, as they are.
    pub status: StatusSnapshot,
    /// Where charts are drawn from.
    pub history: Following,
}

described! {
    /// The template that is mined on.
    #[derive(Clone, Debug, Serialize)]
    pub struct TemplateView {
        /// Height of the block to be found.
        pub height: u32,
        /// The block that it builds on, display order.
        pub prev_hash: String,
        /// Seconds since it came.
        pub age_seconds: f64,
        /// Fees in satoshi.
        pub fees: u64,
        /// Subsidy in satoshi.
        pub subsidy: u64,
        /// Transactions besides the coinbase.
        pub transactions: u64,
        /// Difficulty of the network.
        pub network_difficulty: f64,
        /// `connecting`, `syncing`, `serving` or `stopped`.
        pub source: String,
        /// What the source waits for, in words.
        pub detail: Option<String>,
    }
}

described! {
    /// Shares that have just come.
    #[derive(Clone, Debug, PartialEq, Serialize)]
    pub struct ShareView {
        /// When, seconds since the Unix epoch.
        pub time: u64,
        /// Whose.
        pub member: Arc<str>,
        /// On which worker.
        pub worker: Arc<str>,
        /// How many in that second.
        pub shares: u64,
        /// Difficulty at which each is credited.
        pub difficulty: f64,
    }
}

impl View {
    /// The member of this name.
    pub fn member(&self, name: &str) -> Option<&MemberView> {
        self.members.iter().find(|member| &*member.name == name)
    }
}
