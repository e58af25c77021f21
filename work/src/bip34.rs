//! The block height at the front of a coinbase's scriptSig (BIP34).

use std::fmt;

/// A height as the first push of a coinbase scriptSig, 1 to 6 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HeightPush {
    bytes: [u8; 6],
    length: u8,
}

const OP_0: u8 = 0x00;
const OP_1: u8 = 0x51;

impl HeightPush {
    /// The push that Bitcoin Core makes of `height`: `OP_0` and `OP_1` to `OP_16` for
    /// the first heights, and from 17 a length and the little-endian number without
    /// needless bytes, its top bit clear.
    ///
    /// Up to 16 this is a single byte, and consensus wants a scriptSig of at least two:
    /// Core then pads its own blocks with an `OP_0`, and an extranonce does as well.
    pub fn new(height: u32) -> HeightPush {
        let mut push = HeightPush { bytes: [0; 6], length: 1 };
        match height {
            0 => push.bytes[0] = OP_0,
            1..=16 => push.bytes[0] = OP_1 - 1 + height as u8,
            _ => {
                let significant = 4 - height.leading_zeros() as u8 / 8;
                // The top bit of the last byte is the sign.
                let number = significant + u8::from(height.leading_zeros().is_multiple_of(8));
                let [a, b, c, d] = height.to_le_bytes();
                push.bytes = [number, a, b, c, d, 0];
                push.length = 1 + number;
            }
        }
        push
    }

    /// The height that `script_sig` begins with, and how many bytes its push takes.
    /// None unless it is written exactly as [`HeightPush::new`] does: consensus
    /// compares bytes.
    pub fn parse(script_sig: &[u8]) -> Option<(u32, usize)> {
        let first = *script_sig.first()?;
        let height = match first {
            OP_0 => 0,
            1..=5 => {
                let number = script_sig.get(1..1 + usize::from(first))?;
                let value = number.iter().rev().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
                u32::try_from(value).ok()?
            }
            _ => u32::from(first.checked_sub(OP_1 - 1).filter(|small| (1..=16).contains(small))?),
        };
        let push = HeightPush::new(height);
        script_sig.starts_with(push.as_bytes()).then_some((height, push.as_bytes().len()))
    }

    /// The bytes of the push.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

impl fmt::Debug for HeightPush {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use bitcoin::script::Builder;
    use proptest::prelude::*;

    #[test]
    fn heights_at_every_change_of_length_are_written_as_script_numbers() {
        let edges = [0, 1, 16, 17, 127, 128, 255, 256, 32767, 32768, 8388607, 8388608, i32::MAX as u32];
        for height in edges {
            let oracle = Builder::new().push_int(i64::from(height)).into_script();
            assert_eq!(HeightPush::new(height).as_bytes(), oracle.as_bytes(), "{height}");
        }
    }

    #[test]
    fn a_height_with_a_needless_byte_is_not_one() {
        assert_eq!(HeightPush::parse(&[1, 16]), None);
        assert_eq!(HeightPush::parse(&[2, 17, 0]), None);
        assert_eq!(HeightPush::parse(&[2, 0x80, 0]), Some((128, 3)));
        assert_eq!(HeightPush::parse(&[1, 0x80]), None); // negative zero
    }

    proptest! {
        #[test]
        fn any_height_agrees_with_bitcoins_script_builder_and_is_read_back(height: u32, rest: [u8; 4]) {
            let push = HeightPush::new(height);
            let oracle = Builder::new().push_int(i64::from(height)).into_script();
            prop_assert_eq!(push.as_bytes(), oracle.as_bytes());
            let script_sig = [push.as_bytes(), &rest].concat();
            prop_assert_eq!(HeightPush::parse(&script_sig), Some((height, push.as_bytes().len())));
        }

        #[test]
        fn what_is_read_is_what_would_be_written(script_sig in prop::collection::vec(any::<u8>(), 0..8)) {
            if let Some((height, length)) = HeightPush::parse(&script_sig) {
                let push = HeightPush::new(height);
                prop_assert_eq!(push.as_bytes(), &script_sig[..length]);
            }
        }
    }
}
