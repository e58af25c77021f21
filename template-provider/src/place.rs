//! Where a block is: in the best chain, or not.

use thiserror::Error;

/// Where a block is, by the source's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the best chain.
    InChain {
        /// Blocks from it to the tip, itself included: 1 for the tip.
        confirmations: u32,
        /// Whether the node was asked for this very block. If not, it was seen as the tip
        /// once, and no tip seen since says otherwise: a reorganisation that goes unseen
        /// because the chain only grew would go unnoticed.
        certain: bool,
    },
    /// Not in the best chain: another block is there, or nobody has heard of this one.
    NotInChain,
}

/// Why nobody can say where a block is.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlaceError {
    /// The node is away.
    #[error("the node cannot be asked now: {0}")]
    Unreachable(String),
    /// The node has no way to ask, and the block's height was not seen going by.
    #[error(
        "this Bitcoin Core cannot be asked over IPC where a block is (Bitcoin Core 32 will be), and the tip \
         was not seen at its height"
    )]
    NotSeen,
    /// The source has stopped.
    #[error("the template source has stopped")]
    Stopped,
}
