//! The quantities that mining is measured in, each its own type.
//!
//! All three are plain `f64`s: they steer and inform. What decides (a
//! [`Target`](crate::Target)) and what pays (work in whole hashes,
//! [`Target::work_integer`](crate::Target::work_integer)) are integers.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::time::Duration;

/// Expected hashes for one share of difficulty 1, some 2^32: 2^256 divided by the target
/// of difficulty 1 (`0xFFFF` and 208 zero bits).
pub const HASHES_PER_DIFFICULTY: f64 = (1u64 << 48) as f64 / 65535.0;

/// Hashes per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct HashRate(pub f64);

/// Difficulty as pools count it ("pdiff"): how many times harder than the target
/// `0x00000000FFFF0000...00`.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Difficulty(pub f64);

/// Shares per minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct ShareRate(pub f64);

impl HashRate {
    /// The rate that does `hashes` in `elapsed`; zero when no time has passed.
    pub fn from_hashes(hashes: f64, elapsed: Duration) -> HashRate {
        let seconds = elapsed.as_secs_f64();
        HashRate(if seconds > 0.0 { hashes / seconds } else { 0.0 })
    }

    /// How many hashes a device of this rate does between two shares when it is to
    /// send `rate`, in hashes. Not finite or not positive when an operand is not.
    pub fn hashes_per_share(self, rate: ShareRate) -> f64 {
        self.0 * 60.0 / rate.0
    }
}

impl Difficulty {
    /// Expected hashes for one share, in hashes.
    pub fn hashes(self) -> f64 {
        self.0 * HASHES_PER_DIFFICULTY
    }

    /// The difficulty whose shares cost `hashes` hashes each.
    pub fn from_hashes(hashes: f64) -> Difficulty {
        Difficulty(hashes / HASHES_PER_DIFFICULTY)
    }
}

impl Add for Difficulty {
    type Output = Difficulty;
    fn add(self, other: Difficulty) -> Difficulty {
        Difficulty(self.0 + other.0)
    }
}

impl AddAssign for Difficulty {
    fn add_assign(&mut self, other: Difficulty) {
        self.0 += other.0;
    }
}

impl Sum for Difficulty {
    fn sum<I: Iterator<Item = Difficulty>>(each: I) -> Difficulty {
        Difficulty(each.map(|difficulty| difficulty.0).sum())
    }
}

impl Add for HashRate {
    type Output = HashRate;
    fn add(self, other: HashRate) -> HashRate {
        HashRate(self.0 + other.0)
    }
}

impl Sum for HashRate {
    fn sum<I: Iterator<Item = HashRate>>(each: I) -> HashRate {
        HashRate(each.map(|rate| rate.0).sum())
    }
}

impl fmt::Display for HashRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_si(f, self.0)?;
        f.write_str("H/s")
    }
}

impl fmt::Display for Difficulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_significant(f, self.0)
    }
}

impl fmt::Display for ShareRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_significant(f, self.0)?;
        f.write_str(" shares/min")
    }
}

/// Three digits and an SI prefix, ending so that a unit can follow: `12.3 T`.
fn write_si(f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
    const PREFIXES: [&str; 9] = ["", "k", "M", "G", "T", "P", "E", "Z", "Y"];
    if !value.is_finite() {
        return write!(f, "{value} ");
    }
    let mut value = value;
    let mut prefixes = PREFIXES.iter().peekable();
    let mut prefix = "";
    while let Some(next) = prefixes.next() {
        prefix = next;
        // 999.5 would be printed as 1000.
        if value.abs() < 999.5 || prefixes.peek().is_none() {
            break;
        }
        value /= 1000.0;
    }
    write_significant(f, value)?;
    write!(f, " {prefix}")
}

/// About three significant digits.
fn write_significant(f: &mut fmt::Formatter<'_>, value: f64) -> fmt::Result {
    let size = value.abs();
    if size == 0.0 {
        f.write_str("0")
    } else if size < 0.001 {
        write!(f, "{value:.2e}")
    } else if size < 0.9995 {
        write!(f, "{value:.3}")
    } else if size < 9.995 {
        write!(f, "{value:.2}")
    } else if size < 99.95 {
        write!(f, "{value:.1}")
    } else {
        write!(f, "{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hash_rates_are_printed_with_three_digits_and_a_prefix() {
        for (rate, printed) in [
            (0.0, "0 H/s"),
            (7.0, "7.00 H/s"),
            (999.4, "999 H/s"),
            (999.6, "1.00 kH/s"),
            (5e4, "50.0 kH/s"),
            (12.34e12, "12.3 TH/s"),
            (99.96e12, "100 TH/s"),
            (1.05e21, "1.05 ZH/s"),
            (1e30, "1000000 YH/s"),
            (-5e4, "-50.0 kH/s"),
            (f64::NAN, "NaN H/s"),
            (f64::INFINITY, "inf H/s"),
        ] {
            assert_eq!(HashRate(rate).to_string(), printed);
        }
    }

    #[test]
    fn difficulties_and_share_rates_are_printed_short() {
        assert_eq!(Difficulty(0.000_116).to_string(), "1.16e-4");
        assert_eq!(Difficulty(0.25).to_string(), "0.250");
        assert_eq!(Difficulty(16384.0).to_string(), "16384");
        assert_eq!(ShareRate(6.0).to_string(), "6.00 shares/min");
    }

    #[test]
    fn a_hash_rate_is_hashes_over_time() {
        assert_eq!(HashRate::from_hashes(6e13, Duration::from_secs(60)), HashRate(1e12));
        assert_eq!(HashRate::from_hashes(6e13, Duration::ZERO), HashRate(0.0));
    }

    proptest! {
        #[test]
        fn difficulty_and_hashes_are_the_same_thing(difficulty in 1e-9..1e30f64) {
            let back = Difficulty::from_hashes(Difficulty(difficulty).hashes()).0;
            prop_assert!((back / difficulty - 1.0).abs() < 1e-12);
        }

        #[test]
        fn any_number_can_be_printed(number: f64) {
            prop_assert!(HashRate(number).to_string().ends_with("H/s"));
            prop_assert!(!Difficulty(number).to_string().is_empty());
        }

        #[test]
        fn what_is_printed_is_within_a_percent_of_the_rate(rate in 1.0..1e26f64) {
            let printed = HashRate(rate).to_string();
            let (digits, unit) = printed.split_once(' ').unwrap();
            let power = ["H/s", "kH/s", "MH/s", "GH/s", "TH/s", "PH/s", "EH/s", "ZH/s", "YH/s"]
                .iter()
                .position(|each| *each == unit)
                .unwrap();
            let value = digits.parse::<f64>().unwrap() * 1000f64.powi(power as i32);
            prop_assert!((value / rate - 1.0).abs() < 0.01, "{printed} for {rate}");
        }
    }
}
