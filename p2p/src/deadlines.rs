//! How long a new peer may take to become a useful one.

use std::time::Duration;

/// Deadlines of a connection that has not proved itself yet. Whoever misses one is
/// disconnected, so that silent sockets cannot fill the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// From the connection to the end of the Noise handshake, waiting for a
    /// [`HandshakeSlot`](crate::admission::HandshakeSlot) included.
    pub handshake: Duration,
    /// From the handshake to `SetupConnection`.
    pub setup: Duration,
    /// From `SetupConnection` to the first open channel (SV2 section 5.3.2).
    pub first_channel: Duration,
}

impl Default for Deadlines {
    fn default() -> Deadlines {
        Deadlines {
            handshake: Duration::from_secs(10),
            setup: Duration::from_secs(10),
            first_channel: Duration::from_secs(60),
        }
    }
}
