//! A regtest chain in the process: the demo's and the load tests' node.
//!
//! With the default difficulty every block on it is one that a real
//! `bitcoin-node -regtest` accepts. With another difficulty it is a private chain,
//! on which `mine_elsewhere` still finds its blocks at once.
//!
//! Blocks are checked (see `rules`) and kept (`store`); `templates` makes what is
//! published; `transactions` fills it.

mod chain;
mod coins;
mod rules;
mod serve;
mod store;
mod templates;
mod transactions;

pub use chain::{PREMINED_BLOCKS, REGTEST_NBITS};

use crate::source::channels;
use crate::{CoinbaseReserve, SourceHandle, SourceStatus};
use bitcoin::Block;
use serve::Shared;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use work::Hash256;

/// How the embedded chain is set up.
#[derive(Clone, Debug)]
pub struct EmbeddedConfig {
    /// Folder for the blocks; `None` keeps them in memory only.
    pub data_dir: Option<PathBuf>,
    /// Compact target of the blocks that are to be mined. Anything but
    /// [`REGTEST_NBITS`] makes it a private chain.
    pub nbits: u32,
    /// Generated transactions in a full template; 0 for coinbase-only templates.
    pub transactions: usize,
    /// Every so often a template with higher fees is published.
    pub template_interval: Option<Duration>,
    /// Room for the coinbase outputs to begin with.
    pub reserve: CoinbaseReserve,
}

impl Default for EmbeddedConfig {
    fn default() -> EmbeddedConfig {
        EmbeddedConfig {
            data_dir: None,
            nbits: REGTEST_NBITS,
            transactions: 0,
            template_interval: None,
            reserve: CoinbaseReserve::default(),
        }
    }
}

/// Why the embedded chain cannot be used.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    /// The block file could not be read or written.
    #[error("cannot use the embedded chain's file {path}: {source}; check the folder's permissions and free space", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process holds the file.
    #[error("{path} is in use by another process; stop it or choose another data folder", path = .0.display())]
    InUse(PathBuf),
    /// The file is damaged before its end.
    #[error("{path} is damaged at byte {offset}; move it away to start a new chain", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the first unreadable record begins.
        offset: u64,
    },
    /// A stored block breaks a rule: the file is of another difficulty, or was changed.
    #[error(
        "the stored block at height {height} is not valid here ({rule}); was the chain made with another nbits?"
    )]
    InvalidBlock {
        /// Height of the block.
        height: u32,
        /// The rule that it breaks.
        rule: String,
    },
    /// The difficulty is no target.
    #[error("nbits {0:#010x} is not a target that a block can meet")]
    Difficulty(u32),
}

/// Starts an embedded chain that serves templates until `cancel` is cancelled.
///
/// Must be called within a Tokio runtime.
///
/// # Errors
/// When the stored chain cannot be used.
pub fn start(config: EmbeddedConfig, cancel: CancellationToken) -> Result<SourceHandle, EmbeddedError> {
    start_with_chain(config, cancel).map(|(source, _)| source)
}

/// As [`start`], and hands out the chain too, for tests and the demo.
///
/// ```
/// # tokio_test(async {
/// use template_provider::embedded::{self, EmbeddedConfig, PREMINED_BLOCKS};
/// # let cancel = tokio_util::sync::CancellationToken::new();
/// let (source, chain) = embedded::start_with_chain(EmbeddedConfig::default(), cancel)?;
/// chain.mine_elsewhere()?;
/// assert_eq!(chain.height(), PREMINED_BLOCKS + 1);
/// let template = source.templates.borrow().clone().ok_or("none yet")?;
/// assert_eq!(template.height, PREMINED_BLOCKS + 2);
/// # Ok::<(), Box<dyn std::error::Error>>(()) });
/// # fn tokio_test(test: impl Future<Output = Result<(), Box<dyn std::error::Error>>>) {
/// #     tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test).unwrap()
/// # }
/// ```
///
/// # Errors
/// When the stored chain cannot be used.
pub fn start_with_chain(
    config: EmbeddedConfig,
    cancel: CancellationToken,
) -> Result<(SourceHandle, EmbeddedChain), EmbeddedError> {
    let (handle, ends) = channels(SourceStatus::Serving, config.reserve);
    let shared = Arc::new(Shared::open(&config, ends.templates)?);
    tokio::spawn(serve::run(
        shared.clone(),
        config.template_interval,
        ends.solutions,
        ends.questions,
        ends.reserve,
        ends.status,
        cancel,
    ));
    Ok((handle, EmbeddedChain(shared)))
}

/// The chain behind an embedded source. Cheap to clone.
#[derive(Clone, Debug)]
pub struct EmbeddedChain(Arc<Shared>);

impl EmbeddedChain {
    /// Height of the tip.
    pub fn height(&self) -> u32 {
        self.0.lock().chain.height()
    }

    /// Hash of the tip, internal byte order.
    pub fn tip(&self) -> Hash256 {
        self.0.lock().tip()
    }

    /// The block at `height`; genesis is 0; `None` above the tip.
    ///
    /// # Errors
    /// When it cannot be read back from disk.
    pub fn block(&self, height: u32) -> Result<Option<Block>, EmbeddedError> {
        self.0.lock().chain.block(height)
    }

    /// Adds a block found by somebody else, and returns its hash.
    ///
    /// When this returns, a template on the new tip has been published: the
    /// provisional one if transactions are to follow, else the final one.
    ///
    /// # Errors
    /// When the block cannot be stored.
    pub fn mine_elsewhere(&self) -> Result<Hash256, EmbeddedError> {
        self.0.mine_elsewhere()
    }

    /// Raises the fees of the generated transactions (adding one if there are none)
    /// and publishes the template that has them.
    pub fn bump_fees(&self) {
        self.0.change(|wanted| wanted.bump_fees());
    }

    /// Adds `count` generated transactions to the templates for the next block and
    /// publishes the first of them.
    pub fn add_transactions(&self, count: usize) {
        self.0.change(|wanted| wanted.extra_transactions += count);
    }
}
