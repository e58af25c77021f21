//! Targets: the number a hash must not exceed.

use crate::hash::Hash256;
use crate::units::{Difficulty, HashRate, ShareRate};
use std::fmt;

/// A 256-bit target. A hash meets it when, as a little-endian number, it is not
/// greater.
///
/// Held as two 128-bit halves, most significant first, so that comparing is two
/// machine comparisons. Printed as 64 hex digits, most significant first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    pub(crate) high: u128,
    pub(crate) low: u128,
}

const TWO_POW_128: f64 = 340_282_366_920_938_463_463_374_607_431_768_211_456.0;
const TWO_POW_256: f64 = TWO_POW_128 * TWO_POW_128;

impl Target {
    /// The easiest: every hash meets it.
    pub const MAX: Target = Target { high: u128::MAX, low: u128::MAX };

    /// Only the hash zero meets it. No share is ever to be asked for at it.
    pub const ZERO: Target = Target { high: 0, low: 0 };

    /// Difficulty 1 as pools and Bitcoin Core count it: `0x00000000FFFF0000...00`.
    pub const DIFFICULTY_1: Target = Target { high: 0xffff << 80, low: 0 };

    /// From SV2's `U256`: 32 bytes, little-endian.
    pub fn from_le_bytes(bytes: [u8; 32]) -> Target {
        let mut low = [0u8; 16];
        let mut high = [0u8; 16];
        let (first, second) = bytes.split_at(16);
        low.copy_from_slice(first);
        high.copy_from_slice(second);
        Target { high: u128::from_le_bytes(high), low: u128::from_le_bytes(low) }
    }

    /// To SV2's `U256`: 32 bytes, little-endian.
    pub fn to_le_bytes(self) -> [u8; 32] {
        let mut bytes = [0u8; 32];
        let (first, second) = bytes.split_at_mut(16);
        first.copy_from_slice(&self.low.to_le_bytes());
        second.copy_from_slice(&self.high.to_le_bytes());
        bytes
    }

    /// From the compact form of a header's `nBits`.
    ///
    /// [`ZERO`](Self::ZERO), which no block can meet, when the compact form is
    /// negative or does not fit in 256 bits: Bitcoin Core refuses such a header.
    pub fn from_compact(nbits: u32) -> Target {
        let [exponent, mantissa @ ..] = nbits.to_be_bytes();
        if mantissa[0] & 0x80 != 0 {
            return Target::ZERO;
        }
        let mut bytes = [0u8; 32];
        for (place, digit) in mantissa.into_iter().enumerate() {
            // The first mantissa byte is digit `exponent - 1`, counted from the least.
            // Digits below the unit are cut off, as Core does.
            let Some(index) = usize::from(exponent).checked_sub(place + 1) else { continue };
            match bytes.get_mut(index) {
                Some(byte) => *byte = digit,
                None if digit != 0 => return Target::ZERO,
                None => {}
            }
        }
        Target::from_le_bytes(bytes)
    }

    /// To the compact form of a header's `nBits`; keeps the 16 to 24 most significant
    /// bits and rounds the rest down.
    pub fn to_compact(self) -> u32 {
        let bytes = self.to_le_bytes();
        let size = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |index| index + 1);
        let digit = |place: usize| size.checked_sub(place).and_then(|i| bytes.get(i)).copied().unwrap_or(0);
        let mantissa = u32::from_be_bytes([0, digit(1), digit(2), digit(3)]);
        let size = size as u32; // at most 32
        if mantissa & 0x0080_0000 != 0 {
            // The top bit means "negative": make room for it.
            (size + 1) << 24 | mantissa >> 8
        } else {
            size << 24 | mantissa
        }
    }

    /// The target of `difficulty`, to the precision of `f64` (15 digits).
    ///
    /// [`MAX`](Self::MAX) when the difficulty is not a positive finite number or is so
    /// low that any hash would do.
    pub fn from_difficulty(difficulty: Difficulty) -> Target {
        if !(difficulty.0.is_finite() && difficulty.0 > 0.0) {
            return Target::MAX;
        }
        Target::from_f64(Target::DIFFICULTY_1.as_f64() / difficulty.0).max(Target { high: 0, low: 1 })
    }

    /// How many times harder than difficulty 1. Always finite and positive:
    /// [`ZERO`](Self::ZERO) counts as the target 1.
    pub fn difficulty(self) -> Difficulty {
        Difficulty(Target::DIFFICULTY_1.as_f64() / self.as_f64().max(1.0))
    }

    /// The target at which a device of `hash_rate` sends `shares` on average.
    ///
    /// [`MAX`](Self::MAX) when either is zero, negative or not finite: a client that
    /// does not know its rate announces 0, and nothing can be concluded from garbage.
    pub fn from_hashrate(hash_rate: HashRate, shares: ShareRate) -> Target {
        if !(hash_rate.0.is_finite() && shares.0.is_finite() && hash_rate.0 > 0.0 && shares.0 > 0.0) {
            return Target::MAX;
        }
        // The quotient of two sane numbers may still be infinite: the hardest then.
        Target::from_hashes(hash_rate.hashes_per_share(shares).min(TWO_POW_256))
    }

    /// The target that takes `hashes` hashes on average: 2^256 / `hashes` - 1, to the
    /// precision of `f64`; at least 1.
    ///
    /// [`MAX`](Self::MAX) when `hashes` is not finite or not above 1.
    pub fn from_hashes(hashes: f64) -> Target {
        if !hashes.is_finite() || hashes <= 1.0 {
            return Target::MAX;
        }
        Target::from_f64(TWO_POW_256 / hashes - 1.0).max(Target { high: 0, low: 1 })
    }

    /// Expected hashes for one share, in hashes: 2^256 / (target + 1).
    pub fn work(self) -> f64 {
        TWO_POW_256 / (self.as_f64() + 1.0)
    }

    /// Expected hashes for one share in whole hashes, rounded down, as Bitcoin Core's
    /// `GetBlockProof` counts them. For ledgers: sums of it are exact.
    ///
    /// `u128::MAX` for targets below 2^128, some 10^15 times harder than Bitcoin has
    /// ever been. Costs some 256 steps: compute it once a target, not once a share.
    pub fn work_integer(self) -> u128 {
        let Some(divisor) = self.plus_one() else { return 1 };
        if divisor.high == 0 || (divisor.high == 1 && divisor.low == 0) {
            return u128::MAX;
        }
        // 2^256 / divisor, bit by bit: the dividend is a one and 256 zeros.
        let mut remainder = Target { high: 0, low: 1 };
        let mut quotient = 0u128;
        for _ in 0..256 {
            let carry = remainder.high >> 127 == 1;
            remainder = remainder.doubled();
            quotient <<= 1;
            if carry || remainder >= divisor {
                remainder = remainder.minus(divisor);
                quotient |= 1;
            }
        }
        quotient
    }

    /// Whether `hash` is at or below this target.
    pub fn is_met_by(&self, hash: &Hash256) -> bool {
        Target::from_le_bytes(hash.0) <= *self
    }

    /// The nearest `f64`.
    fn as_f64(self) -> f64 {
        self.high as f64 * TWO_POW_128 + self.low as f64
    }

    /// The integer part of `value`; saturates at both ends, and NaN is zero.
    fn from_f64(value: f64) -> Target {
        if value >= TWO_POW_256 {
            return Target::MAX;
        }
        // Splitting is exact: both are multiples of the same power of two.
        let high = (value / TWO_POW_128).floor();
        let low = value - high * TWO_POW_128;
        Target { high: high as u128, low: low as u128 }
    }

    fn plus_one(self) -> Option<Target> {
        match self.low.overflowing_add(1) {
            (low, false) => Some(Target { low, ..self }),
            (low, true) => self.high.checked_add(1).map(|high| Target { high, low }),
        }
    }

    /// Modulo 2^256.
    fn doubled(self) -> Target {
        Target { high: self.high << 1 | self.low >> 127, low: self.low << 1 }
    }

    /// Modulo 2^256.
    fn minus(self, other: Target) -> Target {
        let (low, borrow) = self.low.overflowing_sub(other.low);
        Target { high: self.high.wrapping_sub(other.high).wrapping_sub(u128::from(borrow)), low }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}{:032x}", self.high, self.low)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
