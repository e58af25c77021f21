//! Double SHA-256, the hash that everything in mining is made of.

use crate::sha256;
use std::fmt;

/// A double SHA-256 digest in internal byte order.
///
/// Printed in display order (reversed), as block explorers and Bitcoin Core do.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash256(pub [u8; 32]);

/// SHA-256 applied twice to `data`.
pub fn sha256d(data: &[u8]) -> Hash256 {
    sha256::double_rest(sha256::START, 0, data)
}

impl fmt::Display for Hash256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().rev().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
