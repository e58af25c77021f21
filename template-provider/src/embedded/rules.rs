//! What makes a block of the embedded chain valid.
//!
//! A subset of consensus, strict enough that with the regtest difficulty a real
//! `bitcoin-node -regtest` accepts every block that passes. The only coins that may
//! be spent are anyone-can-spend ones ([`anyone_can_spend`]), so no script needs to
//! be run.

use super::coins::{Coin, Coins, is_anyone_can_spend, spends_anyone_can_spend};
use bitcoin::block::Header;
use bitcoin::consensus::Encodable;
use bitcoin::{Block, BlockHash, OutPoint, Target, Transaction, Weight, absolute};
use std::collections::{HashMap, HashSet};
use thiserror::Error;

/// Blocks after which a coinbase output may be spent.
pub(super) const COINBASE_MATURITY: u32 = 100;

/// Coinbases and blocks may be this far ahead of our clock, in seconds.
const MAX_FUTURE: u32 = 2 * 60 * 60;

/// What a block is checked against: the chain that it wants to extend.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parent {
    pub(super) hash: BlockHash,
    /// Height of the parent.
    pub(super) height: u32,
    pub(super) median_time_past: u32,
    /// Difficulty that the next block must have, compact form.
    pub(super) nbits: u32,
    /// Private chains also take blocks at the regtest difficulty.
    pub(super) easy_nbits: u32,
    /// Subsidy of the next block in satoshi.
    pub(super) subsidy: u64,
}

/// What a valid block changes.
#[derive(Debug, Default)]
pub(super) struct Effect {
    pub(super) spent: Vec<OutPoint>,
    pub(super) created: Vec<(OutPoint, Coin)>,
}

/// The rule that a block breaks; codes are Bitcoin Core's where it has one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum RuleError {
    #[error("stale-prevblk: builds on {found}, but the tip is {tip}")]
    Stale { found: BlockHash, tip: BlockHash },
    #[error("bad-diffbits: has {found:08x}, the chain wants {wanted:08x}")]
    WrongBits { found: u32, wanted: u32 },
    #[error("high-hash: the hash does not meet the target")]
    ProofOfWork,
    #[error("bad-version: {0:#x} is too old")]
    Version(i32),
    #[error("time-too-old: {time} is not after the median time past {median}")]
    TimeTooOld { time: u32, median: u32 },
    #[error("time-too-new: {time} is more than two hours after {now}")]
    TimeTooNew { time: u32, now: u32 },
    #[error("bad-cb-missing: the first transaction, and only that, must be a coinbase")]
    Coinbase,
    #[error("bad-cb-length: the coinbase scriptSig has {0} bytes")]
    ScriptSigLength(usize),
    #[error("bad-cb-height: the coinbase does not start with height {0}")]
    Height(u32),
    #[error("bad-txnmrklroot: the merkle root does not match the transactions")]
    MerkleRoot,
    #[error("bad-witness-merkle-match: the witness commitment is missing or wrong")]
    WitnessCommitment,
    #[error("bad-cb-amount: the coinbase pays {paid} sat, allowed are {allowed}")]
    Value { paid: u64, allowed: u64 },
    #[error("bad-blk-weight: {0} weight units")]
    Weight(u64),
    #[error("bad-txns-nonfinal: transaction {0} may not be in this block yet")]
    NonFinal(usize),
    #[error("bad-txns: transaction {index}: {reason}")]
    Transaction { index: usize, reason: &'static str },
}

/// Checks `block` as the child of `parent`, with `now` in seconds since the epoch.
///
/// # Errors
/// The first rule that it breaks.
pub(super) fn check_block(
    block: &Block,
    parent: &Parent,
    coins: &Coins,
    now: u32,
) -> Result<Effect, RuleError> {
    check_header(&block.header, parent, now)?;
    let height = parent.height + 1;
    let Some((coinbase, others)) = block.txdata.split_first() else { return Err(RuleError::Coinbase) };
    if !coinbase.is_coinbase() || others.iter().any(Transaction::is_coinbase) {
        return Err(RuleError::Coinbase);
    }
    check_coinbase_script(coinbase, height)?;
    // A repeated transaction leaves the merkle root as it was (CVE-2012-2459).
    let mut seen = HashSet::new();
    if !block.check_merkle_root() || !block.txdata.iter().all(|tx| seen.insert(tx.compute_txid())) {
        return Err(RuleError::MerkleRoot);
    }
    if !has_witness_commitment(block) {
        return Err(RuleError::WitnessCommitment);
    }
    if block.weight() > Weight::MAX_BLOCK {
        return Err(RuleError::Weight(block.weight().to_wu()));
    }
    for (index, tx) in block.txdata.iter().enumerate() {
        if !is_final(tx, height, parent.median_time_past) {
            return Err(RuleError::NonFinal(index));
        }
    }
    let (mut effect, fees) = check_spends(others, height, coins)?;
    let allowed = parent.subsidy.saturating_add(fees);
    let paid = total_out(coinbase).ok_or(RuleError::Value { paid: u64::MAX, allowed })?;
    if paid > allowed {
        return Err(RuleError::Value { paid, allowed });
    }
    effect.created.extend(own_outputs(coinbase, height, true));
    Ok(effect)
}

/// The scriptSig bytes that BIP34 wants at the start of the coinbase at `height`.
pub(super) fn height_push(height: u32) -> Vec<u8> {
    bitcoin::script::Builder::new().push_int(i64::from(height)).into_script().into_bytes()
}

fn check_header(header: &Header, parent: &Parent, now: u32) -> Result<(), RuleError> {
    if header.prev_blockhash != parent.hash {
        return Err(RuleError::Stale { found: header.prev_blockhash, tip: parent.hash });
    }
    let found = header.bits.to_consensus();
    if found != parent.nbits && found != parent.easy_nbits {
        return Err(RuleError::WrongBits { found, wanted: parent.nbits });
    }
    if !Target::from_compact(header.bits).is_met_by(header.block_hash()) {
        return Err(RuleError::ProofOfWork);
    }
    if header.version.to_consensus() < 4 {
        return Err(RuleError::Version(header.version.to_consensus()));
    }
    if header.time <= parent.median_time_past {
        return Err(RuleError::TimeTooOld { time: header.time, median: parent.median_time_past });
    }
    if header.time > now.saturating_add(MAX_FUTURE) {
        return Err(RuleError::TimeTooNew { time: header.time, now });
    }
    Ok(())
}

fn check_coinbase_script(coinbase: &Transaction, height: u32) -> Result<(), RuleError> {
    let script = coinbase.input.first().map(|input| input.script_sig.as_bytes()).unwrap_or_default();
    if !(2..=100).contains(&script.len()) {
        return Err(RuleError::ScriptSigLength(script.len()));
    }
    if !script.starts_with(&height_push(height)) {
        return Err(RuleError::Height(height));
    }
    Ok(())
}

/// Unlike consensus, which lets a block without segwit spends go without: our
/// templates always ask for it.
fn has_witness_commitment(block: &Block) -> bool {
    const PREFIX: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];
    let committed = block.coinbase().is_some_and(|coinbase| {
        coinbase.output.iter().any(|output| output.script_pubkey.as_bytes().starts_with(&PREFIX))
    });
    committed && block.check_witness_commitment()
}

fn is_final(tx: &Transaction, height: u32, median_time_past: u32) -> bool {
    let reached = match tx.lock_time {
        absolute::LockTime::Blocks(lock) => lock.to_consensus_u32() < height,
        absolute::LockTime::Seconds(lock) => lock.to_consensus_u32() < median_time_past,
    };
    reached || tx.lock_time.to_consensus_u32() == 0 || tx.input.iter().all(|input| input.sequence.is_final())
}

/// Checks every input of `transactions` and returns what they change and their
/// fees in satoshi.
fn check_spends(
    transactions: &[Transaction],
    height: u32,
    coins: &Coins,
) -> Result<(Effect, u64), RuleError> {
    let mut spent = HashSet::new();
    let mut created: HashMap<OutPoint, Coin> = HashMap::new();
    let mut fees = 0u64;
    for (position, tx) in transactions.iter().enumerate() {
        let index = position + 1;
        let wrong = |reason| RuleError::Transaction { index, reason };
        let mut value_in = 0u64;
        for input in &tx.input {
            let outpoint = input.previous_output;
            let coin = coins.get(&outpoint).or_else(|| created.get(&outpoint).copied());
            let coin = coin.ok_or(wrong("spends an output that does not exist or cannot be spent"))?;
            if !spent.insert(outpoint) {
                return Err(wrong("spends an output twice"));
            }
            if coin.coinbase && height < coin.height + COINBASE_MATURITY {
                return Err(wrong("spends a coinbase that is not mature"));
            }
            if !spends_anyone_can_spend(input) {
                return Err(wrong("has a witness that does not fit its output"));
            }
            value_in = value_in.saturating_add(coin.value);
        }
        let value_out = total_out(tx).ok_or(wrong("pays more than there is"))?;
        let fee = value_in.checked_sub(value_out).ok_or(wrong("pays more than it takes"))?;
        fees = fees.saturating_add(fee);
        created.extend(own_outputs(tx, height, false));
    }
    // What was made and spent inside the block never becomes a coin.
    let effect = Effect {
        created: created.into_iter().filter(|(outpoint, _)| !spent.contains(outpoint)).collect(),
        spent: spent.into_iter().collect(),
    };
    Ok((effect, fees))
}

fn own_outputs(tx: &Transaction, height: u32, coinbase: bool) -> Vec<(OutPoint, Coin)> {
    let txid = tx.compute_txid();
    let numbered = (0u32..).zip(&tx.output);
    numbered
        .filter(|(_, output)| is_anyone_can_spend(&output.script_pubkey))
        .map(|(vout, output)| {
            (OutPoint { txid, vout }, Coin { value: output.value.to_sat(), height, coinbase })
        })
        .collect()
}

fn total_out(tx: &Transaction) -> Option<u64> {
    tx.output.iter().try_fold(0u64, |sum, output| sum.checked_add(output.value.to_sat()))
}

/// Weight in a block of `transaction_count` transactions besides their own: the
/// header and the count.
pub(super) fn frame_weight(transaction_count: usize) -> u64 {
    let count = bitcoin::VarInt::from(transaction_count);
    let mut bytes = Vec::new();
    // Writing to a vector cannot fail.
    let count_size = count.consensus_encode(&mut bytes).unwrap_or(9);
    4 * (80 + count_size as u64)
}
