//! Which relays Iroh is given to choose from, as some die and come back: logic alone.
//!
//! Iroh looks for another home relay when its next net report is due, which takes 20 to 30
//! seconds; taking the dead one off its map makes it look at once. Sometimes its connection
//! to a relay hangs (n0-computer/iroh#4476); taking the relay off and giving it back makes
//! it try anew.

use iroh::RelayUrl;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// What is known at a moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Every relay.
    pub(super) relays: Vec<(RelayUrl, Health)>,
    /// The one that Iroh calls its home, and whether it is connected there.
    pub(super) home: Option<(RelayUrl, bool)>,
}

/// What somebody who was there says of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Health {
    /// It works for us.
    Well,
    /// It does not.
    Bad,
    /// Nobody was there.
    Unknown,
}

/// What to do with Iroh's map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Take the relay off.
    Remove(RelayUrl),
    /// Give it back.
    Insert(RelayUrl),
}

/// Decides. Time and chance are told to it.
#[derive(Debug, Default)]
pub(super) struct Watchdog {
    /// Since when each has been bad without a break.
    bad: HashMap<RelayUrl, Instant>,
    /// Since when each has been well without a break.
    well: HashMap<RelayUrl, Instant>,
    /// Those taken off, and when to give back one of which nothing is heard.
    off: HashMap<RelayUrl, Instant>,
    /// Since when Iroh has had no connection to its home.
    homeless: Option<Instant>,
}

/// Bad for so long: taken off. A restarted relay is back sooner.
const TOO_LONG: Duration = Duration::from_millis(1500);
/// Well for so long: given back.
const STEADY: Duration = Duration::from_secs(3);
/// Off the map for so long without news: tried again. Up to half as long again, so that
/// a pool's members do not all come back at once.
const UNHEARD: Duration = Duration::from_secs(60);
/// Without a home for so long: Iroh hangs.
const STUCK: Duration = Duration::from_secs(60);

impl Watchdog {
    /// What to do now. `chance` is from 0 to 1.
    pub(super) fn step(&mut self, seen: &Seen, now: Instant, chance: f64) -> Vec<Act> {
        let known = |url: &RelayUrl| seen.relays.iter().any(|(relay, _)| relay == url);
        for moments in [&mut self.bad, &mut self.well, &mut self.off] {
            moments.retain(|url, _| known(url));
        }
        for (url, health) in &seen.relays {
            let at_home = seen.home.as_ref().filter(|(home, _)| home == url).map(|(_, connected)| *connected);
            let is_well = *health == Health::Well || (*health == Health::Unknown && at_home == Some(true));
            let is_bad = *health == Health::Bad || (*health == Health::Unknown && at_home == Some(false));
            note(&mut self.well, url, is_well, now);
            note(&mut self.bad, url, is_bad, now);
        }

        let mut acts = Vec::new();
        // What others may be found at is taken off only while something better is left.
        let dead = |dog: &Watchdog, url: &RelayUrl| {
            dog.bad.get(url).is_some_and(|since| now.saturating_duration_since(*since) >= TOO_LONG)
        };
        for (url, _) in &seen.relays {
            let better_is_left = || {
                seen.relays
                    .iter()
                    .any(|(other, _)| !self.off.contains_key(other) && !self.bad.contains_key(other))
            };
            if !self.off.contains_key(url) && dead(self, url) && better_is_left() {
                self.off.insert(url.clone(), now + UNHEARD.mul_f64(1.0 + chance.clamp(0.0, 1.0) / 2.0));
                acts.push(Act::Remove(url.clone()));
            }
        }
        let nothing_is_left =
            seen.relays.iter().all(|(url, _)| self.off.contains_key(url) || self.bad.contains_key(url));
        for (url, health) in &seen.relays {
            let steady =
                self.well.get(url).is_some_and(|since| now.saturating_duration_since(*since) >= STEADY);
            let unheard = *health == Health::Unknown && self.off.get(url).is_some_and(|until| now >= *until);
            if self.off.contains_key(url) && (steady || unheard || nothing_is_left) {
                self.off.remove(url);
                self.bad.remove(url);
                acts.push(Act::Insert(url.clone()));
            }
        }
        acts.extend(self.wake_up(seen, now));
        acts
    }

    /// Whether Iroh hangs: a relay is well, and yet it has no home for a minute.
    fn wake_up(&mut self, seen: &Seen, now: Instant) -> Vec<Act> {
        let at_home = seen.home.as_ref().is_some_and(|(_, connected)| *connected);
        if at_home || seen.relays.is_empty() {
            self.homeless = None;
            return Vec::new();
        }
        let since = *self.homeless.get_or_insert(now);
        if now.saturating_duration_since(since) < STUCK {
            return Vec::new();
        }
        self.homeless = Some(now);
        let stuck = seen
            .home
            .as_ref()
            .map(|(url, _)| url)
            .or_else(|| seen.relays.iter().map(|(url, _)| url).find(|url| !self.off.contains_key(*url)));
        match stuck {
            Some(url) if !self.off.contains_key(url) => {
                vec![Act::Remove(url.clone()), Act::Insert(url.clone())]
            }
            _ => Vec::new(),
        }
    }
}

/// Keeps the moment from which on something has been so.
fn note(moments: &mut HashMap<RelayUrl, Instant>, url: &RelayUrl, is_so: bool, now: Instant) {
    if !is_so {
        moments.remove(url);
    } else if !moments.contains_key(url) {
        moments.insert(url.clone(), now);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use Health::{Bad, Unknown, Well};

    fn url(name: &str) -> RelayUrl {
        format!("https://{name}.example/").parse().unwrap()
    }

    fn seen(relays: &[(&str, Health)], home: Option<(&str, bool)>) -> Seen {
        Seen {
            relays: relays.iter().map(|(name, health)| (url(name), *health)).collect(),
            home: home.map(|(name, connected)| (url(name), connected)),
        }
    }

    /// Steps every quarter of a second; what was done, and after how many milliseconds.
    fn run(dog: &mut Watchdog, start: Instant, seen: &Seen, seconds: u64) -> Vec<(u64, Act)> {
        let mut done = Vec::new();
        for tick in 0..seconds * 4 {
            let now = start + Duration::from_millis(tick * 250);
            done.extend(dog.step(seen, now, 0.0).into_iter().map(|act| (tick * 250, act)));
        }
        done
    }

    #[test]
    fn a_dead_home_is_left_within_two_seconds_when_there_is_another_relay() {
        let start = Instant::now();
        let dead = seen(&[("a", Bad), ("b", Well)], Some(("a", false)));
        assert_eq!(run(&mut Watchdog::default(), start, &dead, 10), [(1500, Act::Remove(url("a")))]);
        // The same where nobody but Iroh knows anything: a member that dials.
        let dead = seen(&[("a", Unknown), ("b", Unknown)], Some(("a", false)));
        assert_eq!(run(&mut Watchdog::default(), start, &dead, 10), [(1500, Act::Remove(url("a")))]);
    }

    #[test]
    fn the_only_relay_and_the_last_good_one_are_never_taken_off() {
        let start = Instant::now();
        let alone = seen(&[("a", Bad)], Some(("a", false)));
        assert!(run(&mut Watchdog::default(), start, &alone, 30).is_empty());
        let all_dead = seen(&[("a", Bad), ("b", Bad)], Some(("a", false)));
        assert!(run(&mut Watchdog::default(), start, &all_dead, 30).is_empty());
    }

    #[test]
    fn a_relay_that_restarts_quickly_is_kept() {
        let (mut dog, start) = (Watchdog::default(), Instant::now());
        let down = seen(&[("a", Bad), ("b", Well)], Some(("a", false)));
        let up = seen(&[("a", Well), ("b", Well)], Some(("a", true)));
        for second in 0..10 {
            let start = start + Duration::from_secs(second * 2);
            assert!(run(&mut dog, start, &down, 1).is_empty());
            assert!(dog.step(&up, start + Duration::from_secs(1), 0.0).is_empty());
        }
    }

    #[test]
    fn a_relay_comes_back_when_it_is_steadily_well_again() {
        let (mut dog, start) = (Watchdog::default(), Instant::now());
        let dead = seen(&[("a", Bad), ("b", Well)], Some(("b", true)));
        run(&mut dog, start, &dead, 100);
        let back = seen(&[("a", Well), ("b", Well)], Some(("b", true)));
        let later = start + Duration::from_secs(100);
        assert_eq!(run(&mut dog, later, &back, 10), [(3000, Act::Insert(url("a")))]);
    }

    #[test]
    fn one_of_which_nothing_is_heard_is_tried_again_at_a_time_of_its_own() {
        for (chance, expected) in [(0.0, 61_500), (1.0, 91_500)] {
            let (mut dog, start) = (Watchdog::default(), Instant::now());
            let dead = seen(&[("a", Unknown), ("b", Unknown)], Some(("a", false)));
            for tick in 0..8 {
                dog.step(&dead, start + Duration::from_millis(tick * 250), chance);
            }
            let moved = seen(&[("a", Unknown), ("b", Unknown)], Some(("b", true)));
            let later = start + Duration::from_secs(2);
            let done = run(&mut dog, later, &moved, 200);
            assert_eq!(done, [(expected - 2000, Act::Insert(url("a")))]);
        }
    }

    #[test]
    fn when_the_last_one_dies_too_all_are_tried() {
        let (mut dog, start) = (Watchdog::default(), Instant::now());
        run(&mut dog, start, &seen(&[("a", Bad), ("b", Well)], Some(("b", true))), 5);
        let all_dead = seen(&[("a", Bad), ("b", Bad)], Some(("b", false)));
        let later = start + Duration::from_secs(5);
        assert_eq!(run(&mut dog, later, &all_dead, 30), [(0, Act::Insert(url("a")))]);
    }

    #[test]
    fn iroh_is_woken_up_once_a_minute_while_it_hangs() {
        let (mut dog, start) = (Watchdog::default(), Instant::now());
        let hangs = seen(&[("a", Well)], Some(("a", false)));
        let done = run(&mut dog, start, &hangs, 150);
        let woken = |at| [(at, Act::Remove(url("a"))), (at, Act::Insert(url("a")))];
        assert_eq!(done, [woken(60_000), woken(120_000)].concat());
    }

    #[test]
    fn what_is_remembered_is_only_of_relays_that_are_known() {
        let (mut dog, start) = (Watchdog::default(), Instant::now());
        run(&mut dog, start, &seen(&[("a", Bad), ("b", Well)], None), 5);
        dog.step(&seen(&[("c", Well)], Some(("c", true))), start + Duration::from_secs(6), 0.0);
        assert_eq!((dog.bad.len(), dog.off.len(), dog.well.len()), (0, 0, 1));
    }
}
