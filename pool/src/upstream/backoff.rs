//! How long to wait before a pool is dialled again. Pure: time and chance are given.
//!
//! Twice as long after each failure, half of it by chance, so that the clients of a pool
//! that comes back do not all knock at once. A pool that served for a minute is trusted
//! anew; one that drops everybody it lets in is not.

use std::time::{Duration, Instant};

/// Waits between dials.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    failures: u32,
    serving_since: Option<Instant>,
}

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(30);
/// Service after which earlier failures are forgotten.
const GOOD_SERVICE: Duration = Duration::from_secs(60);

impl Backoff {
    /// The pool serves us from `now` on.
    pub fn serving(&mut self, now: Instant) {
        self.serving_since = Some(now);
    }

    /// The pool is lost, or could not be had: how long to wait before the next dial.
    /// `chance` is from 0 to 1.
    pub fn lost(&mut self, now: Instant, chance: f64) -> Duration {
        let served = self.serving_since.take().map(|since| now.saturating_duration_since(since));
        if served.is_some_and(|served| served >= GOOD_SERVICE) {
            self.failures = 0;
        }
        let longest = FIRST.saturating_mul(1u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        longest.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn waits(backoff: &mut Backoff, now: Instant, chance: f64, count: usize) -> Vec<u128> {
        (0..count).map(|_| backoff.lost(now, chance).as_millis()).collect()
    }

    #[test]
    fn each_failure_doubles_the_wait_up_to_half_a_minute() {
        let mut backoff = Backoff::default();
        let expected = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000];
        assert_eq!(waits(&mut backoff, Instant::now(), 1.0, 8), expected);
    }

    #[test]
    fn only_a_minute_of_service_makes_up_for_failures() {
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        waits(&mut backoff, start, 1.0, 3);
        backoff.serving(start);
        assert_eq!(waits(&mut backoff, start + Duration::from_secs(59), 1.0, 1), [4_000]);
        backoff.serving(start);
        assert_eq!(waits(&mut backoff, start + Duration::from_secs(60), 1.0, 2), [500, 1_000]);
    }

    #[test]
    fn over_hours_of_outage_the_pool_is_dialled_at_least_twice_a_minute_and_then_served_at_once() {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let (mut backoff, start) = (Backoff::default(), Instant::now());
        let (mut now, mut dials) = (start, 0);
        while now < start + DAY {
            let wait = backoff.lost(now, f64::from(dials % 11) / 10.0);
            assert!(wait <= LONGEST, "{wait:?} after {dials} dials");
            now += wait;
            dials += 1;
        }
        assert!(dials >= 2 * 24 * 60, "{dials} dials in a day");
        backoff.serving(now);
        now += GOOD_SERVICE;
        assert!(backoff.lost(now, 1.0) <= FIRST, "a day without the pool is forgiven after a minute with it");
    }

    proptest! {
        #[test]
        fn half_of_a_wait_is_chance_and_none_is_too_long(failures in 0usize..200, chance in -1.0f64..2.0) {
            let now = Instant::now();
            let mut backoff = Backoff::default();
            waits(&mut backoff, now, 0.5, failures);
            let (mut least, mut most) = (backoff.clone(), backoff.clone());
            let wait = backoff.lost(now, chance);
            prop_assert!(least.lost(now, 0.0) <= wait && wait <= most.lost(now, 1.0));
            prop_assert!((FIRST / 2..=LONGEST).contains(&wait));
        }
    }
}
