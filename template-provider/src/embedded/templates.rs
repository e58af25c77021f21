//! Making templates on the embedded chain, and putting blocks together from them.

use super::chain::{BLOCK_VERSION, Chain, WITNESS_RESERVED_VALUE, commitment_output};
use super::rules::{frame_weight, height_push};
use super::transactions::{Batch, generate};
use crate::template::Template;
use crate::{CoinbaseReserve, Solution};
use bitcoin::block::{Header, Version};
use bitcoin::consensus::deserialize;
use bitcoin::hashes::Hash;
use bitcoin::{Block, CompactTarget, Transaction, TxMerkleNode, Weight};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use work::{CoinbaseTemplate, Hash256, merkle};

/// What the next templates are to hold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    /// Transactions in every full template.
    pub(super) transactions: usize,
    /// More of them until the next block.
    pub(super) extra_transactions: usize,
    fee_level: u64,
}

impl Wanted {
    pub(super) fn new(transactions: usize) -> Wanted {
        Wanted { transactions, ..Wanted::default() }
    }

    pub(super) fn count(&self) -> usize {
        self.transactions.saturating_add(self.extra_transactions)
    }

    pub(super) fn bump_fees(&mut self) {
        if self.count() == 0 {
            self.extra_transactions = 1;
        } else {
            self.fee_level += 1;
        }
    }

    /// A block was found: what waited is confirmed or forgotten.
    pub(super) fn reset(&mut self) {
        *self = Wanted::new(self.transactions);
    }
}

/// Which template to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    /// Coinbase only, to be followed by a full one.
    Provisional,
    /// With all wanted transactions.
    Full,
}

/// A template and the transactions that make it a block.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) template: Arc<Template>,
    transactions: Vec<Transaction>,
}

impl Draft {
    /// Makes a template on the tip of `chain`; `now` in seconds since the epoch.
    pub(super) fn new(
        chain: &Chain,
        nbits: u32,
        wanted: &Wanted,
        fill: Fill,
        reserve: CoinbaseReserve,
        now: u32,
        received_at: Instant,
    ) -> Draft {
        let parent = chain.parent();
        let height = parent.height + 1;
        let batch = match fill {
            Fill::Provisional => Batch::default(),
            Fill::Full => {
                let count = wanted.count();
                let room = room_for_transactions(reserve, count);
                generate(chain.coins(), height, count, wanted.fee_level, room)
            }
        };
        let txids: Vec<Hash256> =
            batch.transactions.iter().map(|tx| Hash256(tx.compute_txid().to_byte_array())).collect();
        let min_ntime = parent.median_time_past + 1;
        let template = Template {
            id: Template::next_id(),
            height,
            version: BLOCK_VERSION as u32,
            prev_hash: Hash256(parent.hash.to_byte_array()),
            nbits,
            min_ntime,
            ntime: now.max(min_ntime),
            coinbase: CoinbaseTemplate {
                version: 2,
                // Not final, so that the lock time counts, as Bitcoin Core does it
                // to make coinbases unique.
                sequence: 0xffff_fffe,
                script_sig_prefix: height_push(height),
                witness: Some(WITNESS_RESERVED_VALUE),
                value_remaining: parent.subsidy + batch.fees,
                required_outputs: vec![commitment_output(&batch.transactions)],
                lock_time: parent.height,
            },
            merkle_path: merkle::coinbase_path(&txids),
            subsidy: parent.subsidy,
            fees: batch.fees,
            transactions: batch.transactions.len(),
            provisional: fill == Fill::Provisional,
            reserve,
            received_at,
        };
        Draft { template: Arc::new(template), transactions: batch.transactions }
    }

    /// The block that `solution` makes of this template, unchecked; `None` when its
    /// coinbase is not a transaction.
    pub(super) fn solve(&self, solution: &Solution) -> Option<Block> {
        let coinbase: Transaction = deserialize(&solution.coinbase).ok()?;
        let mut txdata = vec![coinbase];
        txdata.extend_from_slice(&self.transactions);
        let mut block = Block {
            header: Header {
                version: Version::from_consensus(solution.version.cast_signed()),
                prev_blockhash: bitcoin::BlockHash::from_byte_array(self.template.prev_hash.0),
                merkle_root: TxMerkleNode::all_zeros(),
                time: solution.ntime,
                bits: CompactTarget::from_consensus(self.template.nbits),
                nonce: solution.nonce,
            },
            txdata,
        };
        block.header.merkle_root = block.compute_merkle_root()?;
        Some(block)
    }
}

/// Templates that solutions may still come for.
#[derive(Debug, Default)]
pub(super) struct Kept(VecDeque<(Draft, Option<Instant>)>);

impl Kept {
    /// Kept this long after the tip moved on.
    const GRACE: Duration = Duration::from_secs(10);
    /// And never more than these.
    const MOST: usize = 64;

    pub(super) fn find(&self, id: u64) -> Option<&Draft> {
        self.0.iter().map(|(draft, _)| draft).find(|draft| draft.template.id == id)
    }

    pub(super) fn keep(&mut self, draft: Draft) {
        let now = draft.template.received_at;
        let tip = draft.template.prev_hash;
        for (old, retired) in &mut self.0 {
            if old.template.prev_hash != tip {
                retired.get_or_insert(now);
            }
        }
        self.0.push_back((draft, None));
        self.0.retain(|(_, retired)| {
            retired.is_none_or(|since| now.saturating_duration_since(since) < Kept::GRACE)
        });
        while self.0.len() > Kept::MOST {
            self.0.pop_front();
        }
    }
}

/// Weight that the pool's coinbase leaves to transactions.
fn room_for_transactions(reserve: CoinbaseReserve, count: usize) -> u64 {
    // 1168: all of a coinbase but its payouts, as SV2 section 7.1 counts it.
    let coinbase = 1168 + 4 * u64::from(reserve.output_bytes);
    Weight::MAX_BLOCK.to_wu().saturating_sub(coinbase + frame_weight(count + 1))
}
