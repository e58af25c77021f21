//! Whether an offered relay is named to others: logic alone.
//!
//! Only one that works is, which is seen by being there; and one that fails is named a moment
//! longer, so that a relay which starts anew does not change every invite twice.

use std::time::{Duration, Instant};

/// Of one relay.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Naming {
    named: bool,
    failing_since: Option<Instant>,
}

/// A relay that fails for so long is named no longer.
const TOO_LONG: Duration = Duration::from_secs(20);

impl Naming {
    /// What follows from how the node stands with the relay `now`.
    pub(super) fn step(&mut self, connected: bool, now: Instant) -> bool {
        if connected {
            *self = Naming { named: true, failing_since: None };
        } else {
            let since = *self.failing_since.get_or_insert(now);
            self.named &= now.saturating_duration_since(since) < TOO_LONG;
        }
        self.named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_is_named_once_it_works_and_until_it_has_failed_for_a_while() {
        let (mut naming, start) = (Naming::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(!naming.step(false, at(0)), "nothing is known of it");
        assert!(!naming.step(false, at(100)));
        assert!(naming.step(true, at(101)));
        assert!(naming.step(false, at(102)) && naming.step(false, at(121)));
        assert!(naming.step(true, at(122)) && naming.step(false, at(123)), "it was only starting anew");
        assert!(!naming.step(false, at(143)));
        assert!(naming.step(true, at(144)));
    }
}
