//! One miner's part of the common channel: its jobs, its difficulty, its shares of before.

use crate::join::channels::cut;
use crate::join::job::{JobNews, TipJob};
use crate::join::news::Mailbox;
use crate::wire::tlv::MAX_WORKER_NAME;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;
use translator::upstream::{OpenChannel, Share, Terms};
use work::{
    BIP323_MASK, Difficulty, Extranonce, Hash256, HashRate, SeenShares, ShareFault, Target, Vardiff,
    VardiffConfig, judge_extended,
};

/// Jobs that shares are still taken for: some firmware works through a queue of eight.
const KEPT: usize = 16;
/// Shares remembered of one tip, after which the difficulty is raised instead of
/// remembering more.
const SEEN_LIMIT: usize = if cfg!(test) { 256 } else { 1 << 16 };

#[derive(Debug)]
pub(super) struct Branch {
    pub(super) mailbox: Mailbox,
    /// What the pool is told with each share; nothing for a miner without a name.
    pub(super) worker: Option<Arc<str>>,
    /// Bytes of extranonce that it needs.
    pub(super) min_rolled: usize,
    /// Never easier.
    pub(super) min_difficulty: Difficulty,
    vardiff: Vardiff,
    seen: SeenShares,
    tip: Option<Hash256>,
    /// Oldest first.
    live: VecDeque<LiveJob>,
}

/// A job as the miner was given it.
#[derive(Debug)]
struct LiveJob {
    id: u32,
    job: Arc<TipJob>,
    prefix: Extranonce,
    /// What its shares have to meet ...
    target: Target,
    /// ... and what the pool's have to.
    pool_target: Target,
}

/// A share that is good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Judgement {
    /// The pool's id of its job.
    pub(super) upstream_job: u32,
    /// Whether it is good for the pool too.
    pub(super) for_the_pool: bool,
    /// Of the target that it had to meet; none for a block that missed it.
    difficulty: Option<Difficulty>,
}

impl Branch {
    pub(super) fn new(
        worker: &str,
        open: &OpenChannel,
        vardiff: &VardiffConfig,
        mailbox: Mailbox,
        now: Instant,
    ) -> Branch {
        let worker = cut(worker, MAX_WORKER_NAME);
        let mut branch = Branch {
            mailbox,
            worker: (!worker.is_empty()).then(|| worker.into()),
            min_rolled: open.min_rolled,
            min_difficulty: open.terms.min_difficulty,
            vardiff: Vardiff::new(vardiff, hash_rate(&open.terms, vardiff), now),
            seen: SeenShares::new(),
            tip: None,
            live: VecDeque::new(),
        };
        branch.vardiff.set_max_target(Target::from_difficulty(branch.min_difficulty), now);
        branch
    }

    /// The miner has other wishes; whether its target changes with them.
    pub(super) fn set_terms(&mut self, terms: &Terms, now: Instant) -> bool {
        self.min_difficulty = terms.min_difficulty;
        let before = self.vardiff.target();
        self.vardiff.set_max_target(Target::from_difficulty(terms.min_difficulty), now);
        let config = VardiffConfig::default();
        self.vardiff.set_hash_rate(hash_rate(terms, &config), now);
        self.vardiff.target() != before
    }

    /// The target of its next job, where the pool's is `pool_target`: never harder than the
    /// pool's own unless the miner wants it so, because the pool pays for each share that
    /// meets its target.
    pub(super) fn target_for(&self, pool_target: Target) -> Target {
        let wanted = self.vardiff.target().max(pool_target);
        wanted.min(Target::from_difficulty(self.min_difficulty)).min(self.seen.easiest())
    }

    /// What it is believed to hash.
    pub(super) fn hash_rate(&self) -> f64 {
        self.vardiff.hash_rate().0
    }

    /// Forgets what belonged to the tip before.
    pub(super) fn see_tip(&mut self, news: &JobNews, now: Instant) {
        let tip = news.job.tip.prev_hash;
        if self.tip != Some(tip) {
            self.tip = Some(tip);
            self.seen.clear();
            self.live.clear();
            self.vardiff.set_max_target(Target::from_difficulty(self.min_difficulty), now);
        }
    }

    /// The channel is gone, with all its jobs.
    pub(super) fn lose(&mut self) {
        self.live.clear();
        self.tip = None;
    }

    /// Takes a job of the pool's, as `id`.
    pub(super) fn take(&mut self, id: u32, news: &JobNews) -> JobNews {
        self.tip = Some(news.job.tip.prev_hash);
        let target = self.target_for(news.target);
        if self.live.len() >= KEPT {
            self.live.pop_front();
        }
        let (job, prefix) = (news.job.clone(), news.prefix);
        self.live.push_back(LiveJob { id, job: job.clone(), prefix, target, pool_target: news.target });
        JobNews { id, job, prefix, target }
    }

    /// Judges a share by the terms of its job.
    pub(super) fn judge(&mut self, share: &Share) -> Result<Judgement, ShareFault> {
        /// Whose clock is right is for the pool to say.
        const ANY_TIME: u32 = u32::MAX;
        let Some(live) = self.live.iter().rev().find(|live| live.id == share.job) else {
            let newest = self.live.back().map_or(0, |live| live.id);
            let over = share.job <= newest || self.live.is_empty();
            return Err(if over { ShareFault::Stale } else { ShareFault::InvalidJobId });
        };
        let job = &live.job;
        let parts = [live.prefix.as_bytes(), share.rolled.as_bytes()];
        let submission = &share.submission;
        let judged =
            judge_extended(&job.work, &job.tip, &parts, submission, &live.target, ANY_TIME, BIP323_MASK)?;
        if !self.seen.insert(&judged.hash) {
            return Err(ShareFault::Duplicate);
        }
        Ok(Judgement {
            upstream_job: job.id,
            for_the_pool: judged.is_block || live.pool_target.is_met_by(&judged.hash),
            difficulty: judged.is_share.then(|| live.target.difficulty()),
        })
    }

    /// Takes note of a good share; whether the target changes with it.
    pub(super) fn adjust_after(&mut self, now: Instant, judgement: &Result<Judgement, ShareFault>) -> bool {
        if let Ok(Judgement { difficulty: Some(difficulty), .. }) = judgement {
            self.vardiff.record(now, *difficulty);
        }
        self.adjust(now)
    }

    /// Whether the miner's pace asks for another target.
    pub(super) fn adjust(&mut self, now: Instant) -> bool {
        let pool_target = self.live.back().map_or(Target::ZERO, |live| live.pool_target);
        let told = self.live.back().map(|live| live.target);
        if self.seen.len() >= SEEN_LIMIT {
            self.shed(now);
        }
        self.vardiff.adjust(now);
        told.is_some_and(|told| told != self.target_for(pool_target))
    }

    /// Remembers no more: nothing easier than four times as hard is taken before the next
    /// tip, and what could not be accepted any more is forgotten.
    fn shed(&mut self, now: Instant) {
        let Some(present) = self.live.back().map(|live| live.target) else { return };
        let harder = Target::from_difficulty(Difficulty(present.difficulty().0 * 4.0));
        self.vardiff.set_max_target(harder, now);
        self.live.clear();
        self.seen.raise(&harder);
    }
}

/// The hash rate at which the miner starts where it wishes.
fn hash_rate(terms: &Terms, config: &VardiffConfig) -> HashRate {
    let shares_per_second = config.shares_per_minute.0 / 60.0;
    terms.start.map_or(terms.hash_rate, |start| HashRate(start.hashes() * shares_per_second))
}
