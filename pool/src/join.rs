//! `punchbowl join`: a pool's door on another network. Old miners connect here, on their
//! own LAN, and are carried to the pool over Noise, through TCP or Iroh.
//!
//! ```text
//!  SV1 miner ── connection ── session ──┐
//!  SV1 miner ── connection ── session ──┼── uplink ── Upstream ── pool
//!  SV1 miner ── connection ── session ──┘   one channel for each miner
//! ```
//!
//! Each miner has a task, with the same [`connection`](crate::sv1::connection) and session
//! as at the pool's own port. One task owns the way up ([`uplink`]): it never ends because
//! the pool is away. Over a short outage channels are resumed, and what miners have sent
//! meanwhile is delivered; over a long one they are told, stay connected, and are given
//! new channels when a pool is back.

mod channels;
mod messages;
mod miner;
mod uplink;

use crate::server::Closed;
use crate::sv1::{Sv1Port, connection};
use crate::upstream::UpstreamError;
use miner::{Miners, RemoteChannel};
use p2p::iroh::{LookupConfig, SecretKey};
use p2p::tcp::BindError;
use p2p::{Admission, AdmissionLimits, Permit, Target, TcpAcceptor};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
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
    /// Where miners connect.
    pub listen: Vec<SocketAddr>,
    /// How miners' sessions are made.
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
        Ok(Join { config, acceptors })
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
        let (miners, requests) = Miners::new();
        let tasks = TaskTracker::new();
        let port = Sv1Port::new(self.config.session.clone(), rand::random());
        for acceptor in self.acceptors {
            tasks.spawn(listen(acceptor, port.clone(), miners.clone(), tasks.clone(), stop.clone()));
        }
        drop(miners);
        let uplink = uplink::run(&self.config, requests, stop.clone()).await;
        stop.cancel();
        tasks.close();
        // Who does not read is not waited for.
        let _ = tokio::time::timeout(DRAIN, tasks.wait()).await;
        uplink
    }
}

async fn listen(
    acceptor: TcpAcceptor,
    port: Arc<Sv1Port>,
    miners: Miners,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    loop {
        let (stream, peer, permit) = tokio::select! {
            () = stop.cancelled() => return,
            accepted = acceptor.accept() => accepted,
        };
        let channel = miners.newcomer();
        tasks.spawn(serve(stream, peer, permit, port.clone(), channel, stop.clone()));
    }
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    permit: Permit,
    port: Arc<Sv1Port>,
    mut channel: RemoteChannel,
    stop: CancellationToken,
) {
    info!(%peer, "miner connected");
    let (read, write) = stream.into_split();
    let served = connection::serve(read, write, port.session(), &mut channel, STALL, stop).await;
    channel.close().await;
    drop(permit);
    match served {
        Ok(()) => info!(%peer, "miner left"),
        Err(Closed::Stopping) => debug!(%peer, "miner was asked to come back"),
        Err(fault) => info!(%peer, %fault, "miner disconnected"),
    }
}
