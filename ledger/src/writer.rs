//! The one thread that writes the ledger.
//!
//! Shares come through a bounded queue and are committed in groups: a share that comes alone
//! at once, those that come while a commit runs together in the next. Senders are told after
//! the commit. While the disk takes nothing, the queue fills and senders wait: nothing is
//! acknowledged that is not stored, and nothing is dropped.

mod blocks;
mod group;

use crate::block::BlockState;
use crate::book::Payment;
use crate::disk_state::{DiskState, Progress, WriterStats};
use crate::head::{LedgerId, Signer};
use crate::plan::Planner;
use crate::recovery;
use crate::sender::{Incoming, LedgerGone, ShareSender};
use crate::slice::SliceRules;
use crate::store::lock::WriterLock;
use crate::store::{OpenError, Store};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{info, warn};
use work::Hash256;

pub use blocks::BlockError;

/// A ledger that is open for writing, and the thread that writes it.
#[derive(Debug)]
pub struct Ledger {
    handle: LedgerHandle,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// The way to an open ledger. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LedgerHandle {
    path: Arc<Path>,
    id: LedgerId,
    shares: mpsc::Sender<Incoming>,
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<DiskState>,
    progress: watch::Receiver<Progress>,
    stats: Arc<WriterStats>,
}

/// How a ledger is kept.
pub struct LedgerConfig {
    /// The chain that the pool mines on; a ledger is of one chain.
    pub network: String,
    /// Tells a ledger that is made now from all others: random bytes.
    pub fresh_id: LedgerId,
    /// When slices end.
    pub rules: SliceRules,
    /// At most one commit in this time: what a share may wait for others to come along, so
    /// that a busy pool does not wear out its disk. A share that comes after a quiet time does
    /// not wait.
    pub gather: Duration,
    /// The time, seconds since the Unix epoch.
    pub clock: Clock,
    /// Signs the heads.
    pub signer: Box<dyn Signer>,
}

/// Tells the time, seconds since the Unix epoch.
pub type Clock = Box<dyn FnMut() -> u32 + Send>;

/// Something about blocks that is to be written.
pub(crate) enum Command {
    /// Nothing: look whether to stop.
    Wake,
    State {
        hash: Hash256,
        state: BlockState,
        answer: oneshot::Sender<Result<bool, BlockError>>,
    },
    Book {
        hash: Hash256,
        payments: Vec<Payment>,
        answer: oneshot::Sender<Result<bool, BlockError>>,
    },
}

/// Batches that may wait; with as many shares as a batch may hold they take some 50 MiB.
const WAITING_BATCHES: usize = 1024;
const WAITING_COMMANDS: usize = 64;

/// The time of this machine.
pub fn system_clock() -> Clock {
    Box::new(|| {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since_epoch.map_or(0, |time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX))
    })
}

impl LedgerConfig {
    /// As a pool keeps it: see the fields for what it may change.
    pub fn new(network: &str, fresh_id: LedgerId, signer: Box<dyn Signer>) -> LedgerConfig {
        LedgerConfig {
            network: network.to_owned(),
            fresh_id,
            rules: SliceRules::default(),
            gather: Duration::from_millis(10),
            clock: system_clock(),
            signer,
        }
    }
}

impl Ledger {
    /// Opens the ledger at `path`, made if need be, and starts its writer.
    ///
    /// # Errors
    /// [`OpenError`], also when another process writes it.
    pub fn open(path: &Path, config: LedgerConfig) -> Result<Ledger, OpenError> {
        let lock = WriterLock::take(path)?;
        let began = Instant::now();
        let (store, id) = Store::open(path, &config.network, config.fresh_id)?;
        let (standing, registry) = recovery::recover(store.connection(), id, &config.rules)
            .map_err(|source| OpenError::Store { path: path.to_owned(), source })?;
        let mut clock = config.clock;
        warn_if_behind(clock(), standing.received);
        info!(
            path = %path.display(),
            shares = standing.last_share,
            slices = standing.last_slice,
            took_ms = began.elapsed().as_millis() as u64,
            "ledger open"
        );

        let (shares, incoming) = mpsc::channel(WAITING_BATCHES);
        let (commands, asked) = mpsc::channel(WAITING_COMMANDS);
        let (state, seen_state) = watch::channel(DiskState::Working);
        let at = Progress {
            last_share: standing.last_share,
            last_slice: standing.last_slice,
            last_entry: standing.entries,
        };
        let (progress, seen_progress) = watch::channel(at);
        let stats = Arc::new(WriterStats::new(Instant::now()));
        let stop = Arc::new(AtomicBool::new(false));
        let writer = group::Writer {
            store,
            planner: Planner::new(config.rules, config.signer, registry, standing),
            clock,
            gather: config.gather,
            slice_time: Duration::from_secs(config.rules.seconds.into()),
            state,
            progress,
            stats: stats.clone(),
            stop: stop.clone(),
            _lock: lock,
        };
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || writer.run(incoming, asked))
            .map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
        let handle = LedgerHandle {
            path: path.into(),
            id,
            shares,
            commands,
            state: seen_state,
            progress: seen_progress,
            stats,
        };
        Ok(Ledger { handle, stop, thread: Some(thread) })
    }

    /// The way to it.
    pub fn handle(&self) -> &LedgerHandle {
        &self.handle
    }

    /// Writes what has been sent and ends the writer. While other handles or senders live, it
    /// does not wait for them. When the disk takes nothing, what was not acknowledged is given
    /// up.
    pub fn close(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Release);
        // Wakes the writer if it waits for something to do.
        let _ = self.handle.commands.try_send(Command::Wake);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            warn!("the ledger's writer ended in a panic");
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.end();
    }
}

impl LedgerHandle {
    /// Where the ledger is.
    pub fn path(&self) -> PathBuf {
        self.path.to_path_buf()
    }

    /// What tells it from other ledgers.
    pub fn id(&self) -> LedgerId {
        self.id
    }

    /// A way to send one connection's shares.
    pub fn sender(&self) -> ShareSender {
        ShareSender::new(self.shares.clone())
    }

    /// Whether the disk takes what it is given.
    pub fn state(&self) -> watch::Receiver<DiskState> {
        self.state.clone()
    }

    /// How far the ledger is on disk; changes with every commit.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Counters.
    pub fn stats(&self) -> &WriterStats {
        &self.stats
    }

    /// Says what has become of a block; true when that is news. A block that no longer counts
    /// reopens its round and takes its credits back. Answers when it is on disk.
    ///
    /// # Errors
    /// [`BlockError`].
    pub async fn block_state(&self, hash: Hash256, state: BlockState) -> Result<bool, BlockError> {
        self.ask(|answer| Command::State { hash, state, answer }).await
    }

    /// Says what a block was to pay and pays; true when that is news. The credits count while
    /// the block does. Answers when it is on disk.
    ///
    /// # Errors
    /// [`BlockError`], also when other payments were booked before.
    pub async fn book(&self, hash: Hash256, payments: Vec<Payment>) -> Result<bool, BlockError> {
        self.ask(|answer| Command::Book { hash, payments, answer }).await
    }

    async fn ask<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<Result<T, BlockError>>) -> Command,
    ) -> Result<T, BlockError> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(command(answer)).await.map_err(|_| LedgerGone)?;
        answered.await.map_err(|_| LedgerGone)?
    }
}

/// A clock that was set back is told about: while it is behind, shares carry the time of the
/// last one.
fn warn_if_behind(now: u32, last: u32) {
    const TOLERATED: u32 = 60;
    let behind = last.saturating_sub(now);
    if behind > TOLERATED {
        warn!(
            seconds = behind,
            "the clock is behind the ledger's last entry; new shares carry that entry's time until the clock has \
             caught up"
        );
    }
}
