//! The Stratum V2 mining server: accepts connections and gives each a session.

pub mod acceptor;
mod audit;
pub mod block;
pub mod keep_alive;
pub mod parking;
mod session;
pub mod setup;
pub mod share_log;

use crate::audit::{ListenError, Listeners};
use crate::extranonces::Extranonces;
use crate::job::board::JobBoard;
use crate::payout::PayoutMode;
use crate::status::{Path, Status};
use crate::sv1::{self, Sv1Port};
use acceptor::{Acceptor, FirstBytes, Newcomer};
use block::FoundBlock;
use keep_alive::KeepAlivePolicy;
use ledger::{LedgerGone, LedgerHandle};
use p2p::{
    Admission, AuthorityKeypair, Deadlines, FrameReader, FrameWriter, HandshakeError, WireError, WireLimits,
    noise,
};
use parking::ParkingLot;
pub(crate) use session::{LAST_SHARES, NTIME_AHEAD};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info};
use translator::{Goodbye, LineTooLong};
use work::VardiffConfig;

/// What every session uses; immutable, or made to be shared.
pub struct ServerContext {
    /// Proves to clients that this is their pool.
    pub authority: AuthorityKeypair,
    /// Bounds on what one connection may buffer.
    pub limits: WireLimits,
    /// How long a client may take for each step.
    pub deadlines: Deadlines,
    /// Channels that one connection may open.
    pub max_channels: usize,
    /// Worker names told apart on one channel.
    pub max_workers: usize,
    /// How share difficulty follows each miner.
    pub vardiff: VardiffConfig,
    /// Whether it follows at all.
    pub retarget: bool,
    /// Extensions offered and insisted on.
    pub extensions: ExtensionPolicy,
    /// How often clients that can say so are to say that they are there.
    pub keep_alive: KeepAlivePolicy,
    /// Where channels wait whose connection died.
    pub parking: Arc<ParkingLot>,
    /// Who is paid.
    pub payouts: Arc<PayoutMode>,
    /// The search space.
    pub extranonces: Extranonces,
    /// Where jobs come from.
    pub board: JobBoard,
    /// Where accepted shares go.
    pub ledger: LedgerHandle,
    /// Where members read them.
    pub listeners: Arc<Listeners>,
    /// Where solved blocks go.
    pub blocks: mpsc::Sender<FoundBlock>,
    /// Counters.
    pub status: Arc<Status>,
}

/// Which extensions are offered to clients and which they must have.
#[derive(Clone, Debug, Default)]
pub struct ExtensionPolicy {
    /// Offered.
    pub supported: Vec<u16>,
    /// Insisted on.
    pub required: Vec<u16>,
}

/// Why a connection was closed, other than by the peer's leaving.
#[derive(Debug, Error)]
pub enum Closed {
    /// No Noise session came about.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The handshake took too long.
    #[error("the Noise handshake was not done in time")]
    HandshakeLate,
    /// The connection broke, or what came over it could not be decrypted.
    #[error(transparent)]
    Wire(WireError),
    /// A known message that cannot be read.
    #[error("a malformed {0}")]
    Malformed(&'static str),
    /// Something else came before `SetupConnection`.
    #[error("message type {msg_type:#04x} came before SetupConnection")]
    SetupMissing {
        /// What came.
        msg_type: u8,
    },
    /// `SetupConnection` came a second time.
    #[error("SetupConnection came twice")]
    SetupTwice,
    /// `SetupConnection` did not come in time.
    #[error("SetupConnection did not come in time")]
    SetupLate,
    /// `SetupConnection` was answered with an error.
    #[error("SetupConnection was refused: {0}")]
    SetupRefused(&'static str),
    /// The client went on without the extensions that the pool insists on.
    #[error("the client did not negotiate an extension that this pool requires")]
    ExtensionsMissing,
    /// No channel was opened in time.
    #[error("no channel was opened in time")]
    NoChannel,
    /// An SV1 miner's session came to its end.
    #[error("an SV1 miner was disconnected: {0}")]
    Sv1(Goodbye),
    /// An SV1 miner's line is too long.
    #[error("an SV1 miner sent {0}")]
    Line(#[from] LineTooLong),
    /// An SV1 miner began a line and did not end it.
    #[error("an SV1 miner did not end its line in time")]
    LineLate,
    /// The client said nothing any more, though it had promised to.
    #[error("the client has been silent for {0:?}")]
    Silent(Duration),
    /// Shares cannot be written down any more, so that none can be accepted.
    #[error(transparent)]
    Ledger(#[from] LedgerGone),
    /// The ledger cannot be read for a member who checks it.
    #[error("reading the ledger for a member: {0}")]
    Audit(#[from] ListenError),
    /// The pool is stopping.
    #[error("the pool is stopping")]
    Stopping,
}

/// What is spoken at a port.
#[derive(Clone, Debug)]
pub enum Door {
    /// Stratum V2.
    Sv2,
    /// Stratum V1.
    Sv1(Arc<Sv1Port>),
    /// Either: the first bytes tell.
    Both(Arc<Sv1Port>),
}

/// Accepts connections at `acceptor`, where `door` is spoken, until `shutdown` is cancelled. Sessions run on
/// `sessions` and end on their own when `shutdown` is cancelled; those that cannot, as
/// their peer does not read, are dropped when `abandon` is.
pub async fn listen(
    mut acceptor: impl Acceptor,
    door: Door,
    admission: Arc<Admission>,
    context: Arc<ServerContext>,
    sessions: TaskTracker,
    shutdown: CancellationToken,
    abandon: CancellationToken,
) {
    loop {
        let newcomer = tokio::select! {
            () = shutdown.cancelled() => return,
            newcomer = acceptor.next() => newcomer,
        };
        let Some(newcomer) = newcomer else { return };
        let (admission, context, shutdown) = (admission.clone(), context.clone(), shutdown.clone());
        let door = door.clone();
        let abandoned = abandon.clone().cancelled_owned();
        sessions.spawn(async move {
            tokio::select! {
                () = abandoned => {}
                () = enter(newcomer, door, &admission, context, shutdown) => {}
            }
        });
    }
}

/// Finds out what a newcomer speaks, and serves it.
async fn enter<R, W>(
    mut newcomer: Newcomer<R, W>,
    door: Door,
    admission: &Admission,
    context: Arc<ServerContext>,
    shutdown: CancellationToken,
) where
    R: AsyncRead + FirstBytes + Unpin,
    W: AsyncWrite + Unpin,
{
    let port = match door {
        Door::Sv2 => None,
        Door::Sv1(port) => Some(port),
        Door::Both(port) => {
            let first = tokio::time::timeout(context.deadlines.handshake, newcomer.read.are_sv1());
            let first = tokio::select! {
                () = shutdown.cancelled() => return,
                first = first => first,
            };
            match first {
                Ok(Ok(is_sv1)) => is_sv1.then_some(port),
                Ok(Err(fault)) => {
                    return report(&newcomer.path, Err(WireError::Io(fault).into()), &context.status);
                }
                Err(_) => return report(&newcomer.path, Err(Closed::HandshakeLate), &context.status),
            }
        }
    };
    match port {
        None => connection(newcomer, admission, context, shutdown).await,
        // Boxed, so that SV2 connections need not have room for it.
        Some(port) => Box::pin(sv1_connection(newcomer, port, context, shutdown)).await,
    }
}

async fn sv1_connection<R, W>(
    newcomer: Newcomer<R, W>,
    port: Arc<Sv1Port>,
    context: Arc<ServerContext>,
    shutdown: CancellationToken,
) where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let Newcomer { read, write, path, permit: _permit } = newcomer;
    let status = context.status.connections.opened(path.clone());
    status.set_sv1();
    let served = sv1::serve(read, write, port, context.clone(), status, shutdown).await;
    report(&path, served, &context.status);
}

async fn connection<R, W>(
    newcomer: Newcomer<R, W>,
    admission: &Admission,
    context: Arc<ServerContext>,
    shutdown: CancellationToken,
) where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let Newcomer { read, write, path, permit: _permit } = newcomer;
    // Boxed, so that what the handshake needs is given back before the session starts.
    let shaking = Box::pin(shake_hands(read, write, admission, &context));
    let shaken = tokio::select! {
        // Who has not said anything yet need not be told.
        () = shutdown.cancelled() => Err(Closed::Stopping),
        shaken = shaking => shaken,
    };
    let served = match shaken {
        Ok((reader, writer)) => {
            let status = context.status.connections.opened(path.clone());
            session::serve(reader, writer, context.clone(), status, (&path).into(), shutdown).await
        }
        Err(fault) => Err(fault),
    };
    report(&path, served, &context.status);
}

async fn shake_hands<R, W>(
    read: R,
    write: W,
    admission: &Admission,
    context: &ServerContext,
) -> Result<(FrameReader<R>, FrameWriter<W>), Closed>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let handshake = async {
        // Waiting for a slot counts towards the deadline: a flood of half-open
        // connections is shed, not queued.
        let _slot = admission.handshake_slot().await;
        noise::accept(read, write, &context.authority, &context.limits).await
    };
    let done = tokio::time::timeout(context.deadlines.handshake, handshake).await;
    Ok(done.map_err(|_| Closed::HandshakeLate)??)
}

fn report(peer: &Path, served: Result<(), Closed>, status: &Status) {
    match served {
        Ok(()) => debug!(%peer, "connection closed"),
        Err(Closed::Stopping) => {}
        Err(Closed::Wire(WireError::Io(fault))) => debug!(%peer, %fault, "connection broke"),
        Err(fault) => {
            status.counters.closed(&fault);
            info!(%peer, %fault, "connection closed by us");
        }
    }
}
