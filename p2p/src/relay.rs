//! A relay: passes sealed packets on between two nodes that do not reach each other.
//!
//! It speaks the protocol of Iroh's relays, over TLS on a TCP port that few networks
//! block, and tells over UDP which address somebody has (QAD, QUIC address discovery), so
//! that the two can try to reach each other without it. It sees who talks to whom and how
//! much, never what.
//!
//! Iroh's `RelayService` does the relaying. In front of it stand what it does not have: a
//! waiting room for connections that have not proved who they are, out of which the one
//! that waits longest is put when it is full, so that silence never keeps a member out; a
//! rate by address; and members only.
//!
//! Any other request over HTTPS is answered by a handler that is passed in, so that a web
//! page may share the port.

mod access;
mod counts;
mod qad;
mod serve;
mod tcp;
mod waiting;

pub use counts::RelayCounts;
pub use serve::{PageAnswer, PageBody, PageRequest, Pages};

use crate::{
    NodeId,
    iroh::Policy,
    relay_trust::{CertificateError, server_config},
};
use access::Access;
use counts::Counters;
use iroh_base::SecretKey;
use iroh_relay::{
    KeyCache,
    server::{ClientRateLimit, Handlers, Metrics, RelayService},
};
use serve::Front;
use std::{fmt, io, net::SocketAddr, num::NonZeroU32, sync::Arc, time::Duration};
use thiserror::Error;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use waiting::WaitingRoom;

/// What a relay is made of.
pub struct RelayServerConfig {
    /// Its node key, which is its certificate's key too.
    pub secret: SecretKey,
    /// Where it listens for TLS; port 0 takes a free one.
    pub tcp: SocketAddr,
    /// Where it tells others their address, over UDP; none for not at all. Others ask at the
    /// port that its [`RelayHint`](crate::RelayHint) names.
    pub qad: Option<SocketAddr>,
    /// Who may use it. Its own node always may.
    pub policy: Policy,
    /// How much.
    pub limits: RelayLimits,
    /// Answers requests for web pages; none for a page that says what this is.
    pub pages: Option<Pages>,
}

impl fmt::Debug for RelayServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelayServerConfig({} at {})", self.secret.public().to_z32(), self.tcp)
    }
}

/// What others may take of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayLimits {
    /// Nodes at a time.
    pub clients: usize,
    /// Connections at a time of one node.
    pub connections_per_node: usize,
    /// Connections at a time that have not proved who they are.
    pub waiting: usize,
    /// The same from one address.
    pub waiting_per_address: usize,
    /// How long one may take to prove it.
    pub patience: Duration,
    /// Bytes a second that are read from one connection on average; what comes faster
    /// waits.
    pub bytes_per_second: NonZeroU32,
    /// Askers for their address at a time.
    pub askers: usize,
}

impl Default for RelayLimits {
    fn default() -> RelayLimits {
        const MEBIBYTE: NonZeroU32 = NonZeroU32::new(1024 * 1024).unwrap();
        RelayLimits {
            clients: 1024,
            // The node, the one that looks after its place, and their successors while a
            // dead connection is not known to be dead.
            connections_per_node: 8,
            waiting: 256,
            waiting_per_address: 32,
            patience: Duration::from_secs(10),
            bytes_per_second: MEBIBYTE,
            askers: 2048,
        }
    }
}

/// Why there is no relay.
#[derive(Debug, Error)]
pub enum RelayServerError {
    /// The TCP port cannot be had.
    #[error("a relay cannot listen on TCP {address}: {source}; {}", remedy(source))]
    Tcp {
        /// The address asked for.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
    /// The UDP port cannot be had.
    #[error("a relay cannot tell others their address on UDP {address}: {source}; {}", remedy(source))]
    Qad {
        /// The address asked for.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
    /// There is no certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// QUIC does not take the certificate's ciphers.
    #[error("the relay's TLS does not suit QUIC: {0}")]
    Ciphers(String),
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need a permission (setcap cap_net_bind_service=+ep on the program, or \
             AmbientCapabilities in systemd): give it, or choose another port"
        }
        io::ErrorKind::AddrInUse => "something else listens there: stop it, or choose another port",
        _ => "choose another address or port",
    }
}

/// A running relay. It stops when dropped; [`close`](RelayServer::close) waits for that.
#[derive(Debug)]
pub struct RelayServer {
    id: NodeId,
    tcp: SocketAddr,
    qad: Option<SocketAddr>,
    watch: RelayWatch,
    service: RelayService,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// Looks at a relay's counters and changes who may use it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct RelayWatch {
    access: Arc<Access>,
    waiting: Arc<WaitingRoom>,
    counters: Arc<Counters>,
    traffic: Arc<Metrics>,
}

/// Keys that are remembered as well-formed, so that a packet's receiver need not be
/// checked again.
const KNOWN_KEYS: usize = 1024;
/// How much more than a second's bytes may come at once.
const BURST_SECONDS: u32 = 4;

impl RelayServer {
    /// Takes the ports and starts.
    ///
    /// # Errors
    /// When a port cannot be had.
    pub async fn start(config: RelayServerConfig) -> Result<RelayServer, RelayServerError> {
        let RelayServerConfig { secret, tcp, qad, policy, limits, pages } = config;
        let id = secret.public();
        let tls = server_config(&secret)?;
        let listener = tcp::listen(tcp).map_err(|source| RelayServerError::Tcp { address: tcp, source })?;
        let tcp = listener.local_addr().map_err(|source| RelayServerError::Tcp { address: tcp, source })?;
        let counters = Arc::new(Counters::default());
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());

        let qad = match qad {
            None => None,
            Some(address) => {
                let asked = qad::start(address, &tls, limits, &counters, &stop, &tasks)?;
                Some(asked)
            }
        };
        let waiting = Arc::new(WaitingRoom::new(limits.waiting, limits.waiting_per_address));
        let access = Arc::new(Access::new(id, policy, limits, Arc::clone(&waiting)));
        let traffic = Arc::new(Metrics::default());
        let mut rate = ClientRateLimit::new(limits.bytes_per_second);
        rate.max_burst_bytes =
            limits.bytes_per_second.checked_mul(BURST_SECONDS.try_into().unwrap_or(NonZeroU32::MIN));
        let service = RelayService::new(
            Handlers::default(),
            Default::default(),
            Some(rate),
            KeyCache::new(KNOWN_KEYS),
            Arc::<Access>::clone(&access),
            Arc::clone(&traffic),
        );
        let front = Front::new(service.clone(), tls, pages, limits.patience);
        let serving = tcp::accept(
            listener,
            front,
            Arc::clone(&waiting),
            Arc::clone(&counters),
            stop.clone(),
            tasks.clone(),
        );
        tasks.spawn(serving);
        let watch = RelayWatch { access, waiting, counters, traffic };
        Ok(RelayServer { id, tcp, qad, watch, service, stop, tasks })
    }

    /// Whose key the certificate carries.
    pub fn id(&self) -> NodeId {
        self.id
    }

    /// Where it listens for TLS, with its real port.
    pub fn tcp(&self) -> SocketAddr {
        self.tcp
    }

    /// Where it tells others their address, with its real port.
    pub fn qad(&self) -> Option<SocketAddr> {
        self.qad
    }

    /// To look at it while it runs.
    pub fn watch(&self) -> RelayWatch {
        self.watch.clone()
    }

    /// Ends every connection, and gives back the ports.
    pub async fn close(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.service.shutdown().await;
        self.tasks.wait().await;
    }
}

impl Drop for RelayServer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl RelayWatch {
    /// What happened so far.
    pub fn counts(&self) -> RelayCounts {
        let (clients, denied) = self.access.counts();
        let (waiting, put_out) = self.waiting.counts();
        RelayCounts {
            clients,
            waiting,
            put_out,
            denied,
            accepted: self.counters.accepted.get(),
            hurried: self.counters.hurried.get(),
            late: self.counters.late.get(),
            bytes_received: self.traffic.bytes_recv.get(),
            bytes_sent: self.traffic.bytes_sent.get(),
            slowed_down: self.traffic.conns_rx_ratelimited_total.get(),
            told_address: self.counters.told.get(),
            askers_refused: self.counters.askers_refused.get(),
        }
    }

    /// Lets others use it from now on. Who has a connection keeps it.
    pub fn set_policy(&self, policy: Policy) {
        self.access.set_policy(policy);
    }
}
