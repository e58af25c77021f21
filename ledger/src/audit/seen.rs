//! Which shares were credited before, and which blocks shares may still build on.

use std::collections::{HashSet, VecDeque};
use work::{Hash256, SeenShares};

/// The shares of the last few prev-hashes, and the prev-hashes before these.
#[derive(Default)]
pub(super) struct Seen {
    /// Newest last.
    tips: VecDeque<(Hash256, SeenShares)>,
    left: HashSet<Hash256>,
}

/// What is to be said of a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// Not seen before.
    New,
    /// Credited before.
    Again,
    /// On a prev-hash that others have followed.
    Old,
}

impl Seen {
    /// So many prev-hashes after another one, no share comes on it any more. A fork of the
    /// chain may make a pool change to and fro between two.
    const TIPS: usize = 6;

    /// Takes note of an accepted share.
    pub(super) fn see(&mut self, prev_hash: &Hash256, hash: &Hash256) -> Sight {
        // Nearly always the last.
        if let Some((_, seen)) = self.tips.iter_mut().rev().find(|(tip, _)| tip == prev_hash) {
            return if seen.insert(hash) { Sight::New } else { Sight::Again };
        }
        if self.left.contains(prev_hash) {
            return Sight::Old;
        }
        let mut seen = SeenShares::new();
        seen.insert(hash);
        self.tips.push_back((*prev_hash, seen));
        if self.tips.len() > Self::TIPS
            && let Some((tip, _)) = self.tips.pop_front()
        {
            self.left.insert(tip);
        }
        Sight::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_counts_once_and_not_on_a_tip_long_left() {
        let mut seen = Seen::default();
        let (tip, hash) = (|n| Hash256([n; 32]), |n| Hash256([n; 32]));
        assert_eq!(seen.see(&tip(1), &hash(1)), Sight::New);
        assert_eq!(seen.see(&tip(1), &hash(1)), Sight::Again);
        assert_eq!(seen.see(&tip(2), &hash(2)), Sight::New);
        assert_eq!(seen.see(&tip(1), &hash(3)), Sight::New);
        (3..8).for_each(|n| assert_eq!(seen.see(&tip(n), &hash(n)), Sight::New));
        assert_eq!(seen.see(&tip(1), &hash(1)), Sight::Old);
    }
}
