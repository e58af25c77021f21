//! Starting the template source that is configured.

use crate::config::{Config, TemplateSource};
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use template_provider::embedded::{self, EmbeddedConfig};
use template_provider::ipc::{self, IpcConfig};
use template_provider::{CoinbaseReserve, SourceHandle};
use tokio_util::sync::CancellationToken;

/// Where a source keeps what must outlive it.
#[derive(Clone, Debug)]
pub struct SourceFolders {
    /// Solved blocks.
    pub solutions: PathBuf,
    /// The embedded chain; `None` keeps it in memory.
    pub chain: Option<PathBuf>,
}

/// Starts the source of `config`; it runs until `cancel` is cancelled. Must be called
/// within a Tokio runtime.
///
/// # Errors
/// When the embedded chain cannot be used. Bitcoin Core's absence is no error: the
/// source tries for ever and says so in its status.
pub fn start(
    config: &Config,
    folders: &SourceFolders,
    reserve: CoinbaseReserve,
    cancel: CancellationToken,
) -> Result<SourceHandle> {
    let template = &config.template;
    let min_interval = template.min_interval.duration();
    match template.source {
        TemplateSource::BitcoinCore => {
            let socket = socket(config);
            let defaults = IpcConfig::new(socket, config.network, folders.solutions.clone());
            let ipc = IpcConfig { fee_threshold: template.fee_threshold, min_interval, reserve, ..defaults };
            Ok(ipc::start(ipc, cancel))
        }
        TemplateSource::Embedded => {
            let transactions = usize::try_from(template.embedded.transactions).unwrap_or(usize::MAX);
            let embedded = EmbeddedConfig {
                data_dir: folders.chain.clone(),
                nbits: template.embedded.nbits.0,
                transactions,
                // Fees only rise where there are transactions.
                template_interval: (transactions > 0).then_some(min_interval),
                reserve,
            };
            embedded::start(embedded, cancel).context("cannot start the embedded chain")
        }
    }
}

/// Bitcoin Core's socket: the configured one, else its usual place.
pub fn socket(config: &Config) -> PathBuf {
    let usual = |folder: &Path| ipc::socket_path(folder, config.network);
    let configured = config.template.ipc_socket.as_ref().map(|socket| socket.to_path());
    configured.unwrap_or_else(|| usual(&config.template.bitcoin_datadir.to_path()))
}
