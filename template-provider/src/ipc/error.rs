//! What goes wrong with a node, told with the remedy.

use crate::Network;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why there is no connection to Bitcoin Core, or no longer.
#[derive(Debug, Error)]
pub(super) enum NodeError {
    #[error("socket {} does not exist: start Bitcoin Core 31 or newer with -ipcbind=unix", .0.display())]
    NoSocket(PathBuf),
    #[error("nobody listens on socket {}: Bitcoin Core is not running, or was started without -ipcbind=unix", .0.display())]
    NobodyListens(PathBuf),
    #[error("permission denied on socket {}: run as Bitcoin Core's user, or let this one into its data folder", .0.display())]
    Permission(PathBuf),
    #[error("cannot use socket {}: {source}", path.display())]
    Socket { path: PathBuf, source: io::Error },
    #[error("what listens on the socket does not speak Bitcoin Core's IPC ({0}): is it the right socket?")]
    NotBitcoinCore(String),
    #[error("this Bitcoin Core is too old: version 31 or newer is needed ({0})")]
    TooOld(String),
    #[error(
        "the node is on {found}, but the pool is set to {wanted}: correct the network or the socket's path"
    )]
    WrongNetwork { found: String, wanted: Network },
    #[error("Bitcoin Core is shutting down")]
    ShuttingDown,
    #[error("Bitcoin Core is gone ({0})")]
    Disconnected(String),
    #[error("Bitcoin Core does not answer {call}: no reply in {seconds} s")]
    Silent { call: &'static str, seconds: u64 },
    #[error("Bitcoin Core refused {call}: {reason}")]
    Call { call: &'static str, reason: String },
    #[error("Bitcoin Core's answer to {call} makes no sense: {reason}")]
    Answer { call: &'static str, reason: String },
    #[error("Bitcoin Core does not know {0}")]
    Unimplemented(&'static str),
}

impl NodeError {
    /// From what `call` came back with.
    pub(super) fn from_capnp(call: &'static str, error: &capnp::Error) -> NodeError {
        match error.kind {
            capnp::ErrorKind::Disconnected => NodeError::Disconnected(error.extra.clone()),
            capnp::ErrorKind::Unimplemented => NodeError::Unimplemented(call),
            capnp::ErrorKind::Failed | capnp::ErrorKind::Overloaded => {
                NodeError::Call { call, reason: error.extra.clone() }
            }
            _ => NodeError::Answer { call, reason: error.to_string() },
        }
    }
}
