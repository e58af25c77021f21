//! Blocks and what becomes of them.

use crate::tagged_hash::Commitment;
use std::sync::Arc;
use work::Hash256;

/// How far a block has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlockState {
    /// A share met the network's target.
    Candidate,
    /// It was handed to the node.
    Submitted,
    /// It is in the best chain.
    InChain,
    /// It has as many blocks on top as the pool asks for.
    Settled,
    /// It is not in the best chain: refused, too late, or reorganised away. Its round goes
    /// on as if it had not been found.
    Orphaned,
}

/// A block that a member found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundBlock {
    /// Its hash, internal byte order. The ledger has each block once.
    pub hash: Hash256,
    /// Its height.
    pub height: u32,
    /// When it was found, seconds since the Unix epoch.
    pub found: u32,
    /// The job that it was found on.
    pub job: Commitment,
    /// Who found it.
    pub member: Arc<str>,
    /// On which worker.
    pub worker: Arc<str>,
    /// What its coinbase pays in all, in sat.
    pub value: u64,
}

/// A block in the ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedBlock {
    /// The block.
    pub block: FoundBlock,
    /// Its place among the blocks, from 1.
    pub number: u64,
    /// The slice that its share ended: its round reaches to the end of it.
    pub slice: u64,
    /// How far it has come.
    pub state: BlockState,
}

impl BlockState {
    /// Every state.
    pub const ALL: [BlockState; 5] = [
        BlockState::Candidate,
        BlockState::Submitted,
        BlockState::InChain,
        BlockState::Settled,
        BlockState::Orphaned,
    ];

    /// Whether a block of this state may be said to be `next`. A state that it already has
    /// is no change and is always fine; a reorganisation may take a block out of the chain
    /// and another put it back, even a settled one.
    pub fn may_become(self, next: BlockState) -> bool {
        use BlockState::{Candidate, InChain, Orphaned, Settled, Submitted};
        match (self, next) {
            (Candidate, _) | (Submitted, InChain | Settled | Orphaned) => true,
            (InChain, Settled | Orphaned) | (Settled, InChain | Orphaned) => true,
            (Orphaned, Submitted | InChain | Settled) => true,
            (before, after) => before == after,
        }
    }

    /// Whether its round is over and its payments count.
    pub fn counts(self) -> bool {
        matches!(self, BlockState::InChain | BlockState::Settled)
    }

    /// The number that stands for it on disk and in the book.
    pub fn code(self) -> u8 {
        match self {
            BlockState::Candidate => 1,
            BlockState::Submitted => 2,
            BlockState::InChain => 3,
            BlockState::Settled => 4,
            BlockState::Orphaned => 5,
        }
    }

    /// The state that `code` stands for.
    pub fn from_code(code: u8) -> Option<BlockState> {
        BlockState::ALL.into_iter().find(|state| state.code() == code)
    }

    /// For people and JSON.
    pub fn name(self) -> &'static str {
        match self {
            BlockState::Candidate => "candidate",
            BlockState::Submitted => "submitted",
            BlockState::InChain => "in-chain",
            BlockState::Settled => "settled",
            BlockState::Orphaned => "orphaned",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_goes_forward_and_a_reorganisation_takes_it_back() {
        use BlockState::{Candidate, InChain, Orphaned, Settled, Submitted};
        for (from, to) in [
            (Candidate, Submitted),
            (Submitted, InChain),
            (InChain, Settled),
            (InChain, Orphaned),
            (Settled, Orphaned),
            (Orphaned, InChain),
        ] {
            assert!(from.may_become(to), "{from:?} to {to:?}");
        }
        for (from, to) in [(InChain, Submitted), (Settled, Candidate), (Submitted, Candidate)] {
            assert!(!from.may_become(to), "{from:?} to {to:?}");
        }
        assert!(BlockState::ALL.into_iter().all(|state| state.may_become(state)));
    }

    #[test]
    fn codes_come_back_as_the_states_that_they_stand_for() {
        let back = BlockState::ALL.map(|state| BlockState::from_code(state.code()));
        assert_eq!(back, BlockState::ALL.map(Some));
        assert_eq!(BlockState::from_code(0), None);
    }
}
