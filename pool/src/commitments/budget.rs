//! How much room commitments have.

use ledger::anchor;
use template_provider::CoinbaseReserve;

/// The room that is reserved for commitments in every coinbase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of the outputs that the host adds, as they stand in the coinbase.
    pub output_bytes: u32,
    /// Whether there is one more, for the ledger's head.
    pub ledger_root: bool,
}

impl Budget {
    /// The most that may be configured: a coinbase must stay small enough for old firmware.
    pub const MAX_BYTES: u32 = 1_000;

    /// Whether anything is ever committed to.
    pub fn is_off(self) -> bool {
        self.output_bytes == 0 && !self.ledger_root
    }

    /// What the payouts' reserve becomes with the commitments.
    #[must_use]
    pub fn on_top_of(self, payouts: CoinbaseReserve) -> CoinbaseReserve {
        let root = if self.ledger_root { anchor::OUTPUT_BYTES } else { 0 };
        let own = self.output_bytes.saturating_add(root);
        CoinbaseReserve { output_bytes: payouts.output_bytes.saturating_add(own), ..payouts }
    }
}
