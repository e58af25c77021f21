//! Stratum V1 at the pool's own port: old miners mine here without a translator of their
//! own.
//!
//! The [`translator`]'s session is the same that `punchbowl join` has; what lies above it
//! is not SV2 but the pool's own channel ([`pool_channel`]): the same judge, the same
//! difficulty, the same books, without a Noise session to ourselves.

mod connection;
mod pool_channel;

pub use connection::serve;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use translator::SessionConfig;
use translator::session::EXTRANONCE1;

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

    fn extranonce1(&self) -> [u8; EXTRANONCE1] {
        self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes()
    }
}
