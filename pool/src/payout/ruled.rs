//! Payouts by the ledger: `shared`, and `solo` with a fee. What is configured of them, and
//! where the newest [`Standpoint`] is to be had.

use super::aliases::Aliases;
use super::fixed::FixedPayout;
use super::standpoint::Standpoint;
use super::{FoundBlocks, PayoutSet, address};
use ledger::payout::{Rules, space};
use std::sync::Arc;
use template_provider::{CoinbaseReserve, Network};
use tokio::sync::watch;

/// The payouts of a pool that pays by its ledger.
#[derive(Debug)]
pub struct RuledPayout {
    /// The rules.
    pub rules: Rules,
    /// Where the host is paid, if the rules pay the host.
    pub host: Option<FixedPayout>,
    /// The chain that addresses are of.
    pub network: Network,
    /// Short names for addresses and splits.
    pub aliases: Aliases,
    /// Bytes that payout outputs may take at most, whatever the template has room for.
    pub most_bytes: u32,
    /// The pool's own blocks.
    pub found: FoundBlocks,
    newest: watch::Sender<Option<Arc<Standpoint>>>,
}

impl RuledPayout {
    /// Payouts by `rules`; `coinbase_weight` is the most weight that outputs may take.
    pub fn new(
        rules: Rules,
        host: Option<FixedPayout>,
        network: Network,
        aliases: Aliases,
        coinbase_weight: u32,
    ) -> RuledPayout {
        let most_bytes =
            space::output_bytes_in_weight(coinbase_weight.into()).max(address::LARGEST_OUTPUT.output_bytes);
        RuledPayout {
            rules,
            host,
            network,
            aliases,
            most_bytes,
            found: FoundBlocks::default(),
            newest: watch::Sender::new(None),
        }
    }

    /// The newest standpoint; none until the ledger has been read for the first template.
    pub fn watch(&self) -> watch::Receiver<Option<Arc<Standpoint>>> {
        self.newest.subscribe()
    }

    /// From now on jobs pay by `standpoint`.
    pub fn publish(&self, standpoint: Standpoint) {
        self.newest.send_replace(Some(Arc::new(standpoint)));
    }

    /// Where the host is paid now.
    pub fn host_now(&self) -> Option<Arc<PayoutSet>> {
        self.host.as_ref().map(FixedPayout::current)
    }

    /// Room that is asked of the template source before anything is known of the ledger.
    pub fn first_reserve(&self) -> CoinbaseReserve {
        reserve_of(FIRST_BYTES.min(self.most_bytes))
    }
}

/// A first room, for some two dozen outputs: the template source makes templates with it before
/// the ledger has been read.
pub const FIRST_BYTES: u32 = 1_000;

/// What is asked of the template source for `bytes` of outputs. No standard output has more
/// signature operations for its size than P2PKH's one in 34 bytes.
pub fn reserve_of(bytes: u32) -> CoinbaseReserve {
    const P2PKH_OUTPUT: u32 = 34;
    CoinbaseReserve { output_bytes: bytes, sigops: bytes.div_ceil(P2PKH_OUTPUT) }
}
