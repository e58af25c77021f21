//! The best chain as far as its tips were seen going by: what tells where a block is on
//! a Bitcoin Core that cannot be asked (31.0 has no RPC over IPC).
//!
//! Less sure than the node's own word. A tip that is not higher than the last one shows a
//! reorganisation, and whatever was at its height or above is gone. One that ends higher
//! than before looks like growth; what it replaced below stays believed.

use super::node::Tip;
use crate::Place;
use std::collections::BTreeMap;
use work::Hash256;

/// Tips by height.
#[derive(Debug, Default)]
pub(super) struct Followed(BTreeMap<u32, Hash256>);

impl Followed {
    /// Two weeks of blocks.
    const KEPT: usize = 2_016;

    /// The best chain ends at `tip` now.
    pub(super) fn tip(&mut self, tip: Tip) {
        // What is above is no longer in the chain, and its height is free again.
        drop(self.0.split_off(&tip.height));
        self.0.insert(tip.height, tip.hash);
        while self.0.len() > Followed::KEPT {
            self.0.pop_first();
        }
    }

    /// Where the block `hash` of this height is; None where that height was not seen.
    pub(super) fn place(&self, hash: Hash256, height: u32) -> Option<Place> {
        let (top, _) = self.0.last_key_value()?;
        match self.0.get(&height) {
            Some(seen) if *seen == hash => {
                let confirmations = top.saturating_sub(height).saturating_add(1);
                Some(Place::InChain { confirmations, certain: false })
            }
            Some(_) => Some(Place::NotInChain),
            // The chain has become shorter than that.
            None if height > *top => Some(Place::NotInChain),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn followed(tips: &[(u32, u8)]) -> Followed {
        let mut followed = Followed::default();
        for (height, hash) in tips {
            followed.tip(Tip { height: *height, hash: Hash256([*hash; 32]) });
        }
        followed
    }

    fn place(tips: &[(u32, u8)], height: u32, hash: u8) -> Option<Place> {
        followed(tips).place(Hash256([hash; 32]), height)
    }

    fn in_chain(confirmations: u32) -> Option<Place> {
        Some(Place::InChain { confirmations, certain: false })
    }

    #[test]
    fn a_block_that_was_the_tip_is_confirmed_by_each_tip_above() {
        assert_eq!(place(&[(9, 1)], 9, 1), in_chain(1));
        assert_eq!(place(&[(9, 1), (10, 2), (12, 3)], 9, 1), in_chain(4));
    }

    #[test]
    fn a_tip_at_its_height_or_below_takes_a_block_out_and_its_return_puts_it_back() {
        assert_eq!(place(&[(9, 1), (10, 2), (9, 3)], 9, 1), Some(Place::NotInChain));
        assert_eq!(place(&[(9, 1), (10, 2), (8, 3)], 10, 2), Some(Place::NotInChain));
        assert_eq!(place(&[(9, 1), (8, 3), (9, 1)], 9, 1), in_chain(1));
    }

    #[test]
    fn nothing_is_said_of_a_height_that_went_by_unseen() {
        assert_eq!(place(&[], 9, 1), None);
        assert_eq!(place(&[(9, 1), (12, 2)], 10, 7), None);
        assert_eq!(place(&[(9, 1), (12, 2)], 8, 7), None);
    }
}
