//! Where notices go: one file a kind of place.

pub mod nostr;
pub mod ntfy;
pub mod webhook;

use super::notice::Notice;
use super::web::{Request, Web, WebError};
use thiserror::Error;

/// A place that takes notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sink {
    /// A topic of an ntfy server.
    Ntfy(ntfy::Ntfy),
    /// A program of the host's that takes JSON.
    Webhook(webhook::Webhook),
    /// The same, with an event for Nostr that it is to sign and send.
    Nostr(webhook::Webhook),
}

/// Why a notice was not taken.
#[derive(Debug, Error)]
pub enum SinkError {
    /// It did not get there, or no answer came back.
    #[error(transparent)]
    Web(#[from] WebError),
    /// It was refused.
    #[error("it answered with status {status}{said}")]
    Refused {
        /// HTTP's status code.
        status: u16,
        /// ": " and the beginning of the answer, if there is one.
        said: String,
    },
}

impl SinkError {
    /// Whether trying the same again is hopeless unless the host does something.
    pub fn is_final(&self) -> bool {
        matches!(self, SinkError::Refused { status, .. } if (400..500).contains(status) && ![408, 425, 429].contains(status))
    }
}

impl Sink {
    /// Its name, in the outbox and the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Sink::Ntfy(_) => "ntfy",
            Sink::Webhook(_) => "webhook",
            Sink::Nostr(_) => "nostr",
        }
    }

    /// The host that it is at. The rest of an address may be a secret.
    pub fn host(&self) -> String {
        let url = match self {
            Sink::Ntfy(ntfy) => ntfy.server(),
            Sink::Webhook(hook) | Sink::Nostr(hook) => hook.url(),
        };
        let authority = url.split("://").nth(1).and_then(|rest| rest.split(['/', '?', '#']).next());
        authority.and_then(|authority| authority.rsplit('@').next()).unwrap_or_default().to_owned()
    }

    /// Sends `notice`, at `now` seconds since the Unix epoch.
    ///
    /// # Errors
    /// When the place has not taken it.
    pub async fn send(&self, web: &Web, notice: &Notice, now: u64) -> Result<(), SinkError> {
        let answer = web.post(self.request(notice, now)).await?;
        if (200..300).contains(&answer.status) {
            return Ok(());
        }
        let said: String = answer.start.chars().filter(|letter| !letter.is_control()).take(200).collect();
        let said = if said.is_empty() { said } else { format!(": {said}") };
        Err(SinkError::Refused { status: answer.status, said })
    }

    fn request(&self, notice: &Notice, now: u64) -> Request {
        match self {
            Sink::Ntfy(ntfy) => ntfy.request(notice),
            Sink::Webhook(hook) => hook.request(&notice.id, webhook::body(notice), now),
            Sink::Nostr(hook) => hook.request(&notice.id, nostr::body(notice), now),
        }
    }
}
