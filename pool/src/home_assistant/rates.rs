//! Hashrates from what workers are credited: the newest five minutes weigh most.

use crate::notify::view::WorkerView;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use work::HashRate;
use work::units::HASHES_PER_DIFFICULTY;

/// Work that is half forgotten after a few minutes.
const MEMORY: Duration = Duration::from_secs(300);

/// The rate of one worker, or of all.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// The credited difficulties at the last look.
    difficulty: Option<f64>,
    hashes: f64,
    seconds: f64,
}

impl Rate {
    /// Takes note of the sum of credited difficulties, `passed` after the last look. A sum that
    /// is smaller than before begins anew.
    pub fn look(&mut self, difficulty: f64, passed: Duration) {
        let before = self.difficulty.replace(difficulty);
        let Some(before) = before else { return };
        let passed = passed.as_secs_f64();
        let kept = (-passed / MEMORY.as_secs_f64()).exp();
        let gained = (difficulty - before).max(0.0);
        self.hashes = self.hashes * kept + gained * HASHES_PER_DIFFICULTY;
        self.seconds = self.seconds * kept + passed;
    }

    /// The rate now.
    pub fn rate(&self) -> HashRate {
        HashRate(if self.seconds > 0.0 { self.hashes / self.seconds } else { 0.0 })
    }
}

/// The rates of many workers.
#[derive(Clone, Debug, Default)]
pub struct Rates {
    at: Option<Instant>,
    workers: BTreeMap<String, Rate>,
}

impl Rates {
    /// Takes note of what `workers` have done by `now`; those that are not among them are
    /// forgotten.
    pub fn look<'a>(&mut self, now: Instant, workers: impl Iterator<Item = (&'a String, &'a WorkerView)>) {
        let passed = self.at.replace(now).map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let mut before = std::mem::take(&mut self.workers);
        for (name, worker) in workers {
            let mut rate = before.remove(name).unwrap_or_default();
            rate.look(worker.difficulty, passed);
            self.workers.insert(name.clone(), rate);
        }
    }

    /// The rate of a worker.
    pub fn of(&self, worker: &str) -> HashRate {
        self.workers.get(worker).map_or(HashRate(0.0), Rate::rate)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn steady(rate: &mut Rate, from: f64, per_look: f64, looks: u32) -> f64 {
        let mut sum = from;
        for _ in 0..looks {
            sum += per_look;
            rate.look(sum, Duration::from_secs(10));
        }
        sum
    }

    #[test]
    fn a_steady_worker_is_known_from_the_start_and_a_change_within_minutes() {
        let mut rate = Rate::default();
        rate.look(5.0, Duration::ZERO);
        let sum = steady(&mut rate, 5.0, 1.0, 3);
        let one = HASHES_PER_DIFFICULTY / 10.0;
        assert!((rate.rate().0 / one - 1.0).abs() < 1e-9, "{:?}", rate.rate());
        let sum = steady(&mut rate, sum, 1.0, 60);
        steady(&mut rate, sum, 0.0, 120);
        assert!(rate.rate().0 < one / 20.0, "it stopped twenty minutes ago");
    }

    #[test]
    fn a_new_channel_that_counts_from_zero_costs_nothing_and_gains_nothing() {
        let mut rate = Rate::default();
        rate.look(100.0, Duration::ZERO);
        rate.look(1.0, Duration::from_secs(10));
        assert_eq!(rate.rate().0, 0.0);
        rate.look(2.0, Duration::from_secs(10));
        assert!(rate.rate().0 > 0.0);
    }
}
