//! Where the host's blocks are paid, and whether that address was used before.

use super::{BlockRecord, Status};
use crate::payout::used::{self, PaidBefore};
use crate::payout::{PayoutMode, PayoutSet};
use bitcoin::Address;
use ledger::LedgerHandle;
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use template_provider::Network;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Where the host's blocks are paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PayoutSnapshot {
    /// The address that the next block pays (a script in hex where it has none).
    pub address: String,
    /// Its index, where it is of a ranged descriptor.
    pub descriptor_index: Option<u32>,
    /// Blocks that paid it before.
    pub blocks_paid: u64,
    /// What to know when it was used before.
    pub warning: Option<String>,
}

/// The newest snapshot.
#[derive(Debug, Default)]
pub struct ShownPayout(Mutex<Option<PayoutSnapshot>>);

impl ShownPayout {
    /// The newest; none where the host has no address of its own.
    pub fn newest(&self) -> Option<PayoutSnapshot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, snapshot: PayoutSnapshot) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(snapshot);
    }
}

/// Keeps the payout that is shown up to date, and warns of an address that is used again.
pub struct PayoutKeeper {
    /// Who is paid.
    pub payouts: Arc<PayoutMode>,
    /// Whom blocks have paid.
    pub ledger: LedgerHandle,
    /// What became of each block.
    pub blocks: broadcast::Receiver<BlockRecord>,
    /// The chain, for the form of addresses.
    pub network: Network,
    /// Where it is shown.
    pub status: Arc<Status>,
}

impl PayoutKeeper {
    /// Keeps it until `shutdown` is cancelled. Where the host is never paid there is nothing to
    /// keep.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let payouts = self.payouts.clone();
        let Some(fixed) = payouts.destination() else { return };
        let mut sets = fixed.watch();
        let mut warned = None;
        loop {
            let set = sets.borrow_and_update().clone();
            self.look(&set, &mut warned).await;
            tokio::select! {
                () = shutdown.cancelled() => return,
                changed = sets.changed() => if changed.is_err() { return },
                // One that was missed is in the ledger all the same.
                block = self.blocks.recv() => {
                    if matches!(block, Err(broadcast::error::RecvError::Closed)) {
                        return;
                    }
                }
            }
        }
    }

    async fn look(&self, set: &PayoutSet, warned: &mut Option<String>) {
        let Some(recipient) = set.recipients().first() else { return };
        let path = self.ledger.path();
        let paid = match tokio::task::spawn_blocking(move || PaidBefore::read(&path)).await {
            Ok(Ok(paid)) => paid,
            Ok(Err(fault)) => return warn!(%fault, "whether the payout address was used before is not known"),
            Err(fault) => return warn!(%fault, "whether the payout address was used before is not known"),
        };
        let address = Address::from_script(&recipient.script, self.network);
        let address =
            address.map_or_else(|_| recipient.script.to_hex_string(), |address| address.to_string());
        let blocks_paid = paid.blocks(&recipient.script);
        let warning = used::warning(&address, blocks_paid);
        if let Some(warning) = &warning
            && warned.replace(address.clone()).as_ref() != Some(&address)
        {
            warn!("{warning}");
        }
        let descriptor_index = set.descriptor_index();
        self.status.payout.set(PayoutSnapshot { address, descriptor_index, blocks_paid, warning });
    }
}
