//! Output descriptors (BIP380 and following) that can be paid.
//!
//! Only public ones: a pool needs no key that can spend. A descriptor with a `*` is
//! *ranged*: each index gives another script.

use crate::config::values::network_name;
use bitcoin::secp256k1::Secp256k1;
use bitcoin::{NetworkKind, ScriptBuf};
use miniscript::descriptor::DescriptorPublicKey;
use miniscript::{Descriptor, ForEachKey};
use template_provider::Network;
use thiserror::Error;

/// A public descriptor of a kind that wallets understand.
#[derive(Clone, Debug)]
pub struct PayoutDescriptor {
    descriptor: Descriptor<DescriptorPublicKey>,
}

/// Why a descriptor cannot be paid. Never repeats the descriptor, which might hold a
/// private key.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DescriptorError {
    /// Not a descriptor.
    #[error("this is not a valid output descriptor: {0}")]
    Invalid(String),
    /// It holds a private key.
    #[error(
        "the descriptor contains a private key; a pool must not know it: use the public form (in Bitcoin \
         Core, `getdescriptorinfo` and `listdescriptors` show it), and move coins if the key was exposed"
    )]
    PrivateKey,
    /// An extended public key and nothing around it.
    #[error(
        "an extended key alone does not say which kind of address its wallet has; write wpkh(<key>/0/*) for \
         addresses that begin with bc1q, or tr(<key>/0/*) for bc1p"
    )]
    KeyAlone,
    /// `<0;1>`: receiving and change in one.
    #[error("the descriptor has several branches (`<0;1>`); keep the one for receiving, such as /0/*")]
    Multipath,
    /// `/*h` cannot be derived from a public key.
    #[error("the descriptor has hardened steps after the key (`h` or `'`), which need the private key")]
    Hardened,
    /// A bare script, or one without an address form.
    #[error("a descriptor of this kind has no address; use wpkh, tr, wsh, pkh or sh")]
    Bare,
    /// A script that its owner may be unable to spend.
    #[error("coins sent there might be impossible to spend: {0}")]
    Unsafe(String),
    /// Keys of another chain.
    #[error("the descriptor has {theirs} keys, but this pool mines on {ours}")]
    WrongNetwork {
        /// Kind of its keys.
        theirs: &'static str,
        /// The pool's chain.
        ours: &'static str,
    },
    /// Beyond BIP32's 2^31 - 1.
    #[error("the descriptor has no address at index {0}; all are used: set a new descriptor")]
    Exhausted(u32),
}

impl PayoutDescriptor {
    /// Reads a descriptor for `network`; a checksum is verified if there is one.
    ///
    /// # Errors
    /// See [`DescriptorError`].
    pub fn parse(text: &str, network: Network) -> Result<PayoutDescriptor, DescriptorError> {
        let text = text.trim();
        let (descriptor, keys) =
            Descriptor::parse_descriptor(&Secp256k1::signing_only(), text).map_err(|error| {
                // miniscript's messages repeat what they could not read.
                if may_hold_private_key(text) {
                    DescriptorError::PrivateKey
                } else if is_key_alone(text) {
                    DescriptorError::KeyAlone
                } else {
                    DescriptorError::Invalid(error.to_string())
                }
            })?;
        if !keys.is_empty() {
            return Err(DescriptorError::PrivateKey);
        }
        if matches!(descriptor, Descriptor::Bare(_)) {
            return Err(DescriptorError::Bare);
        }
        if descriptor.is_multipath() {
            return Err(DescriptorError::Multipath);
        }
        if descriptor.for_any_key(DescriptorPublicKey::has_hardened_step) {
            return Err(DescriptorError::Hardened);
        }
        let ours = NetworkKind::from(network);
        let of_other_chain = |key: &DescriptorPublicKey| match key {
            DescriptorPublicKey::XPub(xpub) => xpub.xkey.network != ours,
            _ => false,
        };
        if descriptor.for_any_key(of_other_chain) {
            let theirs = if ours.is_mainnet() { "test network (tpub)" } else { "mainnet (xpub)" };
            return Err(DescriptorError::WrongNetwork { theirs, ours: network_name::of(network) });
        }
        descriptor.sanity_check().map_err(|error| DescriptorError::Unsafe(error.to_string()))?;
        let descriptor = PayoutDescriptor { descriptor };
        descriptor.script_at(0)?;
        Ok(descriptor)
    }

    /// Whether each index gives another script.
    pub fn is_ranged(&self) -> bool {
        self.descriptor.has_wildcard()
    }

    /// The script at `index`, which only matters when [ranged](Self::is_ranged).
    ///
    /// # Errors
    /// [`DescriptorError::Exhausted`] from 2^31 on.
    pub fn script_at(&self, index: u32) -> Result<ScriptBuf, DescriptorError> {
        self.descriptor
            .at_derivation_index(index)
            .map(|definite| definite.script_pubkey())
            .map_err(|_| DescriptorError::Exhausted(index))
    }

    /// The descriptor with its checksum, public as it is.
    pub fn to_text(&self) -> String {
        self.descriptor.to_string()
    }
}

/// Extended private keys say `prv`; a WIF key is 51 or 52 characters of base58.
fn may_hold_private_key(text: &str) -> bool {
    let long_word =
        |word: &str| (51..=52).contains(&word.len()) && !word.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.contains("prv") || text.split(|c: char| !c.is_ascii_alphanumeric()).any(long_word)
}

/// `xpub...`, or what some wallets write for other kinds of address, perhaps with steps.
fn is_key_alone(text: &str) -> bool {
    const BEGIN: [&str; 8] = ["xpub", "ypub", "zpub", "Zpub", "tpub", "upub", "vpub", "Vpub"];
    BEGIN.iter().any(|begin| text.starts_with(begin)) && !text.contains('(')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    // BIP32 test vector 1, chain m; never to be used for coins.
    const XPUB: &str = "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8";
    const XPRV: &str = "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi";
    const WIF: &str = "L1aW4aubDFB7yfras2S1mN3bqg9nwySY8nkoLmJebSLD5BWv3ENZ";
    const PUBKEY: &str = "0339a36013301597daef41fbe593a02cc513d0b55527ec2df1050e2e8ff49c85c2";

    fn mainnet(text: &str) -> Result<PayoutDescriptor, DescriptorError> {
        PayoutDescriptor::parse(text, Network::Bitcoin)
    }

    #[test]
    fn a_bip84_descriptor_gives_the_addresses_of_bip84() {
        // BIP84's test vector: account 0 of "abandon ... about".
        let zpub_as_xpub = "xpub6CatWdiZiodmUeTDp8LT5or8nmbKNcuyvz7WyksVFkKB4RHwCD3XyuvPEbvqAQY3rAPshWcMLoP2fMFMKHPJ4ZeZXYVUhLv1VMrjPC7PW6V";
        let descriptor = mainnet(&format!("wpkh({zpub_as_xpub}/0/*)")).unwrap();
        let address = |index| {
            bitcoin::Address::from_script(&descriptor.script_at(index).unwrap(), bitcoin::Network::Bitcoin)
                .unwrap()
                .to_string()
        };
        assert!(descriptor.is_ranged());
        assert_eq!(address(0), "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu");
        assert_eq!(address(1), "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g");
    }

    #[test]
    fn the_usual_kinds_are_accepted() {
        for text in [
            format!("pkh({PUBKEY})"),
            format!("wpkh({PUBKEY})"),
            format!("sh(wpkh({PUBKEY}))"),
            format!("wsh(multi(1,{PUBKEY},{XPUB}/0/*))"),
            format!("tr({XPUB}/0/*)"),
        ] {
            mainnet(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
    }

    #[test]
    fn private_keys_are_refused_and_never_repeated() {
        for key in [XPRV, WIF, &XPRV[..60], &format!("{WIF}x")[1..]] {
            let error = mainnet(&format!("wpkh({key})")).unwrap_err();
            assert_eq!(error, DescriptorError::PrivateKey);
            assert!(!error.to_string().contains(&key[..20]));
        }
    }

    #[test]
    fn keys_of_another_chain_are_refused() {
        let error = PayoutDescriptor::parse(&format!("wpkh({XPUB}/*)"), Network::Regtest).unwrap_err();
        assert!(matches!(error, DescriptorError::WrongNetwork { .. }), "{error}");
    }

    #[test]
    fn what_cannot_be_derived_or_has_no_address_is_refused() {
        assert_eq!(mainnet(&format!("wpkh({XPUB}/<0;1>/*)")).unwrap_err(), DescriptorError::Multipath);
        assert_eq!(mainnet(&format!("pk({PUBKEY})")).unwrap_err(), DescriptorError::Bare);
        for text in [format!("wpkh({XPUB}/*h)"), "wpkh(zzz)".into(), String::new(), "addr(x)".into()] {
            assert!(mainnet(&text).is_err(), "{text}");
        }
        for text in [XPUB.to_owned(), format!("{XPUB}/0/*"), XPUB.replace("xpub", "zpub")] {
            assert_eq!(mainnet(&text).unwrap_err(), DescriptorError::KeyAlone, "{text}");
        }
        let wrong_checksum = format!("wpkh({PUBKEY})#aaaaaaaa");
        assert!(matches!(mainnet(&wrong_checksum), Err(DescriptorError::Invalid(_))));
    }

    #[test]
    fn indexes_end_at_two_to_the_31() {
        let descriptor = mainnet(&format!("wpkh({XPUB}/*)")).unwrap();
        assert!(descriptor.script_at((1 << 31) - 1).is_ok());
        assert_eq!(descriptor.script_at(1 << 31), Err(DescriptorError::Exhausted(1 << 31)));
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(wpkh|tr|wsh|sh|pk)?\\(?[a-zA-Z0-9/*<>;'#,()\\[\\]]{0,80}\\)?") {
            let _ = mainnet(&text);
        }
    }
}
