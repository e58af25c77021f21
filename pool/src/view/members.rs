//! Members and their workers, from the ledger and from live connections.

use super::View;
use crate::described;
use crate::history::{Best, Windows};
use crate::status::StatusSnapshot;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

described! {
    /// A member.
    #[derive(Clone, Debug, Serialize)]
    pub struct MemberView {
        /// Who they are: what stands before the first dot of their user name.
        pub name: Arc<str>,
        /// Short, for lists: an address is cut in its middle.
        pub label: String,
        /// Whether a connection of theirs is open.
        pub online: bool,
        /// Hashrate over the usual windows, with its band.
        pub hashrate: Windows,
        /// When their newest share came, seconds since the Unix epoch.
        pub last_share: Option<u64>,
        /// Their shares in this round.
        pub round_shares: u64,
        /// Their work in this round, as the sum of the shares' difficulties.
        pub round_work: f64,
        /// Their part of all work in this round, 0 to 1.
        pub round_part: f64,
        /// Their best share in this round.
        pub best_round: Option<Best>,
        /// Their best share ever.
        pub best_ever: Option<Best>,
        /// What a block found now pays them, in satoshi; none where that depends on who finds it.
        pub payout_now: Option<u64>,
        /// What earlier blocks left for them, in satoshi; below zero where they were paid ahead.
        pub credit: i64,
        /// Shares accepted since the pool started.
        pub accepted: u64,
        /// Shares refused since then, by SV2 error code.
        pub rejected: BTreeMap<String, u64>,
        /// Their workers, by name.
        pub workers: Vec<WorkerView>,
    }
}

described! {
    /// A worker: one device, or what its member calls one.
    #[derive(Clone, Debug, Serialize)]
    pub struct WorkerView {
        /// Its name; may be empty.
        pub name: Arc<str>,
        /// Whether a connection of it is open.
        pub online: bool,
        /// Hashrate over the usual windows, with its band.
        pub hashrate: Windows,
        /// Since when it is known here, seconds since the Unix epoch.
        pub first_share: Option<u64>,
        /// When its newest share came.
        pub last_share: Option<u64>,
        /// Its best share ever.
        pub best_ever: Option<Best>,
        /// Difficulty that its shares must have.
        pub difficulty: Option<f64>,
        /// Shares accepted since the pool started.
        pub accepted: u64,
        /// Shares refused since then, by SV2 error code.
        pub rejected: BTreeMap<String, u64>,
        /// Its open connections.
        pub connections: Vec<WorkerConnection>,
    }
}

described! {
    /// How a worker is connected.
    #[derive(Clone, Debug, PartialEq, Serialize)]
    pub struct WorkerConnection {
        /// What the miner or proxy calls itself.
        pub agent: String,
        /// `sv1` or `sv2`.
        pub protocol: String,
        /// `tcp`, `iroh-lan`, `iroh-direct`, `iroh-relayed` or `iroh-unknown`.
        pub path: String,
        /// How large a coinbase its firmware takes, where that is known.
        pub class: Option<String>,
        /// Milliseconds there and back, over Iroh.
        pub rtt_milliseconds: Option<f64>,
        /// Seconds since it was opened.
        pub age_seconds: u64,
    }
}

/// What is connected now, by member and worker.
#[derive(Debug, Default)]
pub(super) struct Live(pub BTreeMap<Arc<str>, BTreeMap<Arc<str>, LiveWorker>>);

/// A worker's open connections, added up.
#[derive(Debug, Default)]
pub(super) struct LiveWorker {
    pub difficulty: Option<f64>,
    pub connections: Vec<WorkerConnection>,
}

/// Connections that are listed for one worker.
const CONNECTIONS: usize = 8;

impl Live {
    /// From the listed connections of `status`.
    pub(super) fn of(status: &StatusSnapshot) -> Live {
        let mut live = Live::default();
        for connection in &status.connections {
            for channel in &connection.channels {
                let as_it_is = WorkerConnection {
                    agent: connection.agent.clone(),
                    protocol: connection.protocol.to_owned(),
                    path: connection.path.to_owned(),
                    class: channel.info.class.map(str::to_owned),
                    rtt_milliseconds: connection.iroh.as_ref().map(|iroh| iroh.rtt_milliseconds),
                    age_seconds: connection.age_seconds,
                };
                let member = live.0.entry(Arc::from(&*channel.info.member)).or_default();
                let report = channel.report.as_ref();
                let difficulty = report.map(|report| report.share_difficulty);
                let told_apart = report.map(|report| &*report.workers).unwrap_or_default();
                if told_apart.is_empty() {
                    let worker = member.entry(Arc::from(&*channel.info.worker)).or_default();
                    worker.connected(as_it_is, difficulty);
                    continue;
                }
                let apart: u64 = told_apart.iter().map(|part| part.accepted).sum();
                let rest = report.map_or(0, |report| report.accepted).saturating_sub(apart);
                if rest > 0 {
                    let worker = member.entry(Arc::from(&*channel.info.worker)).or_default();
                    worker.connected(as_it_is.clone(), difficulty);
                }
                for part in told_apart {
                    let worker = member.entry(Arc::from(&*part.name)).or_default();
                    worker.connected(as_it_is.clone(), difficulty);
                }
            }
        }
        live
    }

    /// Workers, all members together.
    pub(super) fn workers(&self) -> u64 {
        self.0.values().map(|workers| workers.len() as u64).sum()
    }
}

impl LiveWorker {
    fn connected(&mut self, connection: WorkerConnection, difficulty: Option<f64>) {
        self.difficulty = difficulty.or(self.difficulty);
        if self.connections.len() < CONNECTIONS {
            self.connections.push(connection);
        }
    }
}

impl MemberView {
    /// Whether they mine, or did a moment ago.
    pub fn is_active(&self, now: u64) -> bool {
        const A_MOMENT: u64 = 600;
        self.online || self.last_share.is_some_and(|last| now.saturating_sub(last) < A_MOMENT)
    }

    /// Shares refused since the pool started.
    pub fn refused(&self) -> u64 {
        self.rejected.values().sum()
    }
}

impl WorkerView {
    /// Shares refused since the pool started.
    pub fn refused(&self) -> u64 {
        self.rejected.values().sum()
    }
}

/// A member's name for lists: long ones, such as addresses, are cut in their middle.
pub fn label(name: &str) -> String {
    const LONG: usize = 22;
    let count = name.chars().count();
    if count <= LONG {
        return if name.is_empty() { "(no name)".to_owned() } else { name.to_owned() };
    }
    let head: String = name.chars().take(10).collect();
    let tail: String = name.chars().skip(count - 6).collect();
    format!("{head}…{tail}")
}

impl View {
    /// The members that mine, or did a moment ago.
    pub fn active_members(&self) -> impl Iterator<Item = &MemberView> {
        self.members.iter().filter(|member| member.is_active(self.time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_in_their_middle_and_short_ones_are_not() {
        assert_eq!(label("ann"), "ann");
        assert_eq!(label("bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202"), "bcrt1qqqqq…dku202");
        assert_eq!(label("ääääääääääääääääääääääää"), "ääääääääää…ääääää");
        assert_eq!(label(""), "(no name)");
    }
}
