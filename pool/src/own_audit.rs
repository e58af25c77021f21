//! The pool checks its own ledger, as `punchbowl verify` would: so its host hears first of a
//! file that was changed or spoilt.
//!
//! At the start and every ten minutes: each slice's signature, sums and place in the chain of
//! heads, the book, and of the newest slices every share and what every job pays. The work is
//! bounded, and done by a thread of its own, of the lowest priority, that rests most of the
//! time; it reads over a connection of its own, and whoever takes shares never waits for it.

use crate::data_dir::{AUTHORITY_KEY, OLD_KEYS};
use crate::status::{LedgerCheck, Status};
use anyhow::{Context, Result};
use ledger::audit::{Auditor, Report, audit_piece};
use ledger::evidence::{Cursor, Source};
use ledger::{LedgerHandle, Reader, SignedHead};
use p2p::{AuthorityKey, key_file};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tracing::{debug, error, warn};

/// The thread that checks. Ends when dropped, in the middle of a check too.
#[derive(Debug)]
pub struct OwnAudit {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Checking {
    ledger: PathBuf,
    authority: AuthorityKey,
    status: Arc<Status>,
    stopped: mpsc::Receiver<()>,
    /// The newest head that was there at the last check: it must still be.
    known: Option<SignedHead>,
}

/// Between two checks.
const EVERY: Duration = Duration::from_secs(600);
/// The same while no slice has ended, and so nothing could be checked.
const SOON: Duration = Duration::from_secs(15);
/// Shares that are recomputed at most: those of the newest slices.
const SHARES: u64 = 100_000;
/// Slices that are looked at for them.
const SLICES: usize = 1_000;
/// Shares in a piece; some milliseconds.
const PIECE: u64 = 2_048;
/// After each piece it rests so many times as long as that took.
const REST: u32 = 9;
/// What members did in all slices together is kept during a check, as so many sums at most; some
/// 130 MiB, which twenty members fill in four years.
const SUMS: usize = 4_000_000;
/// What is wrong is told so far in words.
const TOLD: usize = 5;

impl OwnAudit {
    /// Checks `ledger`, which `authority` signs, and says in `status` what it found.
    pub fn start(ledger: &LedgerHandle, authority: AuthorityKey, status: Arc<Status>) -> OwnAudit {
        let (stop, stopped) = mpsc::channel();
        let checking = Checking { ledger: ledger.path(), authority, status, stopped, known: None };
        let thread = std::thread::Builder::new().name("own-audit".to_owned());
        let thread = thread.spawn(move || checking.run());
        let thread = thread
            .inspect_err(|error| warn!(%error, "no thread for it: the ledger is not checked by itself"));
        OwnAudit { stop: Some(stop), thread: thread.ok() }
    }
}

impl Drop for OwnAudit {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            warn!("the thread that checks the ledger ended in a panic");
        }
    }
}

impl Checking {
    fn run(mut self) {
        // On Linux it is the thread's. Where that is not possible, it still rests.
        let _ = rustix::process::setpriority_process(None, 19);
        let mut failed = false;
        while let Some(check) = self.check(failed) {
            if check.is_clean() {
                debug!(slices = check.slices, shares = check.shares, "the ledger was checked");
            } else if !failed {
                error!(
                    wrong = check.wrong,
                    first = check.found.first(),
                    "THE LEDGER IS NOT WHAT IT SAYS: run `punchbowl verify`"
                );
            }
            failed = !check.is_clean();
            let pause = if check.slices == 0 { SOON } else { EVERY };
            self.status.ledger_check.set(check);
            if self.is_stopped_within(pause) {
                return;
            }
        }
    }

    /// A check; none when it is to stop. `failed`: as the last one did.
    fn check(&mut self, failed: bool) -> Option<LedgerCheck> {
        let began = Instant::now();
        let mut outcome = self.pass(false);
        let is_wrong = match &outcome {
            Ok(Some(pass)) => !pass.report.is_clean(),
            Ok(None) => return None,
            Err(_) => true,
        };
        if is_wrong && !failed {
            // Nobody is alarmed because of where a check began: all of it is looked at.
            outcome = self.pass(true);
        }
        let (report, whole) = match outcome {
            Ok(Some(pass)) => (Ok(pass.report), pass.whole),
            Ok(None) => return None,
            Err(error) => (Err(error), false),
        };
        Some(checked(report, whole, began.elapsed()))
    }

    /// Goes through the ledger as it is now, to its newest head; all of its shares are
    /// recomputed, or those of the newest slices. None when it is to stop.
    fn pass(&mut self, all: bool) -> Result<Option<Pass>> {
        let mut reader = Reader::open(&self.ledger)?;
        let head = reader.last_head()?;
        let last = head.as_ref().map_or(0, |head| head.head.slice);
        let whole_from = if all { 1 } else { whole_from(&reader, last)? };
        let mut source = Source::new(Cursor::START, whole_from);
        let known = self.known.iter().cloned().collect();
        let auditor = Auditor::new(Some(self.authority.to_bytes()), known);
        let mut auditor = auditor.after_keys(former_keys(&self.ledger));
        let mut whole = true;
        while source.cursor().slice <= last && whole {
            let began = Instant::now();
            let more = audit_piece(&mut source, &mut reader, &mut auditor, PIECE);
            if !more.context("the ledger cannot be read to its end")? {
                break;
            }
            whole = auditor.sums() <= SUMS;
            if self.is_stopped_within(began.elapsed() * REST) {
                return Ok(None);
            }
        }
        let report = auditor.finish();
        if report.is_clean() {
            self.known = head;
        }
        Ok(Some(Pass { report, whole }))
    }

    fn is_stopped_within(&self, time: Duration) -> bool {
        self.stopped.recv_timeout(time) != Err(RecvTimeoutError::Timeout)
    }
}

struct Pass {
    report: Report,
    /// Whether it went to the newest head.
    whole: bool,
}

/// The keys that the host has put aside, in `old-keys` beside the ledger.
fn former_keys(ledger: &Path) -> Vec<[u8; 32]> {
    const MOST: usize = 100;
    let files = std::fs::read_dir(ledger.with_file_name(OLD_KEYS)).into_iter().flatten().flatten();
    let files = files.map(|file| file.path());
    let of_pools = files.filter(|file| file.to_string_lossy().ends_with(AUTHORITY_KEY)).take(MOST);
    of_pools.filter_map(|file| Some(key_file::load(&file).ok()?.public_key().to_bytes())).collect()
}

/// The first slice whose shares are recomputed, of those up to `last`.
fn whole_from(reader: &Reader, last: u64) -> Result<u64> {
    let first = last.saturating_sub(SLICES as u64 - 1).max(1);
    let (mut from, mut shares) = (last.saturating_add(1), 0u64);
    for signed in reader.heads(first, SLICES)?.iter().rev() {
        shares = shares.saturating_add(signed.head.sum.shares);
        if shares > SHARES {
            break;
        }
        from = signed.head.slice;
    }
    Ok(from)
}

fn checked(report: Result<Report>, whole: bool, took: Duration) -> LedgerCheck {
    let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let check = LedgerCheck { at, took_seconds: took.as_secs_f64(), ..LedgerCheck::default() };
    match report {
        Ok(report) => LedgerCheck {
            slices: report.slices,
            shares: report.shares,
            jobs: report.jobs,
            wrong: report.discrepancy_count,
            found: report.discrepancies.iter().take(TOLD).map(ToString::to_string).collect(),
            detail: (!whole).then(|| {
                "the ledger is too long for the pool's own check; `punchbowl verify` goes on to its end"
                    .to_owned()
            }),
            ..check
        },
        Err(error) => LedgerCheck { wrong: 1, found: vec![format!("{error:#}")], ..check },
    }
}
