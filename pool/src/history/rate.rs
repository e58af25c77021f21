//! A hashrate, and how far it may be trusted.
//!
//! Shares come by chance, so that a rate counted from few of them is a guess. The band is
//! the 95 % interval of the Poisson count (Byar's approximation of the exact one), where
//! shares of unlike difficulty count as so many like ones: `(sum w)^2 / sum w^2`.

use crate::described;
use serde::Serialize;
use work::{Difficulty, HashRate};

described! {
    /// A hashrate in H/s with its 95 % band.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
    pub struct Rate {
        /// The estimate.
        pub hashrate: f64,
        /// Lower end of the band.
        pub low: f64,
        /// Upper end of the band.
        pub high: f64,
        /// Shares that it is counted from.
        pub shares: u64,
    }
}

described! {
    /// Hashrates over the usual windows.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
    pub struct Windows {
        /// One minute.
        #[serde(rename = "1m")]
        pub m1: Rate,
        /// Five minutes.
        #[serde(rename = "5m")]
        pub m5: Rate,
        /// An hour.
        #[serde(rename = "1h")]
        pub h1: Rate,
        /// Six hours.
        #[serde(rename = "6h")]
        pub h6: Rate,
        /// A day.
        #[serde(rename = "1d")]
        pub d1: Rate,
        /// A week.
        #[serde(rename = "7d")]
        pub d7: Rate,
    }
}

/// Shares added up: their number, their difficulties and the squares of these.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sum {
    /// How many.
    pub shares: u64,
    /// Sum of the difficulties.
    pub work: f64,
    /// Sum of the squared difficulties.
    pub squares: f64,
}

impl Sum {
    /// The rate of one who did this in `seconds`. Where there was no share, the band reaches
    /// up to what three shares of difficulty `usual` would have been.
    pub fn rate(&self, seconds: f64, usual: f64) -> Rate {
        if seconds <= 0.0 {
            return Rate::default();
        }
        let per_second = |difficulty: f64| Difficulty(difficulty).hashes() / seconds;
        if self.shares == 0 || self.squares <= 0.0 {
            return Rate { high: per_second(upper(0.0) * usual), ..Rate::default() };
        }
        let count = self.work * self.work / self.squares;
        let each = self.work / count;
        Rate {
            hashrate: per_second(self.work),
            low: per_second(lower(count) * each),
            high: per_second(upper(count) * each),
            shares: self.shares,
        }
    }
}

impl Rate {
    /// The estimate, with its unit when printed.
    pub fn rate(&self) -> HashRate {
        HashRate(self.hashrate)
    }
}

impl Windows {
    /// Each window with its name, shortest first.
    pub fn named(&self) -> [(&'static str, Rate); 6] {
        [("1m", self.m1), ("5m", self.m5), ("1h", self.h1), ("6h", self.h6), ("1d", self.d1), ("7d", self.d7)]
    }
}

/// Of a two-sided 95 % interval.
const Z: f64 = 1.96;

fn lower(count: f64) -> f64 {
    if count <= 0.0 {
        return 0.0;
    }
    count * (1.0 - 1.0 / (9.0 * count) - Z / (3.0 * count.sqrt())).max(0.0).powi(3)
}

fn upper(count: f64) -> f64 {
    let more = count + 1.0;
    more * (1.0 - 1.0 / (9.0 * more) + Z / (3.0 * more.sqrt())).powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_band_is_that_of_the_poisson_count() {
        // The exact interval for 30 events is 20.2 to 42.8, for 100 it is 81.4 to 121.6.
        for (count, low, high) in [(30.0, 20.2, 42.8), (100.0, 81.4, 121.6), (4.0, 1.09, 10.24)] {
            assert!((lower(count) / low - 1.0).abs() < 0.02, "{}", lower(count));
            assert!((upper(count) / high - 1.0).abs() < 0.02, "{}", upper(count));
        }
        assert!((upper(0.0) - 3.69).abs() < 0.1, "{}", upper(0.0));
    }

    #[test]
    fn shares_of_like_difficulty_count_one_by_one_and_a_giant_counts_as_one() {
        let like = Sum { shares: 100, work: 200.0, squares: 400.0 }.rate(60.0, 2.0);
        let width = (like.high - like.low) / like.hashrate;
        assert!((0.35..0.45).contains(&width), "{width}");
        let giant = Sum { shares: 100, work: 1099.0, squares: 1_000_099.0 }.rate(60.0, 1.0);
        assert!(giant.high / giant.hashrate > 4.0 && giant.low / giant.hashrate < 0.3);
    }

    #[test]
    fn no_share_is_no_proof_of_no_hashrate() {
        let none = Sum::default().rate(60.0, 1.0);
        assert!(none.hashrate == 0.0 && none.high > 0.0);
        assert_eq!(Sum::default().rate(0.0, 1.0), Rate::default());
    }
}
