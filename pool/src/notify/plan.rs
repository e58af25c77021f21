//! What the host wants to be told, and where: the configuration, made ready for use.

use super::event::EventKind;
use super::sink::Sink;
use super::sink::ntfy::Ntfy;
use super::sink::webhook::Webhook;
use super::watcher::{RejectRules, RosterRules, Rules};
use super::web::{Web, WebError};
use crate::config;
use crate::config::notify::SecretError;
use std::collections::BTreeSet;
use std::time::Duration;
use thiserror::Error;

/// What is told, and where.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The pool's name in messages.
    pub pool: String,
    /// Where they go.
    pub sinks: Vec<Sink>,
    /// How they get there; none where there are no sinks.
    pub web: Option<Web>,
    /// What is told.
    pub events: BTreeSet<EventKind>,
    /// When it is.
    pub rules: Rules,
    /// Of each kind at most so many an hour.
    pub per_hour: u32,
}

/// Why there can be no notifications.
#[derive(Debug, Error)]
pub enum PlanError {
    /// A secret cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// There is no HTTP client to be had.
    #[error("notifications: {0}")]
    Web(#[from] WebError),
    /// The topic is none.
    #[error("notify.ntfy names no topic; it looks like https://ntfy.example/a-topic-that-nobody-guesses")]
    Topic,
}

impl Plan {
    /// From the configuration; `pool` is the name in messages.
    ///
    /// # Errors
    /// When a secret cannot be read, or certificates cannot.
    pub fn from_config(notify: &config::Notify, pool: &str) -> Result<Plan, PlanError> {
        let mut sinks = Vec::new();
        if let Some(url) = &notify.ntfy {
            sinks.push(Sink::Ntfy(Ntfy::at(url, notify.ntfy_token()?).ok_or(PlanError::Topic)?));
        }
        if let Some(url) = &notify.webhook {
            sinks.push(Sink::Webhook(Webhook::new(url.clone(), notify.webhook_secret()?)));
        }
        if let Some(url) = &notify.nostr {
            sinks.push(Sink::Nostr(Webhook::new(url.clone(), notify.webhook_secret()?)));
        }
        let web = if sinks.is_empty() { None } else { Some(Web::new(notify.roots)?) };
        Ok(Plan {
            pool: pool.to_owned(),
            sinks,
            web,
            events: notify.events.iter().copied().collect(),
            rules: rules(notify),
            per_hour: notify.per_hour,
        })
    }
}

impl Default for Plan {
    fn default() -> Plan {
        let notify = config::Notify::default();
        Plan {
            pool: String::new(),
            sinks: Vec::new(),
            web: None,
            events: BTreeSet::new(),
            rules: rules(&notify),
            per_hour: notify.per_hour,
        }
    }
}

/// The name by which messages call a pool of this configuration.
pub fn pool_name(config: &config::Config) -> String {
    let tag = config.payout.pool_tag.trim_matches(|letter: char| letter == '/' || letter.is_whitespace());
    if tag.is_empty() { "Punchbowl".to_owned() } else { tag.to_owned() }
}

fn rules(notify: &config::Notify) -> Rules {
    const MINUTE: Duration = Duration::from_secs(60);
    let offline_after = notify.worker_offline_after.duration();
    let window = notify.reject_window.duration();
    let stale = notify.template_stale_after.duration();
    let node_down = notify.node_down_after.duration();
    Rules {
        workers: (!offline_after.is_zero()).then(|| RosterRules {
            offline_after,
            steady: offline_after.min(2 * MINUTE),
            gather: offline_after.min(5 * MINUTE),
            repeat: offline_after.saturating_mul(6),
        }),
        rejects: (notify.reject_rate > 0.0).then_some(RejectRules {
            rate: notify.reject_rate,
            window,
            least: 30,
        }),
        node_down,
        template_stale: (!stale.is_zero()).then_some(stale),
        ledger_stalled: MINUTE / 2,
        steady: node_down.min(MINUTE),
        best_share_gap: 10 * MINUTE,
    }
}
