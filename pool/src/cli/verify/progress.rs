//! How far an audit has come, for a person who waits: on standard error, if that is a
//! terminal.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// A line that is written anew.
pub(super) struct Progress {
    shown: bool,
    began: Instant,
    last: Instant,
}

const PACE: Duration = Duration::from_millis(250);

impl Progress {
    pub(super) fn new() -> Progress {
        let now = Instant::now();
        Progress { shown: std::io::stderr().is_terminal(), began: now, last: now }
    }

    /// So many shares have been checked.
    pub(super) fn at(&mut self, shares: u64) {
        let now = Instant::now();
        if !self.shown || now.saturating_duration_since(self.last) < PACE {
            return;
        }
        self.last = now;
        let seconds = now.saturating_duration_since(self.began).as_secs_f64();
        let rate = shares as f64 / seconds.max(0.001);
        // Nobody is the worse for a line that cannot be shown.
        let _ = write!(std::io::stderr(), "\r{shares} shares checked, {rate:.0} a second ");
    }

    /// Takes the line away.
    pub(super) fn end(&mut self) {
        if self.shown {
            let _ = write!(std::io::stderr(), "\r{:60}\r", "");
        }
    }
}
