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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    /// Targets of every size, not only those with their first bits set.
    fn any_target() -> impl Strategy<Value = Target> {
        (any::<[u8; 32]>(), 0u32..256).prop_map(|(bytes, zeros)| {
            let Target { high, low } = Target::from_le_bytes(bytes);
            match zeros {
                0 => Target { high, low },
                1..128 => Target { high: high >> zeros, low },
                _ => Target { high: 0, low: low >> (zeros - 128) },
            }
        })
    }

    fn oracle(target: Target) -> bitcoin::Target {
        bitcoin::Target::from_le_bytes(target.to_le_bytes())
    }

    fn nearly(a: f64, b: f64) -> bool {
        (a / b - 1.0).abs() < 1e-12
    }

    #[test]
    fn difficulty_one_is_the_target_everybody_knows() {
        let hex = "00000000ffff0000000000000000000000000000000000000000000000000000";
        assert_eq!(Target::DIFFICULTY_1.to_string(), hex);
        assert_eq!(Target::from_compact(0x1d00_ffff), Target::DIFFICULTY_1);
        assert_eq!(Target::from_difficulty(Difficulty(1.0)), Target::DIFFICULTY_1);
        assert_eq!(Target::DIFFICULTY_1.difficulty(), Difficulty(1.0));
        assert_eq!(Target::DIFFICULTY_1.work_integer(), 0x0001_0001_0001);
    }

    #[test]
    fn what_is_no_hash_rate_or_share_rate_gives_the_easiest_target() {
        let garbage = [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        for number in garbage {
            assert_eq!(Target::from_hashrate(HashRate(number), ShareRate(6.0)), Target::MAX, "{number}");
            assert_eq!(Target::from_hashrate(HashRate(1e12), ShareRate(number)), Target::MAX, "{number}");
            assert_eq!(Target::from_difficulty(Difficulty(number)), Target::MAX, "{number}");
            assert_eq!(Target::from_hashes(number), Target::MAX, "{number}");
        }
        let tiny = f64::MIN_POSITIVE;
        assert_eq!(Target::from_hashrate(HashRate(tiny), ShareRate(6.0)), Target::MAX);
        assert_eq!(Target::from_difficulty(Difficulty(tiny)), Target::MAX);
    }

    #[test]
    fn what_is_too_hard_saturates_at_the_hardest_that_is_not_zero() {
        let one = Target { high: 0, low: 1 };
        assert_eq!(Target::from_hashrate(HashRate(f64::MAX), ShareRate(f64::MIN_POSITIVE)), one);
        assert_eq!(Target::from_difficulty(Difficulty(f64::MAX)), one);
    }

    #[test]
    fn nbits_that_core_refuses_are_met_by_nothing() {
        for negative in [0x0180_0000, 0x1d80_ffff, 0xff80_0001] {
            assert_eq!(Target::from_compact(negative), Target::ZERO, "{negative:08x}");
        }
        for overflow in [0x2101_0000, 0x2200_0100, 0x2300_0001, 0xff12_3456] {
            assert_eq!(Target::from_compact(overflow), Target::ZERO, "{overflow:08x}");
        }
        // The regtest limit, and as large as it goes.
        assert_eq!(Target::from_compact(0x207f_ffff).high, 0x007f_ffff << 104);
        assert_eq!(Target::from_compact(0x2200_00ff).high, 0xff << 120);
    }

    #[test]
    fn the_ends_of_the_scale_are_finite() {
        assert_eq!(Target::MAX.work_integer(), 1);
        assert_eq!(Target::ZERO.work_integer(), u128::MAX);
        assert!(Target::ZERO.difficulty().0.is_finite() && Target::ZERO.work().is_finite());
        assert!(Target::MAX.difficulty().0 > 0.0);
        // 2^128 - 1 takes 2^128 hashes, one more than fits; 2^128 takes one less than 2^128.
        assert_eq!(Target { high: 0, low: u128::MAX }.work_integer(), u128::MAX);
        assert_eq!(Target { high: 1, low: 0 }.work_integer(), u128::MAX);
    }

    #[test]
    fn a_nerdminer_and_a_rack_get_their_share_rate() {
        for (hash_rate, shares) in [(5e4, 6.0), (1.2e12, 6.0), (5e14, 18.0), (1e18, 1.0)] {
            let target = Target::from_hashrate(HashRate(hash_rate), ShareRate(shares));
            assert!(nearly(hash_rate * 60.0 / target.work(), shares));
        }
    }

    proptest! {
        #[test]
        fn bytes_survive(bytes: [u8; 32]) {
            prop_assert_eq!(Target::from_le_bytes(bytes).to_le_bytes(), bytes);
        }

        #[test]
        fn order_is_that_of_the_number(a in any_target(), b in any_target()) {
            prop_assert_eq!(a.cmp(&b), oracle(a).cmp(&oracle(b)));
            prop_assert_eq!(a.is_met_by(&Hash256(b.to_le_bytes())), b <= a);
            prop_assert_eq!(a.to_string(), format!("{:064x}", oracle(a)));
        }

        #[test]
        fn compact_agrees_with_rust_bitcoin(nbits: u32, target in any_target()) {
            prop_assert_eq!(target.to_compact(), oracle(target).to_compact_lossy().to_consensus());
            // Where Core refuses, the oracle shifts digits out or takes the sign for one.
            let nbits = nbits & 0x007f_ffff | (((nbits >> 24) % 0x1e) << 24);
            let expected = bitcoin::Target::from_compact(bitcoin::CompactTarget::from_consensus(nbits));
            prop_assert_eq!(Target::from_compact(nbits).to_le_bytes(), expected.to_le_bytes());
        }

        #[test]
        fn compact_of_compact_is_the_same(nbits: u32) {
            let target = Target::from_compact(nbits);
            prop_assert_eq!(Target::from_compact(target.to_compact()), target);
        }

        #[test]
        fn compact_rounds_down_by_less_than_one_in_2_to_15(target in any_target()) {
            let rounded = Target::from_compact(target.to_compact());
            prop_assert!(rounded <= target);
            prop_assert!(rounded.as_f64() >= target.as_f64() * (1.0 - 1.0 / 32768.0));
        }

        #[test]
        fn difficulty_agrees_with_rust_bitcoin_and_back(target in any_target()) {
            prop_assume!(target > Target::ZERO);
            let difficulty = target.difficulty();
            prop_assert!(nearly(difficulty.0, oracle(target).difficulty_float()));
            // Integers have few digits where they are small.
            prop_assume!(target.high > 0);
            prop_assert!(nearly(Target::from_difficulty(difficulty).as_f64(), target.as_f64()));
        }

        #[test]
        fn work_agrees_with_rust_bitcoin_and_back(target in any_target()) {
            let expected = oracle(target).to_work().to_le_bytes();
            let (low, high) = expected.split_at(16);
            let expected = if high == [0; 16] { u128::from_le_bytes(low.try_into().unwrap()) } else { u128::MAX };
            prop_assert_eq!(target.work_integer(), expected);
            if expected < u128::MAX && expected > 1 << 60 {
                prop_assert!(nearly(target.work(), expected as f64));
                prop_assert!(nearly(Target::from_hashes(target.work()).as_f64(), target.as_f64()));
            }
        }

        #[test]
        fn harder_is_harder_in_every_unit(a in any_target(), b in any_target()) {
            let (easy, hard) = (a.max(b), a.min(b));
            prop_assert!(easy.difficulty() <= hard.difficulty());
            prop_assert!(easy.work() <= hard.work());
            prop_assert!(easy.work_integer() <= hard.work_integer());
        }

        #[test]
        fn more_difficulty_is_never_an_easier_target(a in 1e-12..1e60f64, b in 1e-12..1e60f64) {
            let (less, more) = (a.min(b), a.max(b));
            prop_assert!(Target::from_difficulty(Difficulty(less)) >= Target::from_difficulty(Difficulty(more)));
            prop_assert!(Target::from_hashes(less) >= Target::from_hashes(more));
            prop_assert!(
                Target::from_hashrate(HashRate(less), ShareRate(6.0))
                    >= Target::from_hashrate(HashRate(more), ShareRate(6.0))
            );
        }

        #[test]
        fn no_number_panics_or_asks_for_the_hash_zero(a: f64, b: f64) {
            for target in [
                Target::from_difficulty(Difficulty(a)),
                Target::from_hashes(a),
                Target::from_hashrate(HashRate(a), ShareRate(b)),
            ] {
                prop_assert!(target > Target::ZERO);
                prop_assert!(target.difficulty().0 > 0.0 && target.difficulty().0.is_finite());
            }
        }
    }
}
