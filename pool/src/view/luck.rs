//! Chances, said honestly: blocks come by chance, and a small pool may wait for years.

use crate::described;
use serde::Serialize;
use work::Difficulty;

described! {
    /// How likely at least one block is.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
    pub struct Odds {
        /// Seconds that a block takes on average; none without hashrate.
        pub mean_seconds: Option<f64>,
        /// Probability of at least one within a day, 0 to 1.
        pub day: f64,
        /// Within a month of 30 days.
        pub month: f64,
        /// Within a year of 365 days.
        pub year: f64,
    }
}

const DAY: f64 = 86_400.0;

impl Odds {
    /// Those of `hashrate` hashes a second on a network of this difficulty, if both stay.
    pub fn of(hashrate: f64, network_difficulty: f64) -> Odds {
        let needed = Difficulty(network_difficulty).hashes();
        if hashrate <= 0.0 || needed <= 0.0 {
            return Odds::default();
        }
        let mean = needed / hashrate;
        // Near certainty, but never more than that.
        let within = |seconds: f64| (-(-seconds / mean).exp_m1()).min(1.0 - 1e-12);
        Odds {
            mean_seconds: Some(mean),
            day: within(DAY),
            month: within(30.0 * DAY),
            year: within(365.0 * DAY),
        }
    }
}

/// Of a hundred rounds that took `effort` times the work of an average one, the part that
/// takes no longer: 0.63 for an effort of 1.
pub fn within(effort: f64) -> f64 {
    -(-effort).exp_m1()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odds_are_those_of_rare_events() {
        // A terahash a second on a network of difficulty 100 T: 13 600 years on average.
        let small = Odds::of(1e12, 1e14);
        let years = small.mean_seconds.unwrap_or_default() / (365.0 * DAY);
        assert!((13_500.0..13_700.0).contains(&years), "{years}");
        assert!((small.year * years - 1.0).abs() < 1e-3);
        let often = Odds::of(1e12, 1.0);
        assert!(often.day > 0.999_999 && often.day <= 1.0);
        assert_eq!(Odds::of(0.0, 1.0), Odds::default());
    }

    #[test]
    fn an_average_round_is_not_the_median_one() {
        assert!((within(1.0) - 0.632).abs() < 0.001);
        assert!((within(std::f64::consts::LN_2) - 0.5).abs() < 1e-9);
    }
}
