//! What a connection hands to the writer at a time.

use crate::block::FoundBlock;
use crate::share::{Share, ShareContext};
use std::sync::Arc;

/// Shares, and the blocks among them, in the order in which they were accepted.
#[derive(Debug, Default)]
pub struct Batch {
    pub(crate) contexts: Vec<Arc<ShareContext>>,
    pub(crate) shares: Vec<(u16, Share)>,
    /// Each with the number of the batch's shares that come before it or are it.
    pub(crate) blocks: Vec<(usize, FoundBlock)>,
}

/// A share that a batch does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// It is as large as a batch may be: hand it over first.
    #[error("the batch is full")]
    Full,
    /// Its extranonce has not the size that its job has room for.
    #[error("a share whose extranonce has not the size of its job's")]
    ExtranonceSize,
}

impl Batch {
    /// The most shares in one batch.
    pub const MAX_SHARES: usize = 1024;

    /// Nothing yet, with room for `shares`.
    pub fn with_capacity(shares: usize) -> Batch {
        Batch { shares: Vec::with_capacity(shares), ..Batch::default() }
    }

    /// Adds a share mined under `context`.
    ///
    /// # Errors
    /// [`NotTaken`]; the batch is as it was.
    pub fn push(&mut self, context: &Arc<ShareContext>, share: Share) -> Result<(), NotTaken> {
        if self.shares.len() >= Batch::MAX_SHARES {
            return Err(NotTaken::Full);
        }
        if share.rolled.len() != context.rolled_size() {
            return Err(NotTaken::ExtranonceSize);
        }
        // Nearly always the newest: a burst is mostly one channel's.
        let known = self.contexts.iter().rposition(|known| Arc::ptr_eq(known, context));
        let place = known.unwrap_or_else(|| {
            self.contexts.push(context.clone());
            self.contexts.len() - 1
        });
        self.shares.push((place as u16, share)); // there are no more contexts than shares
        Ok(())
    }

    /// Adds a block that the share added last is; or a block that is no share, as it misses
    /// its channel's target.
    pub fn push_block(&mut self, block: FoundBlock) {
        self.blocks.push((self.shares.len(), block));
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.shares.is_empty() && self.blocks.is_empty()
    }

    /// How many shares.
    pub fn len(&self) -> usize {
        self.shares.len()
    }
}
