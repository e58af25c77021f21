//! Generated transactions, so that templates have a real merkle path, fees and a
//! witness commitment over something.

use super::coins::{Coins, anyone_can_spend, open_witness};
use bitcoin::{Amount, OutPoint, Sequence, Transaction, TxIn, TxOut, absolute, transaction};
use std::collections::VecDeque;

/// Transactions for a block and what they pay.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    /// In block order, without the coinbase.
    pub(super) transactions: Vec<Transaction>,
    /// Sum of their fees in satoshi.
    pub(super) fees: u64,
}

/// Makes up to `count` valid segwit transactions for a block at `height` that
/// together weigh no more than `max_weight`.
///
/// `fee_level` raises every fee; there are fewer transactions when coins run out.
pub(super) fn generate(coins: &Coins, height: u32, count: usize, fee_level: u64, max_weight: u64) -> Batch {
    const BASE_FEE: u64 = 1_000;
    const FEE_STEP: u64 = 500;

    // Each transaction's output goes to the back, to be spent again in the same
    // block when there are fewer coins than transactions.
    let mut purse: VecDeque<(OutPoint, u64)> =
        coins.mature_at(height).map(|(outpoint, coin)| (outpoint, coin.value)).take(count).collect();
    let mut batch = Batch::default();
    let mut weight = 0u64;
    while batch.transactions.len() < count {
        let Some((outpoint, value)) = purse.pop_front() else { break };
        let spread = (batch.transactions.len() % 100) as u64 * 10;
        let fee = BASE_FEE.saturating_add(spread).saturating_add(fee_level.saturating_mul(FEE_STEP));
        let Some(rest) = value.checked_sub(fee).filter(|rest| *rest >= BASE_FEE) else { continue };
        let tx = spend(outpoint, rest);
        weight += tx.weight().to_wu();
        if weight > max_weight {
            break;
        }
        purse.push_back((OutPoint { txid: tx.compute_txid(), vout: 0 }, rest));
        batch.transactions.push(tx);
        batch.fees += fee;
    }
    batch
}

fn spend(outpoint: OutPoint, value: u64) -> Transaction {
    Transaction {
        version: transaction::Version::TWO,
        lock_time: absolute::LockTime::ZERO,
        input: vec![TxIn {
            previous_output: outpoint,
            script_sig: Default::default(),
            sequence: Sequence::MAX,
            witness: open_witness(),
        }],
        output: vec![TxOut { value: Amount::from_sat(value), script_pubkey: anyone_can_spend() }],
    }
}
