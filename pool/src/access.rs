//! Who may change anything: the host, who knows the password or holds a token.
//!
//! Looking needs neither ([`readers`]). The password ([`password`]) and the tokens of programs
//! ([`tokens`]) are on disk only as hashes; sessions ([`sessions`]) live in memory and end with
//! the process, with the password, and by themselves. Guessing is slowed down ([`throttle`]).

pub mod password;
pub mod readers;
pub mod sessions;
pub mod throttle;
pub mod tokens;

use password::PasswordError;
use sessions::{Opened, Sessions};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use thiserror::Error;
use throttle::Throttle;
use tokens::TokenError;
use tokio::sync::Semaphore;

/// Lets the host in, and nobody else. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Access {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    sessions: Mutex<Sessions>,
    throttle: Mutex<Throttle>,
    /// Hashing takes memory: one at a time.
    hashing: Semaphore,
}

/// Why nobody is let in.
#[derive(Debug, Error)]
pub enum Denied {
    /// There is no password yet.
    #[error("no host password is set; set one with `punchbowl password` on the pool's machine")]
    NoPassword,
    /// It is another one.
    #[error("that is not the host's password")]
    Wrong,
    /// Too many were wrong.
    #[error("too many wrong passwords; try again in {} s", .0.as_secs().max(1))]
    Wait(Duration),
    /// The data folder cannot be read.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

impl Access {
    /// For the pool whose data folder is `folder`.
    pub fn new(folder: &Path) -> Access {
        let inner = Inner {
            folder: folder.to_owned(),
            sessions: Mutex::default(),
            throttle: Mutex::default(),
            hashing: Semaphore::new(1),
        };
        Access { inner: Arc::new(inner) }
    }

    /// Whether there is a password.
    pub fn has_password(&self) -> bool {
        password::read(&self.inner.folder).is_ok_and(|stored| stored.is_some())
    }

    /// Opens a session for whoever at `from` knows the password.
    ///
    /// # Errors
    /// When they do not, or have tried too often.
    pub async fn sign_in(&self, from: IpAddr, password: String) -> Result<Opened, Denied> {
        self.throttle().admit(from, Instant::now()).map_err(Denied::Wait)?;
        let stored = password::read(&self.inner.folder)?.ok_or(Denied::NoPassword)?;
        let mark = stored.mark();
        // It is never closed.
        let permit = self.inner.hashing.acquire().await;
        let right = tokio::task::spawn_blocking(move || stored.is(&password)).await.unwrap_or(false);
        drop(permit);
        if !right {
            self.throttle().failed(from, Instant::now());
            return Err(Denied::Wrong);
        }
        self.throttle().succeeded(from);
        Ok(self.sessions().open(mark, rand::random(), rand::random(), Instant::now()))
    }

    /// Opens a session for whoever has shown otherwise that they are the host: with the
    /// one-time code of the first start.
    pub fn open_session(&self) -> Opened {
        let mark = self.mark();
        self.sessions().open(mark, rand::random(), rand::random(), Instant::now())
    }

    /// The CSRF token of the session that `cookie` names, if it is open.
    pub fn session(&self, cookie: &str) -> Option<String> {
        let mark = self.mark();
        self.sessions().find(cookie, mark, Instant::now())
    }

    /// Closes the session that `cookie` names.
    pub fn sign_out(&self, cookie: &str) {
        self.sessions().close(cookie);
    }

    /// The name of the token `text`, if it is one and is not revoked.
    pub fn token(&self, text: &str) -> Option<String> {
        match tokens::find(&self.inner.folder, text) {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(%error, "tokens cannot be checked, and so none is accepted");
                None
            }
        }
    }

    /// Sets the password; sessions that were opened with another one end.
    ///
    /// # Errors
    /// When it is too weak, or cannot be stored.
    pub async fn set_password(&self, password: String) -> Result<(), PasswordError> {
        let folder = self.inner.folder.clone();
        let permit = self.inner.hashing.acquire().await;
        let set = tokio::task::spawn_blocking(move || password::set(&folder, &password)).await;
        drop(permit);
        set.unwrap_or(Err(PasswordError::Interrupted))
    }

    /// What sessions are bound to: the password of now.
    fn mark(&self) -> [u8; 32] {
        password::read(&self.inner.folder).ok().flatten().map(|stored| stored.mark()).unwrap_or_default()
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.inner.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.inner.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a token for the programs of whoever runs the pool in `folder`.
///
/// # Errors
/// See [`tokens::make`].
pub fn new_token(folder: &Path, name: &str, now: u64) -> Result<String, TokenError> {
    tokens::make(folder, name, now, rand::random())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn the_password_opens_a_session_that_ends_when_it_is_changed() {
        let folder = tempfile::tempdir().unwrap();
        let access = Access::new(folder.path());
        assert!(matches!(access.sign_in(HERE, "x".into()).await, Err(Denied::NoPassword)));
        access.set_password("correct horse".into()).await.unwrap();
        assert!(matches!(access.sign_in(HERE, "correct hors".into()).await, Err(Denied::Wrong)));
        let opened = access.sign_in(HERE, "correct horse".into()).await.unwrap();
        assert_eq!(access.session(&opened.cookie), Some(opened.csrf));
        assert_eq!(access.session("made up"), None);
        access.set_password("battery staple".into()).await.unwrap();
        assert_eq!(access.session(&opened.cookie), None);
    }

    #[tokio::test]
    async fn guessing_is_stopped_and_the_right_password_too_until_the_time_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let access = Access::new(folder.path());
        access.set_password("correct horse".into()).await.unwrap();
        let mut refused = 0;
        for _ in 0..12 {
            refused +=
                usize::from(matches!(access.sign_in(HERE, "guess".into()).await, Err(Denied::Wait(_))));
        }
        assert!(refused >= 6, "{refused}");
        assert!(matches!(access.sign_in(HERE, "correct horse".into()).await, Err(Denied::Wait(_))));
    }

    #[test]
    fn a_token_is_good_until_it_is_revoked() {
        let folder = tempfile::tempdir().unwrap();
        let access = Access::new(folder.path());
        let token = new_token(folder.path(), "scripts", 7).unwrap();
        assert_eq!(access.token(&token).as_deref(), Some("scripts"));
        tokens::revoke(folder.path(), "scripts").unwrap();
        assert_eq!(access.token(&token), None);
    }
}
