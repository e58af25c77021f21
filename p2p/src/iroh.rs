//! Iroh: streams to a peer that is known by its node id, wherever it is.
//!
//! A node id is a public key; QUIC proves that the peer has its secret. Packets go the
//! best way there is, and change ways while the stream lives: straight to an address, or
//! through a relay until (or for as long as) the two NATs allow nothing better. Above
//! it stands the same Noise session as over TCP, with the pool's authority key.
//!
//! Nobody else's servers are asked for anything by default: no public relays, no public
//! DNS, no lookup service. Where a peer is, is said by the invite, and the relays are its
//! own or its friends': see [`relay`](crate::relay); what else may be asked, says [`lookup`].
//!
//! ```
//! use p2p::{Admission, AdmissionLimits, AuthorityKeypair, WireLimits, noise};
//! use p2p::iroh::{GateLimits, IrohConfig, IrohNode, Policy, SecretKey};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let on_loopback = |secret| IrohConfig {
//!     bind: vec!["127.0.0.1:0".parse().unwrap()],
//!     port_mapping: false,
//!     ..IrohConfig::new(secret)
//! };
//! let pool = IrohNode::bind(on_loopback(SecretKey::generate())).await?;
//! let admission = Admission::new(AdmissionLimits::default());
//! let mut acceptor = pool.listen(Policy::Open, GateLimits::default(), admission);
//! let authority = AuthorityKeypair::generate(&mut rand::thread_rng());
//!
//! let miner = IrohNode::bind(on_loopback(SecretKey::generate())).await?;
//! let stream = miner.dial(&pool.invite(authority.public_key())).await?;
//! let (read, write) = stream.into_split();
//! let limits = WireLimits::client();
//! let connecting = noise::connect(read, write, Some(authority.public_key()), &limits);
//!
//! let serving = async {
//!     let (stream, _permit) = acceptor.accept().await.expect("the node is open");
//!     let (read, write) = stream.into_split();
//!     noise::accept(read, write, &authority, &WireLimits::server()).await
//! };
//! let (connected, served) = tokio::join!(connecting, serving);
//! connected?;
//! served?;
//! # Ok(())
//! # }
//! ```

mod accept;
mod gate;
pub mod lookup;
mod offer;
mod path;
pub mod public_relays;
pub(crate) mod rate;
mod relays;
mod stream;
mod transport;

pub use accept::IrohAcceptor;
pub use gate::{Gate, GateCounts, GateLimits, Policy};
pub use iroh::SecretKey;
pub use lookup::{AddressBook, DhtUse, LookupConfig, Tried, Way};
pub use offer::{OfferError, OfferNews, RELAY_OFFER, RelayOffer};
pub use path::{PathKind, PathReport, PathWatch};
pub use public_relays::PublicRelays;
pub use relays::{OwnRelay, RelayReport, RelayState};
pub use stream::{IrohCloser, IrohRead, IrohStream, IrohWrite};

use crate::{Admission, AuthorityKey, Invite, NodeId, RelayHint, invite, uri::Host, uri::UriError};
use iroh::{
    Endpoint, EndpointAddr, RelayMode, RelayUrl,
    dns::DnsResolver,
    endpoint::{BindOpts, Connection, PortmapperConfig, RecvStream, SendStream, presets},
};
use lookup::Lookup;
use relays::{Prepared, Relays};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use thiserror::Error;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// The protocol spoken on a stream: Stratum V2's mining protocol under Noise, first
/// version of how it is carried.
pub const MINING: &[u8] = b"sv2/mining/1";

/// What a node is made of.
#[derive(Clone, Debug)]
pub struct IrohConfig {
    /// The key that it is known by. Two nodes that run with the same one steal each
    /// other's packets.
    pub secret: SecretKey,
    /// UDP addresses to listen on, at most one of each family; port 0 takes a free one.
    /// A machine without IPv6 may name `[::]` all the same. With none at all packets go
    /// through relays only, and no peer learns an address of this machine.
    pub bind: Vec<SocketAddr>,
    /// Addresses at which the world reaches this machine besides those that it finds
    /// out by itself: forwarded ports.
    pub external: Vec<SocketAddr>,
    /// Ask the router to forward a port (UPnP, PCP, NAT-PMP).
    pub port_mapping: bool,
    /// How peers are looked for, and how this one is found.
    pub lookup: LookupConfig,
    /// Others' relays at which this node waits for those who dial it.
    pub relays: Vec<RelayHint>,
    /// Its own relay, where it runs one: it waits there too.
    pub own_relay: Option<OwnRelay>,
    /// Most relays that those who are let in may offer it; it waits at them too, and names
    /// those that work.
    pub accept_relays: usize,
}

impl IrohConfig {
    /// Any free port, port mapping on, no lookup.
    pub fn new(secret: SecretKey) -> IrohConfig {
        IrohConfig {
            secret,
            bind: vec![(Ipv4Addr::UNSPECIFIED, 0).into(), (Ipv6Addr::UNSPECIFIED, 0).into()],
            external: Vec::new(),
            port_mapping: true,
            lookup: LookupConfig::default(),
            relays: Vec::new(),
            own_relay: None,
            accept_relays: 0,
        }
    }

    /// The lookup that is of use here: none with neighbours where they cannot be reached
    /// directly, and none with the wide world on a node for this machine alone.
    fn useful_lookup(&self) -> LookupConfig {
        let mut lookup = self.lookup.clone();
        if self.bind.iter().all(|address| address.ip().is_loopback()) {
            lookup.mdns = false;
            let alone = !self.bind.is_empty();
            if alone && matches!(&lookup.dht, DhtUse::RelayOnly { bootstrap } if bootstrap.is_empty()) {
                lookup.dht = DhtUse::Off;
            }
        }
        lookup
    }

    /// What suits dialling `invites`: any free port; or one that nobody else sees, where
    /// they are for this machine alone.
    pub fn for_dialling<'a>(
        secret: SecretKey,
        invites: impl IntoIterator<Item = &'a Invite, IntoIter: Clone>,
    ) -> IrohConfig {
        let mut config = IrohConfig::new(secret);
        let invites = invites.into_iter();
        let addresses = invites.clone().flat_map(|invite| &invite.addresses);
        let addresses = addresses.map(|address| Some(address.ip()));
        let relays = invites.clone().flat_map(|invite| &invite.relays).map(|relay| match relay.host {
            Host::Ip(ip) => Some(ip),
            Host::Name(_) => None,
        });
        // Who is named by key alone may be anywhere.
        let alone = invites.filter(|invite| invite.addresses.is_empty() && invite.relays.is_empty());
        let relays = relays.chain(alone.map(|_| None));
        let places: Vec<Option<IpAddr>> = addresses.chain(relays).collect();
        let within_machine =
            !places.is_empty() && places.iter().all(|ip| ip.is_some_and(|ip| ip.is_loopback()));
        if within_machine {
            config.port_mapping = false;
            let loopback = [(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()];
            let is_wanted =
                |own: &SocketAddr| places.iter().flatten().any(|ip| ip.is_ipv4() == own.is_ipv4());
            config.bind = loopback.into_iter().filter(is_wanted).collect();
        }
        config
    }
}

/// Why a node does not work.
#[derive(Debug, Error)]
pub enum IrohError {
    /// The address is of a family that has one already.
    #[error("cannot listen on {0} too: name at most one IPv4 and one IPv6 address")]
    SecondAddress(SocketAddr),
    /// The sockets cannot be had.
    #[error("cannot listen for Iroh on {addresses}: {reason}; free the UDP port or choose another one")]
    Bind {
        /// The addresses asked for.
        addresses: String,
        /// What the system said.
        reason: String,
    },
    /// The peer does not answer, or is not who it should be, or does not want us.
    #[error("cannot reach the node {}: {reason}", node.to_z32())]
    Unreachable {
        /// Who was dialled.
        node: NodeId,
        /// What happened.
        reason: String,
    },
    /// Nothing says where the peer is, and nobody may be asked.
    #[error(
        "nothing says where the node {} is: the invite names neither an address nor a relay, and looking for it (mDNS, \
         DHT) is switched off; switch it on, or ask the pool for another one, as `punchbowl invite` prints it while \
         the pool runs",
        .0.to_z32()
    )]
    NoAddress(NodeId),
    /// Nothing says where the peer is, and those who were asked do not know.
    #[error(
        "the node {} was not found ({tried}); is the pool on? An invite with an address or a relay, which \
         `punchbowl invite` prints while the pool runs, needs no looking",
        node.to_z32()
    )]
    NotFound {
        /// Who was dialled.
        node: NodeId,
        /// Who was asked.
        tried: Tried,
    },
    /// A relay's name cannot be used.
    #[error("the relay {relay} cannot be used: {source}")]
    Relay {
        /// The relay as it was named.
        relay: String,
        /// What is wrong with it.
        source: UriError,
    },
    /// Dialling took too long.
    #[error(
        "the node {} did not answer within {patience:?}, neither directly nor through a relay ({tried}); is it on?",
        node.to_z32()
    )]
    Silent {
        /// Who was dialled.
        node: NodeId,
        /// How long it was waited for.
        patience: Duration,
        /// Where.
        tried: Tried,
    },
}

/// A node: one key, some UDP sockets, any number of streams. Cheap to clone.
#[derive(Clone, Debug)]
pub struct IrohNode {
    endpoint: Endpoint,
    lookup: Lookup,
    relays: Relays,
    /// Most relays of members that it takes.
    accept_relays: usize,
    /// Streams whose last bytes are on their way.
    lingering: TaskTracker,
}

/// How long a dial may take, all addresses together.
const DIAL_PATIENCE: Duration = Duration::from_secs(8);
/// How often a dial is begun anew while the search for the peer goes on.
const ROUNDS: u32 = 3;
/// How long a closing node waits for last bytes to arrive.
const LAST_BYTES: Duration = Duration::from_secs(2);

impl IrohNode {
    /// Takes the sockets and starts.
    ///
    /// # Errors
    /// When the addresses cannot be listened on.
    pub async fn bind(config: IrohConfig) -> Result<IrohNode, IrohError> {
        let relays = Prepared::new(&config.secret, config.own_relay.as_ref(), &config.relays)?;
        let lookup = Lookup::new(config.useful_lookup(), Arc::new(relays.learner()));
        let resolver = DnsResolver::builder().with_system_defaults().disable_fallback().build();
        let mut builder = Endpoint::builder(presets::Minimal)
            .secret_key(config.secret)
            .transport_config(transport::quic())
            // Without tickets there is no 0-RTT, which could be replayed.
            .max_tls_tickets(0)
            // Even an empty map, and not `Disabled`: that one could not dial a peer's relay.
            .relay_mode(RelayMode::Custom(relays.map()))
            .ca_tls_config(relays.pins().for_iroh())
            .dns_resolver(resolver.clone())
            .portmapper_config(if config.port_mapping {
                PortmapperConfig::default()
            } else {
                PortmapperConfig::Disabled
            })
            .clear_ip_transports();
        for address in &config.bind {
            let any_ipv6 = address.is_ipv6() && address.ip().is_unspecified();
            builder = builder
                .bind_addr_with_opts(*address, BindOpts::default().set_is_required(!any_ipv6))
                .map_err(|_| IrohError::SecondAddress(*address))?;
        }
        for address in config.external {
            builder = builder.external_addr(address);
        }
        if lookup.is_on() {
            builder = builder.address_lookup(lookup.clone());
        }
        let endpoint = builder.bind().await.map_err(|error| IrohError::Bind {
            addresses: config.bind.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" and "),
            reason: in_words(&error),
        })?;
        let relays = relays.start(endpoint.clone(), resolver);
        let (lingering, accept_relays) = (TaskTracker::new(), config.accept_relays);
        Ok(IrohNode { endpoint, lookup, relays, accept_relays, lingering })
    }

    /// Lets peers in, as `policy`, `limits` and `admission` (which also counts TCP) say,
    /// and lets itself be found by them. To be called once.
    pub fn listen(&self, policy: Policy, limits: GateLimits, admission: Arc<Admission>) -> IrohAcceptor {
        self.endpoint.set_alpns(vec![MINING.to_vec(), RELAY_OFFER.to_vec()]);
        self.lookup.announce(&self.endpoint, &self.relays.told());
        accept::start(self.clone(), Gate::new(policy, limits, admission))
    }

    /// Opens a stream to a peer, trying all that is said of where it is at once, and all
    /// that is found meanwhile. The peer sees it with the first byte written.
    ///
    /// # Errors
    /// When the peer cannot be found or reached, or does not have the key of its node id.
    pub async fn dial(&self, invite: &Invite) -> Result<IrohStream, IrohError> {
        self.dial_for(invite, MINING).await
    }

    async fn dial_for(&self, invite: &Invite, protocol: &[u8]) -> Result<IrohStream, IrohError> {
        let node = invite.node;
        let to = address_of(invite, self.relays.learn(&self.endpoint, invite).await);
        if to.addrs.is_empty() && !self.lookup.is_on() {
            return Err(IrohError::NoAddress(node));
        }
        let mut search = self.lookup.follow(invite);
        for _ in 0..ROUNDS {
            let dialling = tokio::time::timeout(DIAL_PATIENCE, self.connect(to.clone(), protocol));
            match search.beside(dialling).await {
                Ok(Ok((connection, halves))) => {
                    let found = path::selected_way(&connection).map(|way| search.way_to(&way));
                    let stream = IrohStream::new(connection, halves, self.lingering.clone(), found);
                    self.lookup.take_note(node, stream.path(), search.relays());
                    return Ok(stream);
                }
                Ok(Err(_)) if !search.tried().any_place() => {
                    return Err(IrohError::NotFound { node, tried: search.tried() });
                }
                Ok(Err(reason)) => return Err(IrohError::Unreachable { node, reason }),
                // A late answer may still lead somewhere.
                Err(_) if search.goes_on() => {}
                Err(_) => break,
            }
        }
        Err(IrohError::Silent { node, patience: DIAL_PATIENCE, tried: search.tried() })
    }

    async fn connect(
        &self,
        to: EndpointAddr,
        protocol: &[u8],
    ) -> Result<(Connection, (SendStream, RecvStream)), String> {
        let connection = self.endpoint.connect(to, protocol).await.map_err(|error| in_words(&error))?;
        let halves = connection.open_bi().await.map_err(|error| in_words(&error))?;
        Ok((connection, halves))
    }

    /// What the node is known by.
    pub fn id(&self) -> NodeId {
        self.endpoint.id()
    }

    /// The sockets' own addresses, with the real ports.
    pub fn bound(&self) -> Vec<SocketAddr> {
        self.endpoint.bound_sockets()
    }

    /// Every address at which it may be reached, as far as it knows by now: own addresses,
    /// the router's and the external ones.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        // Known at once for sockets on one address; those on all need a look at the
        // interfaces, which takes a moment after the start.
        let bound = self.bound().into_iter().filter(|bound| !bound.ip().is_unspecified());
        let mut addresses: Vec<SocketAddr> = self.endpoint.addr().ip_addrs().copied().chain(bound).collect();
        addresses.sort();
        addresses.dedup();
        addresses
    }

    /// An invite to this node as the pool of `authority`, with all that the node knows by
    /// now of where it is: own addresses, the router's and the configured ones. Some are
    /// for neighbours only; see [`Invite::public`].
    pub fn invite(&self, authority: AuthorityKey) -> Invite {
        let mut addresses = self.addresses();
        addresses.truncate(invite::MAX_ADDRESSES);
        let mut relays = self.relays.told().to_vec();
        relays.truncate(invite::MAX_RELAYS);
        Invite { node: self.id(), authority, relays, addresses }
    }

    /// How the node stands with each relay that it knows, its own first.
    pub fn relays(&self) -> Arc<[RelayReport]> {
        self.relays.reports().borrow().clone()
    }

    /// The same, to wait for changes.
    pub fn watch_relays(&self) -> watch::Receiver<Arc<[RelayReport]>> {
        self.relays.reports()
    }

    /// Adds an address at which the world reaches this machine.
    pub async fn add_external(&self, address: SocketAddr) {
        self.endpoint.add_external_addr(address).await;
    }

    /// Takes such an address away again.
    pub async fn remove_external(&self, address: SocketAddr) {
        self.endpoint.remove_external_addr(&address).await;
    }

    /// Ends everything; last bytes still arrive where the peer answers in time.
    pub async fn close(&self) {
        self.lingering.close();
        // Peers that do not answer any more are given up.
        let _ = tokio::time::timeout(LAST_BYTES, self.lingering.wait()).await;
        self.endpoint.close().await;
    }
}

/// What an invite says of where the node is.
fn address_of(invite: &Invite, relays: Vec<RelayUrl>) -> EndpointAddr {
    let mut address = EndpointAddr::new(invite.node);
    for relay in relays {
        address = address.with_relay_url(relay);
    }
    for direct in &invite.addresses {
        address = address.with_ip_addr(*direct);
    }
    address
}

/// An error with its causes, which Iroh's own words leave out.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::AuthorityKeypair;

    fn dialling(addresses: &[&str], relays: &[&str]) -> IrohConfig {
        let secret = SecretKey::from_bytes(&[1; 32]);
        let invite = Invite {
            node: SecretKey::from_bytes(&[2; 32]).public(),
            authority: AuthorityKeypair::from_secret_bytes(&[7; 32]).unwrap().public_key(),
            relays: relays.iter().map(|text| text.parse().unwrap()).collect(),
            addresses: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        };
        IrohConfig::for_dialling(secret, [&invite])
    }

    #[test]
    fn dialling_within_this_machine_opens_no_port_to_others() {
        for config in [dialling(&["127.0.0.1:5"], &[]), dialling(&[], &["127.0.0.1:8443"])] {
            assert!(!config.port_mapping);
            assert_eq!(config.bind, ["127.0.0.1:0".parse().unwrap()]);
        }
        assert_eq!(dialling(&["127.0.0.1:5", "[::1]:5"], &[]).bind.len(), 2);
    }

    #[test]
    fn dialling_anywhere_else_uses_every_way_out() {
        for config in [
            dialling(&["127.0.0.1:5", "203.0.113.7:5"], &[]),
            dialling(&["127.0.0.1:5"], &["203.0.113.7"]),
            dialling(&["127.0.0.1:5"], &["localhost.example,ca"]),
            dialling(&[], &[]),
        ] {
            assert!(config.port_mapping);
            assert!(config.bind.iter().all(|address| address.ip().is_unspecified()));
        }
    }

    #[tokio::test]
    async fn two_addresses_of_one_family_are_refused_by_name() {
        let bind = ["127.0.0.1:0", "127.0.0.2:0"].map(|text| text.parse().unwrap()).to_vec();
        let config = IrohConfig { bind, port_mapping: false, ..IrohConfig::new(SecretKey::generate()) };
        let error = IrohNode::bind(config).await.unwrap_err();
        assert!(matches!(error, IrohError::SecondAddress(_)), "{error}");
    }

    #[tokio::test]
    async fn a_port_in_use_is_said_to_be_in_use() {
        let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let bind = vec![taken.local_addr().unwrap()];
        let config = IrohConfig { bind, port_mapping: false, ..IrohConfig::new(SecretKey::generate()) };
        let error = IrohNode::bind(config).await.unwrap_err().to_string();
        assert!(
            error.contains(&taken.local_addr().unwrap().to_string()) && error.contains("in use"),
            "{error}"
        );
    }
}
