//! One channel at the pool for all miners: each has a part of its search space and a
//! difficulty of its own.
//!
//! ```text
//!  miner ─┐                                    ┌─ below the pool's target: acknowledged here
//!  miner ─┼─ branch: judge, vardiff, verdict ──┤
//!  miner ─┘                                    └─ trunk: the one channel, worker named in TLV
//! ```
//!
//! The search space needs no allocation: every miner of this process has four bytes of its
//! own at the front of what it rolls. Towards [`Channels`](super::channels::Channels) all
//! of this is one miner with one channel. No IO.

mod branch;

use super::channels::below;
use super::job::JobNews;
use super::miner::Request;
use super::news::{Mailbox, News, RefusedChannel, tell};
use super::status::JoinStatus;
use branch::{Branch, Judgement};
use mining_sv2::ERROR_CODE_OPEN_MINING_CHANNEL_MIN_EXTRANONCE_SIZE_TOO_LARGE;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;
use tokio::sync::mpsc;
use translator::upstream::{Command, OpenChannel, Opened, Share, Terms};
use translator::{CoinbaseClass, Refusal};
use work::{Difficulty, HashRate, VardiffConfig};

/// What all miners mine in common.
#[derive(Debug)]
pub(super) struct Aggregate {
    /// Who is credited for all of it.
    user: String,
    vardiff: VardiffConfig,
    /// Bytes of extranonce to ask for: those of an old miner.
    rolled: usize,
    status: Arc<JoinStatus>,
    branches: HashMap<u64, Branch>,
    trunk: Trunk,
    /// The newest job of the pool's.
    current: Option<JobNews>,
    /// What the pool was told last of how much is hashed here.
    told: Option<Terms>,
    /// Shares that the pool is asked about: whose they are, under the number of it there.
    asked: HashMap<u32, (u64, u32)>,
    sequence: u32,
    next_job: u32,
    /// Where [`Channels`](super::channels::Channels) tells what happens.
    mailbox: Mailbox,
}

/// How it stands with the one channel.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trunk {
    Idle,
    Opening,
    Open(Opened),
    Away,
}

/// The number under which all miners are one.
const TRUNK: u64 = u64::MAX;
/// What may wait for that one: it is taken out at once.
const WAITING_NEWS: usize = 4 * MAX_IN_FLIGHT;
/// Shares that may be under way to the pool.
pub(super) const MAX_IN_FLIGHT: usize = 4_096;

impl Aggregate {
    /// No miners yet. What comes out of the receiver is for [`news`](Self::news).
    pub(super) fn new(
        user: String,
        vardiff: VardiffConfig,
        rolled: usize,
        status: Arc<JoinStatus>,
    ) -> (Aggregate, mpsc::Receiver<(u64, News)>) {
        let (mailbox, waiting) = mpsc::channel(WAITING_NEWS);
        let aggregate = Aggregate {
            user,
            vardiff,
            rolled,
            status,
            branches: HashMap::new(),
            trunk: Trunk::Idle,
            current: None,
            told: None,
            asked: HashMap::new(),
            sequence: 0,
            next_job: 1,
            mailbox,
        };
        (aggregate, waiting)
    }

    /// What a miner wants; what the one channel is to be asked for it.
    pub(super) fn request(&mut self, request: Request, now: Instant) -> Vec<Request> {
        let Request { miner, command, worker, mailbox } = request;
        match command {
            Command::Open(open) => self.open(miner, &open, mailbox, now),
            Command::Update(terms) => {
                let Some(branch) = self.branches.get_mut(&miner) else { return Vec::new() };
                if branch.set_terms(&terms, now) {
                    self.give(miner);
                }
                self.update()
            }
            Command::Submit(share) => self.submit(miner, &share, worker, now),
            Command::Close => {
                self.branches.remove(&miner);
                self.asked.retain(|_, (asking, _)| *asking != miner);
                self.update()
            }
            Command::Refused(_) => Vec::new(),
        }
    }

    /// What happens to the one channel.
    pub(super) fn news(&mut self, news: News, now: Instant) -> Vec<Request> {
        match news {
            News::Opened(opened) => {
                self.trunk = Trunk::Open(opened);
                self.current = None;
                let all: Vec<u64> = self.branches.keys().copied().collect();
                all.into_iter().for_each(|miner| self.admit(miner, opened));
                return self.update();
            }
            News::Job(job) => {
                self.branches.values_mut().for_each(|branch| branch.see_tip(&job, now));
                self.current = Some(job);
                let all: Vec<u64> = self.branches.keys().copied().collect();
                all.into_iter().for_each(|miner| self.give(miner));
            }
            // It comes with the next job.
            News::Target(_) => {}
            News::Accepted(sequence) => self.verdict(sequence, None),
            News::Rejected(sequence, refusal) => self.verdict(sequence, Some(refusal)),
            News::Refused(refused) => {
                self.trunk = Trunk::Idle;
                for (number, branch) in self.branches.drain() {
                    tell(&branch.mailbox, number, News::Refused(refused.clone()));
                }
            }
            News::Lost => {
                self.trunk = Trunk::Away;
                self.current = None;
                self.asked.clear();
                for (number, branch) in &mut self.branches {
                    branch.lose();
                    tell(&branch.mailbox, *number, News::Lost);
                }
            }
            News::Back => {
                self.trunk = Trunk::Idle;
                for (number, branch) in &self.branches {
                    tell(&branch.mailbox, *number, News::Back);
                }
            }
        }
        Vec::new()
    }

    /// Looks after quiet miners' difficulties.
    pub(super) fn tick(&mut self, now: Instant) {
        let changed: Vec<u64> = self
            .branches
            .iter_mut()
            .filter_map(|(miner, branch)| branch.adjust(now).then_some(*miner))
            .collect();
        changed.into_iter().for_each(|miner| self.give(miner));
    }

    fn open(&mut self, miner: u64, open: &OpenChannel, mailbox: Mailbox, now: Instant) -> Vec<Request> {
        let worker = below(&self.user, &open.name);
        let branch = Branch::new(worker, open, &self.vardiff, mailbox, now);
        self.branches.insert(miner, branch);
        match self.trunk {
            Trunk::Open(opened) => {
                self.admit(miner, opened);
                self.update()
            }
            Trunk::Opening => Vec::new(),
            Trunk::Idle => {
                self.trunk = Trunk::Opening;
                let terms = self.terms();
                self.told = Some(terms);
                let open = OpenChannel {
                    // Its members' names come with their shares.
                    name: String::new(),
                    agent: "several".to_owned(),
                    class: CoinbaseClass::Antminer,
                    terms,
                    min_rolled: self.rolled,
                };
                vec![self.ask(Command::Open(Box::new(open)), None)]
            }
            Trunk::Away => {
                self.tell(miner, News::Lost);
                Vec::new()
            }
        }
    }

    /// Gives a miner its part of the open channel, if it fits.
    fn admit(&mut self, miner: u64, opened: Opened) {
        let Some(branch) = self.branches.get_mut(&miner) else { return };
        if branch.min_rolled > opened.rolled.max(self.rolled) {
            let words =
                format!("the pool gives {} bytes of extranonce, too few for this miner", opened.rolled);
            let code = ERROR_CODE_OPEN_MINING_CHANNEL_MIN_EXTRANONCE_SIZE_TOO_LARGE.to_owned();
            self.tell(miner, News::Refused(RefusedChannel { code, words }));
            self.branches.remove(&miner);
            return;
        }
        let target = branch.target_for(opened.target);
        self.tell(miner, News::Opened(Opened { target, ..opened }));
        self.give(miner);
    }

    /// The present job under an id of this miner's own, with its own target.
    fn give(&mut self, miner: u64) {
        let (Trunk::Open(_), Some(current)) = (self.trunk, &self.current) else { return };
        let Some(branch) = self.branches.get_mut(&miner) else { return };
        let id = self.next_job;
        self.next_job = self.next_job.wrapping_add(1).max(1);
        let news = branch.take(id, current);
        self.tell(miner, News::Job(news));
    }

    fn submit(&mut self, miner: u64, share: &Share, worker: Option<Arc<str>>, now: Instant) -> Vec<Request> {
        let Some(branch) = self.branches.get_mut(&miner) else { return Vec::new() };
        let judgement = branch.judge(share);
        let changed = judgement.is_ok() && branch.adjust_after(now, &judgement);
        let worker = worker.or_else(|| branch.worker.clone());
        let mut asked = Vec::new();
        match judgement {
            Ok(Judgement { upstream_job, for_the_pool: true, .. }) if self.asked.len() < MAX_IN_FLIGHT => {
                self.sequence = self.sequence.wrapping_add(1);
                self.asked.insert(self.sequence, (miner, share.sequence));
                let up = Share { sequence: self.sequence, job: upstream_job, ..share.clone() };
                asked.push(self.ask(Command::Submit(up), worker));
            }
            Ok(Judgement { for_the_pool: true, .. }) => {
                self.status.refused_here();
                self.tell(miner, News::Rejected(share.sequence, Refusal::PoolAway));
            }
            Ok(_) => {
                self.status.below_pool_difficulty.fetch_add(1, Relaxed);
                self.tell(miner, News::Accepted(share.sequence));
            }
            Err(fault) => {
                self.status.refused_here();
                self.tell(miner, News::Rejected(share.sequence, Refusal::Fault(fault)));
            }
        }
        if changed {
            self.give(miner);
        }
        asked
    }

    fn verdict(&mut self, sequence: u32, refusal: Option<Refusal>) {
        let Some((miner, theirs)) = self.asked.remove(&sequence) else { return };
        let news = match refusal {
            None => News::Accepted(theirs),
            Some(refusal) => News::Rejected(theirs, refusal),
        };
        self.tell(miner, news);
    }

    /// Tells the pool when much more or less is hashed here than it was told, or another
    /// least difficulty is wanted.
    fn update(&mut self) -> Vec<Request> {
        /// Below this a change is what vardiff is for.
        const MUCH: f64 = 1.25;
        let (Trunk::Open(_), Some(told)) = (self.trunk, self.told) else { return Vec::new() };
        let terms = self.terms();
        let ratio = terms.hash_rate.0 / told.hash_rate.0;
        if self.branches.is_empty()
            || (terms.min_difficulty == told.min_difficulty && ratio < MUCH && ratio * MUCH > 1.0)
        {
            return Vec::new();
        }
        self.told = Some(terms);
        vec![self.ask(Command::Update(terms), None)]
    }

    /// What all miners together hash, and the least difficulty that all of them take: a miner
    /// that never sends easier shares must not lose what the pool would have paid for them.
    fn terms(&self) -> Terms {
        let hash_rate = self.branches.values().map(Branch::hash_rate).sum();
        let min_difficulty = self.branches.values().map(|branch| branch.min_difficulty.0).fold(0.0, f64::max);
        Terms { min_difficulty: Difficulty(min_difficulty), start: None, hash_rate: HashRate(hash_rate) }
    }

    fn ask(&self, command: Command, worker: Option<Arc<str>>) -> Request {
        Request { miner: TRUNK, command, worker, mailbox: self.mailbox.clone() }
    }

    fn tell(&self, miner: u64, news: News) {
        if let Some(branch) = self.branches.get(&miner) {
            tell(&branch.mailbox, miner, news);
        }
    }
}

#[cfg(test)]
mod tests;
