//! Is all well? What is not, in the order in which it matters.

use super::answers::Answers;
use super::figures::{percent, span};
use serde::Serialize;
use std::time::Duration;

/// Something that needs an eye.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// Whether it stops the pool, or is only worth a look.
    pub serious: bool,
    /// What it is, and what to do.
    pub what: String,
}

/// A template of this age is odd.
const OLD: Duration = Duration::from_secs(3_600);
/// So many refused shares are odd, when there are enough to tell.
const REFUSED: (f64, u64) = (0.05, 100);

/// Everything that needs an eye; nothing when all is well.
pub fn verdict(answers: &Answers) -> Vec<Trouble> {
    let status = &answers.status;
    let mut troubles = Vec::new();
    let mut say = |serious: bool, what: String| troubles.push(Trouble { serious, what });
    if status.source.state != "serving" {
        let why = status.source.detail.clone().unwrap_or_else(|| status.source.state.clone());
        say(true, format!("no templates from the node: {why}"));
    }
    if !status.serving {
        say(true, "miners are given no jobs yet".into());
    }
    if let Some(ledger) = status.ledger.as_ref().filter(|ledger| ledger.state != "working") {
        let why = ledger.detail.as_deref().unwrap_or("see the log");
        say(true, format!("shares are not written down ({}): {why}", ledger.state));
    }
    if let Some(check) =
        status.ledger.as_ref().and_then(|ledger| ledger.check.as_ref()).filter(|check| check.wrong > 0)
    {
        let first = check.found.first().map_or("", String::as_str);
        say(true, format!("the ledger is not what it says: {first}; `punchbowl verify` tells all"));
    }
    let age = status.template.as_ref().map(|template| template.age_seconds).unwrap_or_default();
    let age = Duration::try_from_secs_f64(age).unwrap_or_default();
    if age >= OLD && status.source.state == "serving" {
        say(false, format!("the template is {} old; is Bitcoin Core connected to others?", span(age)));
    }
    let refused: u64 = status.shares.rejected.values().sum();
    let all = refused + status.shares.accepted;
    if all >= REFUSED.1 && refused as f64 >= REFUSED.0 * all as f64 {
        let most = status.shares.rejected.iter().max_by_key(|(_, count)| **count);
        let most = most.map_or(String::new(), |(reason, _)| format!(", most of them as {reason}"));
        say(false, format!("{} of all shares are refused{most}", percent(refused as f64 / all as f64)));
    }
    if status.block_counts.refused > 0 {
        say(true, format!("{} blocks were refused by the node; see the log", status.block_counts.refused));
    }
    if !status.relays.is_empty() && status.relays.iter().all(|relay| relay.state != "connected") {
        say(false, "no relay is connected; members behind routers may not find the pool".into());
    }
    troubles
}
