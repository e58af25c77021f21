//! Which shares have been accepted: none counts twice while its prev-hash lives.
//!
//! Job ids are not part of a header, so the same header could be sent under several
//! jobs; duplicates are therefore found by header hash, for as long as the prev-hash
//! stands. Forgetting a hash would let it be credited again, so memory is not
//! bounded by forgetting but by difficulty: when the set is full the channel's
//! difficulty is raised, jobs at easier targets are withdrawn, and
//! [`raise`](SeenShares::raise) drops what could no longer be accepted anyway. What is
//! dropped stays refused until the prev-hash changes, so that lowering the difficulty
//! again too early can cost a miner shares, but never the pool a double payment.

use crate::hash::Hash256;
use crate::target::Target;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// The hashes of accepted shares. Takes no heap until the first one.
#[derive(Clone, Debug)]
pub struct SeenShares {
    hashes: HashSet<u128, BuildHasherDefault<LowBits>>,
    /// Of greater hashes nothing is known any more.
    easiest: u128,
}

impl SeenShares {
    /// Nothing seen yet.
    pub fn new() -> SeenShares {
        SeenShares { hashes: HashSet::default(), easiest: u128::MAX }
    }

    /// Notes an accepted share; false when it was there already, or may have been: it
    /// does not meet the target of the last [`raise`](Self::raise).
    pub fn insert(&mut self, hash: &Hash256) -> bool {
        let key = key(hash);
        key <= self.easiest && self.hashes.insert(key)
    }

    /// Whether this share was accepted before, or may have been.
    pub fn contains(&self, hash: &Hash256) -> bool {
        let key = key(hash);
        key > self.easiest || self.hashes.contains(&key)
    }

    /// The easiest target that shares may have until the prev-hash changes.
    pub fn easiest(&self) -> Target {
        Target { high: self.easiest, low: u128::MAX }
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
        self.easiest = u128::MAX;
        self.hashes.clear();
        self.hashes.shrink_to(used);
    }

    /// Drops every share that does not meet `target`, and accepts none such from now on.
    ///
    /// Jobs at easier targets should be withdrawn before, and none be sent until the
    /// prev-hash changes: their shares would be refused.
    pub fn raise(&mut self, target: &Target) {
        self.easiest = self.easiest.min(target.high);
        self.hashes.retain(|hash| *hash <= self.easiest);
        self.hashes.shrink_to_fit();
    }
}

impl Default for SeenShares {
    fn default() -> SeenShares {
        SeenShares::new()
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::hash::sha256d;
    use crate::units::Difficulty;
    use proptest::prelude::*;

    /// A hash as a share of some 2^32 difficulty has it: 64 zero bits on top.
    fn share(number: u32) -> Hash256 {
        let mut hash = sha256d(&number.to_le_bytes());
        hash.0[24..].fill(0);
        hash
    }

    #[test]
    fn a_share_is_accepted_once() {
        let mut seen = SeenShares::new();
        assert!(seen.insert(&share(1)));
        assert!(!seen.insert(&share(1)));
        assert!(seen.insert(&share(2)));
        assert!(seen.contains(&share(1)) && !seen.contains(&share(3)));
        assert_eq!(seen.len(), 2);
    }

    #[test]
    fn after_a_new_prev_hash_nothing_has_been_seen() {
        let mut seen = SeenShares::new();
        seen.insert(&share(1));
        seen.clear();
        assert!(seen.is_empty());
        assert!(seen.insert(&share(1)));
    }

    #[test]
    fn a_dropped_share_is_refused_until_the_prev_hash_changes() {
        let easy = Hash256([0xff; 32]);
        let mut seen = SeenShares::new();
        assert!(seen.insert(&easy));
        assert_eq!(seen.easiest(), Target::MAX);
        seen.raise(&Target::DIFFICULTY_1);
        assert!(seen.is_empty());
        assert!(!seen.insert(&easy));
        assert!(seen.insert(&share(1)));
        seen.raise(&Target::MAX); // does not lower
        assert!(!seen.insert(&easy) && seen.easiest() < Target::MAX);
        seen.clear();
        assert!(seen.insert(&easy));
    }

    #[test]
    fn an_idle_channel_holds_no_memory() {
        let mut seen = SeenShares::new();
        assert_eq!(seen.hashes.capacity(), 0);
        for number in 0..1000 {
            seen.insert(&share(number));
        }
        seen.clear(); // room for as many again ...
        assert!(seen.hashes.capacity() >= 1000);
        seen.clear(); // ... until there was a block without any
        assert_eq!(seen.hashes.capacity(), 0);
    }

    #[test]
    fn many_shares_of_high_difficulty_do_not_pile_up_in_one_place() {
        // Quadratic behaviour would make this take minutes.
        let mut seen = SeenShares::new();
        for number in 0..200_000 {
            assert!(seen.insert(&share(number)));
        }
        assert_eq!(seen.len(), 200_000);
    }

    proptest! {
        #[test]
        fn raising_the_difficulty_forgets_only_what_could_not_be_accepted_again(
            hashes in prop::collection::hash_set(any::<[u8; 32]>(), 0..100),
            difficulty in 1e-10..1e-8f64,
        ) {
            let target = Target::from_difficulty(Difficulty(difficulty));
            let mut seen = SeenShares::new();
            for hash in &hashes {
                prop_assert!(seen.insert(&Hash256(*hash)));
            }
            seen.raise(&target);
            let kept = hashes.iter().filter(|hash| target.is_met_by(&Hash256(**hash))).count();
            prop_assert!(seen.len() >= kept);
            for hash in hashes {
                let hash = Hash256(hash);
                // What was dropped cannot come back, nor what was kept.
                prop_assert!(seen.contains(&hash));
                prop_assert!(!seen.insert(&hash));
            }
            prop_assert!(seen.len() == kept); // equal halves aside, which no test will see
        }
    }
}
