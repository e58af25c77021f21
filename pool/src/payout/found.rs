//! Blocks of ours, so that nothing is built on one whose payouts are not in the book yet: a
//! second block, found right after, would pay the same round again.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use work::Hash256;

/// The newest blocks that we have found, whatever became of them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct FoundBlocks(Arc<Mutex<VecDeque<Hash256>>>);

impl FoundBlocks {
    /// Older ones are below the tip by now.
    const KEPT: usize = 64;

    /// A block was found; before the node hears of it.
    pub fn add(&self, hash: Hash256) {
        let mut found = self.found();
        if found.len() >= Self::KEPT {
            found.pop_front();
        }
        found.push_back(hash);
    }

    /// Whether `tip` is one of them.
    pub fn has(&self, tip: &Hash256) -> bool {
        self.found().contains(tip)
    }

    fn found(&self) -> MutexGuard<'_, VecDeque<Hash256>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_blocks_are_known_and_no_more_than_there_is_room_for() {
        let found = FoundBlocks::default();
        (0..=64).for_each(|number| found.add(Hash256([number; 32])));
        assert!(
            !found.has(&Hash256([0; 32])) && found.has(&Hash256([1; 32])) && found.has(&Hash256([64; 32]))
        );
    }
}
