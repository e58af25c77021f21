//! When to ask whether the pool is there, and when to stop believing it. Pure: time is a
//! parameter.

use crate::wire::keep_alive::KeepAlive;
use std::time::{Duration, Instant};

/// What a client knows of its stream's life.
#[derive(Clone, Debug)]
pub struct Pulse {
    pace: KeepAlive,
    heard: Instant,
    sent: Instant,
    /// When a ping was sent that nothing was heard after.
    asked: Option<Instant>,
}

/// What is due when nothing happens until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// Send a ping.
    Ping,
    /// The stream is dead.
    Dead,
}

impl Pulse {
    /// A stream over which the pool said `pace` at `now`.
    pub fn new(pace: KeepAlive, now: Instant) -> Pulse {
        Pulse { pace, heard: now, sent: now, asked: None }
    }

    /// The pool says something else.
    pub fn set_pace(&mut self, pace: KeepAlive) {
        self.pace = pace;
    }

    /// Something came.
    pub fn heard(&mut self, now: Instant) {
        self.heard = now;
        self.asked = None;
    }

    /// Something was sent.
    pub fn sent(&mut self, now: Instant) {
        self.sent = now;
    }

    /// A ping was sent.
    pub fn asked(&mut self, now: Instant) {
        self.sent(now);
        self.asked.get_or_insert(now);
    }

    /// How long nothing has come.
    pub fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.heard)
    }

    /// What is due next, and when.
    pub fn next(&self) -> (Instant, Beat) {
        let KeepAlive { ping_after, dead_after, .. } = self.pace;
        match self.asked {
            // Not before the pool had time to answer: the client itself may have been
            // asleep, as a laptop is.
            Some(asked) => {
                let time_to_answer = dead_after.saturating_sub(ping_after);
                ((self.heard + dead_after).max(asked + time_to_answer), Beat::Dead)
            }
            // The second for the pool's sake, which goes by what it hears.
            None => ((self.heard + ping_after).min(self.sent + dead_after), Beat::Ping),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PACE: KeepAlive = KeepAlive {
        ping_after: Duration::from_secs(1),
        dead_after: Duration::from_secs(3),
        gone_after: Duration::from_secs(9),
    };

    fn seconds(start: Instant, seconds: f64) -> Instant {
        start + Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_silent_pool_is_asked_after_a_second_and_dead_after_three() {
        let start = Instant::now();
        let mut pulse = Pulse::new(PACE, start);
        assert_eq!(pulse.next(), (seconds(start, 1.0), Beat::Ping));
        pulse.asked(seconds(start, 1.0));
        assert_eq!(pulse.next(), (seconds(start, 3.0), Beat::Dead));
        pulse.heard(seconds(start, 2.9));
        assert_eq!(pulse.next(), (seconds(start, 3.9), Beat::Ping));
    }

    #[test]
    fn who_slept_asks_before_it_believes_the_pool_dead() {
        let start = Instant::now();
        let mut pulse = Pulse::new(PACE, start);
        pulse.asked(seconds(start, 500.0));
        assert_eq!(pulse.next(), (seconds(start, 502.0), Beat::Dead));
    }

    #[test]
    fn a_pool_that_talks_is_not_asked_but_hears_that_somebody_listens() {
        let start = Instant::now();
        let mut pulse = Pulse::new(PACE, start);
        for tenth in 1..=29 {
            pulse.heard(seconds(start, f64::from(tenth) / 10.0));
        }
        assert_eq!(pulse.next(), (seconds(start, 3.0), Beat::Ping));
        pulse.sent(seconds(start, 2.9));
        assert_eq!(pulse.next(), (seconds(start, 3.9), Beat::Ping));
    }

    proptest! {
        /// Whatever is heard and sent when: a dead stream is found out in bounded time, and
        /// the pool is not called dead before it was asked and had two seconds.
        #[test]
        fn silence_is_found_out_in_time_and_never_too_early(steps in prop::collection::vec((0u64..4_000, any::<bool>()), 0..50)) {
            let (start, mut now) = (Instant::now(), 0);
            let at = |now: u64| start + Duration::from_millis(now);
            let mut pulse = Pulse::new(PACE, start);
            let mut asked = None;
            for (wait, hears) in steps {
                now += wait;
                let (due, beat) = pulse.next();
                if due <= at(now) {
                    if beat == Beat::Dead {
                        prop_assert!(pulse.silence(at(now)) >= PACE.dead_after);
                        prop_assert!(asked.is_some_and(|asked| at(now) >= at(asked) + Duration::from_secs(2)));
                        return Ok(());
                    }
                    pulse.asked(at(now));
                    asked = Some(now);
                }
                if hears {
                    pulse.heard(at(now));
                    asked = None;
                }
            }
            // From here on nothing happens but what is due.
            let last = at(now);
            let (due, beat) = pulse.next();
            let due = due.max(last);
            if beat == Beat::Ping {
                prop_assert!(due <= last + PACE.ping_after);
                pulse.asked(due);
            }
            let (dead, beat) = pulse.next();
            prop_assert_eq!(beat, Beat::Dead);
            prop_assert!(dead <= last + PACE.dead_after + PACE.ping_after);
        }
    }
}
