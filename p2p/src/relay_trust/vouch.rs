//! Vouching: a node answers for a helper of its own.
//!
//! A node looks after its places at relays with a second connection, which has a key of
//! its own, because two connections with one key would take each other's packets. At a
//! relay for members the helper is let in on its node's word: a signature under the
//! helper's key, sent as the request's bearer token. Whoever overhears it lacks the
//! helper's key, which the relay has proved to itself.
//!
//! ```text
//! <node id, 52 characters>.<signature, 128 hexadecimal digits>
//! ```

use crate::{NodeId, identity::parse_node_id};
use iroh_base::{SecretKey, Signature};
use std::fmt::Write as _;

const PURPOSE: &[u8] = b"punchbowl/relay-helper/1";

/// The word of `node` for `helper`.
pub(crate) fn word(node: &SecretKey, helper: NodeId) -> String {
    let mut text = format!("{}.", node.public().to_z32());
    for byte in node.sign(&message(helper)).to_bytes() {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Who vouches for `helper` in `text`, if anybody does.
pub(crate) fn voucher(text: &str, helper: NodeId) -> Option<NodeId> {
    let (node, signature) = text.split_once('.')?;
    let node = parse_node_id(node).ok()?;
    let bytes = from_hex(signature)?;
    node.verify(&message(helper), &Signature::from_bytes(&bytes)).ok().map(|()| node)
}

fn message(helper: NodeId) -> Vec<u8> {
    [PURPOSE, helper.as_bytes().as_slice()].concat()
}

fn from_hex(text: &str) -> Option<[u8; 64]> {
    if text.len() != 128 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; 64];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    fn secret(number: u8) -> SecretKey {
        SecretKey::from_bytes(&[number; 32])
    }

    #[test]
    fn a_nodes_word_is_good_for_its_own_helper_and_for_no_other() {
        let word = word(&secret(1), secret(2).public());
        assert_eq!(voucher(&word, secret(2).public()), Some(secret(1).public()));
        assert_eq!(voucher(&word, secret(3).public()), None);
        let (_, signature) = word.split_once('.').unwrap();
        let forged = format!("{}.{signature}", secret(3).public().to_z32());
        assert_eq!(voucher(&forged, secret(2).public()), None);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            let _ = voucher(&text, secret(2).public());
        }
    }
}
