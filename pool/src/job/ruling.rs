//! Whom jobs pay at this moment: the configured set, each miner, or by the ledger.

use super::JobParts;
use super::board::PayTo;
use super::limit::CoinbaseLimit;
use crate::payout::{
    Found, FoundBlocks, PayoutError, PayoutMode, PayoutSet, Payouts, RuledPayouts, Standpoint,
};
use std::sync::Arc;
use tokio::sync::watch;
use work::Hash256;

/// Where the job maker learns whom to pay.
#[derive(Clone, Debug)]
pub enum Ruling {
    /// One set for all, which changes when a descriptor moves on.
    Pool {
        /// The newest.
        set: watch::Receiver<Arc<PayoutSet>>,
        /// The pool's own blocks.
        found: FoundBlocks,
    },
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
            PayoutMode::Fixed(fixed) => Ruling::Pool { set: fixed.watch(), found: fixed.found.clone() },
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
            Ruling::Pool { .. } | Ruling::Solo => true,
            Ruling::Ledger { standpoint, .. } => standpoint.borrow().is_some(),
        }
    }

    /// Whether `tip` is a block of ours, and what jobs pay by does not know of its payouts yet: a
    /// job on it would pay the same round or the same address, and repay the same credits, again.
    pub fn waits_for(&self, tip: &Hash256) -> bool {
        let used = |found: &Found, host: Option<&PayoutSet>| {
            found.index.is_some() && host.and_then(PayoutSet::descriptor_index) == found.index
        };
        match self {
            Ruling::Pool { set, found } => {
                found.at(tip).is_some_and(|found| used(&found, Some(&set.borrow())))
            }
            Ruling::Solo => false,
            Ruling::Ledger { standpoint, found, .. } => found.at(tip).is_some_and(|found| {
                let standpoint = standpoint.borrow();
                standpoint.as_ref().is_none_or(|now| !now.counts(tip) || used(&found, now.host.as_deref()))
            }),
        }
    }

    /// Comes when jobs are to pay otherwise than before.
    pub async fn changed(&mut self) {
        let changed = match self {
            Ruling::Pool { set, .. } => set.changed().await.is_ok(),
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
            (Ruling::Pool { set, .. }, PayTo::Pool) => Ok(Payouts::Set(PayoutSet::clone(&set.borrow()))),
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
