//! A block template and the tip that it builds on, as one value.
//!
//! Template and prev-hash are never two variables: a reader that has a template
//! has the tip it belongs to.

use crate::CoinbaseReserve;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use work::{CoinbaseTemplate, Hash256};

pub use bitcoin::Network;

/// Work offered by a source: everything that a job is made of except the payouts.
#[derive(Clone, Debug)]
pub struct Template {
    /// Strictly increasing within this process; names the template in a
    /// [`Solution`](crate::Solution).
    pub id: u64,
    /// Height of the block that this template would become.
    pub height: u32,
    /// Header version before any BIP323 rolling.
    pub version: u32,
    /// Hash of the block it builds on, internal byte order.
    pub prev_hash: Hash256,
    /// Compact network target.
    pub nbits: u32,
    /// Smallest header time that consensus accepts, seconds since the epoch.
    pub min_ntime: u32,
    /// Header time that the source proposes; at least `min_ntime`.
    pub ntime: u32,
    /// What the coinbase must look like.
    pub coinbase: CoinbaseTemplate,
    /// Siblings of the coinbase, deepest first.
    pub merkle_path: Vec<Hash256>,
    /// Block subsidy in satoshi: `coinbase.value_remaining` less the fees.
    pub subsidy: u64,
    /// Sum of the fees of the template's transactions in satoshi.
    pub fees: u64,
    /// Transactions besides the coinbase.
    pub transactions: usize,
    /// A coinbase-only template published at once after a new tip, to be followed
    /// by a full one.
    pub provisional: bool,
    /// Room that it leaves for the pool's own coinbase outputs: what it was asked for with.
    pub reserve: CoinbaseReserve,
    /// When the source had it.
    pub received_at: Instant,
}

impl Template {
    /// The next unused [`id`](Self::id) of this process.
    pub(crate) fn next_id() -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        NEXT.fetch_add(1, Ordering::Relaxed)
    }
}

/// One line for people: height, parent, what it pays and how full it is.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "template {} height {} on {} nbits {:08x} pays {} sat ({} subsidy + {} fees), {} transactions{}",
            self.id,
            self.height,
            self.prev_hash,
            self.nbits,
            self.coinbase.value_remaining,
            self.subsidy,
            self.fees,
            self.transactions,
            if self.provisional { ", provisional" } else { "" },
        )
    }
}

#[cfg(test)]
impl Template {
    /// For tests: an empty template on a made-up `tip`.
    pub(crate) fn example(tip: u8, height: u32) -> Template {
        Template {
            id: Template::next_id(),
            height,
            version: 0x2000_0000,
            prev_hash: Hash256([tip; 32]),
            nbits: 0x207f_ffff,
            min_ntime: 0,
            ntime: 0,
            coinbase: CoinbaseTemplate {
                version: 2,
                sequence: u32::MAX,
                script_sig_prefix: Vec::new(),
                witness: None,
                value_remaining: 0,
                required_outputs: Vec::new(),
                lock_time: 0,
            },
            merkle_path: Vec::new(),
            subsidy: 0,
            fees: 0,
            transactions: 0,
            provisional: false,
            reserve: CoinbaseReserve::default(),
            received_at: Instant::now(),
        }
    }
}
