//! Takes solved blocks from sessions to the template source, and tells everybody who
//! has to know.
//!
//! One task, so that blocks are submitted in the order in which they were found; each
//! submission runs on its own, because a node that is slow with one block must not
//! delay the next.

use crate::payout::{PaidOut, PayoutMode};
use crate::server::block::FoundBlock;
use crate::status::{BlockRecord, Status};
use bitcoin::{Address, TxOut};
use ledger::payout::NamedPlan;
use ledger::{BlockError, BlockState, LedgerHandle};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use template_provider::{Network, SolutionError, SolutionOutcome, SourceHandle};
use tokio::sync::{Notify, broadcast, mpsc};
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};
use work::Hash256;

/// Blocks that may wait to be submitted; a session with one more waits.
const WAITING: usize = 64;
/// How long the ledger may take to hear of a block.
const TELLING: Duration = Duration::from_secs(10);

/// Where sessions send blocks, and where they come out.
pub fn channel() -> (mpsc::Sender<FoundBlock>, mpsc::Receiver<FoundBlock>) {
    mpsc::channel(WAITING)
}

/// What the desk works with. Cheap to clone.
#[derive(Clone)]
pub struct BlockDesk {
    /// Takes the blocks.
    pub source: SourceHandle,
    /// Keeps what became of each block.
    pub ledger: LedgerHandle,
    /// Moves on to the next address where it is to.
    pub payouts: Arc<PayoutMode>,
    /// Counters and the list of the newest blocks.
    pub status: Arc<Status>,
    /// The chain, for the form of addresses.
    pub network: Network,
    /// Notified when a block has been handed in, for the [watch](crate::block_watch).
    pub handed_in: Arc<Notify>,
    /// What became of each block.
    pub reports: broadcast::Sender<BlockRecord>,
}

/// Submits blocks until every sender is gone and the last has its verdict.
pub async fn run(mut blocks: mpsc::Receiver<FoundBlock>, desk: BlockDesk) {
    let submissions = TaskTracker::new();
    while let Some(block) = blocks.recv().await {
        submissions.spawn(submit(block, desk.clone()));
    }
    submissions.close();
    submissions.wait().await;
}

async fn submit(block: FoundBlock, desk: BlockDesk) {
    let BlockDesk { source, ledger, payouts, status, network, handed_in, reports } = desk;
    let FoundBlock { solution, job, member, worker } = block;
    let height = job.height;
    let hash = solution.hash;
    let found_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    info!(height, %hash, member, worker, "block found");
    payouts.block_found(hash, &job.payouts);
    status.counters.blocks_submitted.add(1);
    let paid_out = job.paid_out().unwrap_or_else(|fault| {
        error!(%hash, %fault, "what this block pays cannot be worked out again");
        PaidOut::default()
    });
    let outputs = paid_out.outputs.iter();
    let paid = outputs.map(|output| (destination(output, network), output.value.to_sat())).collect();

    // The payout moves on beside the submission: neither waits for the other.
    let of_block = job.clone();
    let moved =
        tokio::task::spawn_blocking(move || match (payouts.destination(), of_block.payouts.rotating()) {
            (Some(destination), Some(paid)) => destination.block_found(paid),
            _ => Ok(()),
        });
    // The ledger is told beside it: a block waits for nothing.
    let submitted = tokio::spawn(submitted(ledger.clone(), hash, paid_out.plan));
    let outcome = source.submit(solution).await;
    let _ = submitted.await;
    let became = match &outcome {
        Ok(accepted) if accepted.is_tip => Some(BlockState::InChain),
        // Another block may be on top of it already, or in its place: the watch finds out.
        Ok(_) => None,
        // It is on its way still.
        Err(SolutionError::Unreachable(_) | SolutionError::Stopped) => None,
        Err(_) => Some(BlockState::Orphaned),
    };
    if let Some(state) = became {
        tell(ledger, hash, state).await;
    }
    match &outcome {
        Ok(accepted) if accepted.is_tip => {
            status.counters.blocks_accepted.add(1);
            info!(height, %hash, member, worker, via = accepted.via, "block accepted");
        }
        Ok(accepted) => {
            status.counters.blocks_late.add(1);
            warn!(height, %hash, via = accepted.via, "block is valid but another was first");
        }
        Err(fault @ SolutionError::Stale(_)) => {
            status.counters.blocks_late.add(1);
            warn!(height, %hash, %fault, "block came too late");
        }
        Err(fault @ SolutionError::Unreachable(_)) => {
            warn!(height, %hash, %fault, "block waits for the node")
        }
        Err(fault) => {
            status.counters.blocks_refused.add(1);
            error!(height, %hash, %fault, "block not accepted");
        }
    }
    match moved.await {
        Ok(Ok(())) => {}
        Ok(Err(fault)) => error!(%fault, "the payout address could not be moved on"),
        Err(fault) => error!(%fault, "moving the payout address on failed"),
    }
    let mut record = BlockRecord {
        height,
        hash: hash.to_string(),
        found_at,
        member,
        worker,
        paid,
        accepted: outcome.as_ref().is_ok_and(|accepted| accepted.is_tip),
        detail: detail(outcome),
        state: "",
        confirmations: None,
        status: String::new(),
    };
    record.says(became.unwrap_or(BlockState::Submitted), None, 0);
    status.blocks.record(record.clone());
    handed_in.notify_one();
    // Nobody may be listening.
    let _ = reports.send(record);
}

/// Tells the ledger that a block is on its way, and what it pays and leaves owing where the
/// ledger decided that: before it can be in the chain, so that it never is without.
async fn submitted(ledger: LedgerHandle, hash: Hash256, plan: Option<Arc<NamedPlan>>) {
    tell(ledger.clone(), hash, BlockState::Submitted).await;
    if let Some(plan) = plan {
        let payments = plan.payments();
        let booked = insist(&ledger, || ledger.book(hash, payments.clone())).await;
        said(hash, "what it pays", booked);
    }
}

/// Tells the ledger what became of a block.
async fn tell(ledger: LedgerHandle, hash: Hash256, state: BlockState) {
    let told = insist(&ledger, || ledger.block_state(hash, state)).await;
    said(hash, state.name(), told);
}

/// Says something about a block until the ledger knows the block, which comes to it with the
/// shares of its connection. None when that takes too long.
async fn insist<F>(ledger: &LedgerHandle, mut say: impl FnMut() -> F) -> Option<Result<bool, BlockError>>
where
    F: Future<Output = Result<bool, BlockError>>,
{
    let said = async {
        let mut progress = ledger.progress();
        loop {
            progress.mark_unchanged();
            match say().await {
                Err(BlockError::Unknown(_)) if progress.changed().await.is_ok() => {}
                outcome => return outcome,
            }
        }
    };
    tokio::time::timeout(TELLING, said).await.ok()
}

fn said(hash: Hash256, what: &str, outcome: Option<Result<bool, BlockError>>) {
    match outcome {
        Some(Ok(_)) => {}
        Some(Err(fault)) => error!(%hash, what, %fault, "the ledger does not take this about a block"),
        None => error!(%hash, what, "the ledger could not be told this about a block"),
    }
}

fn detail(outcome: Result<SolutionOutcome, SolutionError>) -> String {
    match outcome {
        Ok(SolutionOutcome { is_tip: true, via, .. }) => via.to_owned(),
        Ok(SolutionOutcome { via, .. }) => format!("valid, but another block was first ({via})"),
        Err(fault) => fault.to_string(),
    }
}

/// Where an output pays: an address, or the script in hex where there is none.
pub(crate) fn destination(output: &TxOut, network: Network) -> String {
    let address = Address::from_script(&output.script_pubkey, network);
    address.map_or_else(|_| output.script_pubkey.to_hex_string(), |address| address.to_string())
}
