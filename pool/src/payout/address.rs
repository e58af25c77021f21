//! Addresses that can be paid.

use crate::config::values::network_name;
use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, AddressType, ScriptBuf};
use template_provider::{CoinbaseReserve, Network};
use thiserror::Error;

/// An address of the pool's own chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayoutAddress {
    /// In its canonical spelling.
    pub text: String,
    /// What it locks coins to.
    pub script: ScriptBuf,
}

/// Why an address cannot be paid.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AddressError {
    /// Not an address of any chain.
    #[error("`{text}` is not a Bitcoin address ({why})")]
    NotAnAddress {
        /// What was given, cut short.
        text: String,
        /// The parser's word.
        why: String,
    },
    /// An address of another chain.
    #[error("`{text}` is an address of {theirs}, but this pool mines on {ours}")]
    WrongNetwork {
        /// The address.
        text: String,
        /// Its chains.
        theirs: String,
        /// The pool's chain.
        ours: &'static str,
    },
    /// A witness version or program that no wallet can spend safely today.
    #[error(
        "`{0}` is of a kind that has no spending rules yet, so coins sent there could be taken by anybody"
    )]
    UnknownKind(String),
}

/// The room that the largest accepted address needs: P2WSH and P2TR have the longest
/// script (34 bytes, with length and value 43), P2PKH the only signature operation.
pub const LARGEST_OUTPUT: CoinbaseReserve = CoinbaseReserve { output_bytes: 43, sigops: 1 };

/// Reads an address of `network`.
///
/// # Errors
/// When it is none, is of another chain, or is of an unknown kind.
pub fn parse(text: &str, network: Network) -> Result<PayoutAddress, AddressError> {
    let unchecked: Address<NetworkUnchecked> =
        text.parse().map_err(|error: bitcoin::address::ParseError| AddressError::NotAnAddress {
            text: shortened(text),
            why: reason(text, &error),
        })?;
    if !unchecked.is_valid_for_network(network) {
        return Err(AddressError::WrongNetwork {
            text: shortened(text),
            theirs: networks_of(&unchecked),
            ours: network_name::of(network),
        });
    }
    let address = unchecked.assume_checked();
    match address.address_type() {
        Some(
            AddressType::P2pkh
            | AddressType::P2sh
            | AddressType::P2wpkh
            | AddressType::P2wsh
            | AddressType::P2tr,
        ) => Ok(PayoutAddress { text: address.to_string(), script: address.script_pubkey() }),
        _ => Err(AddressError::UnknownKind(shortened(text))),
    }
}

/// The parser tries base58 last, and so complains of it whatever the text is.
fn reason(text: &str, error: &bitcoin::address::ParseError) -> String {
    let is_bech32 = ["bc1", "tb1", "bcrt1"].iter().any(|prefix| text.to_lowercase().starts_with(prefix));
    match error {
        _ if is_bech32 => "a character is wrong or missing: the checksum does not fit".into(),
        bitcoin::address::ParseError::Base58(_) => {
            "it looks like none; perhaps a character is missing".into()
        }
        other => other.to_string(),
    }
}

fn networks_of(address: &Address<NetworkUnchecked>) -> String {
    let names: Vec<&str> = [Network::Bitcoin, Network::Testnet4, Network::Signet, Network::Regtest]
        .into_iter()
        .filter(|network| address.is_valid_for_network(*network))
        .map(network_name::of)
        .collect();
    names.join("/")
}

/// For a message: at most 100 characters, none of them a control character.
fn shortened(text: &str) -> String {
    let shown: String = text
        .chars()
        .take(100)
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect();
    if text.chars().nth(100).is_some() { format!("{shown}...") } else { shown }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    // BIP173 and BIP350 test vectors.
    const MAINNET: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
    const TESTNET: &str = "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx";

    #[test]
    fn an_address_gives_its_script_in_canonical_spelling() {
        let address = parse(&MAINNET.to_uppercase(), Network::Bitcoin).unwrap();
        assert_eq!(address.text, MAINNET);
        assert_eq!(address.script.to_hex_string(), "0014751e76e8199196d454941c45d1b3a323f1433bd6");
    }

    #[test]
    fn an_address_of_another_chain_is_refused_naming_both() {
        let error = parse(MAINNET, Network::Regtest).unwrap_err().to_string();
        assert!(error.contains("is an address of mainnet, but this pool mines on regtest"), "{error}");
        let error = parse(TESTNET, Network::Regtest).unwrap_err().to_string();
        assert!(error.contains("of testnet4/signet, but"), "{error}");
        assert!(parse(TESTNET, Network::Signet).is_ok());
    }

    #[test]
    fn text_that_is_no_address_is_refused_without_echoing_all_of_it() {
        let error = parse(&"x\u{7}".repeat(5_000), Network::Regtest).unwrap_err().to_string();
        assert!(error.len() < 1_000 && !error.contains('\u{7}'), "{error}");
    }

    #[test]
    fn a_typing_error_in_an_address_is_said_to_be_one() {
        let error = parse(&MAINNET.replace("w508", "w509"), Network::Bitcoin).unwrap_err().to_string();
        assert!(error.contains("checksum does not fit"), "{error}");
    }

    #[test]
    fn future_witness_versions_are_refused() {
        // BIP350's version 16 and version 2 vectors, and pay-to-anchor.
        for text in ["BC1SW50QGDZ25J", "bc1zw508d6qejxtdg4y5r3zarvaryvaxxpcs", "bc1pfeessrawgf"] {
            let error = parse(text, Network::Bitcoin).unwrap_err();
            assert!(matches!(error, AddressError::UnknownKind(_)), "{error}");
        }
    }
}
