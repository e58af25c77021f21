//! The Stratum V2 mining server: accepts connections and gives each a session.

pub mod acceptor;
pub mod block;
pub mod keep_alive;
pub mod parking;
mod session;
pub mod setup;
pub mod share_log;

use crate::extranonces::Extranonces;
use crate::job::board::JobBoard;
use crate::payout::PayoutMode;
use crate::status::{Path, Status};
use acceptor::{Acceptor, Newcomer};
use block::FoundBlock;
use keep_alive::KeepAlivePolicy;
use ledger::{LedgerGone, LedgerHandle};
use p2p::{
    Admission, AuthorityKeypair, Deadlines, FrameReader, FrameWriter, HandshakeError, WireError, WireLimits,
    noise,
};
use parking::ParkingLot;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info};
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
    /// The client said nothing any more, though it had promised to.
    #[error("the client has been silent for {0:?}")]
    Silent(Duration),
    /// Shares cannot be written down any more, so that none can be accepted.
    #[error(transparent)]
    Ledger(#[from] LedgerGone),
    /// The pool is stopping.
    #[error("the pool is stopping")]
    Stopping,
}

/// Accepts connections at `acceptor` until `shutdown` is cancelled. Sessions run on
/// `sessions` and end on their own when `shutdown` is cancelled; those that cannot, as
/// their peer does not read, are dropped when `abandon` is.
pub async fn listen(
    mut acceptor: impl Acceptor,
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
        let abandoned = abandon.clone().cancelled_owned();
        sessions.spawn(async move {
            tokio::select! {
                () = abandoned => {}
                () = connection(newcomer, &admission, context, shutdown) => {}
            }
        });
    }
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
