//! A solved block on its way to the network.

use thiserror::Error;
use work::Hash256;

/// What a miner found: the varying parts of a block made from a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Solution {
    /// [`Template::id`](crate::Template::id) that it solves.
    pub template_id: u64,
    /// Header version, rolled bits included.
    pub version: u32,
    /// Header time.
    pub ntime: u32,
    /// Header nonce.
    pub nonce: u32,
    /// The whole coinbase transaction as it stands in the block (BIP141 encoding).
    pub coinbase: Vec<u8>,
    /// The block hash that the pool computed, internal byte order.
    pub hash: Hash256,
}

/// The source's word on a [`Solution`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SolutionOutcome {
    /// The block hash, internal byte order.
    pub hash: Hash256,
    /// Height of the block.
    pub height: u32,
    /// Whether it was the node's tip right after. If not, somebody else was first:
    /// the block is valid, but pays only if the chain turns to it.
    pub is_tip: bool,
    /// How the node was told, for the log (`submitSolution@10`, `submitBlock`, ...).
    pub via: &'static str,
}

/// Why a solution did not become a block.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SolutionError {
    /// The template is no longer kept.
    #[error("template {0} is no longer kept, so its block cannot be put together")]
    UnknownTemplate(u64),
    /// Somebody else's block came first; the block is good but builds on a tip that is
    /// no longer one.
    #[error("{0}; somebody else was first")]
    Stale(String),
    /// The node looked at the block and refused it.
    #[error("the node refused the block: {0}")]
    Rejected(String),
    /// Nobody could be asked; the block is kept on disk and is sent again when the
    /// node is back.
    #[error("the node could not be reached ({0}); the block is kept and will be sent again")]
    Unreachable(String),
    /// The source has stopped.
    #[error("the template source has stopped")]
    Stopped,
}
