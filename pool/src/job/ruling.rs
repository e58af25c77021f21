//! Whom jobs pay at this moment: the configured set, each miner, or by the ledger.

use super::JobParts;
use super::board::PayTo;
use super::limit::CoinbaseLimit;
use crate::payout::{FoundBlocks, PayoutError, PayoutMode, PayoutSet, Payouts, RuledPayouts, Standpoint};
use std::sync::Arc;
use tokio::sync::watch;
use work::Hash256;

/// Where the job maker learns whom to pay.
#[derive(Clone, Debug)]
pub enum Ruling {
    /// One set for all, which changes when a descriptor moves on.
    Pool(watch::Receiver<Arc<PayoutSet>>),
    /// Each miner at its own address.
    Solo,
    /// By the ledger.
    Ledger {
        /// What is paid by; none until it is known.
        standpoint: watch::Receiver<Option<Arc<Standpoint>>>,
        /// Bytes that payout outputs may take at most.
        most_bytes: u32,
        /// The pool's own blocks.
        found: FoundBlocks,
    },
}

impl Ruling {
    /// As `payouts` are configured.
    pub fn of(payouts: &PayoutMode) -> Ruling {
        match payouts {
            PayoutMode::Fixed(fixed) => Ruling::Pool(fixed.watch()),
            PayoutMode::Solo(_) => Ruling::Solo,
            PayoutMode::Ruled(ruled) => {
                let (standpoint, found) = (ruled.watch(), ruled.found.clone());
                Ruling::Ledger { standpoint, most_bytes: ruled.most_bytes, found }
            }
        }
    }

    /// Whether it is known whom to pay.
    pub fn is_known(&self) -> bool {
        match self {
            Ruling::Pool(_) | Ruling::Solo => true,
            Ruling::Ledger { standpoint, .. } => standpoint.borrow().is_some(),
        }
    }

    /// Whether `tip` is a block of ours whose payouts do not count yet: a job on it would pay
    /// the same round, and repay the same credits, once more.
    pub fn waits_for(&self, tip: &Hash256) -> bool {
        let Ruling::Ledger { standpoint, found, .. } = self else { return false };
        found.has(tip) && standpoint.borrow().as_ref().is_none_or(|standpoint| !standpoint.counts(tip))
    }

    /// Comes when jobs are to pay otherwise than before.
    pub async fn changed(&mut self) {
        let changed = match self {
            Ruling::Pool(set) => set.changed().await.is_ok(),
            Ruling::Solo => false,
            Ruling::Ledger { standpoint, .. } => standpoint.changed().await.is_ok(),
        };
        if !changed {
            std::future::pending::<()>().await;
        }
    }

    /// Whom the jobs of `pay_to` pay that are made of `parts` with `tag`, where the block has
    /// room for `in_block` bytes of payouts.
    ///
    /// # Errors
    /// [`PayoutError::Empty`] when nobody knows.
    pub fn payouts(
        &self,
        pay_to: &PayTo,
        parts: &JobParts,
        tag: &[u8],
        in_block: u32,
    ) -> Result<Payouts, PayoutError> {
        match (self, pay_to) {
            (_, PayTo::Script(script)) => Ok(Payouts::single(script.clone())),
            (Ruling::Pool(set), PayTo::Pool) => Ok(Payouts::Set(PayoutSet::clone(&set.borrow()))),
            (Ruling::Ledger { standpoint, most_bytes, .. }, PayTo::Member { name, limit }) => {
                let standpoint = standpoint.borrow().clone().ok_or(PayoutError::Empty)?;
                let finder = standpoint.needs_finder().then(|| name.clone());
                let room = limit.room(&parts.coinbase, tag, in_block.min(*most_bytes));
                Ok(Payouts::Ruled(RuledPayouts { standpoint, finder, room }))
            }
            _ => Err(PayoutError::Empty),
        }
    }
}

/// Jobs that are for everybody with the same room, by that and whether it is in the short form:
/// nothing of them depends on the miner.
pub type Common<T> = std::collections::HashMap<(u32, bool), T>;

/// Where a job for `payouts` within `limit` is common to several members.
pub fn common_key(payouts: &Payouts, limit: CoinbaseLimit) -> Option<(u32, bool)> {
    match payouts {
        Payouts::Ruled(RuledPayouts { finder: None, room, .. }) => Some((*room, limit.is_short_tail())),
        _ => None,
    }
}
