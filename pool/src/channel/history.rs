//! A value that changes while work made under its earlier states is still out.
//!
//! A share is judged by the terms under which its job was handed out: `SetTarget`
//! counts for jobs activated after it (SV2 section 5.3.21), `SetExtranoncePrefix` for
//! jobs sent after it (section 5.3.10).

/// A point in the order of what a connection was sent.
pub type Moment = u32;

/// The states of a value, each from the moment on at which it took effect.
#[derive(Clone, Debug)]
pub struct History<T> {
    current: T,
    since: Moment,
    /// Oldest first; empty for a value that never changed, which then costs nothing.
    past: Vec<(Moment, T)>,
}

impl<T> History<T> {
    /// A value that has been `current` from the beginning.
    pub fn new(current: T) -> Self {
        History { current, since: 0, past: Vec::new() }
    }

    /// The newest state.
    pub fn current(&self) -> &T {
        &self.current
    }

    /// The state in force at `moment`. Before the oldest that is kept, the oldest.
    pub fn at(&self, moment: Moment) -> &T {
        if moment >= self.since || self.past.is_empty() {
            return &self.current;
        }
        let found = self.past.iter().rev().find(|(since, _)| *since <= moment);
        found.or(self.past.first()).map_or(&self.current, |(_, value)| value)
    }

    /// Sets the state that holds from `moment` on.
    pub fn set(&mut self, moment: Moment, value: T) {
        let earlier = std::mem::replace(&mut self.current, value);
        if moment > self.since {
            self.past.push((self.since, earlier));
        }
        self.since = moment;
    }

    /// Forgets the states that no longer matter when nothing older than `moment` is
    /// asked for any more.
    pub fn forget_before(&mut self, moment: Moment) {
        if moment >= self.since {
            self.past = Vec::new();
            return;
        }
        let keep_from = self.past.iter().rposition(|(since, _)| *since <= moment).unwrap_or(0);
        self.past.drain(..keep_from);
    }

    /// All states still kept, the current one included.
    pub fn kept(&self) -> impl Iterator<Item = &T> {
        self.past.iter().map(|(_, value)| value).chain(std::iter::once(&self.current))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_counts_from_the_moment_it_was_set() {
        let mut target = History::new('a');
        target.set(3, 'b');
        target.set(7, 'c');
        let seen: String = (0..9).map(|moment| *target.at(moment)).collect();
        assert_eq!(seen, "aaabbbbcc");
    }

    #[test]
    fn two_changes_at_one_moment_leave_the_later() {
        let mut target = History::new('a');
        target.set(3, 'b');
        target.set(3, 'c');
        assert_eq!((*target.at(2), *target.at(3)), ('a', 'c'));
    }

    #[test]
    fn forgetting_keeps_what_is_still_asked_for() {
        let mut target = History::new('a');
        target.set(3, 'b');
        target.set(7, 'c');
        target.forget_before(5);
        assert_eq!((*target.at(5), *target.at(7)), ('b', 'c'));
        assert_eq!(target.kept().collect::<String>(), "bc");
        target.forget_before(7);
        assert_eq!(target.kept().collect::<String>(), "c");
    }
}
