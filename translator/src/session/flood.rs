//! How many shares a second are looked at.
//!
//! Difficulty keeps an honest miner at a few shares a minute. Until it has found its place,
//! and against a rack that says it is a NerdMiner, this bounds what shares may cost.

use std::time::Instant;

/// Shares a second, in the long run.
const RATE: f64 = 20.0;
/// Shares at once: what a miner saved up while its line was down.
const BURST: f64 = 200.0;

/// A bucket that fills at the rate and is emptied by shares.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flood {
    room: f64,
    at: Instant,
}

impl Flood {
    pub(super) fn new(now: Instant) -> Flood {
        Flood { room: BURST, at: now }
    }

    /// Whether one more share is looked at.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = self.at.max(now);
        self.room = (self.room + passed * RATE).min(BURST);
        let admitted = self.room >= 1.0;
        if admitted {
            self.room -= 1.0;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_let_through_and_a_flood_is_not() {
        let start = Instant::now();
        let mut flood = Flood::new(start);
        let at_once = (0..1000).filter(|_| flood.admit(start)).count();
        assert_eq!(at_once, 200);
        let in_ten_seconds =
            (0..1000).filter(|step| flood.admit(start + Duration::from_millis(10 * step))).count();
        assert!((195..=205).contains(&in_ten_seconds), "{in_ten_seconds}");
        assert!(!Flood { room: 0.0, at: start }.admit(start));
    }
}
