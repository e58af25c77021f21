//! What ends a session.

use std::{io, time::Duration};
use thiserror::Error;

/// Why a frame could not be read or written. Every one but [`WireError::Full`] and
/// [`WireError::TooLong`] ends its direction of the session.
#[derive(Debug, Error)]
pub enum WireError {
    /// The transport failed.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// The peer closed in the middle of a frame.
    #[error("the peer closed the connection in the middle of a message")]
    Truncated,
    /// A block did not authenticate: bytes were changed, lost or injected, or the two
    /// sides do not share a session (SV2 section 4.5).
    #[error("a message failed authentication; the bytes were changed on the way or are not Noise")]
    Tampered,
    /// The peer announced a payload that we do not take.
    #[error("the peer announced a message of {declared} bytes; at most {max} are taken")]
    Oversize {
        /// The length in the header.
        declared: usize,
        /// [`WireLimits::max_frame`](crate::WireLimits::max_frame).
        max: usize,
    },
    /// The payload does not fit a frame or can never fit the queue. Nothing was queued.
    #[error("a message of {length} bytes cannot be sent; at most {max} bytes can")]
    TooLong {
        /// Payload length in bytes.
        length: usize,
        /// What would have fitted.
        max: usize,
    },
    /// The peer does not read as fast as we write. Nothing was queued; after a
    /// successful flush there is room again.
    #[error("{queued} bytes already wait for the peer to read them (limit {max})")]
    Full {
        /// Bytes waiting.
        queued: usize,
        /// [`WireLimits::max_queued`](crate::WireLimits::max_queued).
        max: usize,
    },
    /// The peer has taken no byte for too long.
    #[error("the peer has read nothing for {0:?} while messages wait for it")]
    SlowReader(Duration),
    /// 2^64 - 1 messages were sent; the key may not be used further (SV2 section 4.4.1).
    #[error("the session key is used up; reconnect")]
    KeyExhausted,
    /// The session ended with an earlier error.
    #[error("the session has already ended with an error")]
    Ended,
}
