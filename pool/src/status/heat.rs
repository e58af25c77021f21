//! Whether miners work for warmth alone, and how much.

use super::Counter;
use serde::Serialize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Written by the job maker; shares are added by their connections.
#[derive(Debug, Default)]
pub struct Heat {
    on: AtomicBool,
    since: Mutex<Option<Instant>>,
    shares: Counter,
    times: Counter,
}

/// As it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct HeatSnapshot {
    /// Whether miners work for warmth alone now.
    pub on: bool,
    /// For how long.
    pub seconds: Option<u64>,
    /// Shares sent so since the start: paid to nobody, and never in the ledger.
    pub shares: u64,
    /// How often it came to that.
    pub times: u64,
    /// The same in words, while it is on.
    pub note: Option<&'static str>,
}

const NOTE: &str = "Bitcoin Core is gone: miners work for warmth alone, and nobody is paid for it. It ends by \
                    itself when Bitcoin Core is back.";

impl Heat {
    /// Whether it is on.
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// It begins.
    pub fn start(&self, now: Instant) {
        if !self.on.swap(true, Ordering::Relaxed) {
            self.times.add(1);
            *self.since.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        }
    }

    /// There is real work again; whether it was on.
    pub fn end(&self) -> bool {
        *self.since.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.on.swap(false, Ordering::Relaxed)
    }

    /// A share was sent for warmth.
    pub fn share(&self) {
        self.shares.add(1);
    }

    /// How it stands at `now`.
    pub fn snapshot(&self, now: Instant) -> HeatSnapshot {
        let (on, since) = (self.is_on(), *self.since.lock().unwrap_or_else(PoisonError::into_inner));
        HeatSnapshot {
            on,
            seconds: since.map(|since| now.saturating_duration_since(since).as_secs()),
            shares: self.shares.get(),
            times: self.times.get(),
            note: on.then_some(NOTE),
        }
    }
}
