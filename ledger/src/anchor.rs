//! An anchor: the hash of the ledger's newest head in a block's coinbase, so that the chain
//! itself says which ledger there was when the block was found. A pool that signed another
//! history afterwards could not have that in its blocks.

use crate::tagged_hash::Commitment;
use bitcoin::{Script, ScriptBuf};

/// What an anchor's bytes begin with, before the 32 of the head's hash.
pub const MARK: [u8; 4] = *b"PbLH";

/// Size of an anchor's output in a coinbase: value, length, `OP_RETURN`, push, mark and hash.
pub const OUTPUT_BYTES: u32 = 8 + 1 + 2 + 4 + 32;

/// The script that anchors the head with this hash: `OP_RETURN` and a push of 36 bytes.
pub fn script(head: Commitment) -> ScriptBuf {
    ScriptBuf::from_bytes([&START[..], &MARK, &head.0].concat())
}

/// The head that a script anchors; None when it anchors none.
pub fn head(script: &Script) -> Option<Commitment> {
    let hash = script.as_bytes().strip_prefix(&START)?.strip_prefix(&MARK)?;
    Some(Commitment(hash.try_into().ok()?))
}

/// `OP_RETURN`, and that 36 bytes follow.
const START: [u8; 2] = [0x6a, 0x24];

#[cfg(test)]
mod tests {
    use super::*;
    use bitcoin::consensus::serialize;
    use bitcoin::{Amount, TxOut};

    #[test]
    fn an_anchor_is_read_as_it_was_written_and_nothing_else_is_one() {
        let anchored = script(Commitment([7; 32]));
        assert_eq!(head(&anchored), Some(Commitment([7; 32])));
        assert!(anchored.is_op_return());
        let short = ScriptBuf::from_bytes(anchored.as_bytes().iter().copied().take(20).collect());
        assert_eq!(head(&short), None);
        let mut other = anchored.to_bytes();
        other.push(0);
        assert_eq!(head(Script::from_bytes(&other)), None);
        let output = TxOut { value: Amount::ZERO, script_pubkey: anchored };
        assert_eq!(serialize(&output).len() as u32, OUTPUT_BYTES);
    }
}
