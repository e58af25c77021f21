//! What to do with a miner whose shares are all refused: something is wrong that a new
//! connection often puts right, and its owner should know.

use super::{Goodbye, Output};
use crate::sv1::notice::message;
use std::time::{Duration, Instant};

/// The refusals since the last accepted share.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Patience {
    since: Option<Instant>,
    refused: u32,
    steps: u8,
}

/// A step that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Warn,
    Reconnect,
    Close,
}

/// Fewer are bad luck, such as a rig that wakes up to a new block.
const MIN_REFUSED: u32 = 10;
const STEPS: [(Duration, Step); 3] = [
    (Duration::from_secs(60), Step::Warn),
    (Duration::from_secs(120), Step::Reconnect),
    (Duration::from_secs(180), Step::Close),
];

impl Patience {
    pub(super) fn accepted(&mut self) {
        *self = Patience::default();
    }

    /// Counts a refused share; says if a step is due.
    pub(super) fn refused(&mut self, now: Instant) -> Option<Step> {
        self.refused = self.refused.saturating_add(1);
        let since = *self.since.get_or_insert(now);
        let (after, step) = STEPS.get(usize::from(self.steps))?;
        let due = self.refused >= MIN_REFUSED && now >= since + *after;
        if due {
            self.steps += 1;
        }
        due.then_some(*step)
    }
}

impl Step {
    pub(super) fn take(self, out: &mut Output) {
        match self {
            Step::Warn => message::show(&mut out.lines, "all shares of the last minute were refused"),
            Step::Reconnect => message::reconnect(&mut out.lines),
            Step::Close => out.close = Some(Goodbye::NoGoodShares),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miner_without_good_shares_is_warned_then_asked_to_reconnect_then_dropped() {
        let start = Instant::now();
        let mut patience = Patience::default();
        let at = |second: u64| start + Duration::from_secs(second);
        let steps: Vec<_> =
            (0..=200).filter_map(|second| patience.refused(at(second)).map(|step| (second, step))).collect();
        assert_eq!(steps, [(60, Step::Warn), (120, Step::Reconnect), (180, Step::Close)]);
    }

    #[test]
    fn one_good_share_makes_up_for_all_and_few_bad_ones_do_not_count() {
        let start = Instant::now();
        let mut patience = Patience::default();
        for minute in 0..9 {
            assert_eq!(patience.refused(start + Duration::from_secs(60 * minute)), None);
        }
        patience.accepted();
        assert_eq!(patience.refused(start + Duration::from_secs(3600)), None);
    }
}
