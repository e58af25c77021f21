//! Where a peer is, when its invite does not say, or what it says is no longer true.
//!
//! | way | what it knows | who learns of the question |
//! |---|---|---|
//! | address book | where the peer was met before | nobody |
//! | mDNS | addresses of a peer on the same network | the neighbours |
//! | mainline DHT | the relays at which the peer waits | strangers, and their starting nodes |
//!
//! All that is said is of no weight: whoever answers must prove the node id. The first two
//! are asked with each dial, beside what the invite says. The DHT is asked last, when
//! nothing else has led to the peer within a moment, so that a dial that works shows
//! nobody else who is looked for.
//!
//! The other direction is [`Lookup::announce`]: a node that lets peers in answers its
//! neighbours over mDNS, and keeps its relays (never its addresses) in the DHT. Without a
//! relay there is nothing to keep, and the DHT is not spoken to at all.

pub mod address_book;
mod dht;
mod mdns;
pub(super) mod relay_note;
mod search;

pub use address_book::{AddressBook, Place};
pub use search::Tried;

pub(super) use search::Followed;

use super::{PathReport, PathWatch};
use crate::{Invite, NodeId, RelayHint};
use iroh::{
    Endpoint,
    address_lookup::{AddressLookup, EndpointData, Error, Item},
};
use search::{Report, Search};
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
};
use tokio::sync::broadcast;
use tokio_stream::Stream;

/// Which ways of looking for peers, and of being found, are used. None by default.
#[derive(Clone, Debug, Default)]
pub struct LookupConfig {
    /// Ask the neighbours, and answer them where peers are let in. Not on a node that
    /// listens on loopback alone, which has none.
    pub mdns: bool,
    /// The mainline DHT.
    pub dht: DhtUse,
    /// Where peers were met before.
    pub address_book: Option<AddressBook>,
}

impl LookupConfig {
    /// The ways of asking others that are not used.
    fn off(&self) -> Vec<Way> {
        let mdns = (!self.mdns).then_some(Way::Mdns);
        let dht = (self.dht == DhtUse::Off).then_some(Way::Dht);
        mdns.into_iter().chain(dht).collect()
    }
}

/// How the mainline DHT is used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DhtUse {
    /// Not at all.
    #[default]
    Off,
    /// To publish the relays at which this node waits, and to ask for those of others.
    RelayOnly {
        /// Nodes to start from, as `host:port`; the well-known ones where there is none.
        bootstrap: Vec<String>,
    },
}

/// How an address came to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// It stands in the invite.
    Invite,
    /// The peer was met there before.
    AddressBook,
    /// A neighbour said so.
    Mdns,
    /// The peer published it in the mainline DHT.
    Dht,
    /// The peer, or a relay, told it while connecting.
    Peer,
}

impl Way {
    /// A word for it: `invite`, `address-book`, `mdns`, `dht` or `peer`.
    pub fn name(self) -> &'static str {
        match self {
            Way::Invite => "invite",
            Way::AddressBook => "address-book",
            Way::Mdns => "mdns",
            Way::Dht => "dht",
            Way::Peer => "peer",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Way::Invite => "the invite",
            Way::AddressBook => "the address book",
            Way::Mdns => "this network (mDNS)",
            Way::Dht => "the mainline DHT",
            Way::Peer => "the peer",
        })
    }
}

/// What one way has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Found {
    addresses: Vec<SocketAddr>,
    relays: Vec<RelayHint>,
}

/// Has a relay of a node recognised by the key that it must have, and looked after; `false`
/// where it cannot be, so that it must not be used.
pub(super) type TrustRelay = Arc<dyn Fn(NodeId, &RelayHint) -> bool + Send + Sync>;

/// A node's part in finding and being found. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lookup {
    config: LookupConfig,
    trust: TrustRelay,
    reports: broadcast::Sender<Report>,
    over: broadcast::Sender<NodeId>,
}

/// Reports of searches, and their ends, that may wait for a dialler.
const WAITING_REPORTS: usize = 64;

impl Lookup {
    /// `trust` is asked about each relay before it is used.
    pub(super) fn new(config: LookupConfig, trust: TrustRelay) -> Lookup {
        let (reports, over) =
            (broadcast::Sender::new(WAITING_REPORTS), broadcast::Sender::new(WAITING_REPORTS));
        Lookup { config, trust, reports, over }
    }

    /// Whether there is any way to find a peer of which nothing but its id is known.
    pub(super) fn is_on(&self) -> bool {
        self.config.mdns || self.config.dht != DhtUse::Off || self.config.address_book.is_some()
    }

    /// Follows the search that dialling `invite` starts; dropped, it ends the search.
    pub(super) fn follow(&self, invite: &Invite) -> Followed {
        Followed::new(invite, self.config.clone(), self.reports.subscribe(), self.over.clone())
    }

    /// Notes every place at which the peer of a dialled connection is met, for as long as
    /// it lives. `relays` describe those that it may be met at.
    pub(super) fn take_note(&self, peer: NodeId, mut path: PathWatch, relays: Vec<RelayHint>) {
        let Some(book) = self.config.address_book.clone() else { return };
        tokio::spawn(async move {
            loop {
                if let Some(place) = path.report().and_then(|report| place_of(&report, &relays)) {
                    book.met(peer, place);
                }
                if !path.changes().await {
                    return;
                }
            }
        });
    }

    /// Has this node found by others from now on. `waits_at` are its relays: which of them
    /// is published Iroh decides, how to know them is published with it.
    pub(super) fn announce(&self, endpoint: &Endpoint, waits_at: &[RelayHint]) {
        endpoint.set_user_data_for_address_lookup(relay_note::write(waits_at));
        // Fails only when the endpoint is closed.
        let Ok(services) = endpoint.address_lookup() else { return };
        if self.config.mdns {
            match mdns::answer(endpoint.id()) {
                Ok(answering) => services.add(AnnounceOnly(answering)),
                Err(error) => tracing::warn!(
                    error = super::in_words(&error),
                    "mDNS does not work here; members on this network need the pool's address in their invite"
                ),
            }
        }
        if let DhtUse::RelayOnly { bootstrap } = &self.config.dht {
            services.add(dht::Publisher::start(endpoint.secret_key().clone(), bootstrap.clone()));
        }
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").field("config", &self.config).finish_non_exhaustive()
    }
}

impl AddressLookup for Lookup {
    fn resolve(&self, node: NodeId) -> Option<Pin<Box<dyn Stream<Item = Result<Item, Error>> + Send>>> {
        let (config, trust) = (self.config.clone(), Arc::clone(&self.trust));
        let search = Search { node, config, trust, reports: self.reports.clone() };
        Some(search.start(self.over.subscribe()))
    }
}

/// The place that a path leads to, if it means the same another time.
fn place_of(path: &PathReport, relays: &[RelayHint]) -> Option<Place> {
    if let Some(address) = path.address {
        let lacks_interface = match address.ip() {
            IpAddr::V4(_) => false,
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        let plain = SocketAddr::new(address.ip().to_canonical(), address.port());
        return (!lacks_interface).then_some(Place::Address(plain));
    }
    let url = path.relay.as_deref()?;
    let relay = relays.iter().find(|relay| relay.url().is_ok_and(|known| known.as_str() == url))?;
    Some(Place::Relay(relay.clone()))
}

/// Announces and finds nothing: a peer that is found must be found in a way that has a
/// name, see [`Way`].
#[derive(Debug)]
struct AnnounceOnly<T>(T);

impl<T: AddressLookup> AddressLookup for AnnounceOnly<T> {
    fn publish(&self, data: &EndpointData) {
        self.0.publish(data);
    }
}
