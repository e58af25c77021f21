//! The blocks of earlier runs, from the ledger, as the status page lists them.

use super::LookFault;
use crate::status::{BlockRecord, Blocks};
use bitcoin::TxOut;
use ledger::{Reader, RecordedBlock};
use std::path::Path;
use template_provider::Network;

/// The newest blocks in the ledger at `path`, oldest first.
pub(super) fn newest(path: &Path, network: Network, wanted: u32) -> Result<Vec<BlockRecord>, LookFault> {
    let reader = Reader::open(path)?;
    let blocks = reader.blocks()?;
    let newest = blocks.get(blocks.len().saturating_sub(Blocks::KEPT)..).unwrap_or_default();
    newest.iter().map(|recorded| record(&reader, recorded, network, wanted)).collect()
}

fn record(
    reader: &Reader,
    recorded: &RecordedBlock,
    network: Network,
    wanted: u32,
) -> Result<BlockRecord, LookFault> {
    let job = reader.job(&recorded.block.job)?;
    let outputs = job.and_then(|job| ledger::audit::coinbase_outputs(&job)).unwrap_or_default();
    let pays = |output: &&TxOut| output.value.to_sat() > 0;
    let mut record = BlockRecord {
        height: recorded.block.height,
        hash: recorded.block.hash.to_string(),
        found_at: recorded.block.found.into(),
        member: recorded.block.member.to_string(),
        worker: recorded.block.worker.to_string(),
        paid: outputs
            .iter()
            .filter(pays)
            .map(|output| (crate::block_desk::destination(output, network), output.value.to_sat()))
            .collect(),
        accepted: recorded.state.counts(),
        detail: "found before the pool was last started".to_owned(),
        state: recorded.state.name(),
        confirmations: None,
        status: String::new(),
    };
    record.says(recorded.state, None, wanted);
    Ok(record)
}
