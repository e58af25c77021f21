//! Keeps what jobs pay by in step with the ledger: one task that reads it when a slice has
//! ended, the book has gone on, the network's difficulty or the host's address has changed,
//! and asks the template source for room before it is needed.

use super::ruled::{FIRST_BYTES, RuledPayout, reserve_of};
use super::{PayoutSet, Standpoint, address};
use crate::commitments::Budget;
use ledger::payout::space;
use ledger::{DiskState, LedgerHandle, Progress, Reader, StoreError};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use template_provider::{CoinbaseReserve, Template};
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

/// What the keeper works with.
pub struct Keeper {
    /// What is kept.
    pub payout: Arc<RuledPayout>,
    /// The ledger.
    pub ledger: LedgerHandle,
    /// Templates, for the network's difficulty and the value of a block.
    pub templates: watch::Receiver<Option<Arc<Template>>>,
    /// Where room is asked for.
    pub reserve: watch::Sender<CoinbaseReserve>,
    /// What commitments take besides.
    pub commitments: Budget,
}

/// What standpoints are made of.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    slice: u64,
    entry: u64,
    nbits: u32,
    host: Option<Arc<PayoutSet>>,
}

#[derive(Debug, Error)]
enum ReadError {
    #[error(transparent)]
    Open(#[from] ledger::OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the reading ended in a panic")]
    Panicked,
}

/// A block is several entries of the book, one after the other: quiet for this long, and it is
/// told in full.
const QUIET: Duration = Duration::from_millis(30);
/// However little quiet there is.
const LONGEST: Duration = Duration::from_millis(150);
/// When the ledger could not be read.
const AGAIN: Duration = Duration::from_secs(1);

impl Keeper {
    /// Publishes standpoints until `shutdown` is cancelled or the ledger has ended.
    pub async fn keep(mut self, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.follow() => {}
        }
    }

    async fn follow(&mut self) {
        let mut progress = self.ledger.progress();
        let mut host = self.payout.host.as_ref().map(|host| host.watch());
        let mut room = space::Reserve::new(FIRST_BYTES.min(self.payout.most_bytes), self.payout.most_bytes);
        let mut reader: Option<Reader> = None;
        let mut last: Option<Seen> = None;
        loop {
            let seen = self.see(&mut progress);
            if let Some(seen) = seen.filter(|seen| last.as_ref() != Some(seen)) {
                match self.read(&mut reader, &seen).await {
                    Ok(standpoint) => {
                        self.ask_for_room(&standpoint, &mut room);
                        self.publish(standpoint);
                        last = Some(seen);
                    }
                    Err(fault) => {
                        error!(%fault, "the ledger could not be read; jobs go on paying by what was read last");
                        reader = None;
                        tokio::time::sleep(AGAIN).await;
                        continue;
                    }
                }
            }
            if !self.news(&mut progress, &mut host, last.as_ref()).await {
                return;
            }
            self.settle(&mut progress).await;
        }
    }

    /// What there is to pay by; none before the first template.
    fn see(&mut self, progress: &mut watch::Receiver<Progress>) -> Option<Seen> {
        let at = *progress.borrow_and_update();
        let nbits = self.templates.borrow_and_update().as_ref()?.nbits;
        Some(Seen { slice: at.last_slice, entry: at.last_entry, nbits, host: self.payout.host_now() })
    }

    async fn read(&self, reader: &mut Option<Reader>, seen: &Seen) -> Result<Standpoint, ReadError> {
        let (held, path, rules, nbits) =
            (reader.take(), self.ledger.path(), self.payout.rules.clone(), seen.nbits);
        let reading = move || -> Result<_, ReadError> {
            let held = held.map_or_else(|| open(path), Ok)?;
            let present = held.present(&rules, nbits)?;
            Ok((held, present, rules))
        };
        let read = tokio::task::spawn_blocking(reading).await.map_err(|_| ReadError::Panicked)?;
        let (held, present, rules) = read?;
        *reader = Some(held);
        Ok(Standpoint::new(rules, seen.host.clone(), present, nbits))
    }

    /// Jobs are made anew only for what makes a difference to somebody.
    fn publish(&self, standpoint: Standpoint) {
        let newest = self.payout.watch();
        if newest.borrow().as_ref().is_some_and(|last| last.pays_like(&standpoint)) {
            return;
        }
        debug!(slice = standpoint.present.slice, window = %standpoint.present.fullness, "jobs pay by the ledger anew");
        self.payout.publish(standpoint);
    }

    fn ask_for_room(&self, standpoint: &Standpoint, room: &mut space::Reserve) {
        let Some(value) = self.templates.borrow().as_ref().map(|template| template.coinbase.value_remaining)
        else {
            return;
        };
        let used = match standpoint.plan(value, u32::MAX, None) {
            Ok(plan) => plan.plan().output_bytes(),
            // Nobody has worked yet.
            Err(_) => 0,
        };
        // Whoever finds the block may have to be paid besides, and so may the host.
        let used = used.saturating_add(2 * address::LARGEST_OUTPUT.output_bytes);
        let was_full = room.is_full();
        if let Some(bytes) = room.update(used) {
            debug!(bytes, "asking the template source for other room in the coinbase");
            // Nobody takes it when the source has stopped.
            let _ = self.reserve.send(self.commitments.on_top_of(reserve_of(bytes)));
        }
        if room.is_full() && !was_full {
            warn!(
                needed = used,
                most = room.asked(),
                "not everybody who is due something fits into the coinbase: the largest dues are paid, the \
                 others are credited; raise payout.coinbase_weight"
            );
        }
    }

    /// Waits for something that changes what is seen; false when there will be nothing more.
    async fn news(
        &mut self,
        progress: &mut watch::Receiver<Progress>,
        host: &mut Option<watch::Receiver<Arc<PayoutSet>>>,
        last: Option<&Seen>,
    ) -> bool {
        let mut state = self.ledger.state();
        let other_ledger = |at: &Progress| {
            last.is_none_or(|last| last.slice != at.last_slice || last.entry != at.last_entry)
        };
        let other_nbits = |template: &Option<Arc<Template>>| {
            template.as_ref().is_some_and(|template| last.is_none_or(|last| last.nbits != template.nbits))
        };
        tokio::select! {
            changed = self.templates.wait_for(other_nbits) => changed.is_ok(),
            // Before the first template there is nothing to read for.
            changed = progress.wait_for(other_ledger), if last.is_some() => changed.is_ok(),
            changed = moved(host) => changed,
            _ = state.wait_for(|state| *state == DiskState::Failed) => false,
        }
    }

    /// Waits until nothing more comes, for a while.
    async fn settle(&self, progress: &mut watch::Receiver<Progress>) {
        let end = Instant::now() + LONGEST;
        let mut entry = progress.borrow_and_update().last_entry;
        loop {
            let until = end.min(Instant::now() + QUIET);
            // Shares alone are no reason to wait.
            let more = progress.wait_for(|at| at.last_entry != entry);
            match timeout_at(until, more).await {
                Ok(Ok(at)) => entry = at.last_entry,
                _ => return,
            }
        }
    }
}

fn open(path: PathBuf) -> Result<Reader, ReadError> {
    Ok(Reader::open(&path)?)
}

async fn moved(host: &mut Option<watch::Receiver<Arc<PayoutSet>>>) -> bool {
    match host {
        Some(host) => host.changed().await.is_ok(),
        None => std::future::pending().await,
    }
}
