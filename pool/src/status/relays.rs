//! The relays that the pool uses, and the one that it runs.

use p2p::iroh::{IrohNode, RelayReport, RelayState};
use p2p::{RelayCounts, RelayWatch};
use serde::Serialize;
use std::collections::BTreeMap;

/// A relay at which the pool waits for members.
#[derive(Clone, Debug, Serialize)]
pub struct RelaySnapshot {
    /// The relay, as the invite names it.
    pub relay: String,
    /// The pool runs it itself.
    pub own: bool,
    /// A member runs it and has offered it.
    pub offered: bool,
    /// The invite names it.
    pub named: bool,
    /// Where others are told to look for the pool first.
    pub home: bool,
    /// `connecting`, `connected`, `denied` or `unreachable`.
    pub state: &'static str,
    /// Why it is not connected, in words.
    pub reason: Option<String>,
}

/// What the pool's own relay did so far.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct OwnRelaySnapshot {
    /// Connections of nodes now; each has two or three.
    pub clients: u64,
    /// Connections now that have not proved who they are.
    pub waiting: u64,
    /// Bytes of packets passed on.
    pub bytes: u64,
    /// Connections that were slowed down because they sent too much.
    pub slowed_down: u64,
    /// How often a member was told its public address.
    pub told_address: u64,
    /// Who was kept out, by reason.
    pub refused: RefusedByRelay,
}

/// Who was kept out of the pool's own relay.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RefusedByRelay {
    /// Not a member, or the relay was full.
    pub denied: u64,
    /// The address came too often.
    pub hurried: u64,
    /// Said nothing sensible in time.
    pub late: u64,
    /// Of those, put out early because too many were waiting.
    pub put_out: u64,
    /// Asked for their address too often.
    pub askers: u64,
}

/// The relays that `node` uses.
pub(super) fn used(node: Option<&IrohNode>) -> Vec<RelaySnapshot> {
    let reports = node.map(IrohNode::relays);
    reports.iter().flat_map(|reports| reports.iter()).map(of_report).collect()
}

/// The relay that the pool runs.
pub(super) fn own(relay: Option<&RelayWatch>) -> Option<OwnRelaySnapshot> {
    relay.map(|relay| of_counts(relay.counts()))
}

/// How many relays there are in each state; every state is listed.
pub fn by_state(relays: &[RelaySnapshot]) -> BTreeMap<&'static str, u64> {
    let mut states: BTreeMap<_, _> = RelayState::ALL.iter().map(|state| (state.name(), 0)).collect();
    for relay in relays {
        *states.entry(relay.state).or_default() += 1;
    }
    states
}

fn of_report(report: &RelayReport) -> RelaySnapshot {
    RelaySnapshot {
        relay: report.relay.to_string(),
        own: report.own,
        offered: report.offered,
        named: report.named,
        home: report.home,
        state: report.state.name(),
        reason: report.reason.clone(),
    }
}

fn of_counts(counts: RelayCounts) -> OwnRelaySnapshot {
    OwnRelaySnapshot {
        clients: counts.clients,
        waiting: counts.waiting,
        bytes: counts.bytes_sent,
        slowed_down: counts.slowed_down,
        told_address: counts.told_address,
        refused: RefusedByRelay {
            denied: counts.denied,
            hurried: counts.hurried,
            late: counts.late,
            put_out: counts.put_out,
            askers: counts.askers_refused,
        },
    }
}
