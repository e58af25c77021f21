//! The threads that hash.
//!
//! Each thread searches a part of the space that no other thread does: its own
//! extranonces in an extended channel, its own nonces and version bits in a standard
//! one. New work and the end are noticed within a few thousand hashes, or at once by a
//! thread that waits.

use super::jobs::Assignment;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use work::{Extranonce, Hash256, Target};

/// A share that a thread found.
#[derive(Clone, Debug)]
pub struct FoundShare {
    /// Job that it is for.
    pub job_id: u32,
    /// Header nonce.
    pub nonce: u32,
    /// Header time.
    pub ntime: u32,
    /// Header version.
    pub version: u32,
    /// The rolled extranonce; empty in a standard channel.
    pub extranonce: Extranonce,
    /// It meets the network's target too.
    pub is_block: bool,
    /// The header's hash.
    pub hash: Hash256,
    /// What it had to meet.
    pub target: Target,
    /// Which of the miner's channels it is for.
    pub channel: u64,
}

/// Running hash threads; they end when this is dropped.
pub struct Hashers {
    slot: Arc<Slot>,
    threads: Vec<JoinHandle<()>>,
}

struct Slot {
    /// Counts assignments, so that a busy thread sees a new one without locking.
    version: AtomicU64,
    state: Mutex<State>,
    changed: Condvar,
    hashes: AtomicU64,
}

#[derive(Default)]
struct State {
    assignment: Option<Arc<Assignment>>,
    stop: bool,
}

/// Hashes between looks at the clock and at new work.
const BATCH: u64 = 4096;

impl Hashers {
    /// Starts `threads` threads that send shares to `shares`, together at most
    /// `max_hash_rate` hashes a second.
    pub fn start(
        threads: usize,
        max_hash_rate: Option<f64>,
        shares: mpsc::Sender<FoundShare>,
    ) -> std::io::Result<Hashers> {
        let slot = Arc::new(Slot {
            version: AtomicU64::new(0),
            state: Mutex::default(),
            changed: Condvar::new(),
            hashes: AtomicU64::new(0),
        });
        let mut hashers = Hashers { slot: slot.clone(), threads: Vec::new() };
        let threads = threads.max(1);
        for index in 0..threads {
            let (slot, shares) = (slot.clone(), shares.clone());
            let pace = max_hash_rate.map(|rate| rate / threads as f64);
            // Out of step with the others, as devices are.
            let part = index as f64 / threads as f64;
            let due = Instant::now() + pace.map_or(Duration::ZERO, |pace| interval(part / pace));
            let thread = std::thread::Builder::new()
                .name(format!("hasher-{index}"))
                .spawn(move || Hasher { slot, shares, index, threads, pace, due, rounds: 0 }.run())?;
            hashers.threads.push(thread);
        }
        Ok(hashers)
    }

    /// Gives all threads new work.
    pub fn assign(&self, assignment: Option<Assignment>) {
        self.slot.lock().assignment = assignment.map(Arc::new);
        self.slot.version.fetch_add(1, Ordering::Release);
        self.slot.changed.notify_all();
    }

    /// Hashes computed so far.
    pub fn hashes(&self) -> u64 {
        self.slot.hashes.load(Ordering::Relaxed)
    }
}

impl Drop for Hashers {
    fn drop(&mut self) {
        self.slot.lock().stop = true;
        self.slot.version.fetch_add(1, Ordering::Release);
        self.slot.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A thread that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Hasher {
    slot: Arc<Slot>,
    shares: mpsc::Sender<FoundShare>,
    index: usize,
    threads: usize,
    /// Hashes a second for this thread.
    pace: Option<f64>,
    /// When it may hash again; outlives the job, so that new work is no reason to hurry.
    due: Instant,
    /// Parts of the search space searched so far. Outlives the job: one that is given out
    /// again, as after an outage, is not searched from the start again.
    rounds: u64,
}

impl Hasher {
    fn run(mut self) {
        while let Some((version, assignment)) = self.next_work() {
            self.search(version, &assignment);
        }
    }

    fn next_work(&self) -> Option<(u64, Arc<Assignment>)> {
        let mut state = self.slot.lock();
        loop {
            if state.stop {
                return None;
            }
            if let Some(assignment) = &state.assignment {
                return Some((self.slot.version.load(Ordering::Acquire), assignment.clone()));
            }
            state = self.slot.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Searches until there is other work.
    fn search(&mut self, version: u64, assignment: &Assignment) {
        let batch = self.pace.map_or(BATCH, |pace| (pace / 20.0).clamp(1.0, BATCH as f64) as u64);
        loop {
            let round = self.rounds;
            self.rounds = round.wrapping_add(1);
            let extranonce = self.extranonce(round, assignment.rolled);
            let mut header = assignment.header(extranonce.as_bytes());
            let mut nonces = 0..=u32::MAX;
            if assignment.rolled == 0 {
                header.version ^= rolled_version(round);
                nonces = self.own_nonces();
            }
            let mut next = nonces.clone();
            loop {
                if !self.wait(version) {
                    return;
                }
                let mut done = 0;
                for nonce in next.by_ref().take(batch as usize) {
                    header.nonce = nonce;
                    done += 1;
                    let hash = header.hash();
                    let is_block = assignment.tip.network_target.is_met_by(&hash);
                    if is_block || assignment.target.is_met_by(&hash) {
                        let share = FoundShare {
                            job_id: assignment.job.id,
                            nonce,
                            ntime: header.ntime,
                            version: header.version,
                            extranonce,
                            is_block,
                            hash,
                            target: assignment.target,
                            channel: assignment.channel,
                        };
                        if self.shares.blocking_send(share).is_err() || self.outdated(version) {
                            break;
                        }
                    }
                }
                self.slot.hashes.fetch_add(done, Ordering::Relaxed);
                self.hashed(done);
                if self.outdated(version) {
                    return;
                }
                if done == 0 {
                    break; // this round's nonces are used up
                }
            }
        }
    }

    fn outdated(&self, version: u64) -> bool {
        self.slot.version.load(Ordering::Acquire) != version
    }

    /// Waits until this thread may hash; false when there is other work.
    fn wait(&self, version: u64) -> bool {
        if self.pace.is_none() {
            return true;
        }
        let mut state = self.slot.lock();
        loop {
            let left = self.due.saturating_duration_since(Instant::now());
            if self.outdated(version) || state.stop {
                return false;
            }
            if left.is_zero() {
                return true;
            }
            (state, _) = self.slot.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn hashed(&mut self, done: u64) {
        if let Some(pace) = self.pace {
            self.due = self.due.max(Instant::now()) + interval(done as f64 / pace);
        }
    }

    /// This thread's `round`-th extranonce of `size` bytes: threads count in steps of
    /// their number, so that no two ever meet.
    fn extranonce(&self, round: u64, size: usize) -> Extranonce {
        let number = round.wrapping_mul(self.threads as u64).wrapping_add(self.index as u64);
        let bytes = number.to_be_bytes();
        let low = bytes.get(bytes.len().saturating_sub(size)..).unwrap_or_default();
        let padding = vec![0; size.saturating_sub(low.len())];
        Extranonce::new(&[&padding, low].concat()).unwrap_or_default()
    }

    fn own_nonces(&self) -> std::ops::RangeInclusive<u32> {
        let share = (u64::from(u32::MAX) + 1) / self.threads as u64;
        let first = share * self.index as u64;
        let last = if self.index + 1 == self.threads { u64::from(u32::MAX) } else { first + share - 1 };
        u32::try_from(first).unwrap_or(0)..=u32::try_from(last).unwrap_or(u32::MAX)
    }
}

/// `seconds` as a duration; an hour for what is longer or no number.
fn interval(seconds: f64) -> Duration {
    const LONGEST: Duration = Duration::from_secs(3600);
    Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST)
}

/// The version bits of a standard channel's `round`: BIP320's sixteen, which every
/// pool allows.
fn rolled_version(round: u64) -> u32 {
    ((round & 0xffff) as u32) << 13
}
