//! The jobs that a miner holds.

use super::{Output, Session, Upstream};
use crate::heat;
use crate::sv1::notice::{Notify, set_difficulty};
use crate::sv1::quantity::{JobId, Nbits, Ntime, Told, Version, VersionMask};
use crate::upstream::Job;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use work::{Extranonce, Hash256, Target};

/// Jobs that shares are still passed on for. Some firmware works through a queue of 8.
const KEPT: usize = 16;
/// Firmware leaves a pool that says nothing for a minute or two.
const KEEP_ALIVE: Duration = Duration::from_secs(40);
/// How long a new target waits for the pool's next job before the present one is sent
/// again with it.
const TARGET_WAIT: Duration = Duration::from_secs(2);

/// What the miner is mining, and was.
#[derive(Debug)]
pub(super) struct Jobs {
    /// The newest from upstream, or made here for heat.
    current: Option<Job>,
    received: Instant,
    is_heat: bool,
    /// The target of the next job that is sent.
    target: Option<Target>,
    told: Option<Told>,
    live: VecDeque<LiveJob>,
    next_id: u32,
    /// Which upstream channel jobs are of: those of an earlier one are void.
    epoch: u32,
    /// What the miner was last told to build on.
    sent_prev_hash: Option<(Hash256, u32)>,
    resend_at: Instant,
}

/// A job as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LiveJob {
    id: JobId,
    /// The upstream's id; none for heat.
    pub(super) upstream: Option<u32>,
    /// The version in the line.
    pub(super) version: Version,
    epoch: u32,
}

impl Jobs {
    pub(super) fn new(now: Instant) -> Jobs {
        Jobs {
            current: None,
            received: now,
            is_heat: false,
            target: None,
            told: None,
            live: VecDeque::new(),
            next_id: 1,
            epoch: 0,
            sent_prev_hash: None,
            resend_at: now + KEEP_ALIVE,
        }
    }

    /// Holds from the next job on, which is sent soon even if the pool has no other.
    pub(super) fn set_target(&mut self, target: Target, now: Instant) {
        if self.target != Some(target) {
            self.target = Some(target);
            self.resend_at = self.resend_at.min(now + TARGET_WAIT);
        }
    }

    /// There is another channel now; shares of the jobs before are worth nothing to it.
    pub(super) fn new_channel(&mut self) {
        self.epoch += 1;
    }

    /// Whether there is any job.
    pub(super) fn any(&self) -> bool {
        self.current.is_some()
    }

    /// Whether the miner holds one.
    pub(super) fn any_sent(&self) -> bool {
        !self.live.is_empty()
    }

    pub(super) fn is_heat(&self) -> bool {
        self.is_heat
    }

    pub(super) fn told(&self) -> Option<Told> {
        self.told
    }

    pub(super) fn resend_at(&self) -> Instant {
        self.resend_at
    }

    pub(super) fn resend_due(&self, now: Instant) -> bool {
        now >= self.resend_at
    }

    /// The job `id`, if shares for it are still passed on.
    pub(super) fn find(&self, id: JobId) -> Option<&LiveJob> {
        self.live.iter().rev().find(|live| live.id == id)
    }

    /// Whether the job is of a channel that is gone.
    pub(super) fn is_void(&self, live: &LiveJob) -> bool {
        live.epoch != self.epoch
    }

    /// Whether this id was once sent.
    pub(super) fn was_sent(&self, id: JobId) -> bool {
        id.0 < self.next_id && id.0 > 0
    }
}

impl Session {
    pub(super) fn take_job(&mut self, job: Job, now: Instant, out: &mut Output) {
        if !matches!(self.upstream, Upstream::Open(_)) {
            return;
        }
        self.jobs.is_heat = false;
        self.jobs.current = Some(job);
        self.jobs.received = now;
        self.send_job(now, out);
    }

    /// Work on the last known tip that pays nobody.
    pub(super) fn start_heat(&mut self, now: Instant, out: &mut Output) {
        if self.jobs.is_heat {
            return;
        }
        let Some(last) = &self.jobs.current else { return };
        self.jobs.current = Some(heat::job(last, self.below_prefix()));
        self.jobs.is_heat = true;
        self.heat_shares = 0;
        self.send_job(now, out);
    }

    /// Sends the present job, under an id of its own: firmware ignores ids that it has
    /// seen. A changed difficulty goes out right before it and never alone, because shares
    /// of the job before it would be held to it by some firmware and not by others.
    pub(super) fn send_job(&mut self, now: Instant, out: &mut Output) {
        self.jobs.resend_at = now + KEEP_ALIVE;
        let below = self.below_prefix();
        let jobs = &mut self.jobs;
        let (true, Some(job), Some(target)) = (self.subscribed, &jobs.current, jobs.target) else { return };
        let told = Told::of(target);
        if jobs.told != Some(told) {
            jobs.told = Some(told);
            set_difficulty::write(&mut out.lines, told);
        }
        let prefix = match self.upstream {
            Upstream::Open(opened) if !jobs.is_heat => {
                opened.prefix.join(padding(opened.rolled, below).as_bytes())
            }
            _ => Ok(Extranonce::EMPTY),
        };
        let built_on = (job.prev_hash, jobs.epoch);
        let clean = jobs.sent_prev_hash != Some(built_on) || jobs.is_heat != jobs.last_was_heat();
        jobs.sent_prev_hash = Some(built_on);

        let id = JobId(jobs.next_id);
        jobs.next_id = jobs.next_id.wrapping_add(1).max(1);
        // The bits that are the miner's are zero in what it is sent, so that it does not
        // matter whether it sends the bits or (as ESP-Miner does) what it has changed.
        let mask = if job.version_rolling { self.mask.unwrap_or_default() } else { VersionMask(0) };
        let version = Version(job.version & !mask.0);
        // By the time that has passed, not by a clock that may be wrong.
        let age = u32::try_from(now.saturating_duration_since(jobs.received).as_secs()).unwrap_or(0);
        Notify {
            id,
            text: &job.text,
            prefix: prefix.unwrap_or_default().as_bytes(),
            version,
            nbits: Nbits(job.nbits),
            ntime: Ntime(job.ntime.saturating_add(age)),
            clean,
        }
        .write(&mut out.lines);
        if jobs.live.len() >= KEPT {
            jobs.live.pop_front();
        }
        let upstream = (!jobs.is_heat).then_some(job.id);
        jobs.live.push_back(LiveJob { id, upstream, version, epoch: jobs.epoch });
    }
}

impl Jobs {
    fn last_was_heat(&self) -> bool {
        self.live.back().is_some_and(|live| live.upstream.is_none())
    }
}

/// Extranonce bytes that the channel has and the miner, which has `below`, does not need.
pub(super) fn padding(rolled: usize, below: usize) -> Extranonce {
    const ZEROS: [u8; 32] = [0; 32];
    let size = rolled.saturating_sub(below);
    ZEROS.get(..size).and_then(|zeros| Extranonce::new(zeros).ok()).unwrap_or_default()
}
