//! A payout set: recipients and their parts, turned into outputs for any value.

use bitcoin::{Amount, ScriptBuf, TxOut};
use ledger::payout::PlanError;
use template_provider::CoinbaseReserve;
use thiserror::Error;

/// Who is paid by a block, in which proportion. Immutable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutSet {
    recipients: Vec<Recipient>,
    total_parts: u128,
    /// For a ranged descriptor: the index that this set pays to.
    descriptor_index: Option<u32>,
}

/// One recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Where it is paid.
    pub script: ScriptBuf,
    /// Its part of the whole, in any unit that all recipients share.
    pub parts: u64,
}

/// Why there is no such payout set, or why it cannot pay.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PayoutError {
    /// Nobody has any part.
    #[error("a payout set needs a recipient with a part above zero")]
    Empty,
    /// The ledger's rules pay nobody, or not this.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The arithmetic is wrong: a bug, which must not become a block.
    #[error(
        "payout outputs add up to {paid} sat of {value} sat; this is a bug in Punchbowl, please report it"
    )]
    Mismatch {
        /// Sum of the outputs in satoshi.
        paid: u64,
        /// What was to be paid in satoshi.
        value: u64,
    },
}

impl PayoutSet {
    /// All to one script.
    pub fn single(script: ScriptBuf) -> PayoutSet {
        PayoutSet { recipients: vec![Recipient { script, parts: 1 }], total_parts: 1, descriptor_index: None }
    }

    /// All to the script that a ranged descriptor has at `index`.
    pub fn single_at(script: ScriptBuf, index: u32) -> PayoutSet {
        PayoutSet { descriptor_index: Some(index), ..PayoutSet::single(script) }
    }

    /// In proportion to parts. The first recipient takes what division leaves over.
    ///
    /// # Errors
    /// When no recipient has a part above zero.
    pub fn proportional(recipients: Vec<Recipient>) -> Result<PayoutSet, PayoutError> {
        let recipients: Vec<Recipient> = recipients.into_iter().filter(|r| r.parts > 0).collect();
        let total_parts: u128 = recipients.iter().map(|r| u128::from(r.parts)).sum();
        if total_parts == 0 {
            return Err(PayoutError::Empty);
        }
        Ok(PayoutSet { recipients, total_parts, descriptor_index: None })
    }

    /// The outputs that pay `value` satoshi, in the order of the recipients. Each
    /// gets the floor of its part; the first also gets the remainder. A recipient
    /// whose floor is nothing gets no output, but one output there always is.
    ///
    /// # Errors
    /// [`PayoutError::Mismatch`] rather than ever paying another sum.
    pub fn outputs(&self, value: u64) -> Result<Vec<TxOut>, PayoutError> {
        let floor = |parts: u64| {
            let amount = u128::from(value) * u128::from(parts) / self.total_parts;
            u64::try_from(amount).unwrap_or(value) // never above `value`, as parts <= total_parts
        };
        let mut amounts: Vec<u64> = self.recipients.iter().map(|r| floor(r.parts)).collect();
        let spread: u64 = amounts.iter().sum();
        if let Some(first) = amounts.first_mut() {
            *first += value.saturating_sub(spread);
        }
        let outputs: Vec<TxOut> = amounts
            .iter()
            .zip(&self.recipients)
            .enumerate()
            .filter(|(position, (amount, _))| *position == 0 || **amount > 0)
            .map(|(_, (amount, recipient))| TxOut {
                value: Amount::from_sat(*amount),
                script_pubkey: recipient.script.clone(),
            })
            .collect();
        let paid = outputs.iter().map(|output| output.value.to_sat()).fold(0, u64::saturating_add);
        if paid == value { Ok(outputs) } else { Err(PayoutError::Mismatch { paid, value }) }
    }

    /// Room that the outputs need at most.
    pub fn coinbase_reserve(&self) -> CoinbaseReserve {
        let mut reserve = CoinbaseReserve { output_bytes: 0, sigops: 0 };
        for recipient in &self.recipients {
            let output = TxOut { value: Amount::ZERO, script_pubkey: recipient.script.clone() };
            let sigops = recipient.script.count_sigops_legacy();
            reserve.output_bytes += u32::try_from(output.size()).unwrap_or(u32::MAX);
            reserve.sigops += u32::try_from(sigops).unwrap_or(u32::MAX);
        }
        reserve
    }

    /// The recipients, those without a part left out.
    pub fn recipients(&self) -> &[Recipient] {
        &self.recipients
    }

    /// The index that this set pays to, if it comes from a ranged descriptor.
    pub fn descriptor_index(&self) -> Option<u32> {
        self.descriptor_index
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    fn recipient(number: u8, parts: u64) -> Recipient {
        Recipient { script: ScriptBuf::from_bytes(vec![number]), parts }
    }

    #[test]
    fn the_first_recipient_takes_the_remainder() {
        let set = PayoutSet::proportional(vec![recipient(1, 1), recipient(2, 1), recipient(3, 1)]).unwrap();
        let amounts: Vec<u64> = set.outputs(100).unwrap().iter().map(|o| o.value.to_sat()).collect();
        assert_eq!(amounts, [34, 33, 33]);
    }

    #[test]
    fn a_block_of_no_value_still_has_one_output() {
        let set = PayoutSet::proportional(vec![recipient(1, 1), recipient(2, 1)]).unwrap();
        let outputs = set.outputs(0).unwrap();
        assert_eq!(outputs.len(), 1);
        assert_eq!(outputs[0].script_pubkey, recipient(1, 1).script);
    }

    #[test]
    fn a_set_without_parts_is_refused() {
        assert_eq!(PayoutSet::proportional(vec![recipient(1, 0)]), Err(PayoutError::Empty));
        assert_eq!(PayoutSet::proportional(Vec::new()), Err(PayoutError::Empty));
    }

    #[test]
    fn the_reserve_is_the_size_of_the_serialised_outputs() {
        let script = ScriptBuf::from_hex("76a914000000000000000000000000000000000000000088ac").unwrap();
        let set = PayoutSet::single(script);
        assert_eq!(set.coinbase_reserve(), CoinbaseReserve { output_bytes: 34, sigops: 1 });
    }

    proptest! {
        #[test]
        fn outputs_add_up_to_the_value_and_nobody_loses_more_than_a_satoshi(
            value in 0u64..=2_100_000_000_000_000,
            parts in prop::collection::vec(0u64.., 1..50),
        ) {
            prop_assume!(parts.iter().any(|part| *part > 0));
            let recipients = parts.iter().zip(0u8..).map(|(part, n)| recipient(n, *part)).collect();
            let set = PayoutSet::proportional(recipients).unwrap();
            let outputs = set.outputs(value).unwrap();
            prop_assert_eq!(outputs.iter().map(|o| o.value.to_sat()).sum::<u64>(), value);
            let total: u128 = parts.iter().map(|part| u128::from(*part)).sum();
            for (place, recipient) in set.recipients().iter().enumerate().skip(1) {
                let due = u128::from(value) * u128::from(recipient.parts) / total;
                let paid: u64 = outputs.iter().filter(|o| o.script_pubkey == recipient.script)
                    .map(|o| o.value.to_sat()).sum();
                prop_assert_eq!(u128::from(paid), due, "recipient {}", place);
            }
            let bytes: usize = outputs.iter().map(TxOut::size).sum();
            prop_assert!(bytes <= set.coinbase_reserve().output_bytes as usize);
        }
    }
}
