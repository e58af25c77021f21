//! The coinbase transaction: what a template says about it, and the form in which
//! it is handed to miners.
//!
//! Miners get the transaction cut in two around the extranonce and stripped of its
//! BIP141 fields, so that hashing `prefix || extranonce || suffix` gives the txid
//! (SV2 section 3.7.1). The witness is kept aside for the block.

use crate::bip34::HeightPush;
use crate::hash::{Hash256, sha256d};
use bitcoin::consensus::encode::{VarInt, serialize};
use bitcoin::{ScriptBuf, TxOut};
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
    /// The short form pushes the extranonce with one opcode.
    #[error("an extranonce of {0} bytes cannot stand in an output; 1 to 75 bytes can")]
    ExtranonceSize(usize),
    /// The scriptSig must begin with the height (BIP34).
    #[error("the template's scriptSig prefix {0} does not begin with a block height")]
    NoHeight(String),
    /// The template is not that of the block before.
    #[error("cannot predict block {next} from a template for block {height}: it must be the next one")]
    NotNext {
        /// The template's height.
        height: u32,
        /// The height asked for.
        next: u32,
    },
    /// An output that has a meaning unknown here.
    #[error(
        "cannot predict the next block's coinbase: required output {0} is not a plain witness commitment"
    )]
    UnknownOutput(usize),
}

/// Bytes of the output that holds the extranonce in the short form, without the extranonce:
/// value, length of the script, `OP_RETURN` and the push.
pub const EXTRANONCE_OUTPUT: usize = 8 + 1 + 2;

const OP_RETURN: u8 = 0x6a;
/// The longest push whose opcode is its length.
const MAX_PUSH: u8 = 75;
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
        self.check_value(payouts)?;
        let prefix = self.up_to_tag(tag, extranonce_size)?;
        let mut suffix = Vec::with_capacity(128);
        suffix.extend_from_slice(&self.sequence.to_le_bytes());
        suffix.extend_from_slice(&serialize(&VarInt::from(payouts.len() + self.required_outputs.len())));
        for output in payouts.iter().chain(&self.required_outputs) {
            suffix.extend_from_slice(&serialize(output));
        }
        suffix.extend_from_slice(&self.lock_time.to_le_bytes());
        Ok(SplitCoinbase { prefix, suffix, extranonce_size, witness: self.witness })
    }

    /// The same in the *short form*, for firmware that has little room for what follows the
    /// extranonce: it stands in an output of its own (worth nothing, `OP_RETURN` and a push),
    /// and before it as many payouts as fit into `head` bytes, at least one. The payouts stay
    /// in their order.
    ///
    /// # Errors
    /// As [`split`](Self::split), and for an extranonce that no short push holds.
    pub fn split_short(
        &self,
        payouts: &[TxOut],
        tag: &[u8],
        extranonce_size: usize,
        head: usize,
    ) -> Result<SplitCoinbase, CoinbaseError> {
        self.check_value(payouts)?;
        let push = u8::try_from(extranonce_size).ok().filter(|size| (1..=MAX_PUSH).contains(size));
        let push = push.ok_or(CoinbaseError::ExtranonceSize(extranonce_size))?;
        let outputs = payouts.len() + 1 + self.required_outputs.len();

        let mut prefix = self.up_to_tag(tag, 0)?;
        prefix.extend_from_slice(&self.sequence.to_le_bytes());
        prefix.extend_from_slice(&serialize(&VarInt::from(outputs)));
        let mut before = 0;
        for output in payouts {
            let bytes = serialize(output);
            if before > 0 && prefix.len() + bytes.len() + EXTRANONCE_OUTPUT > head {
                break;
            }
            prefix.extend_from_slice(&bytes);
            before += 1;
        }
        prefix.extend_from_slice(&0u64.to_le_bytes());
        prefix.extend_from_slice(&[push + 2, OP_RETURN, push]);

        let mut suffix = Vec::with_capacity(128);
        for output in payouts.iter().skip(before).chain(&self.required_outputs) {
            suffix.extend_from_slice(&serialize(output));
        }
        suffix.extend_from_slice(&self.lock_time.to_le_bytes());
        Ok(SplitCoinbase { prefix, suffix, extranonce_size, witness: self.witness })
    }

    fn check_value(&self, payouts: &[TxOut]) -> Result<(), CoinbaseError> {
        let paid =
            payouts.iter().try_fold(0u64, |sum, out| sum.checked_add(out.value.to_sat())).unwrap_or(u64::MAX);
        if paid == self.value_remaining {
            Ok(())
        } else {
            Err(CoinbaseError::ValueMismatch { paid, value: self.value_remaining })
        }
    }

    /// The transaction up to the scriptSig's `more` last bytes.
    fn up_to_tag(&self, tag: &[u8], more: usize) -> Result<Vec<u8>, CoinbaseError> {
        let script_sig = self.script_sig_prefix.len() + tag.len() + more;
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
        Ok(prefix)
    }

    /// The height that the scriptSig prefix begins with.
    ///
    /// # Errors
    /// When it does not begin with one.
    pub fn height(&self) -> Result<u32, CoinbaseError> {
        let parsed = HeightPush::parse(&self.script_sig_prefix);
        parsed.map(|(height, _)| height).ok_or_else(|| {
            let hex = self.script_sig_prefix.iter().map(|byte| format!("{byte:02x}")).collect();
            CoinbaseError::NoHeight(hex)
        })
    }

    /// Predicts the coinbase of an *empty* block on top of this template's, so that a
    /// job for it can be distributed before that block is found.
    ///
    /// `subsidy` is that of `height_of_next`, in satoshi
    /// ([`block_subsidy`](crate::subsidy::block_subsidy)). The lock time follows the
    /// height if it does so here (BIP54), and the witness commitment becomes that of a
    /// block with no other transaction.
    ///
    /// # Errors
    /// When `height_of_next` is not one more than this template's height, or when there
    /// is a required output that is not a witness commitment and therefore cannot be
    /// predicted.
    pub fn for_next_block(
        &self,
        height_of_next: u32,
        subsidy: u64,
    ) -> Result<CoinbaseTemplate, CoinbaseError> {
        let height = self.height()?;
        if height.checked_add(1) != Some(height_of_next) {
            return Err(CoinbaseError::NotNext { height, next: height_of_next });
        }
        let after_height = HeightPush::new(height).as_bytes().len();
        let padding = self.script_sig_prefix.get(after_height..).unwrap_or_default();
        let follows_bip54 = self.lock_time.checked_add(1) == Some(height);
        let required_outputs = self
            .required_outputs
            .iter()
            .enumerate()
            .map(|(index, output)| {
                self.as_in_an_empty_block(output).ok_or(CoinbaseError::UnknownOutput(index))
            })
            .collect::<Result<_, _>>()?;
        Ok(CoinbaseTemplate {
            version: self.version,
            sequence: self.sequence,
            script_sig_prefix: [HeightPush::new(height_of_next).as_bytes(), padding].concat(),
            witness: self.witness,
            value_remaining: subsidy,
            required_outputs,
            lock_time: if follows_bip54 { height } else { self.lock_time },
        })
    }

    /// The witness commitment `output` of a block that holds nothing but its coinbase.
    /// None if it is something else, or more than the 38 bytes that BIP141 defines (a
    /// signet's solution may follow them).
    fn as_in_an_empty_block(&self, output: &TxOut) -> Option<TxOut> {
        let script = output.script_pubkey.as_bytes();
        if !script.starts_with(&WITNESS_COMMITMENT) || script.len() != WITNESS_COMMITMENT.len() + 32 {
            return None;
        }
        // SHA-256d of the witness root (the coinbase counts as zeros) and the
        // coinbase's witness.
        let mut preimage = [0u8; 64];
        let (_, reserved) = preimage.split_at_mut(32);
        reserved.copy_from_slice(&self.witness?);
        let script = [&WITNESS_COMMITMENT[..], &sha256d(&preimage).0].concat();
        Some(TxOut { value: output.value, script_pubkey: ScriptBuf::from(script) })
    }
}

/// How a witness commitment output's script begins (BIP141): `OP_RETURN`, a push of 36
/// bytes, and four bytes that mark it.
const WITNESS_COMMITMENT: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];

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
        // Both are public fields: an absurd one gives absurd bytes, not a panic.
        let (version, inputs) = self.prefix.split_at(self.prefix.len().min(4));
        let (outputs, lock_time) = self.suffix.split_at(self.suffix.len().saturating_sub(4));
        let marker_and_flag: &[u8] = &[0, 1];
        let one_item_of_32: &[u8] = &[1, 32];
        [version, marker_and_flag, inputs, extranonce, outputs, one_item_of_32, &witness, lock_time].concat()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use bitcoin::consensus::deserialize;
    use bitcoin::hashes::Hash;
    use bitcoin::{Amount, OutPoint, Transaction};
    use proptest::prelude::*;

    /// As `generateblock` would: sha256d of 64 zeros.
    const COMMITMENT_OF_AN_EMPTY_BLOCK: &str =
        "6a24aa21a9ede2f61c3f71d1defd3fa999dfa36953755c690689799962b48bebd836974e8cf9";

    fn output(sat: u64, script: &[u8]) -> TxOut {
        TxOut { value: Amount::from_sat(sat), script_pubkey: ScriptBuf::from(script.to_vec()) }
    }

    fn template(height: u32) -> CoinbaseTemplate {
        CoinbaseTemplate {
            version: 2,
            sequence: 0xffff_fffe,
            script_sig_prefix: HeightPush::new(height).as_bytes().to_vec(),
            witness: Some([0; 32]),
            value_remaining: 5_000_012_345,
            required_outputs: vec![output(0, &[&WITNESS_COMMITMENT[..], &[0xab; 32]].concat())],
            lock_time: height - 1,
        }
    }

    #[test]
    fn payouts_that_do_not_add_up_are_refused() {
        let template = template(800_000);
        for paid in [0, template.value_remaining - 1, template.value_remaining + 1, u64::MAX] {
            let payouts = [output(paid, &[0x51]), output(0, &[0x51])];
            let refused = CoinbaseError::ValueMismatch { paid, value: template.value_remaining };
            assert_eq!(template.split(&payouts, &[], 16), Err(refused));
        }
        let overflow = [output(u64::MAX, &[0x51]), output(2, &[0x51])];
        assert!(template.split(&overflow, &[], 16).is_err());
    }

    #[test]
    fn script_sig_beyond_what_consensus_allows_is_refused() {
        let template = template(1);
        let payouts = [output(template.value_remaining, &[0x51])];
        assert_eq!(template.split(&payouts, &[], 0), Err(CoinbaseError::ScriptSigLength(1)));
        assert!(template.split(&payouts, &[], 1).is_ok());
        assert!(template.split(&payouts, &[0; 83], 16).is_ok());
        assert_eq!(template.split(&payouts, &[0; 84], 16), Err(CoinbaseError::ScriptSigLength(101)));
    }

    #[test]
    fn in_the_short_form_one_or_two_payouts_and_the_extranonce_come_before_a_short_tail() {
        let template = template(840_000);
        let wpkh = |sat| output(sat, &[0x51; 22]);
        let rest: u64 = template.value_remaining - 17 * 1_000;
        let payouts: Vec<TxOut> = std::iter::once(wpkh(rest)).chain((0..17).map(|_| wpkh(1_000))).collect();
        let split = template.split_short(&payouts, &[], 16, 150).unwrap();
        assert_eq!(split.prefix.len(), 4 + 1 + 36 + 1 + 4 + 4 + 1 + 2 * 31 + EXTRANONCE_OUTPUT);
        assert!(split.prefix.len() <= 150 && split.suffix.len() <= 590, "{}", split.suffix.len());

        let extranonce = [7; 16];
        let in_block: Transaction = deserialize(&split.to_block_bytes(&extranonce)).unwrap();
        assert_eq!(in_block.compute_txid().to_byte_array(), split.txid(&extranonce).0);
        let mut outputs = in_block.output.clone();
        let holder = outputs.remove(2);
        assert_eq!((holder.value, holder.script_pubkey.is_op_return()), (Amount::ZERO, true));
        assert_eq!(holder.script_pubkey.as_bytes()[2..], extranonce);
        assert_eq!(outputs, [payouts, template.required_outputs].concat());
        assert_eq!(in_block.input[0].script_sig.as_bytes(), template.script_sig_prefix);
    }

    #[test]
    fn an_extranonce_that_no_short_push_holds_is_refused() {
        let template = template(1);
        let payouts = [output(template.value_remaining, &[0x51])];
        for size in [0, 76] {
            let refused = Err(CoinbaseError::ExtranonceSize(size));
            assert_eq!(template.split_short(&payouts, &[1], size, 150), refused);
        }
    }

    #[test]
    fn the_next_empty_block_has_the_next_height_and_the_empty_commitment() {
        let next = template(255).for_next_block(256, 5_000_000_000).unwrap();
        assert_eq!(next.script_sig_prefix, [2, 0, 1]);
        assert_eq!(next.lock_time, 255);
        assert_eq!(next.value_remaining, 5_000_000_000);
        assert_eq!(next.required_outputs[0].script_pubkey.to_hex_string(), COMMITMENT_OF_AN_EMPTY_BLOCK);
        assert_eq!((next.version, next.sequence, next.witness), (2, 0xffff_fffe, Some([0; 32])));
    }

    #[test]
    fn a_lock_time_that_does_not_follow_the_height_stays() {
        let template = CoinbaseTemplate { lock_time: 0, ..template(900) };
        assert_eq!(template.for_next_block(901, 1).unwrap().lock_time, 0);
    }

    #[test]
    fn a_block_without_commitment_is_followed_by_one_without() {
        let template = CoinbaseTemplate { witness: None, required_outputs: vec![], ..template(900) };
        let next = template.for_next_block(901, 1).unwrap();
        assert_eq!((next.witness, next.required_outputs), (None, vec![]));
    }

    #[test]
    fn what_follows_the_height_stays_behind_the_next_height() {
        let mut template = template(16);
        template.script_sig_prefix.push(0);
        assert_eq!(template.for_next_block(17, 1).unwrap().script_sig_prefix, [1, 17, 0]);
    }

    #[test]
    fn what_cannot_be_predicted_is_refused() {
        let template = template(900);
        for next in [0, 899, 900, 902] {
            assert_eq!(template.for_next_block(next, 1), Err(CoinbaseError::NotNext { height: 900, next }));
        }
        let mut unknown = template.clone();
        unknown.required_outputs.push(output(0, &[0x6a, 1, 7]));
        assert_eq!(unknown.for_next_block(901, 1), Err(CoinbaseError::UnknownOutput(1)));
        let mut signed = template.clone();
        signed.required_outputs[0].script_pubkey =
            ScriptBuf::from([&WITNESS_COMMITMENT[..], &[0; 40]].concat());
        assert_eq!(signed.for_next_block(901, 1), Err(CoinbaseError::UnknownOutput(0)));
        let no_height = CoinbaseTemplate { script_sig_prefix: vec![9, 9], ..template };
        assert_eq!(no_height.for_next_block(901, 1), Err(CoinbaseError::NoHeight("0909".into())));
    }

    proptest! {
        #[test]
        fn both_forms_decode_to_the_transaction_that_was_asked_for(
            version: u32,
            sequence: u32,
            lock_time: u32,
            height in 1u32..10_000_000,
            tag in prop::collection::vec(any::<u8>(), 0..70),
            extranonce: [u8; 16],
            values in prop::collection::vec(0u64..1_000_000_000, 1..300),
            witness: Option<[u8; 32]>,
        ) {
            let template = CoinbaseTemplate {
                version,
                sequence,
                witness,
                value_remaining: values.iter().sum(),
                lock_time,
                ..template(height)
            };
            let payouts: Vec<TxOut> = values.iter().map(|sat| output(*sat, &[0x51; 34])).collect();
            let split = template.split(&payouts, &tag, extranonce.len()).unwrap();

            let in_block: Transaction = deserialize(&split.to_block_bytes(&extranonce)).unwrap();
            prop_assert!(in_block.is_coinbase());
            prop_assert_eq!(in_block.version.0 as u32, version);
            prop_assert_eq!(in_block.lock_time.to_consensus_u32(), lock_time);
            prop_assert_eq!(in_block.input.len(), 1);
            let input = &in_block.input[0];
            prop_assert_eq!(input.previous_output, OutPoint::null());
            prop_assert_eq!(input.sequence.0, sequence);
            let script_sig = [HeightPush::new(height).as_bytes(), &tag, &extranonce].concat();
            prop_assert_eq!(input.script_sig.as_bytes(), script_sig);
            let items: Vec<&[u8]> = input.witness.iter().collect();
            prop_assert_eq!(items, witness.iter().map(|item| &item[..]).collect::<Vec<_>>());
            let outputs = [payouts, template.required_outputs.clone()].concat();
            prop_assert_eq!(&in_block.output, &outputs);

            // What miners hash is the same transaction without its witness.
            let hashed = [&split.prefix[..], &extranonce, &split.suffix].concat();
            let stripped: Transaction = deserialize(&hashed).unwrap();
            prop_assert_eq!(stripped.compute_txid(), in_block.compute_txid());
            prop_assert_eq!(split.txid(&extranonce).0, in_block.compute_txid().to_byte_array());
        }

        #[test]
        fn the_next_coinbase_can_be_built_and_is_of_the_next_height(height in 1u32..2_000_000_000, subsidy in 0u64..5_000_000_000) {
            let next = template(height).for_next_block(height + 1, subsidy).unwrap();
            prop_assert_eq!(next.height(), Ok(height + 1));
            let split = next.split(&[output(subsidy, &[0x51])], b"tag", 16).unwrap();
            let coinbase: Transaction = deserialize(&split.to_block_bytes(&[0; 16])).unwrap();
            prop_assert_eq!(coinbase.lock_time.to_consensus_u32(), height);
        }

        #[test]
        fn absurd_parts_do_not_panic(prefix: Vec<u8>, suffix: Vec<u8>, witness: Option<[u8; 32]>) {
            let split = SplitCoinbase { prefix, suffix, extranonce_size: 0, witness };
            let _ = split.to_block_bytes(&[]);
        }
    }
}
