//! The difficulty of `mining.set_difficulty`.

use std::fmt;
use work::{Difficulty, Target};

/// A difficulty as a miner is told it.
///
/// It is never harder than the target that it stands for, by rounding or otherwise: a
/// share that counts must not be kept back. And where the target is that of a power of
/// two or a whole number, it is told as exactly that, because there is firmware that cuts
/// off what comes after the point.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Told(f64);

impl Told {
    /// What to tell of `target`.
    pub fn of(target: Target) -> Told {
        /// A target and its difficulty agree in some 15 digits.
        const PRECISION: f64 = 1e-12;
        let exact = target.difficulty().0;
        let near = |plain: f64| plain > 0.0 && (exact / plain - 1.0).abs() < PRECISION;
        let power = exact.log2().round().exp2();
        let plain = [power, exact.round()].into_iter().find(|plain| near(*plain));
        Told(plain.unwrap_or(exact * (1.0 - PRECISION)))
    }

    /// The number.
    pub fn difficulty(self) -> Difficulty {
        Difficulty(self.0)
    }
}

impl fmt::Display for Told {
    /// A plain decimal number, never an exponent.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn told(difficulty: f64) -> String {
        Told::of(Target::from_difficulty(Difficulty(difficulty))).to_string()
    }

    #[test]
    fn whole_numbers_and_powers_of_two_are_told_as_such() {
        for (difficulty, text) in [
            (1.0, "1"),
            (1024.0, "1024"),
            (524_288.0, "524288"),
            (1000.0, "1000"),
            (0.5, "0.5"),
            (2f64.powi(-13), "0.0001220703125"),
            (2f64.powi(50), "1125899906842624"),
        ] {
            assert_eq!(told(difficulty), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_told_is_a_plain_number_and_not_harder_than_the_target(power in -20.0..60.0f64) {
            let target = Target::from_difficulty(Difficulty(power.exp2()));
            let text = Told::of(target).to_string();
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'), "{text}");
            let read: f64 = text.parse().unwrap();
            prop_assert!(read <= target.difficulty().0 * (1.0 + 1e-11));
            prop_assert!(read >= target.difficulty().0 * (1.0 - 1e-11));
        }

        #[test]
        fn every_power_of_two_is_told_exactly(power in -20i32..60) {
            prop_assert_eq!(told(f64::from(power).exp2()).parse::<f64>().unwrap(), f64::from(power).exp2());
        }
    }
}
