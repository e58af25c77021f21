//! What the coinbase commits to besides the payouts: bytes of the host's choice, so that
//! other networks can reuse the pool's work, and the ledger's newest head, so that the chain
//! itself says which ledger there was.
//!
//! All of it is off by default. Each commitment is an output of no value with an `OP_RETURN`,
//! behind the payouts, and so takes nothing from anybody; how many bytes there may be is
//! configured, and their weight is reserved from the start. One task owns the present set and
//! publishes it; the job maker builds new jobs when it changes.

mod budget;
mod desk;
mod payload;

pub use budget::Budget;
pub use desk::{CommitmentDesk, Commitments, SetError, Shown, Standing};
pub use payload::{Payload, PayloadError};

use bitcoin::{Amount, TxOut};
use ledger::Commitment;
use ledger::anchor;
use work::CoinbaseTemplate;

/// The outputs that stand behind the payouts in every coinbase. Immutable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    outputs: Vec<TxOut>,
}

impl Extras {
    /// The outputs that commit to `payloads`, and to the head `root` of the ledger.
    pub(crate) fn new<'a>(payloads: impl Iterator<Item = &'a Payload>, root: Option<Commitment>) -> Extras {
        let scripts = payloads.map(Payload::script).chain(root.map(anchor::script));
        let output = |script_pubkey| TxOut { value: Amount::ZERO, script_pubkey };
        Extras { outputs: scripts.map(output).collect() }
    }

    /// `coinbase` with these among the outputs that it requires: before those of the template,
    /// for of two witness commitments the last counts (BIP141).
    pub fn in_coinbase(&self, coinbase: CoinbaseTemplate) -> CoinbaseTemplate {
        let required_outputs = [&self.outputs[..], &coinbase.required_outputs].concat();
        CoinbaseTemplate { required_outputs, ..coinbase }
    }

    /// In their order.
    pub fn outputs(&self) -> &[TxOut] {
        &self.outputs
    }

    /// Size of all of them.
    pub fn output_bytes(&self) -> u32 {
        let bytes = self.outputs.iter().map(TxOut::size).sum::<usize>();
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }
}
