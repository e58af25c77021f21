//! Blocks of ours, so that nothing is built on one whose payouts are not written down yet: a second
//! block, found right after, would pay the same round, or the same address, once more.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use work::Hash256;

/// The newest blocks that we have found, whatever became of them. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct FoundBlocks(Arc<Mutex<VecDeque<Found>>>);

/// A block of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its hash.
    pub hash: Hash256,
    /// Which address of a ranged descriptor it pays; none where it pays none.
    pub index: Option<u32>,
}

impl FoundBlocks {
    /// Older ones are below the tip by now.
    const KEPT: usize = 64;

    /// A block was found; before the node hears of it.
    pub fn add(&self, block: Found) {
        let mut found = self.found();
        if found.len() >= Self::KEPT {
            found.pop_front();
        }
        found.push_back(block);
    }

    /// The one that is `tip`, if any.
    pub fn at(&self, tip: &Hash256) -> Option<Found> {
        self.found().iter().find(|found| found.hash == *tip).copied()
    }

    fn found(&self) -> MutexGuard<'_, VecDeque<Found>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_blocks_are_known_and_no_more_than_there_is_room_for() {
        let found = FoundBlocks::default();
        let block = |number: u8| Found { hash: Hash256([number; 32]), index: Some(number.into()) };
        (0..=64).for_each(|number| found.add(block(number)));
        assert_eq!(found.at(&Hash256([0; 32])), None);
        assert_eq!(found.at(&Hash256([1; 32])), Some(block(1)));
        assert_eq!(found.at(&Hash256([64; 32])), Some(block(64)));
    }
}
