//! Targets: the number a hash must not exceed.

use crate::hash::Hash256;
use std::fmt;

/// A 256-bit target. A hash meets it when, as a little-endian number, it is not
/// greater.
///
/// Held as two 128-bit halves, most significant first, so that comparing is two
/// machine comparisons.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    high: u128,
    low: u128,
}

impl Target {
    /// Every hash meets it.
    pub const MAX: Target = Target { high: u128::MAX, low: u128::MAX };

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
    pub fn from_compact(nbits: u32) -> Target {
        let target = bitcoin::Target::from_compact(bitcoin::CompactTarget::from_consensus(nbits));
        Target::from_le_bytes(target.to_le_bytes())
    }

    /// Whether `hash` is at or below this target.
    pub fn is_met_by(&self, hash: &Hash256) -> bool {
        Target::from_le_bytes(hash.0) <= *self
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}{:032x}", self.high, self.low)
    }
}
