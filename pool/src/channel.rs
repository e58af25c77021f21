//! A mining channel: its search space, its target, and how its shares are judged.
//!
//! A channel belongs to its connection's task alone. Judging a share takes no lock,
//! awaits nothing and, past the duplicate filter's growth, allocates nothing.

pub mod contexts;
pub mod group;
pub mod history;
pub mod roots;
pub mod workers;

use crate::job::Job;
use crate::payout::identity::{Identity, MAX_IDENTITY_BYTES, cut};
use crate::status::{ChannelReport, WorkerReport};
use crate::wire::keep_alive::ChannelResumed;
use channels_sv2::extranonce_manager::AllocatedExtranoncePrefix;
use contexts::ContextCache;
use group::LiveJob;
use history::{History, Moment};
use ledger::{RecordError, ShareContext, ShareTerms};
use roots::RootCache;
use std::sync::Arc;
use std::time::Instant;
use work::{
    BIP323_MASK, Difficulty, Extranonce, Hash256, HashRate, Judged, SeenShares, ShareFault, Submission,
    Target, Vardiff, VardiffConfig, judge, judge_extended,
};
use workers::{WorkerCount, Workers};

/// How a channel's search space is cut (SV2 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    /// Fixed merkle root; only the header is rolled.
    Standard,
    /// The client rolls this many bytes of extranonce.
    Extended {
        /// Bytes that the client rolls.
        rolled: usize,
    },
}

/// An open channel.
pub struct Channel {
    /// Its id, unique in its connection.
    pub id: u32,
    /// Standard or extended.
    pub kind: ChannelKind,
    /// The group that it belongs to.
    pub group: u32,
    /// Who is credited.
    pub identity: Identity,
    /// Accepted shares that are not acknowledged yet.
    pub unacknowledged: Batch,
    workers: Workers,
    prefix: History<Extranonce>,
    /// Gives the prefix back when the channel goes.
    allocation: AllocatedExtranoncePrefix,
    target: History<Target>,
    /// The easiest target that the client accepts.
    max_target: Target,
    vardiff: Vardiff,
    retarget: bool,
    seen: SeenShares,
    roots: RootCache,
    contexts: ContextCache,
    /// Jobs sent to this channel alone, after a change of target.
    reissued: Vec<LiveJob>,
    duplicates: u32,
    /// Since the channel was opened.
    total: WorkerCount,
    /// Sequence number of the share that was judged last.
    last_judged: u32,
}

/// Accepted shares waiting for their `SubmitShares.Success`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Batch {
    /// Sequence number of the newest.
    pub last_sequence_number: u32,
    /// How many.
    pub count: u32,
    /// Sum of the difficulties at which they are credited.
    pub difficulty: f64,
}

/// A share's judgement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// The header's hash and whether it is a block.
    pub judged: Judged,
    /// Difficulty credited: that of the target in force when the job was activated, or
    /// none for a block that misses the share target.
    pub credited: Option<Difficulty>,
}

/// Jobs re-sent to one channel that shares are still taken for: some SV1 firmware works
/// through a queue of eight.
const MAX_REISSUED: usize = 8;
/// Duplicates in a row after which a channel is moved to another search space.
const DUPLICATES_BEFORE_MOVE: u32 = 16;
/// Entries in the duplicate filter after which the difficulty is raised instead of
/// letting it grow.
const SEEN_LIMIT: usize = if cfg!(test) { 256 } else { 1 << 20 };

/// What a channel is opened with.
pub struct ChannelTerms {
    /// Its id.
    pub id: u32,
    /// Standard or extended.
    pub kind: ChannelKind,
    /// Its group.
    pub group: u32,
    /// Who is credited.
    pub identity: Identity,
    /// Its part of the search space.
    pub allocation: AllocatedExtranoncePrefix,
    /// What the client says it hashes.
    pub hash_rate: HashRate,
    /// The easiest target that the client accepts.
    pub max_target: Target,
    /// Worker names told apart at most.
    pub max_workers: usize,
    /// Whether its difficulty follows the miner's pace.
    pub retarget: bool,
}

impl Channel {
    /// Opens a channel.
    pub fn open(terms: ChannelTerms, vardiff: &VardiffConfig, now: Instant) -> Channel {
        let mut vardiff = Vardiff::new(vardiff, terms.hash_rate, now);
        vardiff.set_max_target(terms.max_target, now);
        Channel {
            id: terms.id,
            kind: terms.kind,
            group: terms.group,
            identity: terms.identity,
            unacknowledged: Batch::default(),
            workers: Workers::new(terms.max_workers),
            prefix: History::new(prefix_bytes(&terms.allocation)),
            allocation: terms.allocation,
            target: History::new(vardiff.target()),
            max_target: terms.max_target,
            vardiff,
            retarget: terms.retarget,
            seen: SeenShares::new(),
            roots: RootCache::default(),
            contexts: ContextCache::new(terms.max_workers.max(1)),
            reissued: Vec::new(),
            duplicates: 0,
            total: WorkerCount::default(),
            last_judged: 0,
        }
    }

    /// The target that the next job will have.
    pub fn target(&self) -> Target {
        *self.target.current()
    }

    /// The extranonce prefix that the next job will have.
    pub fn prefix(&self) -> &Extranonce {
        self.prefix.current()
    }

    /// The whole extranonce of a share for `live` whose rolled part is `rolled`.
    pub fn extranonce(&self, live: &LiveJob, rolled: Option<&[u8]>) -> Extranonce {
        let prefix = *self.prefix.at(live.sent);
        prefix.join(rolled.unwrap_or_default()).unwrap_or(prefix)
    }

    /// The merkle root that a standard channel's client mines `live` with.
    pub fn merkle_root(&mut self, live: &LiveJob) -> Hash256 {
        self.root_of(live.id, &live.job, live.sent)
    }

    /// The merkle root of `job`, sent as `id` at `sent`, in a standard channel.
    pub fn root_of(&mut self, id: u32, job: &Job, sent: Moment) -> Hash256 {
        let prefix = self.prefix.at(sent);
        self.roots.get_or_insert(id, || job.work.merkle_root(&[prefix.as_bytes()]))
    }

    /// What a share of `worker` for `live` is written down under; the channel's own worker
    /// where none is named.
    ///
    /// # Errors
    /// [`RecordError`] when the ledger cannot count such a share, which none that is found is.
    pub fn context(
        &mut self,
        live: &LiveJob,
        worker: Option<&str>,
    ) -> Result<Arc<ShareContext>, RecordError> {
        let (member, own) = (&self.identity.member, &self.identity.worker);
        let (target, prefix) = (*self.target.at(live.activated), *self.prefix.at(live.sent));
        self.contexts.get_or_make(live.id, worker.unwrap_or(own), |worker| {
            ShareContext::new(ShareTerms {
                job: live.job.record(&live.tip)?,
                member: cut(member, MAX_IDENTITY_BYTES).into(),
                worker: cut(worker, MAX_IDENTITY_BYTES).into(),
                target,
                extranonce_prefix: prefix,
            })
        })
    }

    /// A job that was sent to this channel alone.
    pub fn reissued(&self, id: u32) -> Option<&LiveJob> {
        self.reissued.iter().find(|live| live.id == id)
    }

    /// Takes note of a job sent to this channel alone.
    pub fn reissue(&mut self, live: LiveJob) {
        if self.reissued.len() >= MAX_REISSUED {
            self.reissued.remove(0);
        }
        self.reissued.push(live);
    }

    /// Forgets what belonged to the tip before.
    pub fn new_tip(&mut self, now: Instant) {
        self.seen.clear();
        self.vardiff.set_max_target(self.max_target, now);
        self.roots.clear();
        self.contexts.clear();
        self.reissued.clear();
    }

    /// Forgets terms that no live job has any more.
    pub fn forget_before(&mut self, moment: Moment) {
        let reissued = self.reissued.iter().map(|live| live.sent.min(live.activated)).min();
        let moment = reissued.map_or(moment, |oldest| oldest.min(moment));
        self.target.forget_before(moment);
        self.prefix.forget_before(moment);
    }

    /// Judges a share against the job that it names. `extranonce` is the rolled part.
    ///
    /// # Errors
    /// The fault, with its SV2 error code.
    pub fn judge(
        &mut self,
        live: &LiveJob,
        extranonce: Option<&[u8]>,
        submission: &Submission,
        ntime_max: u32,
    ) -> Result<Verdict, ShareFault> {
        if submission.ntime < live.min_ntime.min(live.tip.ntime) {
            return Err(ShareFault::NtimeTooOld);
        }
        let target = *self.target.at(live.activated);
        let (work, tip) = (&live.job.work, &live.tip.tip);
        let judged = match (self.kind, extranonce) {
            (ChannelKind::Standard, None) => {
                let root = self.merkle_root(live);
                judge(work, tip, &root, submission, &target, ntime_max, BIP323_MASK)?
            }
            (ChannelKind::Extended { rolled }, Some(bytes)) if bytes.len() == rolled => {
                let parts = [self.prefix.at(live.sent).as_bytes(), bytes];
                judge_extended(work, tip, &parts, submission, &target, ntime_max, BIP323_MASK)?
            }
            _ => return Err(ShareFault::BadExtranonceSize),
        };
        if !self.seen.insert(&judged.hash) {
            self.duplicates += 1;
            return Err(ShareFault::Duplicate);
        }
        self.duplicates = 0;
        let credited = judged.is_share.then(|| target.difficulty());
        Ok(Verdict { judged, credited })
    }

    /// Counts an accepted share towards the next acknowledgement. A block that misses the
    /// share target (`None`) is accepted too, because it is worth more than any share, but
    /// it earns no credit and says nothing about the miner's pace.
    pub fn credit(
        &mut self,
        sequence_number: u32,
        worker: Option<&str>,
        credited: Option<Difficulty>,
        now: Instant,
    ) {
        if let Some(difficulty) = credited {
            self.vardiff.record(now, difficulty);
        }
        let difficulty = credited.unwrap_or(Difficulty(0.0));
        self.last_judged = sequence_number;
        self.unacknowledged.last_sequence_number = sequence_number;
        self.unacknowledged.count += 1;
        self.unacknowledged.difficulty += difficulty.0;
        self.total.accepted += 1;
        self.total.difficulty += difficulty.0;
        if let Some(name) = worker {
            self.workers.accepted(name, difficulty);
        }
    }

    /// Takes note of a share that is for warmth alone: it is acknowledged and counts for
    /// nothing, but that the miner's difficulty follows it.
    pub fn credit_warmth(&mut self, sequence_number: u32, met: Option<Difficulty>, now: Instant) {
        if let Some(difficulty) = met {
            self.vardiff.record(now, difficulty);
        }
        self.last_judged = sequence_number;
        self.unacknowledged.last_sequence_number = sequence_number;
        self.unacknowledged.count += 1;
        // The client counts it as one that was accepted.
        self.total.accepted += 1;
    }

    /// Counts a refused share.
    pub fn refuse(&mut self, sequence_number: u32, worker: Option<&str>) {
        self.last_judged = sequence_number;
        self.total.rejected += 1;
        if let Some(name) = worker {
            self.workers.rejected(name);
        }
    }

    /// The channel as its client takes it up again after an outage, to be told the job
    /// that was sent at `sent` and activated at `activated`. What was judged is said in
    /// full, so that nothing waits to be acknowledged any more.
    pub fn resume(&mut self, sent: Moment, activated: Moment) -> ChannelResumed {
        self.unacknowledged = Batch::default();
        ChannelResumed {
            channel_id: self.id,
            group_channel_id: self.group,
            last_sequence_number: self.last_judged,
            accepted: self.total.accepted,
            rejected: self.total.rejected,
            target: *self.target.at(activated),
            extranonce_prefix: *self.prefix.at(sent),
        }
    }

    /// The extranonce prefix of a job that was sent at `sent`.
    pub fn prefix_at(&self, sent: Moment) -> &Extranonce {
        self.prefix.at(sent)
    }

    /// The target of a job that became minable at `activated`.
    pub fn target_at(&self, activated: Moment) -> Target {
        *self.target.at(activated)
    }

    /// What the channel has done, for people.
    pub fn report(&self) -> ChannelReport {
        let workers = self.workers.iter().map(|(name, count)| WorkerReport {
            name: name.into(),
            accepted: count.accepted,
            rejected: count.rejected,
            difficulty: count.difficulty,
        });
        ChannelReport {
            accepted: self.total.accepted,
            rejected: self.total.rejected,
            difficulty: self.total.difficulty,
            share_difficulty: self.target().difficulty().0,
            workers: workers.collect(),
        }
    }

    /// A new target if the miner's pace asks for one; it holds from `moment` on.
    pub fn adjust(&mut self, moment: Moment, now: Instant) -> Option<Target> {
        match self.retarget.then(|| self.vardiff.adjust(now)).flatten() {
            Some(target) => self.set_target(moment, target),
            None if self.seen.len() >= SEEN_LIMIT => self.shed(moment, now),
            None => None,
        }
    }

    /// Takes the client's word on its hashrate and easiest target
    /// (`UpdateChannel`, SV2 section 5.3.7); returns the new target if it changes.
    pub fn update(
        &mut self,
        hash_rate: HashRate,
        max_target: Target,
        moment: Moment,
        now: Instant,
    ) -> Option<Target> {
        self.max_target = max_target;
        self.vardiff.set_hash_rate(hash_rate, now);
        self.vardiff.set_max_target(max_target, now);
        self.set_target(moment, self.vardiff.target())
    }

    /// Whether the client keeps sending duplicates, as two devices with the same
    /// search space do.
    pub fn should_move(&self) -> bool {
        self.duplicates >= DUPLICATES_BEFORE_MOVE
    }

    /// Moves the channel to another part of the search space; jobs sent from `moment`
    /// on use it.
    pub fn move_to(&mut self, allocation: AllocatedExtranoncePrefix, moment: Moment) {
        self.prefix.set(moment, prefix_bytes(&allocation));
        self.allocation = allocation;
        self.duplicates = 0;
        self.roots.clear();
    }

    /// What the channel is estimated to hash.
    pub fn hash_rate(&self) -> HashRate {
        self.vardiff.hash_rate()
    }

    fn set_target(&mut self, moment: Moment, target: Target) -> Option<Target> {
        if target == *self.target.current() {
            return None;
        }
        self.target.set(moment, target);
        Some(target)
    }

    /// Answers a full duplicate filter: four times the difficulty, and nothing easier
    /// is taken any more before the next tip, so that the filter may forget what could
    /// no longer be accepted. Honest miners go on; memory stays bounded.
    fn shed(&mut self, moment: Moment, now: Instant) -> Option<Target> {
        let four_times = Difficulty(self.target.current().difficulty().0 * 4.0);
        let harder = self.max_target.min(Target::from_difficulty(four_times));
        self.vardiff.set_max_target(harder, now);
        self.target.set(moment, harder);
        self.target.forget_before(moment);
        self.seen.raise(&harder);
        Some(harder)
    }
}

impl Batch {
    /// Adds what was accepted after it.
    pub fn append(&mut self, later: Batch) {
        self.last_sequence_number = later.last_sequence_number;
        self.count = self.count.saturating_add(later.count);
        self.difficulty += later.difficulty;
    }

    /// Takes the batch for an acknowledgement, if there is anything in it. The sum is
    /// rounded up, so that a batch of shares below difficulty 1 is not said to be
    /// worth nothing.
    pub fn take(&mut self) -> Option<(u32, u32, u64)> {
        let Batch { last_sequence_number, count, difficulty } = std::mem::take(self);
        // A float to integer cast saturates.
        (count > 0).then_some((last_sequence_number, count, difficulty.ceil() as u64))
    }
}

fn prefix_bytes(allocation: &AllocatedExtranoncePrefix) -> Extranonce {
    Extranonce::new(allocation.as_bytes()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
