//! Whose turn it is among several pools. Pure: it counts dials, and needs no clock.
//!
//! They are named in the order of preference. A pool that cannot be had is tried twice
//! before the next one is; when the one that served is lost, with the channels on it, the
//! first one is as good as any; and one that refuses for good is not asked again.

/// Which of several pools is dialled next.
#[derive(Clone, Debug)]
pub struct Turn {
    /// For each pool, whether it has refused for good.
    refused: Vec<bool>,
    current: usize,
    failures: u32,
}

/// Dials of a pool that fail before the next one is tried.
const TRIES: u32 = 2;

impl Turn {
    /// It begins with the first of `pools`.
    pub fn new(pools: usize) -> Turn {
        Turn { refused: vec![false; pools], current: 0, failures: 0 }
    }

    /// Whose turn it is.
    pub fn current(&self) -> usize {
        self.current
    }

    /// The pool has served, and nothing binds us to it any more.
    pub fn served(&mut self) {
        (self.current, self.failures) = (self.next_from(0), 0);
    }

    /// The pool could not be had, and nothing binds us to it.
    pub fn failed(&mut self) {
        self.failures += 1;
        if self.failures >= TRIES {
            (self.current, self.failures) = (self.next_from(self.current + 1), 0);
        }
    }

    /// The pool does not want us, and would not the next time; `false` when now none does.
    pub fn refused(&mut self) -> bool {
        if let Some(refused) = self.refused.get_mut(self.current) {
            *refused = true;
        }
        (self.current, self.failures) = (self.next_from(self.current + 1), 0);
        self.refused.iter().any(|refused| !refused)
    }

    /// The next pool that has not refused, from `first` on and around.
    fn next_from(&self, first: usize) -> usize {
        let count = self.refused.len().max(1);
        let around = (0..count).map(|step| (first + step) % count);
        around.clone().find(|pool| self.refused.get(*pool) == Some(&false)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pool_is_tried_twice_before_the_next_one_and_the_first_follows_the_last() {
        let mut turn = Turn::new(2);
        let order: Vec<usize> = (0..6)
            .map(|_| {
                let current = turn.current();
                turn.failed();
                current
            })
            .collect();
        assert_eq!(order, [0, 0, 1, 1, 0, 0]);
    }

    #[test]
    fn after_service_the_first_pool_is_preferred() {
        let mut turn = Turn::new(3);
        for _ in 0..TRIES {
            turn.failed();
        }
        assert_eq!(turn.current(), 1);
        turn.served();
        assert_eq!(turn.current(), 0);
    }

    #[test]
    fn a_pool_that_refuses_for_good_is_never_asked_again_and_the_last_one_ends_it() {
        let mut turn = Turn::new(2);
        assert!(turn.refused());
        for _ in 0..2 * TRIES {
            assert_eq!(turn.current(), 1);
            turn.failed();
        }
        turn.served();
        assert_eq!(turn.current(), 1);
        assert!(!turn.refused());
        assert!(!Turn::new(1).refused(), "a miner with one pool gives up at once");
    }
}
