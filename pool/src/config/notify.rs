//! `[notify]`: telling the host what needs an eye.

use super::check::Report;
use super::values::{HomePath, Seconds};
use crate::notify::EventKind;
use crate::notify::sink::ntfy::Ntfy;
use crate::roots::Roots;
use serde::{Deserialize, Serialize};
use std::io::Read;
use thiserror::Error;

/// `[notify]`: telling the host what needs an eye.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notify {
    /// A topic of an ntfy server.
    pub ntfy: Option<String>,
    /// An access token for it.
    pub ntfy_token: Option<String>,
    /// A file that holds the token.
    pub ntfy_token_file: Option<HomePath>,
    /// A program that takes JSON.
    pub webhook: Option<String>,
    /// A program that takes unsigned Nostr events.
    pub nostr: Option<String>,
    /// What messages to these two are signed with.
    pub webhook_secret: Option<String>,
    /// A file that holds it.
    pub webhook_secret_file: Option<HomePath>,
    /// Which certificates are believed.
    pub roots: Roots,
    /// What is told.
    pub events: Vec<EventKind>,
    /// Of each kind at most so many an hour.
    pub per_hour: u32,
    /// A worker that mined and has found no share for so long; 0 for not.
    pub worker_offline_after: Seconds,
    /// Refused shares among all, 0 to 1; 0 for not.
    pub reject_rate: f64,
    /// Over so long.
    pub reject_window: Seconds,
    /// No templates for so long.
    pub node_down_after: Seconds,
    /// No new template for so long; 0 for not.
    pub template_stale_after: Seconds,
}

impl Default for Notify {
    fn default() -> Notify {
        Notify {
            ntfy: None,
            ntfy_token: None,
            ntfy_token_file: None,
            webhook: None,
            nostr: None,
            webhook_secret: None,
            webhook_secret_file: None,
            roots: Roots::Mozilla,
            events: EventKind::ALL.to_vec(),
            per_hour: 12,
            worker_offline_after: Seconds::new(600),
            reject_rate: 0.05,
            reject_window: Seconds::new(600),
            node_down_after: Seconds::new(120),
            template_stale_after: Seconds::new(3_600),
        }
    }
}

/// Why a secret cannot be had.
#[derive(Debug, Error)]
#[error("{key}: cannot read {path}: {why}", path = path.as_str())]
pub struct SecretError {
    /// The key that names the file.
    pub key: &'static str,
    /// The file.
    pub path: HomePath,
    /// The system's word, or what is wrong with what it holds.
    pub why: String,
}

impl Notify {
    /// The access token for ntfy, from its file where that is named.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn ntfy_token(&self) -> Result<Option<String>, SecretError> {
        secret(&self.ntfy_token, "notify.ntfy_token_file", self.ntfy_token_file.as_ref())
    }

    /// What messages to webhooks are signed with.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn webhook_secret(&self) -> Result<Option<String>, SecretError> {
        secret(&self.webhook_secret, "notify.webhook_secret_file", self.webhook_secret_file.as_ref())
    }
}

/// The secret that is set, or that the file holds; white space around it does not count.
///
/// # Errors
/// When the file cannot be read, or holds no text of sensible length.
pub fn secret(
    set: &Option<String>,
    key: &'static str,
    file: Option<&HomePath>,
) -> Result<Option<String>, SecretError> {
    const MOST: u64 = 4_096;
    let Some(path) = file else { return Ok(set.clone()) };
    let failed = |why: String| SecretError { key, path: path.clone(), why };
    let mut text = String::new();
    let opened = std::fs::File::open(path.to_path());
    opened
        .and_then(|file| file.take(MOST + 1).read_to_string(&mut text))
        .map_err(|error| failed(error.to_string()))?;
    let text = text.trim();
    if text.is_empty() || text.len() as u64 > MOST {
        return Err(failed(format!("it holds {} bytes, which is no secret", text.len())));
    }
    Ok(Some(text.to_owned()))
}

/// Whether the value of `key` is for the host's eyes alone.
pub fn is_secret(key: &str) -> bool {
    ["_token", "_secret", "password"].iter().any(|end| key.ends_with(end))
}

/// Channels report every ten seconds.
const LEAST_SILENCE: Seconds = Seconds::new(15);

/// Reports everything that is wrong with `notify`.
pub(super) fn check(notify: &Notify, report: &mut Report<'_>) {
    for (key, url) in
        [("notify.ntfy", &notify.ntfy), ("notify.webhook", &notify.webhook), ("notify.nostr", &notify.nostr)]
    {
        let Some(url) = url else { continue };
        // The address may be a secret: it is not repeated.
        if !is_web_address(url) {
            report(
                key,
                "is not a web address".into(),
                "it begins with https:// (or http://) and a host".into(),
            );
        } else if key == "notify.ntfy" && Ntfy::at(url, None).is_none() {
            report(
                key,
                "names no topic".into(),
                "it looks like https://ntfy.example/a-topic-that-nobody-guesses".into(),
            );
        }
    }
    for (key, set, file) in [
        ("notify.ntfy_token", &notify.ntfy_token, &notify.ntfy_token_file),
        ("notify.webhook_secret", &notify.webhook_secret, &notify.webhook_secret_file),
    ] {
        if set.is_some() && file.is_some() {
            report(key, format!("both {key} and {key}_file are set"), "keep one of them".into());
        }
        if set.as_ref().is_some_and(|text| text.is_empty() || text.chars().any(char::is_control)) {
            report(key, "is empty or holds control characters".into(), "remove it, or set it again".into());
        }
    }
    if let Some(kind) = notify.events.iter().find(|kind| **kind == EventKind::Test) {
        report(
            "notify.events",
            format!("`{kind}` cannot be chosen"),
            "remove it: a test is always sent".into(),
        );
    }
    if !(0.0..1.0).contains(&notify.reject_rate) {
        report(
            "notify.reject_rate",
            format!("{} is not from 0 to 1", notify.reject_rate),
            "0.05 is one share in twenty; 0 turns it off".into(),
        );
    }
    if notify.worker_offline_after > Seconds::new(0) && notify.worker_offline_after < LEAST_SILENCE {
        report(
            "notify.worker_offline_after",
            "is so short that every worker would be offline now and then".into(),
            "600 suits most; at least 15, or 0 to say nothing".into(),
        );
    }
    if !(1..=1_000).contains(&notify.per_hour) {
        report(
            "notify.per_hour",
            format!("{} is not from 1 to 1000", notify.per_hour),
            "leave it out to get the default".into(),
        );
    }
}

/// `http(s)://host...`
fn is_web_address(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    !host.is_empty() && !text.chars().any(|letter| letter.is_whitespace() || letter.is_control())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn wrong(notify: Notify) -> Vec<&'static str> {
        let mut keys = Vec::new();
        check(&notify, &mut |key, _, _| keys.push(key));
        keys
    }

    #[test]
    fn nothing_is_sent_anywhere_by_default() {
        let notify = Notify::default();
        assert_eq!((&notify.ntfy, &notify.webhook, &notify.nostr), (&None, &None, &None));
        assert!(wrong(notify).is_empty());
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_its_key() {
        let notify = Notify {
            ntfy: Some("https://ntfy.example".into()),
            webhook: Some("ftp://x/".into()),
            nostr: Some("https://".into()),
            ntfy_token: Some("a\nb".into()),
            webhook_secret: Some("x".into()),
            webhook_secret_file: Some(HomePath::new("/x")),
            events: vec![EventKind::Test],
            reject_rate: 5.0,
            worker_offline_after: Seconds::new(2),
            per_hour: 0,
            ..Notify::default()
        };
        let expected = [
            "notify.ntfy",
            "notify.webhook",
            "notify.nostr",
            "notify.ntfy_token",
            "notify.webhook_secret",
            "notify.events",
            "notify.reject_rate",
            "notify.worker_offline_after",
            "notify.per_hour",
        ];
        assert_eq!(wrong(notify), expected);
    }

    #[test]
    fn a_secret_may_stand_in_a_file_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let notify =
            Notify { webhook_secret_file: Some(HomePath::new(path.to_str().unwrap())), ..Notify::default() };
        assert!(notify.webhook_secret().unwrap_err().to_string().contains("notify.webhook_secret_file"));
        std::fs::write(&path, "  s3cret\n").unwrap();
        assert_eq!(notify.webhook_secret().unwrap().as_deref(), Some("s3cret"));
        std::fs::write(&path, "\n").unwrap();
        assert!(notify.webhook_secret().is_err());
    }
}
