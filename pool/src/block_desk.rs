//! Takes solved blocks from sessions to the template source, and tells everybody who
//! has to know.
//!
//! One task, so that blocks are submitted in the order in which they were found; each
//! submission runs on its own, because a node that is slow with one block must not
//! delay the next.

use crate::payout::{PayoutMode, PayoutSet};
use crate::server::block::FoundBlock;
use crate::status::{BlockRecord, Status};
use bitcoin::{Address, TxOut};
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
    let FoundBlock { solution, height, payouts: paid_set, member, worker } = block;
    let hash = solution.hash;
    let found_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    info!(height, %hash, member, worker, "block found");
    status.counters.blocks_submitted.add(1);
    let paid = paid(&solution.coinbase, &paid_set, network);

    // The payout moves on beside the submission: neither waits for the other.
    let moved = tokio::task::spawn_blocking(move || match &*payouts {
        PayoutMode::Fixed(fixed) => fixed.block_found(&paid_set),
        PayoutMode::Solo(_) => Ok(()),
    });
    // The ledger is told beside it: a block waits for nothing.
    let submitted = tokio::spawn(tell(ledger.clone(), hash, BlockState::Submitted));
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

/// Tells the ledger what became of a block. The block itself comes to it with the shares of its
/// connection, which may not be there yet.
async fn tell(ledger: LedgerHandle, hash: Hash256, state: BlockState) {
    let told = async {
        let mut progress = ledger.progress();
        loop {
            progress.mark_unchanged();
            match ledger.block_state(hash, state).await {
                Err(BlockError::Unknown(_)) if progress.changed().await.is_ok() => {}
                outcome => return outcome,
            }
        }
    };
    match tokio::time::timeout(TELLING, told).await {
        Ok(Ok(_)) => {}
        Ok(Err(fault)) => error!(%hash, %fault, "the ledger does not know what became of a block"),
        Err(_) => error!(%hash, state = state.name(), "the ledger could not be told what became of a block"),
    }
}

fn detail(outcome: Result<SolutionOutcome, SolutionError>) -> String {
    match outcome {
        Ok(SolutionOutcome { is_tip: true, via, .. }) => via.to_owned(),
        Ok(SolutionOutcome { via, .. }) => format!("valid, but another block was first ({via})"),
        Err(fault) => fault.to_string(),
    }
}

/// The coinbase's outputs that are the payout set's: address (or script in hex where
/// there is none) and satoshi.
fn paid(coinbase: &[u8], set: &PayoutSet, network: Network) -> Vec<(String, u64)> {
    let coinbase: Option<bitcoin::Transaction> = bitcoin::consensus::deserialize(coinbase).ok();
    let outputs = coinbase.map(|tx| tx.output).unwrap_or_default();
    let ours = |output: &&TxOut| set.recipients().iter().any(|to| to.script == output.script_pubkey);
    outputs.iter().filter(ours).map(|output| (destination(output, network), output.value.to_sat())).collect()
}

pub(crate) fn destination(output: &TxOut, network: Network) -> String {
    let address = Address::from_script(&output.script_pubkey, network);
    address.map_or_else(|_| output.script_pubkey.to_hex_string(), |address| address.to_string())
}
