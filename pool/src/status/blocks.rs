//! The newest blocks that the pool found.

use ledger::BlockState;
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// The newest blocks. How many there were in all is in
/// [`Counters`](super::Counters).
#[derive(Debug, Default)]
pub struct Blocks(Mutex<VecDeque<BlockRecord>>);

/// A block that was found and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlockRecord {
    /// Its height.
    pub height: u32,
    /// Its hash in display order.
    pub hash: String,
    /// When it was found, seconds since the Unix epoch.
    pub found_at: u64,
    /// Who found it.
    pub member: String,
    /// On which device.
    pub worker: String,
    /// Addresses that it pays (scripts in hex where they have none), and satoshi.
    pub paid: Vec<(String, u64)>,
    /// Whether the template source took it.
    pub accepted: bool,
    /// How the source was told, or why it did not take the block.
    pub detail: String,
    /// What became of it: `candidate`, `submitted`, `in-chain`, `settled` or `orphaned`.
    pub state: &'static str,
    /// Blocks from it to the tip, itself included; none where that is not known (yet).
    pub confirmations: Option<u32>,
    /// What became of it, in plain words.
    pub status: String,
}

impl BlockRecord {
    /// Its state is `state`, under so many confirmations of the `wanted` that settle it.
    pub fn says(&mut self, state: BlockState, confirmations: Option<u32>, wanted: u32) {
        self.state = state.name();
        self.confirmations = confirmations;
        self.status = match (state, confirmations) {
            (BlockState::Candidate, _) => "found, and on its way to the node".to_owned(),
            (BlockState::Submitted, _) => "handed to the node".to_owned(),
            (BlockState::InChain, None) => "in the chain".to_owned(),
            (BlockState::InChain, Some(deep)) => format!("in the chain, {deep} of {wanted} confirmations"),
            (BlockState::Settled, None) => "settled".to_owned(),
            (BlockState::Settled, Some(deep)) => format!("settled, {deep} confirmations"),
            (BlockState::Orphaned, _) => {
                "not in the chain: it pays nobody, and its round goes on as if it had not been found"
                    .to_owned()
            }
        };
    }
}

impl Blocks {
    /// Blocks kept for display.
    pub const KEPT: usize = 100;

    /// Puts the blocks of earlier runs, oldest first, behind those of this one.
    pub fn restore(&self, earlier: Vec<BlockRecord>) {
        let mut newest = self.lock();
        for block in earlier.into_iter().rev() {
            if newest.len() < Self::KEPT && newest.iter().all(|known| known.hash != block.hash) {
                newest.push_back(block);
            }
        }
    }

    /// Says what became of the block `hash`, if it is among the newest.
    pub fn became(&self, hash: &str, state: BlockState, confirmations: u32, wanted: u32) {
        if let Some(block) = self.lock().iter_mut().find(|block| block.hash == hash) {
            let confirmations = state.counts().then_some(confirmations);
            block.says(state, confirmations, wanted);
        }
    }

    /// Puts a block in front. One with the same hash is replaced.
    pub fn record(&self, block: BlockRecord) {
        let mut newest = self.lock();
        newest.retain(|known| known.hash != block.hash);
        newest.truncate(Self::KEPT - 1);
        newest.push_front(block);
    }

    /// The newest blocks (at most 100), newest first.
    pub fn newest(&self) -> Vec<BlockRecord> {
        self.lock().iter().cloned().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<BlockRecord>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn block(number: u32, accepted: bool) -> BlockRecord {
        BlockRecord {
            height: number,
            hash: format!("{number:064x}"),
            found_at: 0,
            member: "ann".into(),
            worker: String::new(),
            paid: Vec::new(),
            accepted,
            detail: String::new(),
            state: "submitted",
            confirmations: None,
            status: String::new(),
        }
    }

    #[test]
    fn a_block_that_is_sent_again_is_listed_once_with_its_last_outcome() {
        let blocks = Blocks::default();
        blocks.record(block(1, false));
        blocks.record(block(1, true));
        assert_eq!(blocks.newest(), [block(1, true)]);
    }

    #[test]
    fn what_became_of_a_block_is_said_in_plain_words_and_earlier_ones_come_behind() {
        let blocks = Blocks::default();
        blocks.record(block(2, true));
        blocks.restore(vec![block(1, true), block(2, false)]);
        let heights: Vec<u32> = blocks.newest().iter().map(|block| block.height).collect();
        assert_eq!(heights, [2, 1]);
        let hash = block(2, true).hash;
        for (state, deep, words) in [
            (BlockState::InChain, 3, "in the chain, 3 of 100 confirmations"),
            (BlockState::Settled, 104, "settled, 104 confirmations"),
        ] {
            blocks.became(&hash, state, deep, 100);
            let shown = blocks.newest()[0].clone();
            assert_eq!((shown.state, shown.confirmations, &*shown.status), (state.name(), Some(deep), words));
        }
        blocks.became(&hash, BlockState::Orphaned, 0, 100);
        assert_eq!((blocks.newest()[0].state, blocks.newest()[0].confirmations), ("orphaned", None));
    }

    #[test]
    fn only_the_newest_are_kept() {
        let blocks = Blocks::default();
        (0..150).for_each(|number| blocks.record(block(number, true)));
        assert_eq!(blocks.newest().len(), 100);
        assert_eq!(blocks.newest()[0].height, 149);
    }
}
