//! How what the server knows is named on the status page and in metrics.

use super::{BlockRecord, ChannelInfo, CloseReason};
use crate::block_desk::BlockReport;
use crate::channel::{Channel, ChannelKind};
use crate::server::Closed;
use p2p::WireError;

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
        }
    }
}

impl From<&Closed> for CloseReason {
    fn from(closed: &Closed) -> CloseReason {
        match closed {
            Closed::Handshake(_) => CloseReason::Handshake,
            Closed::HandshakeLate | Closed::SetupLate | Closed::NoChannel => CloseReason::Timeout,
            Closed::Wire(WireError::SlowReader(_) | WireError::Full { .. }) => CloseReason::SlowReader,
            Closed::Wire(WireError::Io(_) | WireError::Truncated) => CloseReason::Broken,
            Closed::Wire(_) | Closed::Malformed(_) => CloseReason::Malformed,
            Closed::SetupMissing { .. }
            | Closed::SetupTwice
            | Closed::SetupRefused(_)
            | Closed::ExtensionsMissing => CloseReason::Protocol,
            Closed::Stopping => CloseReason::Stopping,
        }
    }
}

impl BlockRecord {
    /// A block as the block desk reports it, at `found_at` seconds since the Unix epoch;
    /// addresses are written as on `network`.
    pub fn new(report: &BlockReport, found_at: u64, network: bitcoin::Network) -> BlockRecord {
        let address = |output: &bitcoin::TxOut| {
            bitcoin::Address::from_script(&output.script_pubkey, network)
                .map_or_else(|_| output.script_pubkey.to_hex_string(), |address| address.to_string())
        };
        let (accepted, detail) = match &report.outcome {
            Ok(via) => (true, (*via).to_owned()),
            Err(fault) => (false, fault.to_string()),
        };
        BlockRecord {
            height: report.height,
            hash: report.hash.to_string(),
            found_at,
            member: report.member.clone(),
            worker: report.worker.clone(),
            paid: report.paid.iter().map(|output| (address(output), output.value.to_sat())).collect(),
            accepted,
            detail,
        }
    }
}
