//! The state at one moment, in the form in which it is handed out as JSON.
//!
//! Field names carry their unit. They are what scripts rely on: add, do not rename.

use super::blocks::BlockRecord;
use super::books::{self, LedgerSnapshot};
use super::connections::{ChannelInfo, ChannelReport, Connection, Path, ShareTotals};
use super::relays::{self, OwnRelaySnapshot, RelaySnapshot};
use super::{HeatSnapshot, Outages, PayoutSnapshot, Status, WindowSnapshot};
use crate::commitments::{self, Commitments};
use crate::config::values::network_name;
use ledger::LedgerHandle;
use p2p::iroh::{Gate, IrohNode};
use p2p::{Admission, RelayWatch};
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use template_provider::{Network, SourceStatus, Template};
use tokio::sync::watch;
use work::ShareFault;

/// What a snapshot is taken of.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The chain.
    pub network: Network,
    /// Everything that is counted.
    pub status: Arc<Status>,
    /// Who was let in and who was not.
    pub admission: Arc<Admission>,
    /// The same for Iroh, where it is on.
    pub gate: Option<Arc<Gate>>,
    /// The node, where Iroh is on.
    pub iroh: Option<IrohNode>,
    /// The pool's own relay, where it runs one.
    pub own_relay: Option<RelayWatch>,
    /// Where shares are written down.
    pub ledger: Option<LedgerHandle>,
    /// What the coinbase commits to.
    pub commitments: Option<Commitments>,
    /// Templates as the source pushes them.
    pub templates: watch::Receiver<Option<Arc<Template>>>,
    /// What the source is doing.
    pub source: watch::Receiver<SourceStatus>,
    /// Generation of the jobs served; 0 before the first.
    pub jobs: watch::Receiver<u64>,
}

/// Everything at once.
#[derive(Clone, Debug, Serialize)]
pub struct StatusSnapshot {
    /// Punchbowl's version.
    pub version: &'static str,
    /// The chain: mainnet, testnet4, signet or regtest.
    pub network: &'static str,
    /// Seconds since the pool started.
    pub uptime_seconds: u64,
    /// Whether miners are given jobs.
    pub serving: bool,
    /// Where members dial the pool by its node id; none where they cannot.
    pub node: Option<NodeSnapshot>,
    /// Where templates come from.
    pub source: SourceSnapshot,
    /// What is mined on; none before the first template.
    pub template: Option<TemplateSnapshot>,
    /// Shares of all time.
    pub shares: ShareSnapshot,
    /// Whether they are written down.
    pub ledger: Option<LedgerSnapshot>,
    /// How many blocks there were.
    pub block_counts: BlockCounts,
    /// The newest blocks, newest first.
    pub blocks: Vec<BlockRecord>,
    /// Where the host's blocks are paid; none where each member's own address is.
    pub payout: Option<PayoutSnapshot>,
    /// Which work a block found now would be divided by, and how full that window is; none
    /// before the first template.
    pub window: Option<WindowSnapshot>,
    /// What the coinbase commits to besides the payouts.
    pub commitments: Option<commitments::Standing>,
    /// How many connections there are and were.
    pub connection_counts: ConnectionCounts,
    /// What became of channels whose connection died.
    pub outages: OutageCounts,
    /// Whether miners work for warmth alone.
    pub heat: HeatSnapshot,
    /// The connections, oldest first; not all, where there are many.
    pub connections: Vec<ConnectionSnapshot>,
    /// The relays at which the pool waits for members, its own first.
    pub relays: Vec<RelaySnapshot>,
    /// What the pool's own relay did, where it runs one.
    pub own_relay: Option<OwnRelaySnapshot>,
    /// Requests for a channel that were refused.
    pub channels_refused: u64,
    /// Messages that were ignored because nobody knows their type.
    pub unknown_messages: u64,
}

/// Where members dial the pool by its node id.
#[derive(Clone, Debug, Serialize)]
pub struct NodeSnapshot {
    /// Its node id, in z-base-32 as in an invite.
    pub id: String,
    /// Every address at which it may be reached, as far as it knows: its own, the router's,
    /// the configured ones and those of the file of external addresses.
    pub addresses: Vec<SocketAddr>,
}

/// Where templates come from.
#[derive(Clone, Debug, Serialize)]
pub struct SourceSnapshot {
    /// `connecting`, `syncing`, `serving` or `stopped`.
    pub state: &'static str,
    /// What it waits for, in words.
    pub detail: Option<String>,
}

/// What is mined on.
#[derive(Clone, Debug, Serialize)]
pub struct TemplateSnapshot {
    /// Height of the block to be found.
    pub height: u32,
    /// The block that it builds on, display order.
    pub prev_hash: String,
    /// Seconds since it came.
    pub age_seconds: f64,
    /// Fees in satoshi.
    pub fees: u64,
    /// Subsidy in satoshi.
    pub subsidy: u64,
    /// Transactions besides the coinbase.
    pub transactions: usize,
}

/// How many blocks there were. What is neither accepted, late nor refused is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BlockCounts {
    /// Found and handed to the source.
    pub submitted: u64,
    /// Taken by it.
    pub accepted: u64,
    /// Good, but somebody else's was first.
    pub late: u64,
    /// Refused by it.
    pub refused: u64,
}

/// Shares added up.
#[derive(Clone, Debug, Serialize)]
pub struct ShareSnapshot {
    /// Accepted.
    pub accepted: u64,
    /// Sum of the credited difficulties.
    pub difficulty: f64,
    /// Refused, by SV2 error code; every code is listed.
    pub rejected: BTreeMap<&'static str, u64>,
}

/// How many connections there are and were.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionCounts {
    /// Now.
    pub open: u64,
    /// Channels on them.
    pub channels: u64,
    /// Since the start.
    pub opened: u64,
    /// Closed otherwise than by the peer's leaving; every reason is listed.
    pub closed: BTreeMap<&'static str, u64>,
    /// Not let in; every reason is listed.
    pub refused: BTreeMap<&'static str, u64>,
    /// Live ones by kind of path.
    pub paths: BTreeMap<&'static str, u64>,
    /// How the first few nodes are reached, for metrics, which must not grow with miners.
    pub nodes: Vec<NodePath>,
}

/// How a node is reached.
#[derive(Clone, Debug, Serialize)]
pub struct NodePath {
    /// Its node id.
    pub node: String,
    /// The kind of path now.
    pub path: &'static str,
    /// Time there and back.
    pub rtt_milliseconds: f64,
}

/// Most of them.
const NODES: usize = 64;

/// What became of channels whose connection died.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OutageCounts {
    /// Channels that wait for their client now.
    pub parked_channels: u64,
    /// Channels that were left behind by a connection that died.
    pub parked: u64,
    /// Channels that their client took up again.
    pub resumed: u64,
    /// Channels whose client did not come back in time.
    pub expired: u64,
    /// Channels for which there was no room.
    pub no_room: u64,
    /// Connections that were still open when their client came back.
    pub taken_over: u64,
    /// Requests for channels that were not there.
    pub unknown_tokens: u64,
}

/// One connection.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionSnapshot {
    /// Where it comes from: an address, or over Iroh the node id.
    pub peer: String,
    /// The kind of path now: `tcp`, `iroh-lan`, `iroh-direct`, `iroh-relayed` or
    /// `iroh-unknown`.
    pub path: &'static str,
    /// More of the path, over Iroh.
    pub iroh: Option<IrohSnapshot>,
    /// Seconds since it was opened.
    pub age_seconds: u64,
    /// `sv2` or `sv1`.
    pub protocol: &'static str,
    /// The client's own words for what it is.
    pub agent: String,
    /// Whether extensions were negotiated.
    pub extensions: bool,
    /// Its shares.
    pub shares: ShareSnapshot,
    /// Its channels.
    pub channels: Vec<ChannelSnapshot>,
}

/// The way that the packets of a connection over Iroh go.
#[derive(Clone, Debug, Serialize)]
pub struct IrohSnapshot {
    /// The peer's address, where they go straight to it.
    pub address: Option<SocketAddr>,
    /// The relay, where they do not.
    pub relay: Option<String>,
    /// Time there and back.
    pub rtt_milliseconds: f64,
    /// Packets lost on this way.
    pub lost_packets: u64,
    /// Datagrams sent on this way.
    pub sent_datagrams: u64,
    /// How often the way has changed.
    pub switches: u32,
}

/// One channel.
#[derive(Clone, Debug, Serialize)]
pub struct ChannelSnapshot {
    /// What it is.
    #[serde(flatten)]
    pub info: ChannelInfo,
    /// What it has done, as last reported.
    pub report: Option<ChannelReport>,
}

impl Observed {
    /// Whether miners are given jobs.
    pub fn is_serving(&self) -> bool {
        *self.jobs.borrow() > 0
    }

    /// What the source is doing.
    pub fn source(&self) -> SourceSnapshot {
        source_snapshot(&self.source.borrow())
    }

    /// Everything at once, as of `now`; at most `limit` connections are listed one by
    /// one.
    pub fn snapshot(&self, now: Instant, limit: usize) -> StatusSnapshot {
        let status = &self.status;
        let template = self.templates.borrow().clone();
        let registry = status.connections.registry();
        let mut channels = 0u64;
        let mut paths = BTreeMap::new();
        // A member has several connections when it checks the pool's ledger besides mining.
        let mut nodes = BTreeMap::new();
        for connection in registry.live.values() {
            channels += connection.details().channels.len() as u64;
            *paths.entry(connection.path.kind()).or_default() += 1;
            if let Some(iroh) = (nodes.len() < NODES).then(|| iroh_snapshot(&connection.path)).flatten() {
                let way = (connection.path.to_string(), connection.path.kind());
                nodes.entry(way).or_insert(iroh.rtt_milliseconds);
            }
        }
        let node_path = |((node, path), rtt_milliseconds)| NodePath { node, path, rtt_milliseconds };
        let nodes = nodes.into_iter().map(node_path).collect();
        let refused = self.admission.counts();
        let gate = self.gate.as_ref().map(|gate| gate.counts()).unwrap_or_default();
        let connection_counts = ConnectionCounts {
            open: registry.live.len() as u64,
            channels,
            opened: registry.opened,
            closed: status.counters.closed_by_reason().collect(),
            refused: BTreeMap::from([
                ("pool-full", refused.refused_total),
                ("address-limit", refused.refused_per_address),
                ("loopback-limit", refused.refused_loopback),
                ("node-limit", refused.refused_per_node),
                ("not-member", gate.not_member),
                ("iroh-busy", gate.busy),
                ("iroh-hurried", gate.hurried),
                ("iroh-handshake", gate.failed),
            ]),
            paths,
            nodes,
        };
        let shares = shares(&registry.totals());
        // Listing takes longest: not under the lock that opening a connection needs.
        let listed: Vec<_> = registry.live.values().take(limit).cloned().collect();
        drop(registry);
        StatusSnapshot {
            version: env!("CARGO_PKG_VERSION"),
            network: network_name::of(self.network),
            uptime_seconds: now.saturating_duration_since(status.started).as_secs(),
            serving: self.is_serving(),
            node: self
                .iroh
                .as_ref()
                .map(|node| NodeSnapshot { id: node.id().to_z32(), addresses: node.addresses() }),
            source: self.source(),
            template: template.map(|template| template_snapshot(&template, now)),
            shares,
            ledger: self.ledger.as_ref().map(|ledger| books::snapshot(ledger, status, now)),
            block_counts: BlockCounts {
                submitted: status.counters.blocks_submitted.get(),
                accepted: status.counters.blocks_accepted.get(),
                late: status.counters.blocks_late.get(),
                refused: status.counters.blocks_refused.get(),
            },
            blocks: status.blocks.newest(),
            payout: status.payout.newest(),
            window: status.window.newest(),
            commitments: self.commitments.as_ref().map(Commitments::standing),
            connection_counts,
            outages: outages(&status.outages),
            heat: status.heat.snapshot(now),
            connections: listed.iter().map(|connection| connection_snapshot(connection, now)).collect(),
            relays: relays::used(self.iroh.as_ref()),
            own_relay: relays::own(self.own_relay.as_ref()),
            channels_refused: status.counters.channels_refused.get(),
            unknown_messages: status.counters.unknown_messages.get(),
        }
    }
}

fn outages(outages: &Outages) -> OutageCounts {
    OutageCounts {
        parked_channels: outages.parked_now(),
        parked: outages.parked.get(),
        resumed: outages.resumed.get(),
        expired: outages.expired.get(),
        no_room: outages.no_room.get(),
        taken_over: outages.taken_over.get(),
        unknown_tokens: outages.unknown_tokens.get(),
    }
}

fn source_snapshot(status: &SourceStatus) -> SourceSnapshot {
    let (state, detail) = match status {
        SourceStatus::Connecting { reason } => ("connecting", Some(reason.clone())),
        SourceStatus::Syncing { height } => {
            ("syncing", Some(format!("Bitcoin Core is still downloading the chain (height {height})")))
        }
        SourceStatus::Serving => ("serving", None),
        SourceStatus::Stopped => ("stopped", None),
    };
    SourceSnapshot { state, detail }
}

fn template_snapshot(template: &Template, now: Instant) -> TemplateSnapshot {
    TemplateSnapshot {
        height: template.height,
        prev_hash: template.prev_hash.to_string(),
        age_seconds: now.saturating_duration_since(template.received_at).as_secs_f64(),
        fees: template.fees,
        subsidy: template.subsidy,
        transactions: template.transactions,
    }
}

fn connection_snapshot(connection: &Connection, now: Instant) -> ConnectionSnapshot {
    let details = connection.details();
    ConnectionSnapshot {
        peer: connection.path.to_string(),
        path: connection.path.kind(),
        iroh: iroh_snapshot(&connection.path),
        age_seconds: now.saturating_duration_since(connection.opened_at).as_secs(),
        protocol: if connection.sv1.load(Ordering::Relaxed) { "sv1" } else { "sv2" },
        agent: details.agent.to_string(),
        extensions: connection.extensions_negotiated.load(Ordering::Relaxed),
        shares: shares(&connection.totals()),
        channels: details
            .channels
            .iter()
            .map(|channel| ChannelSnapshot {
                info: channel.info.clone(),
                report: channel.report.as_deref().cloned(),
            })
            .collect(),
    }
}

fn iroh_snapshot(path: &Path) -> Option<IrohSnapshot> {
    let Path::Iroh(path) = path else { return None };
    let report = path.way.report()?;
    Some(IrohSnapshot {
        address: report.address,
        relay: report.relay,
        rtt_milliseconds: report.rtt.as_secs_f64() * 1e3,
        lost_packets: report.lost_packets,
        sent_datagrams: report.sent_datagrams,
        switches: report.switches,
    })
}

fn shares(totals: &ShareTotals) -> ShareSnapshot {
    let mut rejected = BTreeMap::new();
    // Several faults may share an error code.
    for (fault, count) in ShareFault::ALL.iter().zip(totals.rejected) {
        *rejected.entry(fault.error_code()).or_default() += count;
    }
    ShareSnapshot { accepted: totals.accepted, difficulty: totals.difficulty, rejected }
}

/// For tests: a pool without a source.
#[cfg(test)]
pub(crate) mod fake {
    use super::*;
    use p2p::AdmissionLimits;

    /// The observed pool, and what makes it say that jobs are served.
    pub fn observed(started: Instant) -> (Observed, watch::Sender<u64>) {
        let jobs = watch::Sender::new(0);
        let observed = Observed {
            network: Network::Regtest,
            status: Status::new(started),
            admission: Admission::new(AdmissionLimits::default()),
            gate: None,
            iroh: None,
            own_relay: None,
            ledger: None,
            commitments: None,
            templates: watch::channel(None).1,
            source: watch::channel(SourceStatus::Connecting { reason: "no node".into() }).1,
            jobs: jobs.subscribe(),
        };
        (observed, jobs)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_snapshot_lists_connections_up_to_the_limit_and_counts_them_all() {
        let start = Instant::now();
        let (observed, _) = fake::observed(start);
        let guards: Vec<_> = (1..=3)
            .map(|port| {
                observed.status.connections.opened_at(Path::Tcp(([127, 0, 0, 1], port).into()), start)
            })
            .collect();
        guards[0].set_agent("bitaxe");
        let info =
            ChannelInfo { id: 7, kind: "extended", member: "ann".into(), worker: "rig".into(), class: None };
        guards[0].channel_opened(info.clone());
        guards[0].channel_opened(ChannelInfo { id: 8, ..info });
        guards[0].channel_closed(7);
        guards[0].report_channel(8, ChannelReport { accepted: 5, ..ChannelReport::default() });
        let snapshot = observed.snapshot(start + Duration::from_secs(90), 2);
        assert_eq!((snapshot.network, snapshot.uptime_seconds), ("regtest", 90));
        assert_eq!((snapshot.connection_counts.open, snapshot.connection_counts.channels), (3, 1));
        assert_eq!(snapshot.connections.len(), 2);
        let json = serde_json::to_value(&snapshot).unwrap();
        assert_eq!(json["connections"][0]["agent"], "bitaxe");
        assert_eq!(json["connections"][0]["channels"][0]["id"], 8);
        assert_eq!(json["connections"][0]["channels"][0]["report"]["accepted"], 5);
        assert_eq!(json["source"]["detail"], "no node");
        assert!(json["template"].is_null());
    }

    #[test]
    fn every_fault_is_listed_even_when_it_never_happened() {
        let (observed, _) = fake::observed(Instant::now());
        let rejected = observed.snapshot(Instant::now(), 0).shares.rejected;
        assert!(ShareFault::ALL.iter().all(|fault| rejected.get(fault.error_code()) == Some(&0)));
    }
}
