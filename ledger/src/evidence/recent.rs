//! Jobs and templates that need not be told again: the same on both sides.

use crate::tagged_hash::Commitment;
use std::collections::{HashMap, VecDeque};

/// The last few thousand of something that was told, by hash. Both sides put in the same and
/// [`trim`](Self::trim) at the same points, so that each knows what the other has.
pub(super) struct Recent<V> {
    known: HashMap<Commitment, V>,
    order: VecDeque<(Commitment, usize)>,
    bytes: usize,
}

/// More than this is forgotten.
const MOST: usize = 8_192;
const MOST_BYTES: usize = 32 << 20;

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Recent { known: HashMap::new(), order: VecDeque::new(), bytes: 0 }
    }
}

impl<V> Recent<V> {
    pub(super) fn get(&self, hash: &Commitment) -> Option<&V> {
        self.known.get(hash)
    }

    /// Puts in what is not there; `size` is that of its message.
    pub(super) fn put(&mut self, hash: Commitment, size: usize, value: V) {
        if self.known.insert(hash, value).is_none() {
            self.order.push_back((hash, size));
            self.bytes += size;
        }
    }

    /// Forgets the oldest beyond the bounds: after each message of shares.
    pub(super) fn trim(&mut self) {
        while self.order.len() > MOST || self.bytes > MOST_BYTES {
            let Some((hash, size)) = self.order.pop_front() else { return };
            self.known.remove(&hash);
            self.bytes -= size;
        }
    }

    /// Whether more was put in between two messages of shares than anybody honest does.
    pub(super) fn overflows(&self) -> bool {
        self.order.len() > 2 * MOST || self.bytes > 2 * MOST_BYTES
    }
}
