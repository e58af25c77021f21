//! Blocks that the pool found, and how lucky they were.

use crate::described;
use crate::history::round::Found;
use serde::Serialize;
use std::sync::Arc;

described! {
    /// A block that the pool found.
    #[derive(Clone, Debug, Serialize)]
    pub struct BlockView {
        /// Its place among the pool's blocks, from 1.
        pub number: u64,
        /// Its height.
        pub height: u32,
        /// Its hash, display order.
        pub hash: String,
        /// When it was found, seconds since the Unix epoch.
        pub time: u64,
        /// Who found it.
        pub member: Arc<str>,
        /// On which worker.
        pub worker: Arc<str>,
        /// What its coinbase pays in all, in satoshi.
        pub value: u64,
        /// `candidate`, `submitted`, `in-chain`, `settled` or `orphaned`.
        pub state: String,
        /// Difficulty of the network then.
        pub network_difficulty: f64,
        /// Shares of its round; none where it ended none.
        pub round_shares: Option<u64>,
        /// Work of its round against what a block takes on average: 1 is average, less is lucky.
        pub effort: Option<f64>,
    }
}

impl BlockView {
    pub(super) fn new(found: &Found) -> BlockView {
        let block = &found.recorded.block;
        let effort = found.round_work.filter(|_| found.network_difficulty > 0.0);
        BlockView {
            number: found.recorded.number,
            height: block.height,
            hash: block.hash.to_string(),
            time: block.found.into(),
            member: block.member.clone(),
            worker: block.worker.clone(),
            value: block.value,
            state: found.recorded.state.name().to_owned(),
            network_difficulty: found.network_difficulty,
            round_shares: found.round_work.map(|_| found.round_shares),
            effort: effort.map(|work| work / found.network_difficulty),
        }
    }

    /// Whether it is in the chain.
    pub fn counts(&self) -> bool {
        matches!(self.state.as_str(), "in-chain" | "settled")
    }
}

/// Work per block that counts against the average; none without one.
pub(super) fn luck(blocks: &[BlockView]) -> Option<f64> {
    let efforts: Vec<f64> =
        blocks.iter().filter(|block| block.counts()).filter_map(|block| block.effort).collect();
    let count = efforts.len() as f64;
    (count > 0.0).then(|| efforts.iter().sum::<f64>() / count)
}
