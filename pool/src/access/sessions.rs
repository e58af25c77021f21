//! Who is signed in: a bounded number of sessions, in memory. Time and randomness are given.

use bitcoin::hashes::{Hash, sha256};
use bitcoin::hex::DisplayHex;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Sessions at the same time; one more ends the one that was used least recently.
const MOST: usize = 32;
/// A session that is not used for so long ends.
const IDLE: Duration = Duration::from_secs(12 * 3_600);
/// Every session ends after so long.
pub const LONGEST: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Who is signed in.
#[derive(Debug, Default)]
pub struct Sessions {
    /// By the hash of their cookie: memory that leaks signs nobody in.
    open: HashMap<[u8; 32], Session>,
}

#[derive(Debug)]
struct Session {
    csrf: String,
    /// The password that it was opened with.
    mark: [u8; 32],
    opened: Instant,
    used: Instant,
}

/// A session that has just been opened.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// What the browser keeps.
    pub cookie: String,
    /// What each form must hold.
    pub csrf: String,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opened(..)")
    }
}

impl Sessions {
    /// Opens one at `now`, bound to the password of this mark.
    pub fn open(&mut self, mark: [u8; 32], cookie: [u8; 32], csrf: [u8; 16], now: Instant) -> Opened {
        self.forget(now);
        if self.open.len() >= MOST {
            let oldest = self.open.iter().min_by_key(|(_, session)| session.used).map(|(key, _)| *key);
            oldest.map(|key| self.open.remove(&key));
        }
        let opened = Opened { cookie: cookie.to_lower_hex_string(), csrf: csrf.to_lower_hex_string() };
        let session = Session { csrf: opened.csrf.clone(), mark, opened: now, used: now };
        self.open.insert(key(&opened.cookie), session);
        opened
    }

    /// The CSRF token of an open session whose password is still that of `mark`.
    pub fn find(&mut self, cookie: &str, mark: [u8; 32], now: Instant) -> Option<String> {
        self.forget(now);
        let session = self.open.get_mut(&key(cookie)).filter(|session| session.mark == mark)?;
        session.used = now;
        Some(session.csrf.clone())
    }

    /// Ends one.
    pub fn close(&mut self, cookie: &str) {
        self.open.remove(&key(cookie));
    }

    fn forget(&mut self, now: Instant) {
        let since = |then: Instant| now.saturating_duration_since(then);
        self.open.retain(|_, session| since(session.used) < IDLE && since(session.opened) < LONGEST);
    }
}

fn key(cookie: &str) -> [u8; 32] {
    sha256::Hash::hash(cookie.as_bytes()).to_byte_array()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    const MARK: [u8; 32] = [1; 32];

    #[test]
    fn a_session_ends_when_it_is_idle_or_old_or_closed_or_its_password_is_gone() {
        let start = Instant::now();
        let mut sessions = Sessions::default();
        let opened = sessions.open(MARK, [2; 32], [3; 16], start);
        let mut now = start;
        while now < start + LONGEST - IDLE / 2 {
            now += IDLE / 2;
            assert_eq!(sessions.find(&opened.cookie, MARK, now).as_ref(), Some(&opened.csrf));
        }
        assert_eq!(sessions.find(&opened.cookie, MARK, start + LONGEST), None, "it is old");
        let opened = sessions.open(MARK, [2; 32], [3; 16], start);
        assert_eq!(sessions.find(&opened.cookie, [9; 32], start), None, "another password");
        assert_eq!(sessions.find(&opened.cookie, MARK, start + IDLE), None, "idle");
        let opened = sessions.open(MARK, [2; 32], [3; 16], start);
        sessions.close(&opened.cookie);
        assert_eq!(sessions.find(&opened.cookie, MARK, start), None, "closed");
    }

    #[test]
    fn there_are_never_more_than_a_few_and_the_least_used_goes() {
        let start = Instant::now();
        let mut sessions = Sessions::default();
        let first = sessions.open(MARK, [255; 32], [0; 16], start);
        for number in 0..100u8 {
            let now = start + Duration::from_secs(number.into());
            sessions.open(MARK, [number; 32], [0; 16], now);
            assert!(sessions.find(&first.cookie, MARK, now + Duration::from_millis(1)).is_some());
        }
        assert_eq!(sessions.open.len(), MOST);
    }
}
