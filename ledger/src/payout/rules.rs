//! The rules that a pool pays by: written in its ledger, shown to every member.

use crate::window::Window;
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;

/// A part in a million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ppm(pub u32);

/// How blocks are paid. The defaults pay nobody but those who worked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Who has earned a block.
    pub mode: Mode,
    /// The host's part of every block's value, in `shared` and `solo`.
    pub host_fee: Ppm,
    /// The finder's part of what is left after the host's fee, in `shared`.
    pub finder_bonus: Ppm,
    /// No output below this many satoshi; what is due stays a credit.
    pub min_payout: u64,
    /// The most of a block's value that goes to repaying credits.
    pub repay_cap: Ppm,
    /// Which work counts, in `shared`.
    pub window: Window,
}

/// Who has earned a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// All members, in proportion to their work in the window.
    #[default]
    Shared,
    /// The member that found it.
    Solo,
    /// The host's address or descriptor.
    Fixed,
}

/// Why rules cannot be paid by.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RulesError {
    /// More than the whole.
    #[error("{what} is {}; the most is 1000000 parts in a million", .value.0)]
    MoreThanAll {
        /// The rule's name.
        what: &'static str,
        /// What it is set to.
        value: Ppm,
    },
    /// The window can never hold anything.
    #[error("the window is empty: {0}")]
    Window(&'static str),
}

impl Ppm {
    /// The whole.
    pub const ALL: Ppm = Ppm(1_000_000);

    /// This part of `amount`, rounded down.
    pub fn of(self, amount: u64) -> u64 {
        let part = u128::from(amount) * u128::from(self.0.min(Ppm::ALL.0)) / u128::from(Ppm::ALL.0);
        u64::try_from(part).unwrap_or(amount) // never above `amount`
    }
}

impl fmt::Display for Ppm {
    /// As a percentage: `1.5 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / 10_000, self.0 % 10_000);
        if fraction == 0 {
            return write!(f, "{whole} %");
        }
        write!(f, "{whole}.{} %", format!("{fraction:04}").trim_end_matches('0'))
    }
}

impl Mode {
    /// The byte that stands for it in a job's basis.
    pub fn code(self) -> u8 {
        match self {
            Mode::Shared => 0,
            Mode::Solo => 1,
            Mode::Fixed => 2,
        }
    }

    /// The mode that `code` stands for.
    pub fn from_code(code: u8) -> Option<Mode> {
        [Mode::Shared, Mode::Solo, Mode::Fixed].into_iter().find(|mode| mode.code() == code)
    }
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            mode: Mode::Shared,
            host_fee: Ppm(0),
            finder_bonus: Ppm(0),
            min_payout: 5_000,
            repay_cap: Ppm(500_000),
            window: Window::default(),
        }
    }
}

impl Rules {
    /// Whether they can be paid by at all.
    ///
    /// # Errors
    /// When a part is more than the whole or the window can never hold anything.
    pub fn check(&self) -> Result<(), RulesError> {
        let parts =
            [("host_fee", self.host_fee), ("finder_bonus", self.finder_bonus), ("repay_cap", self.repay_cap)];
        if let Some((what, value)) = parts.into_iter().find(|(_, value)| *value > Ppm::ALL) {
            return Err(RulesError::MoreThanAll { what, value });
        }
        self.window.check().map_err(RulesError::Window)
    }

    /// Whether a job's coinbase depends on whose share may turn out to be the block.
    pub fn depends_on_finder(&self) -> bool {
        match self.mode {
            Mode::Shared => self.finder_bonus > Ppm(0),
            Mode::Solo => true,
            Mode::Fixed => false,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn by_default_nobody_is_paid_but_those_who_worked() {
        let rules = Rules::default();
        assert_eq!((rules.host_fee, rules.finder_bonus, rules.mode), (Ppm(0), Ppm(0), Mode::Shared));
        assert_eq!(rules.check(), Ok(()));
    }

    #[test]
    fn rules_read_from_json_are_the_rules_that_were_written() {
        let rules = Rules {
            host_fee: Ppm(10_000),
            window: Window::Recent { difficulties_milli: Some(2_000), seconds: Some(86_400) },
            ..Rules::default()
        };
        let text = serde_json::to_string(&rules).unwrap();
        assert_eq!(serde_json::from_str::<Rules>(&text).unwrap(), rules);
        assert!(serde_json::from_str::<Rules>(r#"{"donation": 1}"#).is_err());
    }

    #[test]
    fn more_than_all_is_refused() {
        let rules = Rules { finder_bonus: Ppm(1_000_001), ..Rules::default() };
        let error = rules.check().unwrap_err().to_string();
        assert_eq!(error, "finder_bonus is 1000001; the most is 1000000 parts in a million");
    }

    #[test]
    fn parts_in_a_million_are_shown_as_a_percentage() {
        assert_eq!(
            [Ppm(0), Ppm(15_000), Ppm(1), Ppm::ALL].map(|p| p.to_string()),
            ["0 %", "1.5 %", "0.0001 %", "100 %"]
        );
        assert_eq!(Ppm(1).of(999_999), 0);
        assert_eq!(Ppm(1).of(1_000_000), 1);
        assert_eq!(Ppm::ALL.of(u64::MAX), u64::MAX);
    }
}
