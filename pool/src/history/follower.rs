//! Reads the ledger as it grows and keeps what pages show of it.
//!
//! A thread of its own, at its own pace: at most once a second, and of a flood of shares
//! only so many at a time. It has a connection of its own to the ledger, so that the writer
//! never waits for it.

use super::beginning;
use super::bests::Bests;
use super::event::{self, Closed, Event};
use super::round::{self, Found, Round};
use super::series::REACH;
use super::tally::Tally;
use ledger::{Head, LedgerHandle, Progress, Reader, SignedHead, StoreError};
use std::path::PathBuf;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tracing::warn;
use work::Difficulty;

/// What has been read so far. Cheap to clone; whoever looks locks it for a moment.
#[derive(Clone, Debug, Default)]
pub struct Following(Arc<Mutex<Known>>);

/// What has been read so far.
#[derive(Debug, Default)]
pub struct Known {
    /// Who mined what in the last week.
    pub tally: Tally,
    /// Best shares.
    pub bests: Bests,
    /// The round under way.
    pub round: Round,
    /// What everybody did in the event's slices that have ended; none without an event.
    pub event: Option<(Event, Closed)>,
    /// What everybody did in all slices that have ended.
    pub ever: Closed,
    /// Blocks, newest first.
    pub blocks: Vec<Found>,
    /// The newest head.
    pub head: Option<SignedHead>,
    /// How far the tally has come.
    pub last_share: u64,
}

/// The thread that reads. Ends when dropped, after a last look.
#[derive(Debug)]
pub struct Follower {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Reading {
    reader: Reader,
    ledger: LedgerHandle,
    known: Following,
    file: PathBuf,
    event: Option<Event>,
    seen: Progress,
    saved: Instant,
    looked: Instant,
}

const EVERY: Duration = Duration::from_secs(1);
/// Shares taken down at a time; some tens of milliseconds.
const AT_A_TIME: u64 = 100_000;
/// Shares read back at the start.
const READ_BACK: u64 = 3_000_000;
/// Shares whose hash is computed at a time; some milliseconds.
const HASHED: u64 = 1_000;
const SAVE_EVERY: Duration = Duration::from_secs(30);
/// A block's state may change without a share.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Blocks that pages list.
const BLOCKS: usize = 200;

impl Following {
    /// What has been read so far.
    pub fn known(&self) -> MutexGuard<'_, Known> {
        // Sums and lists, which no panic leaves half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Follower {
    /// Starts to follow `ledger`, in which `event` is looked at by itself.
    pub fn start(ledger: LedgerHandle, event: Option<Event>) -> (Follower, Following) {
        let (stop, stopped) = mpsc::channel();
        let known = Following::default();
        let shared = known.clone();
        // Read here, before there can be any newer one.
        let last = ledger.progress().borrow().last_share;
        let thread = std::thread::Builder::new().name("history".to_owned());
        let thread = thread.spawn(move || match Reading::open(ledger, event, shared, last) {
            Ok(reading) => reading.run(&stopped),
            Err(error) => warn!(%error, "the ledger cannot be read: pages show no history"),
        });
        let thread =
            thread.inspect_err(|error| warn!(%error, "no thread to read the ledger: pages show no history"));
        (Follower { stop: Some(stop), thread: thread.ok() }, known)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            warn!("the thread that reads the ledger ended in a panic");
        }
    }
}

impl Reading {
    /// Follows `ledger`, whose last share at the pool's start was `last`.
    fn open(
        ledger: LedgerHandle,
        event: Option<Event>,
        known: Following,
        last: u64,
    ) -> Result<Reading, Box<dyn std::error::Error>> {
        let (path, id) = (ledger.path(), hex(&ledger.id().0));
        let (reader, stats) = (Reader::open(&path)?, beginning::folder(&path));
        let first = first_needed(&reader)?.max(beginning::first_share(&stats, &id, last)?);
        let file = stats.join("bests.json");
        {
            let mut known = known.known();
            known.bests = Bests::load(&file, &id, first);
            if let Some(event) = event {
                known.bests.follow(event, event.first_share(&reader)?);
            }
            known.last_share = first.saturating_sub(1);
            known.tally = Tally::since(unix_now());
        }
        let (saved, looked) = (Instant::now(), Instant::now());
        Ok(Reading { reader, ledger, known, file, event, seen: Progress::default(), saved, looked })
    }

    fn run(mut self, stopped: &mpsc::Receiver<()>) {
        let mut told = false;
        loop {
            match self.step() {
                Ok(more) => {
                    told = false;
                    // A flood is followed at once, but never without a breath.
                    let pause = if more { EVERY / 10 } else { EVERY };
                    match stopped.recv_timeout(pause) {
                        Err(RecvTimeoutError::Timeout) => {}
                        Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
                    }
                }
                Err(error) => {
                    if !told {
                        warn!(%error, "the ledger cannot be read; what pages show stands still");
                    }
                    told = true;
                    if stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                        break;
                    }
                }
            }
        }
        self.save();
    }

    /// Reads what is new; whether there is more.
    fn step(&mut self) -> Result<bool, StoreError> {
        let now = *self.ledger.progress().borrow();
        let first = self.seen == Progress::default();
        if first || now.last_slice != self.seen.last_slice || self.looked.elapsed() >= LOOK_EVERY {
            self.look_at_rounds()?;
        }
        self.seen = now;
        let more = self.tally_up(now)?;
        let unweighed = self.weigh(now)?;
        if self.saved.elapsed() >= SAVE_EVERY {
            self.save();
        }
        Ok(more || unweighed)
    }

    fn look_at_rounds(&mut self) -> Result<(), StoreError> {
        let (mut round, head) = (Round::read(&self.reader)?, self.reader.last_head()?);
        let blocks = round::blocks(&self.reader, BLOCKS)?;
        let slice = |head: &Option<SignedHead>| head.as_ref().map(|head| head.head.slice);
        let is_new = slice(&head) != slice(&self.known.known().head);
        // As often as a slice ends: then all of it changes.
        let closed = match self.event.filter(|_| is_new) {
            Some(event) => Some((event, event.closed(&self.reader)?)),
            None => None,
        };
        let ever = if is_new { Some(event::ever(&self.reader)?) } else { None };
        self.looked = Instant::now();
        let mut known = self.known.known();
        // What was taken down so far is in slices that have ended, if one has.
        if is_new {
            known.tally.slice_ended();
        }
        known.event =
            closed.or_else(|| known.event.take()).or(self.event.map(|event| (event, Closed::new())));
        known.ever = ever.unwrap_or_else(|| std::mem::take(&mut known.ever));
        if round.first_share == known.round.first_share {
            round.since = round.since.or(known.round.since);
        }
        (known.round, known.blocks, known.head) = (round, blocks, head);
        Ok(())
    }

    /// Takes down the shares up to `now`, or some of them.
    fn tally_up(&mut self, now: Progress) -> Result<bool, StoreError> {
        let (from, closed) = {
            let known = self.known.known();
            (known.last_share + 1, known.head.as_ref().map_or(0, |head| head.head.last_share()))
        };
        let to = now.last_share.min(from.saturating_add(AT_A_TIME - 1));
        if from > to {
            return Ok(false);
        }
        // Like shares together, so that a flood costs little.
        let mut runs: Vec<Run> = Vec::new();
        for share in self.reader.shares(from, to) {
            let share = share?;
            let open = share.sequence > closed;
            match runs.last_mut() {
                Some(run)
                    if run.at == share.received
                        && run.open == open
                        && Arc::ptr_eq(&run.context, &share.context) =>
                {
                    run.count += 1;
                }
                _ => runs.push(Run { at: share.received, count: 1, open, context: share.context }),
            }
        }
        let mut known = self.known.known();
        for run in &runs {
            let terms = run.context.terms();
            let each = Difficulty::from_hashes(run.context.work().0 as f64);
            known.tally.add(run.at.into(), &terms.member, &terms.worker, run.count, each, run.open);
        }
        if known.round.since.is_none()
            && let Some(run) = runs.iter().find(|run| run.open)
        {
            known.round.since = Some(run.at.into());
        }
        known.last_share = to;
        Ok(to < now.last_share)
    }

    /// Looks at the hashes of some more shares; whether there are more.
    fn weigh(&mut self, now: Progress) -> Result<bool, StoreError> {
        let from = self.known.known().bests.next();
        let to = now.last_share.min(from.saturating_add(HASHED - 1));
        if from > to {
            return Ok(false);
        }
        let shares = self.reader.shares(from, to).collect::<Result<Vec<_>, _>>()?;
        let mut known = self.known.known();
        let round = known.round.first_share;
        shares.iter().for_each(|share| known.bests.look(share, round));
        known.bests.seen_to(to);
        Ok(to < now.last_share)
    }

    fn save(&mut self) {
        self.saved = Instant::now();
        let known = self.known.known();
        if let Err(error) = known.bests.save(&self.file) {
            warn!(%error, file = %self.file.display(), "the best shares cannot be kept");
        }
    }
}

struct Run {
    at: u32,
    count: u32,
    open: bool,
    context: Arc<ledger::ShareContext>,
}

/// The first share that charts need: a week's, or the last millions.
fn first_needed(reader: &Reader) -> Result<u64, StoreError> {
    let last = reader.last_share()?;
    let since = unix_now().saturating_sub(REACH);
    let first = match reader.head(first_slice(reader, |head| u64::from(head.closed) >= since)?)? {
        Some(head) => head.head.first_share,
        None => reader.last_head()?.map_or(1, |head| head.head.last_share() + 1),
    };
    Ok(first.max((last + 1).saturating_sub(READ_BACK)).max(1))
}

/// The first slice whose head is `late`, as those after it are; the one after the newest, if
/// none is.
pub(super) fn first_slice(reader: &Reader, late: impl Fn(&Head) -> bool) -> Result<u64, StoreError> {
    let newest = reader.last_head()?.map_or(0, |head| head.head.slice);
    // By halves: there may be a hundred thousand.
    let (mut low, mut high) = (1, newest + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let is_late = reader.head(middle)?.is_none_or(|head| late(&head.head));
        if is_late { high = middle } else { low = middle + 1 }
    }
    Ok(low)
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
