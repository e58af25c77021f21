//! Group commit: what is gathered, when it is written, and what happens when it cannot be.

use super::{Clock, Command};
use crate::disk_state::{DiskState, Progress, WriterStats};
use crate::plan::Planner;
use crate::sender::Incoming;
use crate::store::lock::WriterLock;
use crate::store::{Store, Trouble};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tracing::{error, info, warn};

pub(super) struct Writer {
    pub(super) store: Store,
    pub(super) planner: Planner,
    pub(super) clock: Clock,
    pub(super) gather: Duration,
    pub(super) slice_time: Duration,
    pub(super) state: watch::Sender<DiskState>,
    pub(super) progress: watch::Sender<Progress>,
    pub(super) stats: Arc<WriterStats>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) _lock: WriterLock,
}

/// The writer cannot go on, or is not to.
pub(super) struct Ended;

/// What wakes the writer.
enum Woken {
    Shares(Incoming),
    Command(Command),
    Time,
}

/// Shares in one commit at most, so that none waits for too many others to be written.
const COMMIT_SHARES: usize = 32_768;
/// Shares that are enough to commit without waiting for more.
const ENOUGH_SHARES: usize = 1_024;
/// How often the open slice is looked at when nothing comes.
const LOOK: Duration = Duration::from_secs(1);
/// Between two attempts to write.
const AGAIN: Duration = Duration::from_millis(200);
/// A commit that takes longer is told about.
const SLOW: Duration = Duration::from_secs(1);

impl Writer {
    /// Writes until it is told to stop or nothing can be sent any more.
    pub(super) fn run(mut self, mut shares: mpsc::Receiver<Incoming>, mut commands: mpsc::Receiver<Command>) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let ended = match runtime {
            Ok(runtime) => runtime.block_on(self.work(&mut shares, &mut commands)),
            Err(fault) => {
                error!(%fault, "the ledger's writer cannot start");
                Err(Ended)
            }
        };
        if ended.is_err() {
            self.state.send_replace(DiskState::Failed);
        }
        // Who came too late is told; who comes later still finds the queue closed.
        shares.close();
        while let Ok(incoming) = shares.try_recv() {
            incoming.receipt.fail();
        }
    }

    async fn work(
        &mut self,
        shares: &mut mpsc::Receiver<Incoming>,
        commands: &mut mpsc::Receiver<Command>,
    ) -> Result<(), Ended> {
        let mut last_commit: Option<Instant> = None;
        // The slice that was open when it was last looked at, and since when by a clock that
        // nobody sets.
        let mut slice = (0, Instant::now());
        loop {
            let stopping = self.stop.load(Ordering::Acquire);
            let woken = if stopping {
                match (shares.try_recv(), commands.try_recv()) {
                    (Ok(incoming), other) => {
                        if let Ok(command) = other {
                            self.obey(command)?;
                        }
                        Woken::Shares(incoming)
                    }
                    (Err(_), Ok(command)) => Woken::Command(command),
                    (Err(_), Err(_)) => return Ok(()),
                }
            } else {
                tokio::select! {
                    // Commands are few, and must have their turn however many shares come.
                    biased;
                    Some(command) = commands.recv() => Woken::Command(command),
                    Some(incoming) = shares.recv() => Woken::Shares(incoming),
                    () = tokio::time::sleep(LOOK) => Woken::Time,
                    else => return Ok(()),
                }
            };
            let number = self.planner.standing().slice.as_ref().map_or(0, |slice| slice.number());
            if slice.0 != number {
                slice = (number, Instant::now());
            }
            let over = number != 0 && slice.1.elapsed() >= self.slice_time;
            match woken {
                Woken::Time => self.commit(Vec::new(), over)?,
                Woken::Command(command) => self.obey(command)?,
                Woken::Shares(first) => {
                    let due = last_commit.map(|last| last + self.gather).filter(|_| !stopping);
                    let group = gather(first, shares, due).await;
                    last_commit = Some(Instant::now());
                    self.commit(group, over)?;
                }
            }
        }
    }

    /// Writes a group and tells its senders.
    fn commit(&mut self, group: Vec<Incoming>, slice_over: bool) -> Result<(), Ended> {
        let before = self.planner.standing().last_share;
        self.planner.begin((self.clock)());
        self.planner.end_due(slice_over);
        for incoming in &group {
            match self.insist(|writer| writer.planner.file(&incoming.batch, writer.store.connection())) {
                Ok(filed) => self.planner.add(&incoming.batch, &filed),
                Err(Ended) => return Err(give_up(&group)),
            }
        }
        if self.planner.finish().is_empty() {
            return Ok(());
        }
        self.stats.begin(Instant::now());
        let written = self.insist(|writer| writer.store.write(writer.planner.finish()));
        let took = self.stats.end(Instant::now(), self.planner.standing().last_share - before);
        if written.is_err() {
            return Err(give_up(&group));
        }
        if took > SLOW {
            warn!(took_ms = took.as_millis() as u64, "the disk was slow: shares were acknowledged late");
        }
        self.planner.written();
        self.tell_progress();
        for incoming in &group {
            incoming.receipt.advance(incoming.number);
        }
        Ok(())
    }

    /// Says how far the ledger is on disk.
    pub(super) fn tell_progress(&self) {
        let standing = self.planner.standing();
        self.progress.send_replace(Progress {
            last_share: standing.last_share,
            last_slice: standing.last_slice,
            last_entry: standing.entries,
        });
    }

    /// Does `attempt` until it succeeds. A disk that is full, locked or broken may be well again
    /// later; anything else will not.
    pub(super) fn insist<T>(
        &mut self,
        mut attempt: impl FnMut(&mut Writer) -> rusqlite::Result<T>,
    ) -> Result<T, Ended> {
        let mut since: Option<(Instant, Trouble)> = None;
        loop {
            let fault = match attempt(self) {
                Ok(done) => {
                    if let Some((since, trouble)) = since {
                        let seconds = since.elapsed().as_secs_f32();
                        info!(seconds, ?trouble, "the ledger can be written again; nothing was lost");
                        self.state.send_replace(DiskState::Working);
                    }
                    return Ok(done);
                }
                Err(fault) => fault,
            };
            let Some(trouble) = Trouble::of(&fault) else {
                error!(%fault, "the ledger cannot be written; nothing is acknowledged any more");
                return Err(Ended);
            };
            if since.is_none_or(|(_, known)| known != trouble) {
                let advice = trouble.advice();
                error!(%fault, advice, "the ledger cannot be written at present; shares wait for it");
                self.state.send_replace(DiskState::Stalled(trouble));
                since = Some((since.map_or_else(Instant::now, |(since, _)| since), trouble));
            }
            if self.stop.load(Ordering::Acquire) {
                error!("stopping all the same: what was not acknowledged is given up");
                return Err(Ended);
            }
            std::thread::sleep(AGAIN);
        }
    }
}

/// `first` and what comes until `due`, or at once if there is no such time; what waits already
/// in any case.
async fn gather(
    first: Incoming,
    shares: &mut mpsc::Receiver<Incoming>,
    due: Option<Instant>,
) -> Vec<Incoming> {
    let mut count = first.batch.len();
    let mut group = vec![first];
    while count < COMMIT_SHARES {
        let next = match (shares.try_recv(), due) {
            (Ok(next), _) => Some(next),
            (Err(_), Some(due)) if count < ENOUGH_SHARES => {
                tokio::time::timeout_at(due.into(), shares.recv()).await.ok().flatten()
            }
            _ => None,
        };
        let Some(next) = next else { break };
        count += next.batch.len();
        group.push(next);
    }
    group
}

fn give_up(group: &[Incoming]) -> Ended {
    group.iter().for_each(|incoming| incoming.receipt.fail());
    Ended
}
