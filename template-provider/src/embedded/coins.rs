//! The coins of the embedded chain that can be spent: P2WSH of `OP_TRUE`, by
//! anyone and without a signature.

use super::rules::{COINBASE_MATURITY, Effect};
use bitcoin::{OutPoint, Script, ScriptBuf, TxIn, Witness, opcodes::all::OP_PUSHNUM_1};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// An unspent output that anyone can spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Coin {
    /// Satoshi.
    pub(super) value: u64,
    /// Height of the block that made it.
    pub(super) height: u32,
    /// Whether a coinbase made it, and so it has to mature.
    pub(super) coinbase: bool,
}

/// All of them, ordered so that a chain makes the same transactions every time.
#[derive(Clone, Debug, Default)]
pub(super) struct Coins(BTreeMap<OutPoint, Coin>);

impl Coins {
    pub(super) fn get(&self, outpoint: &OutPoint) -> Option<Coin> {
        self.0.get(outpoint).copied()
    }

    pub(super) fn apply(&mut self, effect: Effect) {
        for outpoint in &effect.spent {
            self.0.remove(outpoint);
        }
        self.0.extend(effect.created);
    }

    /// Coins that a block at `height` may spend.
    pub(super) fn mature_at(&self, height: u32) -> impl Iterator<Item = (OutPoint, Coin)> + '_ {
        self.0
            .iter()
            .filter(move |(_, coin)| !coin.coinbase || height >= coin.height + COINBASE_MATURITY)
            .map(|(outpoint, coin)| (*outpoint, *coin))
    }
}

/// The script that pays everybody.
pub(super) fn anyone_can_spend() -> ScriptBuf {
    SCRIPT_PUBKEY.clone()
}

/// The witness that spends [`anyone_can_spend`].
pub(super) fn open_witness() -> Witness {
    Witness::from_slice(&[WITNESS_SCRIPT.as_bytes()])
}

pub(super) fn is_anyone_can_spend(script: &Script) -> bool {
    *script == **SCRIPT_PUBKEY
}

pub(super) fn spends_anyone_can_spend(input: &TxIn) -> bool {
    input.script_sig.is_empty() && input.witness == open_witness()
}

static WITNESS_SCRIPT: LazyLock<ScriptBuf> =
    LazyLock::new(|| bitcoin::script::Builder::new().push_opcode(OP_PUSHNUM_1).into_script());
static SCRIPT_PUBKEY: LazyLock<ScriptBuf> = LazyLock::new(|| WITNESS_SCRIPT.to_p2wsh());
