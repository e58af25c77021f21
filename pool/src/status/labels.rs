//! How what the server knows is named on the status page and in metrics.

use super::{ChannelInfo, CloseReason};
use crate::channel::{Channel, ChannelKind};
use crate::server::Closed;
use p2p::WireError;
use translator::Goodbye;

impl From<&Channel> for ChannelInfo {
    fn from(channel: &Channel) -> ChannelInfo {
        ChannelInfo {
            id: channel.id,
            kind: match channel.kind {
                ChannelKind::Standard => "standard",
                ChannelKind::Extended { .. } => "extended",
            },
            member: channel.identity.member.as_str().into(),
            worker: channel.identity.worker.as_str().into(),
            class: None,
        }
    }
}

impl From<&Closed> for CloseReason {
    fn from(closed: &Closed) -> CloseReason {
        match closed {
            Closed::Handshake(_) => CloseReason::Handshake,
            Closed::HandshakeLate | Closed::SetupLate | Closed::NoChannel | Closed::LineLate => {
                CloseReason::Timeout
            }
            Closed::Sv1(Goodbye::Late) => CloseReason::Timeout,
            Closed::Sv1(Goodbye::Unreadable) | Closed::Line(_) => CloseReason::Malformed,
            Closed::Sv1(_) => CloseReason::Protocol,
            Closed::Wire(WireError::SlowReader(_) | WireError::Full { .. }) => CloseReason::SlowReader,
            Closed::Wire(WireError::Io(_) | WireError::Truncated) => CloseReason::Broken,
            Closed::Wire(_) | Closed::Malformed(_) => CloseReason::Malformed,
            Closed::SetupMissing { .. }
            | Closed::SetupTwice
            | Closed::SetupRefused(_)
            | Closed::ExtensionsMissing => CloseReason::Protocol,
            Closed::Silent(_) => CloseReason::Silent,
            Closed::Ledger(_) | Closed::Audit(_) => CloseReason::Ledger,
            Closed::Stopping => CloseReason::Stopping,
        }
    }
}
