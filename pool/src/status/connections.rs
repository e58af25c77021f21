//! Live connections, their channels and their counts.

use super::Refusals;
use super::counters::{OwnCount, OwnSum};
use p2p::NodeId;
use p2p::iroh::{PathKind, PathWatch};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use work::{Difficulty, ShareFault};

/// Every live connection, and the totals of those that have gone.
#[derive(Debug, Default)]
pub struct Connections {
    registry: Arc<Mutex<Registry>>,
    refusals: Arc<Refusals>,
}

#[derive(Debug, Default)]
pub(super) struct Registry {
    /// By the order of opening.
    pub(super) live: BTreeMap<u64, Arc<Connection>>,
    pub(super) opened: u64,
    /// Shares of connections that have gone.
    pub(super) retired: ShareTotals,
}

/// Shares added up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ShareTotals {
    pub(super) accepted: u64,
    pub(super) difficulty: f64,
    pub(super) rejected: [u64; ShareFault::ALL.len()],
}

/// One live connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) path: Path,
    pub(super) opened_at: Instant,
    pub(super) extensions_negotiated: AtomicBool,
    pub(super) sv1: AtomicBool,
    shares: Shares,
    details: Mutex<Details>,
}

/// What changes rarely.
#[derive(Debug, Default)]
pub(super) struct Details {
    pub(super) agent: Box<str>,
    pub(super) channels: Vec<Channel>,
}

#[derive(Debug)]
pub(super) struct Channel {
    pub(super) info: ChannelInfo,
    pub(super) report: Option<Box<ChannelReport>>,
}

/// Counts that only the connection's own task writes.
#[derive(Debug, Default)]
struct Shares {
    accepted: OwnCount,
    difficulty: OwnSum,
    rejected: [OwnCount; ShareFault::ALL.len()],
}

/// How a connection reaches the pool.
#[derive(Clone, Debug)]
pub enum Path {
    /// TCP from this address.
    Tcp(SocketAddr),
    /// Iroh, which changes ways by itself.
    Iroh(Box<IrohPath>),
}

/// A connection over Iroh.
#[derive(Clone, Debug)]
pub struct IrohPath {
    /// Who it is.
    pub node: NodeId,
    /// Which way its packets go now.
    pub way: PathWatch,
}

impl Path {
    /// The kind of path now, for labels.
    pub fn kind(&self) -> &'static str {
        match self {
            Path::Tcp(_) => "tcp",
            Path::Iroh(path) => iroh_kind(path.way.kind()),
        }
    }
}

/// The name of an Iroh path, for labels and people.
pub fn iroh_kind(kind: PathKind) -> &'static str {
    match kind {
        PathKind::Lan => "iroh-lan",
        PathKind::Direct => "iroh-direct",
        PathKind::Relayed => "iroh-relayed",
        PathKind::Unknown => "iroh-unknown",
    }
}

impl From<SocketAddr> for Path {
    fn from(address: SocketAddr) -> Path {
        Path::Tcp(address)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Tcp(address) => address.fmt(f),
            Path::Iroh(path) => f.write_str(&path.node.to_z32()),
        }
    }
}

/// An open channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChannelInfo {
    /// Its id on its connection.
    pub id: u32,
    /// `standard` or `extended`.
    pub kind: &'static str,
    /// Who is credited.
    pub member: Box<str>,
    /// Which device, as its user identity says.
    pub worker: Box<str>,
    /// How large a coinbase its firmware takes, where that is known: a class of SV1.
    pub class: Option<&'static str>,
}

/// What a channel has done, as its task last said.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ChannelReport {
    /// Accepted shares.
    pub accepted: u64,
    /// Refused shares.
    pub rejected: u64,
    /// Sum of the credited difficulties.
    pub difficulty: f64,
    /// The difficulty that a share must have now.
    pub share_difficulty: f64,
    /// Its workers, where they are told apart.
    pub workers: Vec<WorkerReport>,
}

/// What one worker behind a channel has done.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct WorkerReport {
    /// Its name.
    pub name: Box<str>,
    /// Accepted shares.
    pub accepted: u64,
    /// Refused shares.
    pub rejected: u64,
    /// Sum of the credited difficulties.
    pub difficulty: f64,
}

impl Connections {
    /// Counts a connection as open from now on, until the guard is dropped.
    pub fn opened(&self, path: impl Into<Path>) -> ConnectionGuard {
        self.opened_at(path.into(), Instant::now())
    }

    /// The same, for a connection that was opened at `now`.
    pub fn opened_at(&self, path: Path, now: Instant) -> ConnectionGuard {
        let connection = Arc::new(Connection {
            path,
            opened_at: now,
            extensions_negotiated: AtomicBool::new(false),
            sv1: AtomicBool::new(false),
            shares: Shares::default(),
            details: Mutex::default(),
        });
        let mut registry = lock(&self.registry);
        let number = registry.opened;
        registry.opened += 1;
        registry.live.insert(number, connection.clone());
        drop(registry);
        let (refusals, registry) = (self.refusals.clone(), self.registry.clone());
        ConnectionGuard { registry, refusals, number, connection }
    }

    /// Refused shares, by whose they were and why; of connections that have gone too.
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    pub(super) fn registry(&self) -> MutexGuard<'_, Registry> {
        lock(&self.registry)
    }
}

impl Registry {
    /// Shares of all time.
    pub(super) fn totals(&self) -> ShareTotals {
        let mut totals = self.retired;
        self.live.values().for_each(|connection| totals.add(&connection.totals()));
        totals
    }
}

impl ShareTotals {
    fn add(&mut self, other: &ShareTotals) {
        self.accepted += other.accepted;
        self.difficulty += other.difficulty;
        self.rejected.iter_mut().zip(other.rejected).for_each(|(sum, count)| *sum += count);
    }
}

impl Connection {
    pub(super) fn totals(&self) -> ShareTotals {
        ShareTotals {
            accepted: self.shares.accepted.get(),
            difficulty: self.shares.difficulty.get(),
            rejected: std::array::from_fn(|fault| self.shares.rejected.get(fault).map_or(0, OwnCount::get)),
        }
    }

    pub(super) fn details(&self) -> MutexGuard<'_, Details> {
        lock(&self.details)
    }
}

/// A live connection's place in the books. Held by the connection's task, which alone
/// writes to it; dropping it closes the connection in the books.
#[derive(Debug)]
pub struct ConnectionGuard {
    registry: Arc<Mutex<Registry>>,
    refusals: Arc<Refusals>,
    number: u64,
    connection: Arc<Connection>,
}

impl ConnectionGuard {
    /// The client's own words for what it is; printable.
    pub fn set_agent(&self, agent: &str) {
        self.connection.details().agent = agent.into();
    }

    /// The client speaks Stratum V1.
    pub fn set_sv1(&self) {
        self.connection.sv1.store(true, Ordering::Relaxed);
    }

    /// The client and the pool have agreed on extensions.
    pub fn set_extensions_negotiated(&self) {
        self.connection.extensions_negotiated.store(true, Ordering::Relaxed);
    }

    /// A channel is open.
    pub fn channel_opened(&self, channel: impl Into<ChannelInfo>) {
        self.connection.details().channels.push(Channel { info: channel.into(), report: None });
    }

    /// A channel is closed.
    pub fn channel_closed(&self, id: u32) {
        self.connection.details().channels.retain(|channel| channel.info.id != id);
    }

    /// Publishes what a channel has done. For now and then, not for every share.
    pub fn report_channel(&self, id: u32, report: ChannelReport) {
        let mut details = self.connection.details();
        if let Some(channel) = details.channels.iter_mut().find(|channel| channel.info.id == id) {
            channel.report = Some(Box::new(report));
        }
    }

    /// Counts an accepted share and what it is credited.
    pub fn accepted(&self, credited: Difficulty) {
        self.connection.shares.accepted.add(1);
        self.connection.shares.difficulty.add(credited.0);
    }

    /// Counts a refused share of a worker.
    pub fn refused(&self, fault: ShareFault, member: &str, worker: &str) {
        self.rejected(fault);
        self.refusals.count(member, worker, fault);
    }

    /// Counts a refused share of which nobody knows whose it is.
    pub fn rejected(&self, fault: ShareFault) {
        // The faults are few: a search among ten words costs less than a cache miss.
        let index = ShareFault::ALL.iter().position(|known| *known == fault);
        if let Some(count) = index.and_then(|index| self.connection.shares.rejected.get(index)) {
            count.add(1);
        }
    }
}

impl Drop for ConnectionGuard {
    fn drop(&mut self) {
        let mut registry = lock(&self.registry);
        registry.live.remove(&self.number);
        registry.retired.add(&self.connection.totals());
    }
}

/// The books hold only sums and lists, which no panic leaves half written.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn open(connections: &Connections) -> ConnectionGuard {
        connections.opened(SocketAddr::from(([127, 0, 0, 1], 1)))
    }

    #[test]
    fn shares_of_a_connection_that_has_gone_stay_in_the_totals() {
        let connections = Connections::default();
        let guard = open(&connections);
        guard.accepted(Difficulty(2.5));
        guard.accepted(Difficulty(1.0));
        guard.rejected(ShareFault::Stale);
        let while_open = connections.registry().totals();
        drop(guard);
        let registry = connections.registry();
        assert_eq!(registry.totals(), while_open);
        assert_eq!((while_open.accepted, while_open.difficulty), (2, 3.5));
        assert_eq!(while_open.rejected.iter().sum::<u64>(), 1);
        assert!(registry.live.is_empty());
    }

    #[test]
    fn every_fault_has_a_counter_of_its_own() {
        let connections = Connections::default();
        let guard = open(&connections);
        ShareFault::ALL.into_iter().for_each(|fault| guard.rejected(fault));
        assert_eq!(connections.registry().totals().rejected, [1; ShareFault::ALL.len()]);
    }

    #[test]
    fn an_idle_connection_costs_well_under_a_kibibyte() {
        let fixed = size_of::<Connection>() + size_of::<ConnectionGuard>() + size_of::<Channel>();
        // In the map, reference counts and the texts come on top: some 150 bytes.
        assert!(fixed < 512, "{fixed} bytes");
    }
}
