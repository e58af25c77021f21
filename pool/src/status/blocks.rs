//! The newest blocks that the pool found.

use serde::Serialize;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// The newest blocks. How many there were in all is in
/// [`Counters`](super::Counters).
#[derive(Debug, Default)]
pub struct Blocks(Mutex<VecDeque<BlockRecord>>);

/// Blocks kept for display.
const KEPT: usize = 100;

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
}

impl Blocks {
    /// Puts a block in front. One with the same hash is replaced.
    pub fn record(&self, block: BlockRecord) {
        let mut newest = self.lock();
        newest.retain(|known| known.hash != block.hash);
        newest.truncate(KEPT - 1);
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
    fn only_the_newest_are_kept() {
        let blocks = Blocks::default();
        (0..150).for_each(|number| blocks.record(block(number, true)));
        assert_eq!(blocks.newest().len(), 100);
        assert_eq!(blocks.newest()[0].height, 149);
    }
}
