//! The coinbase transaction: what a template says about it, and the form in which
//! it is handed to miners.
//!
//! Miners get the transaction cut in two around the extranonce and stripped of its
//! BIP141 fields, so that hashing `prefix || extranonce || suffix` gives the txid
//! (SV2 section 3.7.1). The witness is kept aside for the block.

use crate::hash::{Hash256, sha256d};
use bitcoin::TxOut;
use bitcoin::consensus::encode::{VarInt, serialize};
use thiserror::Error;

/// What the template source says about the coinbase (the shape of Bitcoin Core's
/// `CoinbaseTx` and of SV2's `NewTemplate`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoinbaseTemplate {
    /// Transaction version.
    pub version: u32,
    /// `nSequence` of the only input.
    pub sequence: u32,
    /// First bytes of the scriptSig: the BIP34 height, at most 8 bytes.
    pub script_sig_prefix: Vec<u8>,
    /// The input's only witness item (BIP141: 32 bytes), or none for a block
    /// without witness commitment.
    pub witness: Option<[u8; 32]>,
    /// Satoshi that the payout outputs must add up to.
    pub value_remaining: u64,
    /// Outputs that must stand last, such as the witness commitment.
    pub required_outputs: Vec<TxOut>,
    /// `nLockTime`.
    pub lock_time: u32,
}

/// A coinbase cut around its extranonce, BIP141 fields stripped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitCoinbase {
    /// Bytes before the extranonce.
    pub prefix: Vec<u8>,
    /// Bytes after the extranonce.
    pub suffix: Vec<u8>,
    /// Length of the extranonce between them, in bytes.
    pub extranonce_size: usize,
    /// The witness to put back into the block's coinbase.
    pub witness: Option<[u8; 32]>,
}

/// Why a coinbase cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CoinbaseError {
    /// The payouts do not add up to the template's value.
    #[error("coinbase outputs add up to {paid} sat but the template has {value} sat to pay")]
    ValueMismatch {
        /// Sum of the payout outputs in satoshi.
        paid: u64,
        /// The template's value in satoshi.
        value: u64,
    },
    /// Consensus allows 2 to 100 bytes of scriptSig.
    #[error("coinbase scriptSig would be {0} bytes; consensus allows 2 to 100")]
    ScriptSigLength(usize),
}

const MAX_SCRIPT_SIG: usize = 100;
const MIN_SCRIPT_SIG: usize = 2;

impl CoinbaseTemplate {
    /// Builds the coinbase that pays `payouts`, with `tag` between the height and
    /// the extranonce in the scriptSig.
    ///
    /// # Errors
    /// When `payouts` do not add up to [`value_remaining`](Self::value_remaining)
    /// or the scriptSig breaks the consensus limit.
    pub fn split(
        &self,
        payouts: &[TxOut],
        tag: &[u8],
        extranonce_size: usize,
    ) -> Result<SplitCoinbase, CoinbaseError> {
        let paid =
            payouts.iter().try_fold(0u64, |sum, out| sum.checked_add(out.value.to_sat())).unwrap_or(u64::MAX);
        if paid != self.value_remaining {
            return Err(CoinbaseError::ValueMismatch { paid, value: self.value_remaining });
        }
        let script_sig = self.script_sig_prefix.len() + tag.len() + extranonce_size;
        if !(MIN_SCRIPT_SIG..=MAX_SCRIPT_SIG).contains(&script_sig) {
            return Err(CoinbaseError::ScriptSigLength(script_sig));
        }

        let mut prefix = Vec::with_capacity(64);
        prefix.extend_from_slice(&self.version.to_le_bytes());
        prefix.push(1); // one input
        prefix.extend_from_slice(&[0; 32]); // the null outpoint
        prefix.extend_from_slice(&u32::MAX.to_le_bytes());
        prefix.extend_from_slice(&serialize(&VarInt::from(script_sig)));
        prefix.extend_from_slice(&self.script_sig_prefix);
        prefix.extend_from_slice(tag);

        let mut suffix = Vec::with_capacity(128);
        suffix.extend_from_slice(&self.sequence.to_le_bytes());
        suffix.extend_from_slice(&serialize(&VarInt::from(payouts.len() + self.required_outputs.len())));
        for output in payouts.iter().chain(&self.required_outputs) {
            suffix.extend_from_slice(&serialize(output));
        }
        suffix.extend_from_slice(&self.lock_time.to_le_bytes());
        Ok(SplitCoinbase { prefix, suffix, extranonce_size, witness: self.witness })
    }
}

impl SplitCoinbase {
    /// The txid with `extranonce` (the full one: prefix and rolled part) in place.
    pub fn txid(&self, extranonce: &[u8]) -> Hash256 {
        let mut tx = Vec::with_capacity(self.prefix.len() + extranonce.len() + self.suffix.len());
        tx.extend_from_slice(&self.prefix);
        tx.extend_from_slice(extranonce);
        tx.extend_from_slice(&self.suffix);
        sha256d(&tx)
    }

    /// The whole transaction as it stands in a block, BIP141 fields put back.
    pub fn to_block_bytes(&self, extranonce: &[u8]) -> Vec<u8> {
        let Some(witness) = self.witness else {
            return [&self.prefix, extranonce, &self.suffix].concat();
        };
        let (version, inputs) = self.prefix.split_at(4);
        let (outputs, lock_time) = self.suffix.split_at(self.suffix.len() - 4);
        let marker_and_flag: &[u8] = &[0, 1];
        let one_item_of_32: &[u8] = &[1, 32];
        [version, marker_and_flag, inputs, extranonce, outputs, one_item_of_32, &witness, lock_time].concat()
    }
}
