//! Which shares have been accepted: none counts twice while its prev-hash lives.
//!
//! Job ids are not part of a header, so the same header could be sent under several
//! jobs; duplicates are therefore found by header hash, for as long as the prev-hash
//! stands. Forgetting a hash would let it be credited again, so memory is not
//! bounded by forgetting but by difficulty: when the set is full the channel's
//! difficulty is raised, jobs at easier targets are withdrawn, and
//! [`raise`](SeenShares::raise) drops what could no longer be accepted anyway.

use crate::hash::Hash256;
use crate::target::Target;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// The hashes of accepted shares. Takes no heap until the first one.
#[derive(Clone, Debug, Default)]
pub struct SeenShares {
    hashes: HashSet<u128, BuildHasherDefault<LowBits>>,
}

impl SeenShares {
    /// Nothing seen yet.
    pub fn new() -> SeenShares {
        SeenShares::default()
    }

    /// Notes an accepted share; false when it was there already.
    pub fn insert(&mut self, hash: &Hash256) -> bool {
        self.hashes.insert(key(hash))
    }

    /// Whether this share was accepted before.
    pub fn contains(&self, hash: &Hash256) -> bool {
        self.hashes.contains(&key(hash))
    }

    /// How many are held.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Forgets all: the prev-hash has changed. Keeps no more room than was used.
    pub fn clear(&mut self) {
        let used = self.len();
        self.hashes.clear();
        self.hashes.shrink_to(used);
    }

    /// Drops every share that does not meet `target`.
    ///
    /// Sound only once no job with an easier target is accepted on this channel:
    /// what is dropped could then not be accepted again.
    pub fn raise(&mut self, target: &Target) {
        self.hashes.retain(|hash| *hash <= target.high);
        self.hashes.shrink_to_fit();
    }
}

/// The 128 most significant bits of the hash as a number.
///
/// Half a hash is enough: two shares of one channel that agree in it are a chance of
/// one in 2^80 or so even at difficulty 2^16, and [`SeenShares::raise`] needs this half.
fn key(hash: &Hash256) -> u128 {
    Target::from_le_bytes(hash.0).high
}

/// Takes the low 64 bits as they are: below the leading zeros that a share has by
/// its proof of work, the bits of a SHA-256 are as random as any hasher could make them.
#[derive(Clone, Copy, Debug, Default)]
struct LowBits(u64);

impl Hasher for LowBits {
    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }

    fn write(&mut self, bytes: &[u8]) {
        // Not reached: the only key is a u128.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
