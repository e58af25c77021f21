//! How QUIC is set: for one stream of small messages that must not wait.

use iroh::endpoint::{IdleTimeout, QuicTransportConfig, VarInt};
use std::time::Duration;

/// A path on which nothing came back for this long is left for another one. Iroh's own
/// 15 s would be lost work when a firewall suddenly drops UDP.
const PATH_IDLE: Duration = Duration::from_secs(5);
/// How often an idle path is tried; three tries before it is left.
const PATH_KEEP_ALIVE: Duration = Duration::from_millis(1500);
/// A connection over which nothing came back for this long has ended.
const IDLE_MILLISECONDS: u32 = 20_000;

/// Bytes under way to us: several frames of the largest size that a server takes.
const RECEIVE_WINDOW: u32 = 256 * 1024;
/// Bytes that QUIC keeps for us until the peer has them.
const SEND_WINDOW: u64 = 1024 * 1024;

pub(super) fn quic() -> QuicTransportConfig {
    QuicTransportConfig::builder()
        // The dialler opens one stream; nothing else is spoken.
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(RECEIVE_WINDOW))
        .receive_window(VarInt::from_u32(RECEIVE_WINDOW))
        .send_window(SEND_WINDOW)
        .default_path_keep_alive_interval(PATH_KEEP_ALIVE)
        .default_path_max_idle_timeout(PATH_IDLE)
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_MILLISECONDS))))
        .build()
}
