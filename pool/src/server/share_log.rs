//! A connection's shares on their way to the ledger, and the acknowledgements that they are
//! owed once they are on disk.
//!
//! Nobody waits here: shares are handed over in bursts, and the session goes on with other
//! work until it hears that they are stored. When the disk does not keep up, the session
//! stops reading, and so its peer stops sending.

use crate::channel::Batch as Shares;
use ledger::{
    Batch, FoundBlock, LedgerGone, LedgerHandle, NotSent, RecordError, Share, ShareContext, ShareSender,
};
use std::collections::VecDeque;
use std::sync::Arc;
use work::{Extranonce, Submission};

/// Bursts of one connection that may wait to be stored; so that none fills the ledger's queue
/// alone.
const MAX_UNDER_WAY: u64 = 64;
/// Acknowledgements that may be owed; a burst may add one for each of its channels.
const MAX_OWED: usize = 4_096;

/// What of a connection's shares is not acknowledged yet.
pub struct ShareLog {
    sender: ShareSender,
    /// Shares of this burst, or such as the ledger had no room for.
    batch: Batch,
    /// The ledger had no room for them.
    held_back: bool,
    /// Shares in the burst before: about as many will be in this one.
    usual: usize,
    owed: VecDeque<Owed>,
    /// Number of the last batch that is known to be on disk.
    settled: u64,
}

/// An acknowledgement that waits for a batch.
pub struct Owed {
    batch: u64,
    /// The channel.
    pub channel: u32,
    /// Its accepted shares.
    pub shares: Shares,
}

impl ShareLog {
    /// Nothing under way yet.
    pub fn new(ledger: &LedgerHandle) -> ShareLog {
        ShareLog {
            sender: ledger.sender(),
            batch: Batch::default(),
            held_back: false,
            usual: 0,
            owed: VecDeque::new(),
            settled: 0,
        }
    }

    /// Takes down an accepted share.
    pub fn add(&mut self, context: &Arc<ShareContext>, submission: Submission, rolled: &[u8]) {
        if self.batch.is_empty() && self.usual > 0 {
            self.batch = Batch::with_capacity(self.usual);
        }
        let share = Share { submission, rolled: Extranonce::new(rolled).unwrap_or_default() };
        // Its size was judged, and no more is read while a burst is held back.
        if let Err(fault) = self.batch.push(context, share) {
            tracing::error!(%fault, "an accepted share was not taken down; this is a bug in Punchbowl");
        }
    }

    /// Takes down that the share before, or one that is no share, is a block.
    pub fn add_block(&mut self, block: FoundBlock) {
        self.batch.push_block(block);
    }

    /// Notes that these shares of this burst are to be acknowledged on `channel`, once what was
    /// taken down so far is on disk.
    pub fn owe(&mut self, channel: u32, shares: Shares) {
        let batch = self.sender.sent() + u64::from(!self.batch.is_empty());
        self.owed.push_back(Owed { batch, channel, shares });
    }

    /// Hands over what there is, if the ledger has room for it.
    ///
    /// # Errors
    /// [`LedgerGone`].
    pub fn hand_over(&mut self) -> Result<(), LedgerGone> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let usual = self.batch.len();
        match self.sender.try_send(std::mem::take(&mut self.batch)) {
            Ok(_) => (self.usual, self.held_back) = (usual, false),
            Err(NotSent::Full(batch)) => (self.batch, self.held_back) = (batch, true),
            Err(NotSent::Gone) => return Err(LedgerGone),
        }
        Ok(())
    }

    /// The next acknowledgement whose shares are on disk, by itself.
    ///
    /// # Errors
    /// [`LedgerGone`].
    pub fn next_settled_alone(&mut self) -> Result<Option<Owed>, LedgerGone> {
        self.settled = self.sender.durable()?;
        Ok(self.pop_settled(None))
    }

    /// The next acknowledgement whose shares are on disk, together with those after it on the
    /// same channel.
    ///
    /// # Errors
    /// [`LedgerGone`].
    pub fn next_settled(&mut self) -> Result<Option<Owed>, LedgerGone> {
        self.settled = self.sender.durable()?;
        let Some(mut owed) = self.pop_settled(None) else { return Ok(None) };
        // One message for several bursts.
        while let Some(more) = self.pop_settled(Some(owed.channel)) {
            owed.shares.append(more.shares);
        }
        Ok(Some(owed))
    }

    /// Takes note of what is on disk by now.
    ///
    /// # Errors
    /// [`LedgerGone`].
    pub fn look(&mut self) -> Result<(), LedgerGone> {
        self.settled = self.sender.durable()?;
        Ok(())
    }

    /// Waits until there is something to [`hand_over`](Self::hand_over) or an acknowledgement
    /// to send; for ever if nothing is under way. Loses nothing when dropped.
    ///
    /// # Errors
    /// [`LedgerGone`].
    pub async fn changed(&self) -> Result<(), LedgerGone> {
        tokio::select! {
            biased;
            durable = self.sender.durable_past(self.settled), if self.settled < self.sender.sent() => {
                durable.map(drop)
            }
            room = self.sender.room(), if self.held_back => room,
            else => std::future::pending().await,
        }
    }

    /// Waits until all that was taken down is on disk.
    ///
    /// # Errors
    /// [`LedgerGone`].
    pub async fn settle(&mut self) -> Result<(), LedgerGone> {
        loop {
            self.hand_over()?;
            self.settled = self.sender.durable()?;
            if !self.is_busy() {
                return Ok(());
            }
            self.changed().await?;
        }
    }

    /// Forgets what is owed to `channel`: it is gone.
    pub fn forgive(&mut self, channel: u32) {
        self.owed.retain(|owed| owed.channel != channel);
    }

    /// Forgets what is owed: it is said in another way.
    pub fn forgive_all(&mut self) {
        self.owed.clear();
    }

    /// Whether anything is not known to be on disk.
    pub fn is_busy(&self) -> bool {
        !self.batch.is_empty() || self.settled < self.sender.sent()
    }

    /// Whether so much is under way that no more shares should be read.
    pub fn is_behind(&self) -> bool {
        self.held_back
            || self.sender.sent().saturating_sub(self.settled) >= MAX_UNDER_WAY
            || self.owed.len() >= MAX_OWED
    }

    /// The oldest acknowledgement, if its shares are on disk and it is for `channel`, where one
    /// is named.
    fn pop_settled(&mut self, channel: Option<u32>) -> Option<Owed> {
        let oldest = self.owed.front()?;
        let wanted = oldest.batch <= self.settled && channel.is_none_or(|channel| channel == oldest.channel);
        if wanted { self.owed.pop_front() } else { None }
    }
}

/// A share that the ledger cannot count.
pub fn cannot_count(fault: RecordError) -> work::ShareFault {
    tracing::error!(%fault, "a share cannot be taken down");
    work::ShareFault::InvalidJobId
}
