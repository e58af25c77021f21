//! Templates from Bitcoin Core over its unix socket.
//!
//! Bitcoin Core 31 or newer, started as `bitcoin-node -ipcbind=unix`, offers its
//! mining interface there. It speaks Cap'n Proto, whose Rust side cannot leave its
//! thread: so one OS thread runs everything here, and talks to the rest through the
//! channels of [`SourceHandle`].
//!
//! - `thread`: that thread, and connecting for ever
//! - `connection`, `node`: the socket, and the calls that we make on it
//! - `session`: what is done while connected; `tip` and `fees` are its two loops
//! - `publisher`: which template may be published after which
//! - `shelf`: templates that solutions may still come for
//! - `places`, `json_rpc`, `followed`: where blocks are, as the node says or its tips show
//! - `submit`, `verdict`, `files`: solved blocks, to Core and to disk

mod backoff;
mod block;
mod connection;
mod convert;
mod error;
mod fees;
mod files;
mod followed;
mod json_rpc;
mod node;
mod places;
mod publisher;
mod session;
mod shelf;
mod submit;
mod thread;
mod tip;
mod verdict;

use crate::source::channels;
use crate::{CoinbaseReserve, Network, SourceHandle, SourceStatus};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How to reach Bitcoin Core and what to ask of it.
#[derive(Clone, Debug)]
pub struct IpcConfig {
    /// The socket; see [`socket_path`].
    pub socket: PathBuf,
    /// The chain that the node must be on.
    pub network: Network,
    /// A template is replaced when the fees of the next block rise by this much, in
    /// satoshi.
    pub fee_threshold: u64,
    /// Least time between such replacements. A new tip never waits for it.
    pub min_interval: Duration,
    /// Room for the coinbase outputs to begin with.
    pub reserve: CoinbaseReserve,
    /// Folder for solved blocks: each is written here before it is sent.
    pub solutions_dir: PathBuf,
    /// Files of this many solved blocks are kept once they are sent; older ones are
    /// deleted.
    pub solutions_kept: usize,
}

impl IpcConfig {
    /// A config with the usual values for a node whose socket is `socket`.
    pub fn new(socket: PathBuf, network: Network, solutions_dir: PathBuf) -> IpcConfig {
        IpcConfig {
            socket,
            network,
            fee_threshold: 10_000,
            min_interval: Duration::from_secs(20),
            reserve: CoinbaseReserve { output_bytes: 1_000, sigops: 100 },
            solutions_dir,
            solutions_kept: 1_000,
        }
    }
}

/// Starts the source; it runs until `cancel` is cancelled, whatever becomes of the
/// node. [`SourceHandle::stopped`] waits for it to have taken leave.
pub fn start(config: IpcConfig, cancel: CancellationToken) -> SourceHandle {
    let reason = format!("connecting to {}", config.socket.display());
    let (handle, ends) = channels(SourceStatus::Connecting { reason }, config.reserve);
    thread::spawn(config, ends, cancel);
    handle
}

/// The coinbase transactions of the solved blocks in the folder `solutions_dir`, whatever
/// became of them: those of the newest [`IpcConfig::solutions_kept`], in no order. Each was
/// written before Bitcoin Core was told of its block.
///
/// # Errors
/// When the folder cannot be read; that there is none is no error.
pub fn solved_coinbases(solutions_dir: &Path, network: Network) -> io::Result<Vec<Vec<u8>>> {
    files::SolutionFiles::new(solutions_dir, network, usize::MAX).coinbases()
}

/// Where a Bitcoin Core with the data folder `data_dir` puts its socket.
pub fn socket_path(data_dir: &Path, network: Network) -> PathBuf {
    let folder = match network {
        Network::Bitcoin => data_dir.to_owned(),
        Network::Testnet => data_dir.join("testnet3"),
        Network::Testnet4 => data_dir.join("testnet4"),
        Network::Signet => data_dir.join("signet"),
        Network::Regtest => data_dir.join("regtest"),
    };
    folder.join("node.sock")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn socket_is_in_the_folder_of_the_chain() {
        let path = |network| socket_path(Path::new("/d"), network);
        assert_eq!(path(Network::Bitcoin), Path::new("/d/node.sock"));
        assert_eq!(path(Network::Testnet4), Path::new("/d/testnet4/node.sock"));
        assert_eq!(path(Network::Regtest), Path::new("/d/regtest/node.sock"));
    }
}
