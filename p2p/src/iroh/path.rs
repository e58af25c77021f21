//! Which way the packets of a connection go, now and before.

use super::stream::Held;
use crate::NodeId;
use iroh::{
    TransportAddr,
    endpoint::{Connection, PathEvent, WeakConnectionHandle},
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;
use tokio_stream::StreamExt;
use tracing::info;

/// A way for packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PathKind {
    /// Within this machine or the local network.
    Lan,
    /// Straight over the internet.
    Direct,
    /// Through a relay.
    Relayed,
    /// Not known yet, or the connection has ended.
    Unknown,
}

impl PathKind {
    /// Every kind.
    pub const ALL: [PathKind; 4] = [PathKind::Lan, PathKind::Direct, PathKind::Relayed, PathKind::Unknown];

    /// A word for it: `lan`, `direct`, `relayed` or `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            PathKind::Lan => "lan",
            PathKind::Direct => "direct",
            PathKind::Relayed => "relayed",
            PathKind::Unknown => "unknown",
        }
    }

    fn of(way: &TransportAddr) -> PathKind {
        match way {
            TransportAddr::Ip(address) if is_local(address.ip()) => PathKind::Lan,
            TransportAddr::Ip(_) => PathKind::Direct,
            TransportAddr::Relay(_) => PathKind::Relayed,
            _ => PathKind::Unknown,
        }
    }
}

/// A connection's path at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathReport {
    /// What kind it is.
    pub kind: PathKind,
    /// The peer's address, where packets go straight to it.
    pub address: Option<SocketAddr>,
    /// The relay, where they do not.
    pub relay: Option<String>,
    /// Time there and back, as QUIC estimates it.
    pub rtt: Duration,
    /// Packets lost on the path.
    pub lost_packets: u64,
    /// Datagrams sent on the path.
    pub sent_datagrams: u64,
    /// How often the path has changed since the connection was made.
    pub switches: u32,
}

/// Looks at a connection's path without keeping the connection open. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PathWatch {
    connection: WeakConnectionHandle,
    kind: watch::Receiver<PathKind>,
    switches: Arc<AtomicU32>,
}

impl PathWatch {
    pub(super) fn start(held: &Held) -> PathWatch {
        let connection = held.connection();
        // Subscribed before the first look, so that no change falls between the two.
        let mut events = connection.path_events();
        let first = selected(connection);
        if let Some((way, rtt, ..)) = &first {
            say(connection.remote_id(), way, *rtt);
        }
        let now = first.as_ref().map_or(PathKind::Unknown, |(way, ..)| PathKind::of(way));
        let (sender, kind) = watch::channel(now);
        let switches = Arc::new(AtomicU32::new(0));
        let (counter, peer) = (Arc::clone(&switches), connection.remote_id());
        let weak = connection.weak_handle();
        let said = first.map(|(way, ..)| way);
        tokio::spawn(async move {
            let (mut way, mut said) = (None, said);
            // Ends with the connection.
            while let Some(event) = events.next().await {
                let PathEvent::Selected { remote_addr, .. } = event else { continue };
                if way.replace(remote_addr.clone()).is_some_and(|before| before != remote_addr) {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
                let kind = PathKind::of(&remote_addr);
                if said.as_ref() != Some(&remote_addr) {
                    let selected = weak.upgrade().as_ref().and_then(selected);
                    say(peer, &remote_addr, selected.map_or(Duration::ZERO, |(_, rtt, ..)| rtt));
                    said = Some(remote_addr);
                }
                sender.send_replace(kind);
            }
            sender.send_replace(PathKind::Unknown);
        });
        PathWatch { connection: connection.weak_handle(), kind, switches }
    }

    /// The kind of path now.
    pub fn kind(&self) -> PathKind {
        *self.kind.borrow()
    }

    /// Waits until the kind of path has changed since this was last asked; for ever, when
    /// the connection has ended. Cancel-safe.
    pub async fn changed(&mut self) {
        if self.kind.changed().await.is_err() {
            std::future::pending().await
        }
    }

    /// Waits for the next change of path; `false` when the connection has ended.
    pub(super) async fn changes(&mut self) -> bool {
        self.kind.changed().await.is_ok()
    }

    /// Waits until the path is of this kind; `false` when the connection ends first.
    pub async fn becomes(&self, wanted: PathKind) -> bool {
        let mut kind = self.kind.clone();
        kind.wait_for(|now| *now == wanted).await.is_ok()
    }

    /// The path in figures; `None` when the connection has ended or has none.
    pub fn report(&self) -> Option<PathReport> {
        let connection = self.connection.upgrade()?;
        let (way, rtt, lost_packets, sent_datagrams) = selected(&connection)?;
        Some(PathReport {
            kind: PathKind::of(&way),
            address: match &way {
                TransportAddr::Ip(address) => Some(*address),
                _ => None,
            },
            relay: match &way {
                TransportAddr::Relay(url) => Some(url.to_string()),
                _ => None,
            },
            rtt,
            lost_packets,
            sent_datagrams,
            switches: self.switches.load(Ordering::Relaxed),
        })
    }
}

fn say(peer: NodeId, way: &TransportAddr, rtt: Duration) {
    info!(node = peer.to_z32(), path = PathKind::of(way).name(), ?way, ?rtt, "packets to a node go this way");
}

/// The way that packets of `connection` go now.
pub(super) fn selected_way(connection: &Connection) -> Option<TransportAddr> {
    selected(connection).map(|(way, ..)| way)
}

fn selected(connection: &Connection) -> Option<(TransportAddr, Duration, u64, u64)> {
    let paths = connection.paths();
    let path = paths.iter().find(|path| path.is_selected())?;
    let stats = path.stats();
    Some((path.remote_addr().clone(), stats.rtt, stats.lost_packets, stats.udp_tx.datagrams))
}

/// Whether an address is one that only neighbours have.
pub(super) fn is_local(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn addresses_of_neighbours_are_lan_and_others_direct() {
        let kind = |text: &str| PathKind::of(&TransportAddr::Ip(text.parse().unwrap()));
        for lan in ["127.0.0.1:1", "192.168.1.7:1", "[fd00::1]:1", "[fe80::1]:1", "[::ffff:10.0.0.1]:1"] {
            assert_eq!(kind(lan), PathKind::Lan, "{lan}");
        }
        for direct in ["203.0.113.5:1", "100.64.0.1:1", "[2001:db8::1]:1"] {
            assert_eq!(kind(direct), PathKind::Direct, "{direct}");
        }
    }
}
