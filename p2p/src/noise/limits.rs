//! How much one peer may cost us.

use std::time::Duration;

/// Bounds of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WireLimits {
    /// Longest payload that is accepted, in bytes before encryption. A header that
    /// announces more ends the session.
    pub max_frame: usize,
    /// Most bytes that may wait for the peer to read them, as they stand on the wire.
    pub max_queued: usize,
    /// How long a peer may take no byte at all while some are waiting for it.
    pub write_stall: Duration,
}

impl WireLimits {
    /// For the side that miners connect to: what they send is small (the largest is a
    /// custom job with its coinbase).
    pub const fn server() -> WireLimits {
        WireLimits { max_frame: 128 * 1024, max_queued: 256 * 1024, write_stall: Duration::from_secs(10) }
    }

    /// For a miner or a proxy: jobs may hold coinbases of many payouts.
    pub const fn client() -> WireLimits {
        WireLimits { max_frame: 1024 * 1024, ..WireLimits::server() }
    }
}

impl Default for WireLimits {
    fn default() -> Self {
        WireLimits::server()
    }
}
