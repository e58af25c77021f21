//! The bytes of one commitment.

use bitcoin::ScriptBuf;
use bitcoin::opcodes::all::OP_RETURN;
use bitcoin::script::{Builder, PushBytesBuf};
use ledger::anchor;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// Bytes that a coinbase commits to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload(Vec<u8>);

/// Why bytes are not committed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PayloadError {
    /// Not hexadecimal.
    #[error("a commitment is written in hexadecimal, two digits a byte")]
    NotHex,
    /// Too few or too many.
    #[error("a commitment has {0} bytes; it may have from 1 to {most}", most = Payload::MAX)]
    Length(usize),
    /// They would be taken for something else.
    #[error("a commitment may not begin with {0}")]
    Reserved(&'static str),
}

impl Payload {
    /// As much as other nodes pass on in an `OP_RETURN`.
    pub const MAX: usize = 80;

    /// # Errors
    /// [`PayloadError`].
    pub fn new(bytes: Vec<u8>) -> Result<Payload, PayloadError> {
        if !(1..=Payload::MAX).contains(&bytes.len()) {
            return Err(PayloadError::Length(bytes.len()));
        }
        // BIP141: a block with two of these is judged by the last.
        if bytes.starts_with(&[0xaa, 0x21, 0xa9, 0xed]) {
            return Err(PayloadError::Reserved("aa21a9ed, the mark of a witness commitment"));
        }
        if bytes.starts_with(&anchor::MARK) {
            return Err(PayloadError::Reserved("the mark of a ledger's head (coinbase.ledger_root)"));
        }
        Ok(Payload(bytes))
    }

    /// `OP_RETURN` and a push of the bytes.
    pub fn script(&self) -> ScriptBuf {
        // At most 80 bytes fit a push.
        let push = PushBytesBuf::try_from(self.0.clone()).unwrap_or_default();
        Builder::new().push_opcode(OP_RETURN).push_slice(push).into_script()
    }

    /// Size of the output: its value, the script's length and the script.
    pub fn output_bytes(&self) -> u32 {
        const VALUE_AND_LENGTH: usize = 9;
        u32::try_from(VALUE_AND_LENGTH + self.script().len()).unwrap_or(u32::MAX)
    }
}

impl FromStr for Payload {
    type Err = PayloadError;

    fn from_str(hex: &str) -> Result<Payload, PayloadError> {
        let digits: Option<Vec<u8>> =
            hex.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
        let digits = digits.ok_or(PayloadError::NotHex)?;
        let (pairs, rest) = digits.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(PayloadError::NotHex);
        }
        Payload::new(pairs.iter().map(|[high, low]| high << 4 | low).collect())
    }
}

/// In hexadecimal.
impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Payload, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bitcoin::consensus::serialize;
    use bitcoin::{Amount, TxOut};
    use proptest::prelude::*;

    #[test]
    fn what_means_something_else_to_others_is_refused() {
        for (text, fault) in [
            ("", PayloadError::Length(0)),
            (&"00".repeat(81), PayloadError::Length(81)),
            ("0", PayloadError::NotHex),
            ("zz", PayloadError::NotHex),
            ("aa21a9ed00", PayloadError::Reserved("aa21a9ed, the mark of a witness commitment")),
        ] {
            assert_eq!(text.parse::<Payload>(), Err(fault), "{text}");
        }
        assert!(Payload::new(anchor::MARK.to_vec()).is_err());
    }

    proptest! {
        #[test]
        fn it_is_an_output_that_nobody_can_spend_of_the_size_that_is_said(
            bytes in prop::collection::vec(any::<u8>(), 1..=Payload::MAX),
        ) {
            if let Ok(payload) = Payload::new(bytes.clone()) {
                let script_pubkey = payload.script();
                prop_assert!(script_pubkey.is_op_return());
                prop_assert!(script_pubkey.as_bytes().ends_with(&bytes));
                let output = TxOut { value: Amount::ZERO, script_pubkey };
                prop_assert_eq!(serialize(&output).len(), payload.output_bytes() as usize);
                prop_assert_eq!(payload.to_string().parse(), Ok(payload));
            }
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = text.parse::<Payload>();
        }
    }
}
