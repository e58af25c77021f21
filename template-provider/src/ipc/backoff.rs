//! How long to wait before connecting again.

use std::time::Duration;

/// Doubling delays up to a limit, each shortened by chance so that many clients of
/// a node do not come back all at once.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    random: u64,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(100);
    const LAST: Duration = Duration::from_secs(5);

    /// `seed` decides the jitter.
    pub(super) fn new(seed: u64) -> Backoff {
        // Zero would stay zero.
        Backoff { next: Backoff::FIRST, random: seed | 1 }
    }

    /// The delay before the next try: between half and all of the current step.
    pub(super) fn delay(&mut self) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(Backoff::LAST);
        // xorshift64: quality does not matter here.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let share = 500 + (self.random >> 32) % 500;
        step * u32::try_from(share).unwrap_or(1_000) / 1_000
    }

    /// The last try went well.
    pub(super) fn reset(&mut self) {
        self.next = Backoff::FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_limit_and_start_over_after_success() {
        let mut backoff = Backoff::new(7);
        assert!(backoff.delay() <= Backoff::FIRST);
        let delays: Vec<Duration> = (0..20).map(|_| backoff.delay()).collect();
        assert!(delays.iter().all(|delay| *delay >= Backoff::FIRST && *delay <= Backoff::LAST));
        assert!(delays.iter().skip(10).all(|delay| *delay >= Backoff::LAST / 2));
        backoff.reset();
        assert!(backoff.delay() <= Backoff::FIRST);
    }

    #[test]
    fn other_seeds_wait_otherwise() {
        assert_ne!(Backoff::new(1).delay(), Backoff::new(0x1234_5678_9abc).delay());
    }
}
