//! What ends a connection to a pool.

use mining_sv2::ERROR_CODE_OPEN_MINING_CHANNEL_CHANNEL_CAPACITY_EXHAUSTED;
use p2p::iroh::IrohError;
use p2p::tcp::ConnectError;
use p2p::{HandshakeError, WireError};
use std::time::Duration;
use thiserror::Error;

/// Why a connection ended, or did not come about.
#[derive(Debug, Error)]
pub enum UpstreamError {
    /// The pool could not be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The pool's node could not be reached.
    #[error(transparent)]
    Node(#[from] IrohError),
    /// It is not the pool that it should be, or not a Stratum V2 pool.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The connection broke.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The pool closed the connection.
    #[error("the pool closed the connection")]
    Closed,
    /// The pool did not answer.
    #[error("the pool did not answer within {0:?}")]
    Silent(Duration),
    /// Nothing comes any more, not even the answer to a ping.
    #[error("nothing has come from the pool for {:.1} s", .0.as_secs_f64())]
    Dead(Duration),
    /// The pool does not want this client.
    #[error("the pool refused the connection: {0}")]
    SetupRefused(String),
    /// The pool does not open a channel for this user.
    #[error("the pool opened no channel: {code} (user identity '{user}')")]
    ChannelRefused {
        /// Its SV2 error code.
        code: String,
        /// What we called ourselves.
        user: String,
    },
    /// A message that cannot be read.
    #[error("the pool sent a malformed {0}")]
    Malformed(&'static str),
}

impl UpstreamError {
    /// Whether trying again would end the same way. A pool that is full may have room
    /// again soon.
    pub fn is_final(&self) -> bool {
        match self {
            UpstreamError::ChannelRefused { code, .. } => {
                code != ERROR_CODE_OPEN_MINING_CHANNEL_CHANNEL_CAPACITY_EXHAUSTED
            }
            UpstreamError::SetupRefused(_) | UpstreamError::Node(IrohError::NoAddress(_)) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_pool_is_tried_again_and_one_that_does_not_know_the_user_is_not() {
        let refused = |code: &str| UpstreamError::ChannelRefused { code: code.into(), user: "ann".into() };
        assert!(!refused("channel-capacity-exhausted").is_final());
        assert!(refused("unknown-user").is_final());
        assert!(!UpstreamError::Dead(Duration::from_secs(3)).is_final());
    }
}
