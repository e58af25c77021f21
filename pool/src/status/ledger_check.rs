//! What came of the pool's last check of its own ledger.

use crate::described;
use serde::Serialize;
use std::sync::{Mutex, PoisonError};

described! {
    /// The pool's last check of its own ledger.
    #[derive(Clone, Debug, Default, PartialEq, Serialize)]
    pub struct LedgerCheck {
        /// When it ended, seconds since the Unix epoch.
        pub at: u64,
        /// Seconds that it took, mostly resting.
        pub took_seconds: f64,
        /// Slices whose signature, sums and place in the chain of heads were checked.
        pub slices: u64,
        /// Shares whose proof of work was computed again: those of the newest slices.
        pub shares: u64,
        /// Jobs of theirs whose coinbase was compared with what is due.
        pub jobs: u64,
        /// How many things are wrong.
        pub wrong: u64,
        /// The first of them, in words.
        pub found: Vec<String>,
        /// Why it did not go to the ledger's end, if it did not.
        pub detail: Option<String>,
    }
}

/// The newest check.
#[derive(Debug, Default)]
pub struct ShownCheck(Mutex<Option<LedgerCheck>>);

impl LedgerCheck {
    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.wrong == 0
    }

    /// What is wrong, in a sentence; none when nothing is.
    pub fn trouble(&self) -> Option<String> {
        let first = self.found.first().filter(|_| !self.is_clean())?;
        let more = match self.wrong {
            1 => String::new(),
            wrong => format!(" (and {} more)", wrong - 1),
        };
        Some(format!("the ledger is not what it says: {first}{more}; `punchbowl verify` tells all"))
    }
}

impl ShownCheck {
    /// The newest; none before the first.
    pub fn newest(&self) -> Option<LedgerCheck> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A check has ended.
    pub fn set(&self, check: LedgerCheck) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(check);
    }
}
