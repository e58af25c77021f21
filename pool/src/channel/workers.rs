//! The workers behind one channel, told apart by extension 0x0002.

use std::collections::BTreeMap;
use work::Difficulty;

/// What one worker did on one channel.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WorkerCount {
    /// Accepted shares.
    pub accepted: u64,
    /// Refused shares.
    pub rejected: u64,
    /// Sum of the credited difficulties.
    pub difficulty: f64,
}

/// Counts by worker name, bounded: past the limit new names are counted together.
#[derive(Debug)]
pub struct Workers {
    counts: BTreeMap<Box<str>, WorkerCount>,
    limit: usize,
}

/// Where workers past the limit are counted.
pub const OTHERS: &str = "(others)";

impl Workers {
    /// No workers yet; at most `limit` are told apart.
    pub fn new(limit: usize) -> Workers {
        Workers { counts: BTreeMap::new(), limit }
    }

    /// Counts an accepted share of `name`.
    pub fn accepted(&mut self, name: &str, difficulty: Difficulty) {
        self.count(name, |count| {
            count.accepted += 1;
            count.difficulty += difficulty.0;
        });
    }

    /// Counts a refused share of `name`.
    pub fn rejected(&mut self, name: &str) {
        self.count(name, |count| count.rejected += 1);
    }

    /// All workers and their counts, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &WorkerCount)> {
        self.counts.iter().map(|(name, count)| (&**name, count))
    }

    /// Whether no worker was named yet.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    fn count(&mut self, name: &str, add: impl FnOnce(&mut WorkerCount)) {
        // A known name costs no allocation.
        if let Some(count) = self.counts.get_mut(name) {
            return add(count);
        }
        let name = if self.counts.len() < self.limit { name } else { OTHERS };
        add(self.counts.entry(name.into()).or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_past_the_limit_are_counted_together() {
        let mut workers = Workers::new(2);
        for name in ["a", "b", "c", "d", "a"] {
            workers.accepted(name, Difficulty(2.0));
        }
        workers.rejected("d");
        let counts: Vec<_> =
            workers.iter().map(|(name, count)| (name, count.accepted, count.rejected)).collect();
        assert_eq!(counts, [(OTHERS, 2, 1), ("a", 2, 0), ("b", 1, 0)]);
    }
}
