//! What a block is, now that it is known where it is.

use ledger::BlockState;
use template_provider::Place;

/// A block's state, and how many blocks hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fate {
    pub(super) state: BlockState,
    /// Blocks from it to the tip, itself included; 0 out of the chain.
    pub(super) confirmations: u32,
}

/// What a block of `height` becomes that was `before` and is at `place`, while the tip is at
/// `tip_height`; settled with `wanted` confirmations.
pub(super) fn fate(before: BlockState, place: Place, height: u32, tip_height: u32, wanted: u32) -> Fate {
    let (state, confirmations) = match place {
        // Once settled, it takes a reorganisation to make it less.
        Place::InChain { confirmations, .. } if confirmations >= wanted || before == BlockState::Settled => {
            (BlockState::Settled, confirmations)
        }
        Place::InChain { confirmations, .. } => (BlockState::InChain, confirmations),
        Place::NotInChain => match before {
            // It may be on its way still, while its place is free.
            BlockState::Candidate | BlockState::Submitted if tip_height < height => (before, 0),
            _ => (BlockState::Orphaned, 0),
        },
    };
    Fate { state, confirmations }
}

#[cfg(test)]
mod tests {
    use super::*;
    use BlockState::{Candidate, InChain, Orphaned, Settled, Submitted};

    const HEIGHT: u32 = 100;
    const WANTED: u32 = 6;

    fn state(before: BlockState, place: Place, tip_height: u32) -> BlockState {
        fate(before, place, HEIGHT, tip_height, WANTED).state
    }

    fn deep(confirmations: u32) -> Place {
        Place::InChain { confirmations, certain: true }
    }

    #[test]
    fn a_block_in_the_chain_settles_with_the_confirmations_that_are_asked_for() {
        for before in BlockState::ALL.into_iter().filter(|before| *before != Settled) {
            assert_eq!(state(before, deep(5), 104), InChain, "{before:?}");
            assert_eq!(state(before, deep(6), 105), Settled, "{before:?}");
        }
        assert_eq!(state(Settled, deep(5), 104), Settled);
    }

    #[test]
    fn a_block_that_is_gone_from_the_chain_is_orphaned_even_a_settled_one() {
        for before in [InChain, Settled, Orphaned] {
            for tip in [99, 100, 130] {
                assert_eq!(state(before, Place::NotInChain, tip), Orphaned, "{before:?} under {tip}");
            }
        }
    }

    #[test]
    fn a_block_on_its_way_waits_until_another_has_its_place() {
        for before in [Candidate, Submitted] {
            assert_eq!(state(before, Place::NotInChain, 99), before);
            assert_eq!(state(before, Place::NotInChain, 100), Orphaned);
        }
    }

    #[test]
    fn no_fate_is_a_change_that_the_ledger_refuses() {
        for before in BlockState::ALL {
            for place in [deep(1), deep(9), Place::NotInChain] {
                for tip in [99, 100, 108] {
                    assert!(before.may_become(state(before, place, tip)), "{before:?} {place:?} {tip}");
                }
            }
        }
    }
}
