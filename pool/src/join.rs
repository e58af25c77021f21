//! `punchbowl join`: a pool's door on another network. Miners connect here, on their own LAN,
//! and are carried to the pool over Noise, through TCP or Iroh.
//!
//! ```text
//!  SV1 miner ── connection ── session ──┐
//!  SV2 miner ── Noise ── sv2 session ───┼── crowd ── uplink ── Upstream ── pool
//!  SV1 miner ── connection ── session ──┘   one channel for each miner, or one for all
//! ```
//!
//! One port serves both protocols: the first bytes tell. Each connection has a task; an old
//! miner's has the same [`connection`](crate::sv1::connection) and session as at the pool's
//! own port. One task owns the way up ([`uplink`]): it never ends because the pool is away.
//! Over a short outage channels are resumed, and what miners have sent meanwhile is
//! delivered; over a long one they are told, stay connected, and are given new channels when
//! a pool is back.

mod aggregate;
mod channels;
mod crowd;
mod fail_back;
mod job;
mod messages;
mod miner;
mod news;
pub mod status;
mod sv2;
mod uplink;
mod watch;

use crate::known_heads::KnownHeads;
use crate::server::Closed;
use crate::server::acceptor::FirstBytes;
use crate::sv1::{Sv1Port, connection};
use crate::upstream::UpstreamError;
use miner::Miners;
use p2p::iroh::{LookupConfig, SecretKey};
use p2p::tcp::BindError;
use p2p::{Admission, AdmissionLimits, AuthorityKey, AuthorityKeypair, Deadlines, Target, TcpAcceptor};
use status::{JoinStatus, Present};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use sv2::Sv2Port;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info};
use translator::SessionConfig;

/// What to join, and for whom.
#[derive(Clone, Debug)]
pub struct JoinConfig {
    /// The pools, the preferred one first.
    pub pools: Vec<Target>,
    /// What we are known by where a node id is dialled.
    pub identity: SecretKey,
    /// How a node id is looked for, where the invite does not lead to it.
    pub lookup: LookupConfig,
    /// Dial a node id through relays only.
    pub relay_only: bool,
    /// Who is credited; where it is not said, each miner says it for itself.
    pub user: Option<String>,
    /// All miners share one channel at the pool; takes a `user`.
    pub aggregated: bool,
    /// How long a preferred pool must be there again before miners go back to it.
    pub fail_back_after: Duration,
    /// Where miners connect.
    pub listen: Vec<SocketAddr>,
    /// What Stratum V2 miners know this helper by.
    pub authority: Arc<AuthorityKeypair>,
    /// The heads that pools have shown before, if their ledgers are to be checked all the
    /// time.
    pub check: Option<KnownHeads>,
    /// How old miners' sessions are made.
    pub session: SessionConfig,
}

/// Why miners cannot be served.
#[derive(Debug, Error)]
pub enum JoinError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// There is no UDP socket to dial with.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

/// Miners at a time: as many as a pool gives channels to one connection.
const MAX_MINERS: usize = 1_000;
/// How long a miner may take nothing of what it is sent.
const STALL: Duration = Duration::from_secs(20);
/// How long miners may take their leave.
const DRAIN: Duration = Duration::from_secs(5);

/// A helper that listens and does not serve yet.
#[derive(Debug)]
pub struct Join {
    config: JoinConfig,
    acceptors: Vec<TcpAcceptor>,
    admission: Arc<Admission>,
    status: Arc<JoinStatus>,
}

impl Join {
    /// Listens where `config` says.
    ///
    /// # Errors
    /// When an address cannot be had.
    pub fn bind(config: JoinConfig) -> Result<Join, JoinError> {
        let limits = AdmissionLimits {
            total: MAX_MINERS,
            per_address: MAX_MINERS,
            loopback: MAX_MINERS,
            ..AdmissionLimits::default()
        };
        let admission = Admission::new(limits);
        let bind = |address: &SocketAddr| TcpAcceptor::bind(*address, admission.clone());
        let acceptors = config.listen.iter().map(bind).collect::<Result<_, _>>()?;
        let status = JoinStatus::new(config.aggregated);
        Ok(Join { config, acceptors, admission, status })
    }

    /// What Stratum V2 miners know this helper by.
    pub fn authority(&self) -> AuthorityKey {
        self.config.authority.public_key()
    }

    /// What it is doing, from now on.
    pub fn status(&self) -> Arc<JoinStatus> {
        self.status.clone()
    }

    /// Where it listens, with the ports that the system gave.
    pub fn listening(&self) -> Vec<SocketAddr> {
        self.acceptors.iter().map(TcpAcceptor::local_addr).collect()
    }

    /// Serves miners until `stop` is cancelled, whatever becomes of the pool.
    ///
    /// # Errors
    /// When there is no socket to dial with.
    pub async fn run(self, stop: CancellationToken) -> Result<(), JoinError> {
        let (miners, requests) = Miners::new(self.status.clone());
        let tasks = TaskTracker::new();
        let sv1 = Sv1Port::new(self.config.session.clone(), rand::random());
        let sv2 = Arc::new(Sv2Port {
            authority: self.config.authority.clone(),
            admission: self.admission,
            extranonces: sv1.clone(),
            miners: miners.clone(),
            session: self.config.session.clone(),
        });
        let doors = Doors { sv1, sv2, miners };
        for acceptor in self.acceptors {
            tasks.spawn(listen(acceptor, doors.clone(), tasks.clone(), stop.clone()));
        }
        drop(doors);
        let uplink = uplink::run(&self.config, requests, self.status, stop.clone()).await;
        stop.cancel();
        tasks.close();
        // Who does not read is not waited for.
        let _ = tokio::time::timeout(DRAIN, tasks.wait()).await;
        uplink
    }
}

/// What a newcomer may turn out to need.
#[derive(Clone)]
struct Doors {
    sv1: Arc<Sv1Port>,
    sv2: Arc<Sv2Port>,
    miners: Miners,
}

async fn listen(acceptor: TcpAcceptor, doors: Doors, tasks: TaskTracker, stop: CancellationToken) {
    loop {
        let (stream, peer, permit) = tokio::select! {
            () = stop.cancelled() => return,
            accepted = acceptor.accept() => accepted,
        };
        let (doors, stop) = (doors.clone(), stop.clone());
        tasks.spawn(async move {
            info!(%peer, "miner connected");
            match serve(stream, doors, stop).await {
                Ok(()) => info!(%peer, "miner left"),
                Err(Closed::Stopping) => debug!(%peer, "miner was asked to come back"),
                Err(fault) => info!(%peer, %fault, "miner disconnected"),
            }
            drop(permit);
        });
    }
}

async fn serve(stream: TcpStream, doors: Doors, stop: CancellationToken) -> Result<(), Closed> {
    let Doors { sv1, sv2, miners } = doors;
    let (mut read, write) = stream.into_split();
    let first = tokio::time::timeout(Deadlines::default().handshake, read.are_sv1());
    let is_sv1 = tokio::select! {
        () = stop.cancelled() => return Err(Closed::Stopping),
        first = first => first.map_err(|_| Closed::HandshakeLate)?.map_err(p2p::WireError::Io)?,
    };
    if !is_sv1 {
        // Boxed, so that old miners need not have room for it.
        return Box::pin(sv2::serve(read, write, sv2, stop)).await;
    }
    let status = miners.status().clone();
    let _present = Present::in_count(&status.sv1);
    let mut channel = miners.newcomer();
    let served = connection::serve(read, write, sv1.session(), &mut channel, STALL, stop).await;
    channel.close().await;
    served
}
