//! What a host may want to hear of, and in which words.

use crate::described::{Described, Schemas};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;
use std::time::Duration;

/// Something that happened, or came to be so.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The pool found a block, and this is what became of it.
    Block(BlockNews),
    /// Nobody here ever found a better share.
    BestShare {
        /// Its difficulty.
        difficulty: f64,
        /// Who found it.
        worker: String,
        /// What a block takes.
        network_difficulty: Option<f64>,
    },
    /// These workers have not mined for a while.
    WorkersOffline {
        /// Their names.
        workers: Vec<String>,
        /// For how long at least.
        silent: Duration,
    },
    /// Some of them mine again.
    WorkersBack(Vec<String>),
    /// So many of these shares are refused.
    Rejects {
        /// A worker; none for the pool as a whole.
        worker: Option<String>,
        /// 0 to 1.
        rate: f64,
        /// Shares that were looked at.
        shares: u64,
    },
    /// No longer.
    RejectsCalm {
        /// A worker; none for the pool as a whole.
        worker: Option<String>,
    },
    /// There are no templates to be had.
    NodeDown {
        /// Why.
        reason: String,
    },
    /// There are again.
    NodeBack {
        /// After so long.
        after: Duration,
    },
    /// The template does not change any more.
    TemplateStale {
        /// Since when.
        age: Duration,
        /// What it is for.
        height: u32,
    },
    /// It does.
    TemplateFresh {
        /// What it is for.
        height: u32,
    },
    /// Shares cannot be written down.
    LedgerStalled {
        /// What is wrong and what to do.
        reason: String,
        /// Whether the pool has given up.
        failed: bool,
    },
    /// They can again.
    LedgerWorking,
    /// The ledger does not say what it should.
    LedgerCheckFailed {
        /// What does not fit.
        reason: String,
    },
    /// Somebody pressed the button.
    Test,
}

/// What became of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockNews {
    /// Its height.
    pub height: u32,
    /// Its hash, display order.
    pub hash: String,
    /// Who found it, and on what.
    pub worker: String,
    /// Satoshi that it pays to the pool's payout.
    pub value: u64,
    /// `submitted`, `in-chain`, `settled` or `orphaned`.
    pub state: &'static str,
    /// More about that, in words.
    pub detail: String,
}

/// Kinds of events, by which a host chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// A block, and what became of it.
    Block,
    /// The best share ever.
    BestShare,
    /// Workers that stopped, and their return.
    WorkerOffline,
    /// Too many refused shares.
    Rejects,
    /// No node, or no news from it.
    Node,
    /// The ledger cannot be written or is wrong.
    Ledger,
    /// The test button.
    Test,
}

impl EventKind {
    /// All that a host can choose; the test comes always.
    pub const ALL: [EventKind; 6] = [
        EventKind::Block,
        EventKind::BestShare,
        EventKind::WorkerOffline,
        EventKind::Rejects,
        EventKind::Node,
        EventKind::Ledger,
    ];

    /// As it stands in the configuration.
    pub fn name(self) -> &'static str {
        match self {
            EventKind::Block => "block",
            EventKind::BestShare => "best-share",
            EventKind::WorkerOffline => "worker-offline",
            EventKind::Rejects => "rejects",
            EventKind::Node => "node",
            EventKind::Ledger => "ledger",
            EventKind::Test => "test",
        }
    }
}

impl Described for EventKind {
    fn schema(_: &mut Schemas) -> Value {
        let names: Vec<&str> =
            EventKind::ALL.iter().chain(&[EventKind::Test]).map(|kind| kind.name()).collect();
        json!({"type": "string", "enum": names})
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Info,
    /// Look at it today.
    Warning,
    /// Money is being lost.
    Critical,
}

impl Event {
    /// Its kind.
    pub fn kind(&self) -> EventKind {
        match self {
            Event::Block(_) => EventKind::Block,
            Event::BestShare { .. } => EventKind::BestShare,
            Event::WorkersOffline { .. } | Event::WorkersBack(_) => EventKind::WorkerOffline,
            Event::Rejects { .. } | Event::RejectsCalm { .. } => EventKind::Rejects,
            Event::NodeDown { .. }
            | Event::NodeBack { .. }
            | Event::TemplateStale { .. }
            | Event::TemplateFresh { .. } => EventKind::Node,
            Event::LedgerStalled { .. } | Event::LedgerWorking | Event::LedgerCheckFailed { .. } => {
                EventKind::Ledger
            }
            Event::Test => EventKind::Test,
        }
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        match self {
            Event::Block(news) if matches!(news.state, "in-chain" | "settled") => Severity::Info,
            Event::NodeDown { .. } | Event::LedgerStalled { .. } | Event::LedgerCheckFailed { .. } => {
                Severity::Critical
            }
            Event::Block(_)
            | Event::WorkersOffline { .. }
            | Event::Rejects { .. }
            | Event::TemplateStale { .. } => Severity::Warning,
            _ => Severity::Info,
        }
    }

    /// A few words.
    pub fn title(&self) -> String {
        match self {
            Event::Block(news) => match news.state {
                "in-chain" => format!("Block {} found", news.height),
                "settled" => format!("Block {} is settled", news.height),
                "orphaned" => format!("Block {} was orphaned", news.height),
                _ => format!("Block {} found, but not in the chain yet", news.height),
            },
            Event::BestShare { difficulty, .. } => format!("New best share: {}", short(*difficulty)),
            Event::WorkersOffline { workers, .. } => match workers.as_slice() {
                [one] => format!("{one} is offline"),
                many => format!("{} workers are offline", many.len()),
            },
            Event::WorkersBack(workers) => match workers.as_slice() {
                [one] => format!("{one} is back"),
                many => format!("{} workers are back", many.len()),
            },
            Event::Rejects { worker, rate, .. } => {
                format!("{} of {} shares are refused", percent(*rate), whose(worker.as_deref()))
            }
            Event::RejectsCalm { worker } => {
                format!("Shares of {} are accepted again", whose(worker.as_deref()))
            }
            Event::NodeDown { .. } => "No templates from the node".into(),
            Event::NodeBack { .. } => "Templates from the node again".into(),
            Event::TemplateStale { .. } => "The template is stale".into(),
            Event::TemplateFresh { .. } => "The template is fresh again".into(),
            Event::LedgerStalled { failed: true, .. } => "The ledger has failed".into(),
            Event::LedgerStalled { .. } => "Shares cannot be written down".into(),
            Event::LedgerWorking => "Shares are written down again".into(),
            Event::LedgerCheckFailed { .. } => "The ledger check failed".into(),
            Event::Test => "Test of Punchbowl's notifications".into(),
        }
    }

    /// A sentence or two.
    pub fn text(&self) -> String {
        match self {
            Event::Block(news) => {
                let amount = bitcoin::Amount::from_sat(news.value).to_btc();
                format!(
                    "{} found it, worth {amount} BTC. {}\n{}",
                    news.worker,
                    sentence(&news.detail),
                    news.hash
                )
            }
            Event::BestShare { difficulty, worker, network_difficulty } => {
                let of = network_difficulty.filter(|network| *network > 0.0);
                let of = of.map_or(String::new(), |network| {
                    format!(" It is {} of what a block takes.", percent(difficulty / network))
                });
                format!("{worker} found a share of difficulty {}.{of}", short(*difficulty))
            }
            Event::WorkersOffline { workers, silent } => {
                format!("No share for {} from {}.", span(*silent), listed(workers))
            }
            Event::WorkersBack(workers) => format!("{} mining again.", are(workers)),
            Event::Rejects { shares, .. } => {
                format!("Of the last {shares}. The status page tells for which reasons.")
            }
            Event::RejectsCalm { .. } => "As it should be.".into(),
            Event::NodeDown { reason } => {
                format!("Miners go on with the last job, which grows old: {}", sentence(reason))
            }
            Event::NodeBack { after } => format!("After {}.", span(*after)),
            Event::TemplateStale { age, height } => format!(
                "For {} there was no new template for height {height}. Is Bitcoin Core connected to others?",
                span(*age)
            ),
            Event::TemplateFresh { height } => format!("For height {height}."),
            Event::LedgerStalled { reason, failed: true } => {
                format!("The pool stops: {}", sentence(reason))
            }
            Event::LedgerStalled { reason, .. } => {
                format!("Shares wait and are not acknowledged: {}", sentence(reason))
            }
            Event::LedgerWorking => "What waited is acknowledged.".into(),
            Event::LedgerCheckFailed { reason } => sentence(reason),
            Event::Test => "If you read this, they arrive.".into(),
        }
    }

    /// The same for programs.
    pub fn data(&self) -> Value {
        match self {
            Event::Block(news) => json!({
                "height": news.height, "hash": news.hash, "worker": news.worker, "value_sat": news.value,
                "state": news.state, "detail": news.detail,
            }),
            Event::BestShare { difficulty, worker, network_difficulty } => json!({
                "difficulty": difficulty, "worker": worker, "network_difficulty": network_difficulty,
            }),
            Event::WorkersOffline { workers, silent } => {
                json!({"workers": workers, "online": false, "silent_seconds": silent.as_secs()})
            }
            Event::WorkersBack(workers) => json!({"workers": workers, "online": true}),
            Event::Rejects { worker, rate, shares } => {
                json!({"worker": worker, "rate": rate, "shares": shares})
            }
            Event::RejectsCalm { worker } => json!({"worker": worker, "rate": null}),
            Event::NodeDown { reason } => json!({"state": "down", "reason": reason}),
            Event::NodeBack { after } => json!({"state": "up", "after_seconds": after.as_secs()}),
            Event::TemplateStale { age, height } => {
                json!({"state": "stale", "age_seconds": age.as_secs(), "height": height})
            }
            Event::TemplateFresh { height } => json!({"state": "fresh", "height": height}),
            Event::LedgerStalled { reason, failed } => {
                json!({"state": if *failed { "failed" } else { "stalled" }, "reason": reason})
            }
            Event::LedgerWorking => json!({"state": "working"}),
            Event::LedgerCheckFailed { reason } => json!({"state": "check-failed", "reason": reason}),
            Event::Test => json!({}),
        }
    }

    /// What makes two tellings of it one and the same, where it has that by itself.
    pub fn identity(&self) -> Option<String> {
        match self {
            Event::Block(news) => Some(format!("block-{}-{}", news.state, news.hash)),
            _ => None,
        }
    }
}

/// Names that a message lists; the rest are counted.
const LISTED: usize = 10;

fn listed(workers: &[String]) -> String {
    let names = workers.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match workers.len().saturating_sub(LISTED) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

fn are(workers: &[String]) -> String {
    format!("{} {}", listed(workers), if workers.len() == 1 { "is" } else { "are" })
}

fn whose(worker: Option<&str>) -> &str {
    worker.unwrap_or("all workers")
}

fn percent(part: f64) -> String {
    match part * 100.0 {
        much if much >= 10.0 => format!("{much:.0} %"),
        some if some >= 0.1 => format!("{some:.1} %"),
        little => format!("{little:.2e} %"),
    }
}

fn span(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds < 120 => format!("{seconds} seconds"),
        seconds if seconds < 7_200 => format!("{} minutes", seconds / 60),
        seconds => format!("{} hours", seconds / 3_600),
    }
}

/// A difficulty as miners write it: 4.2 G.
pub fn short(difficulty: f64) -> String {
    const STEPS: [(f64, &str); 6] =
        [(1e18, " E"), (1e15, " P"), (1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")];
    match STEPS.iter().find(|(step, _)| difficulty >= *step) {
        Some((step, unit)) => format!("{:.2}{unit}", difficulty / step),
        None if difficulty >= 1.0 => format!("{difficulty:.1}"),
        None => format!("{difficulty:.3e}"),
    }
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.trim().chars();
    let Some(first) = letters.next() else { return String::new() };
    let text: String = first.to_uppercase().chain(letters).collect();
    if text.ends_with(['.', '!', '?']) { text } else { text + "." }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn names_of_kinds_are_those_of_the_configuration() {
        for kind in EventKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }

    #[test]
    fn a_long_list_of_workers_stays_readable() {
        let workers: Vec<String> = (0..31).map(|number| format!("rig{number}")).collect();
        let event = Event::WorkersOffline { workers, silent: Duration::from_secs(600) };
        assert_eq!(event.title(), "31 workers are offline");
        assert!(event.text().starts_with("No share for 10 minutes from rig0, rig1"), "{}", event.text());
        assert!(event.text().ends_with("rig9 and 21 more."), "{}", event.text());
    }

    #[test]
    fn difficulties_are_written_as_miners_write_them() {
        assert_eq!([4.2e9, 999.0, 0.00001].map(short), ["4.20 G", "999.0", "1.000e-5"]);
    }
}
