//! The pool at a glance.

use super::luck::{Odds, within};
use super::next_block::RulesView;
use crate::described;
use crate::history::{Best, Windows};
use serde::Serialize;
use std::sync::Arc;

described! {
    /// The pool at a glance.
    #[derive(Clone, Debug, Serialize)]
    pub struct PoolView {
        /// Punchbowl's version.
        pub version: String,
        /// The chain: mainnet, testnet4, signet or regtest.
        pub network: String,
        /// Seconds since the pool started.
        pub uptime_seconds: u64,
        /// Whether miners are given jobs.
        pub serving: bool,
        /// How blocks are paid: `fixed`, `solo` or `shared`.
        pub payout_mode: String,
        /// The rules that the ledger pays by; none where it does not.
        pub rules: Option<RulesView>,
        /// Hashrate over the usual windows, with its band.
        pub hashrate: Windows,
        /// Members with a connection or a share in the last ten minutes.
        pub members: u64,
        /// Workers with a connection or a share in the last ten minutes.
        pub workers: u64,
        /// Open connections.
        pub connections: u64,
        /// The round under way.
        pub round: RoundView,
        /// Chances of a block at the present pace.
        pub odds: Odds,
        /// Blocks found that count.
        pub blocks_found: u64,
        /// Work per block of these against the average, 1 being average and less being lucky;
        /// none before the first.
        pub luck: Option<f64>,
        /// Shares accepted since the start.
        pub shares_accepted: u64,
        /// Shares refused since the start.
        pub shares_rejected: u64,
        /// The best share ever.
        pub best: Option<PoolBest>,
    }
}

described! {
    /// The round under way: all work since the last block.
    #[derive(Clone, Debug, Default, Serialize)]
    pub struct RoundView {
        /// When its first share came, seconds since the Unix epoch.
        pub since: Option<u64>,
        /// Shares in it.
        pub shares: u64,
        /// Their work, as the sum of their difficulties.
        pub work: f64,
        /// Work against what a block takes on average: 1 is average.
        pub effort: f64,
        /// Part of all rounds that end before so much effort, 0 to 1.
        pub luckier: f64,
        /// Difficulty of the network.
        pub network_difficulty: f64,
        /// The best share in it.
        pub best: Option<PoolBest>,
    }
}

described! {
    /// A best share and whose it is.
    #[derive(Clone, Debug, PartialEq, Serialize)]
    pub struct PoolBest {
        /// Whose.
        pub member: Arc<str>,
        /// The share.
        #[serde(flatten)]
        pub best: Best,
    }
}

impl RoundView {
    /// A round of so much work on a network of this difficulty.
    pub fn new(since: Option<u64>, shares: u64, work: f64, network_difficulty: f64) -> RoundView {
        let effort = if network_difficulty > 0.0 { work / network_difficulty } else { 0.0 };
        RoundView { since, shares, work, effort, luckier: within(effort), network_difficulty, best: None }
    }
}
