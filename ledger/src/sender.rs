//! A connection's way to the ledger, and how it learns that its shares are on disk.
//!
//! A batch is numbered when it is sent. The number is *durable* once the commit that holds the
//! batch has returned, and batches of one sender become durable in their order. Waiting costs
//! a share nothing: one atomic number for each connection, looked at when it has changed.

use crate::batch::Batch;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc};

/// Sends one connection's shares to the writer.
#[derive(Debug)]
pub struct ShareSender {
    queue: mpsc::Sender<Incoming>,
    receipt: Arc<Receipt>,
    sent: u64,
}

/// A batch on its way.
pub(crate) struct Incoming {
    pub(crate) batch: Batch,
    pub(crate) receipt: Arc<Receipt>,
    pub(crate) number: u64,
}

/// How far a sender's batches are on disk.
#[derive(Debug, Default)]
pub(crate) struct Receipt {
    durable: AtomicU64,
    changed: Notify,
}

/// The writer has ended: nothing more can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the ledger cannot be written any more; see the log for what is wrong with it")]
pub struct LedgerGone;

/// A batch that was not taken.
#[derive(Debug)]
pub enum NotSent {
    /// The queue is full, as the disk does not keep up: here is the batch again.
    Full(Batch),
    /// The writer has ended.
    Gone,
}

const GONE: u64 = u64::MAX;

impl ShareSender {
    pub(crate) fn new(queue: mpsc::Sender<Incoming>) -> ShareSender {
        ShareSender { queue, receipt: Arc::default(), sent: 0 }
    }

    /// Sends a batch if there is room for it; returns its number.
    ///
    /// # Errors
    /// [`NotSent`].
    pub fn try_send(&mut self, batch: Batch) -> Result<u64, NotSent> {
        let number = self.sent + 1;
        let incoming = Incoming { batch, receipt: self.receipt.clone(), number };
        match self.queue.try_send(incoming) {
            Ok(()) => {
                self.sent = number;
                Ok(number)
            }
            Err(TrySendError::Full(incoming)) => Err(NotSent::Full(incoming.batch)),
            Err(TrySendError::Closed(_)) => Err(NotSent::Gone),
        }
    }

    /// Sends a batch when there is room for it; returns its number. Nothing is sent when this
    /// is dropped before it is done; the batch is lost then.
    ///
    /// # Errors
    /// [`LedgerGone`].
    pub async fn send(&mut self, batch: Batch) -> Result<u64, LedgerGone> {
        let room = self.queue.reserve().await.map_err(|_| LedgerGone)?;
        self.sent += 1;
        room.send(Incoming { batch, receipt: self.receipt.clone(), number: self.sent });
        Ok(self.sent)
    }

    /// Waits until there is room for a batch. Another sender may be quicker to take it.
    ///
    /// # Errors
    /// [`LedgerGone`].
    pub async fn room(&self) -> Result<(), LedgerGone> {
        self.queue.reserve().await.map(drop).map_err(|_| LedgerGone)
    }

    /// Number of the last batch that was sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Number of the last batch that is on disk.
    ///
    /// # Errors
    /// [`LedgerGone`].
    pub fn durable(&self) -> Result<u64, LedgerGone> {
        match self.receipt.durable.load(Ordering::Acquire) {
            GONE => Err(LedgerGone),
            number => Ok(number),
        }
    }

    /// Waits until a batch after number `known` is on disk; returns the number of the last
    /// that is. For one waiter at a time. Loses nothing when dropped.
    ///
    /// # Errors
    /// [`LedgerGone`].
    pub async fn durable_past(&self, known: u64) -> Result<u64, LedgerGone> {
        loop {
            let changed = self.receipt.changed.notified();
            let durable = self.durable()?;
            if durable > known {
                return Ok(durable);
            }
            changed.await;
        }
    }
}

impl Receipt {
    /// The sender's batches up to `number` are on disk.
    pub(crate) fn advance(&self, number: u64) {
        self.durable.store(number, Ordering::Release);
        self.changed.notify_one();
    }

    /// Nothing more will be.
    pub(crate) fn fail(&self) {
        self.advance(GONE);
    }
}
