//! Stratum V1 at the pool's own port: old miners mine here without a translator of their
//! own.
//!
//! The [`translator`]'s session and its [`connection`] are the same that `punchbowl join`
//! has; what lies above is not SV2 but the [pool's own channel](pool_channel): the same
//! judge, the same difficulty, the same books, without a Noise session to ourselves.

pub mod connection;
mod pool_channel;

use crate::server::{Closed, ServerContext};
use crate::status::ConnectionGuard;
use pool_channel::PoolChannel;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use translator::Session;
use translator::SessionConfig;
use translator::session::OWN;

/// A port that speaks SV1.
#[derive(Debug)]
pub struct Sv1Port {
    session: Arc<SessionConfig>,
    /// The next miner's own part of its channel's search space. Any would do, as no two
    /// miners share a channel; different ones are easier to tell apart in a miner's log.
    next: AtomicU32,
}

impl Sv1Port {
    /// A port whose sessions are made like this. `first`: any number.
    pub fn new(session: SessionConfig, first: u32) -> Arc<Sv1Port> {
        Arc::new(Sv1Port { session: Arc::new(session), next: AtomicU32::new(first) })
    }

    /// A session for a miner that has just connected.
    pub fn session(&self) -> Session {
        Session::new(self.session.clone(), self.own_part(), std::time::Instant::now())
    }

    /// A miner's own part of the search space. It never begins with a zero byte, so that it
    /// is another one too where zeros stand before it for a channel with room to spare.
    pub fn own_part(&self) -> [u8; OWN] {
        const NOT_ZERO: u32 = 0x8000_0000;
        (self.next.fetch_add(1, Ordering::Relaxed) | NOT_ZERO).to_be_bytes()
    }
}

/// Serves one miner at the pool until it leaves.
///
/// # Errors
/// Why the connection was closed, unless the miner simply left.
pub async fn serve<R, W>(
    read: R,
    write: W,
    port: Arc<Sv1Port>,
    context: Arc<ServerContext>,
    status: ConnectionGuard,
    shutdown: CancellationToken,
) -> Result<(), Closed>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let stall = context.limits.write_stall;
    let mut channel = PoolChannel::new(context, status);
    let served = connection::serve(read, write, port.session(), &mut channel, stall, shutdown).await;
    channel.finish().await;
    served
}
