//! The prev-hash of `mining.notify`: neither internal nor display order.

use super::{QuantityError, bytes32, write_hex};
use work::Hash256;

/// A prev-hash as SV1 sends it: 64 hexadecimal digits, in which each group of four bytes
/// is reversed against the order in the header.
///
/// It comes from getwork, which sent the header as eight-digit words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrevHash(pub Hash256);

impl PrevHash {
    /// Appends the 64 digits.
    pub fn write(&self, out: &mut String) {
        write_hex(out, &swap_words(self.0.0));
    }

    /// Reads the 64 digits.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(text: &str) -> Result<PrevHash, QuantityError> {
        bytes32(text).map(|bytes| PrevHash(Hash256(swap_words(bytes))))
    }
}

fn swap_words(mut bytes: [u8; 32]) -> [u8; 32] {
    bytes.chunks_mut(4).for_each(<[u8]>::reverse);
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// The genesis block as the parent of block 1, as every pool would have sent it.
    #[test]
    fn the_genesis_hash_is_swapped_word_by_word() {
        let display = "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f";
        let mut internal = [0; 32];
        for (byte, at) in internal.iter_mut().rev().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(display.get(at..at + 2).unwrap(), 16).unwrap();
        }
        let mut sent = String::new();
        PrevHash(Hash256(internal)).write(&mut sent);
        assert_eq!(sent, "0a8ce26f72b3f1b646a2a6c14ff763ae65831e939c085ae10019d66800000000");
    }

    proptest! {
        #[test]
        fn a_prev_hash_survives(bytes: [u8; 32]) {
            let mut sent = String::new();
            PrevHash(Hash256(bytes)).write(&mut sent);
            prop_assert_eq!(PrevHash::parse(&sent), Ok(PrevHash(Hash256(bytes))));
        }
    }
}
