//! How full a window is: what tells members how steady their payouts are.

use super::Window;
use crate::Work;
use std::fmt;

/// The work in a window against what it could hold, or, where it has no limit, against
/// what a block takes on average.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fullness {
    /// In millionths. A window without a limit may hold more than the whole.
    pub ppm: u64,
    /// Whether the window has a limit in work that it fills up to.
    pub limited: bool,
}

impl Fullness {
    /// Below this, in millionths, there is a [`warning`](Self::warning).
    pub const LOW: u64 = 10_000;

    pub(super) fn new(window: &Window, held: Work, whole: Work) -> Fullness {
        let limited = matches!(window, Window::Recent { difficulties_milli: Some(_), .. });
        // To the precision that a page shows; nothing is paid by this.
        let ppm = match held.0.checked_mul(1_000_000) {
            Some(product) => product / whole.0.max(1),
            None => held.0 / (whole.0 / 1_000_000).max(1),
        };
        Fullness { ppm: u64::try_from(ppm).unwrap_or(u64::MAX), limited }
    }

    /// What to tell members of a window that is nearly empty.
    pub fn warning(&self) -> Option<String> {
        if self.ppm >= Self::LOW {
            return None;
        }
        let of_what = if self.limited { "of the work it has room for" } else { "of what a block takes" };
        Some(format!(
            "the window holds {self} {of_what}: a block found now is divided by little work, so that \
             each share counts for much"
        ))
    }
}

impl fmt::Display for Fullness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ppm {
            0 => f.write_str("less than 0.0001 %"),
            ppm if ppm < 1_000_000 => write!(f, "{}.{:04} %", ppm / 10_000, ppm % 10_000),
            ppm => write!(f, "{} %", ppm / 10_000),
        }
    }
}
