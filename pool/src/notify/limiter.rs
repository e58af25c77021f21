//! So that nobody is flooded: of each kind of event only so many an hour.
//!
//! Each kind has a bucket that fills up evenly; what finds it empty is counted, and the next
//! notice of that kind says how many there were.

use super::event::EventKind;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Judges what may be told now.
#[derive(Debug)]
pub struct Limiter {
    per_hour: f64,
    buckets: BTreeMap<EventKind, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    room: f64,
    at: Instant,
    missed: u64,
}

const HOUR: Duration = Duration::from_secs(3_600);

impl Limiter {
    /// So many an hour of each kind.
    pub fn new(per_hour: u32) -> Limiter {
        Limiter { per_hour: f64::from(per_hour), buckets: BTreeMap::new() }
    }

    /// Whether one of `kind` may be told at `now`: how many of its kind were not since the
    /// last. A test always may.
    pub fn pass(&mut self, kind: EventKind, now: Instant) -> Option<u64> {
        if kind == EventKind::Test {
            return Some(0);
        }
        let full = self.per_hour;
        let bucket = self.buckets.entry(kind).or_insert(Bucket { room: full, at: now, missed: 0 });
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64() / HOUR.as_secs_f64();
        bucket.room = (bucket.room + passed * full).min(full);
        bucket.at = now;
        if bucket.room < 1.0 {
            bucket.missed += 1;
            return None;
        }
        bucket.room -= 1.0;
        Some(std::mem::take(&mut bucket.missed))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn a_thousand_blocks_an_hour_are_a_dozen_notices_and_the_others_are_counted() {
        let start = Instant::now();
        let mut limiter = Limiter::new(12);
        let passed: Vec<u64> = (0..7_200)
            .filter_map(|second| limiter.pass(EventKind::Block, start + Duration::from_secs(second)))
            .collect();
        assert!((12 + 23..=12 + 24).contains(&passed.len()), "{}", passed.len());
        assert_eq!(passed[..12], [0; 12]);
        assert!(passed[12..].iter().all(|missed| *missed > 200), "{passed:?}");
    }

    #[test]
    fn one_kind_takes_nothing_from_another_and_a_test_always_passes() {
        let now = Instant::now();
        let mut limiter = Limiter::new(1);
        assert_eq!(limiter.pass(EventKind::Block, now), Some(0));
        assert_eq!(limiter.pass(EventKind::Block, now), None);
        assert_eq!(limiter.pass(EventKind::Ledger, now), Some(0));
        assert!((0..9).all(|_| limiter.pass(EventKind::Test, now) == Some(0)));
    }
}
