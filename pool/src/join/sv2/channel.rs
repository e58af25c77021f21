//! One channel of a Stratum V2 miner and its counterpart at the pool. No IO.

use super::at_least;
use crate::join::job::{JobNews, TipJob};
use crate::join::news::News;
use crate::join::status::{HeatGauge, JoinStatus};
use crate::wire::{self, JobHead, SubmitShares};
use mining_sv2 as mining;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use translator::session::OWN;
use translator::upstream::{Command, OpenChannel, Opened, Share, Terms};
use translator::{CoinbaseClass, Goodbye, Refusal, heat};
use work::{Difficulty, Extranonce, Hash256, HashRate, JobWork, SplitCoinbase, Submission, Target};

/// A message for the miner: its type, whether it is a channel's, its payload.
pub(super) type Message = (u8, bool, Vec<u8>);

/// Standard or extended (SV2 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its extranonce is fixed here.
    Standard,
    /// It rolls so many bytes; before it is open, the least that it takes.
    Extended { rolled: usize },
}

/// What a channel is asked for with.
#[derive(Clone, Debug)]
pub(super) struct Start {
    pub(super) request_id: u32,
    pub(super) name: String,
    pub(super) hash_rate: HashRate,
    pub(super) max_target: Target,
    pub(super) kind: Kind,
}

/// A miner's channel.
pub(super) struct Channel {
    pub(super) id: u32,
    /// Its number at the uplink.
    pub(super) miner: u64,
    own: [u8; OWN],
    start: Start,
    agent: String,
    class: CoinbaseClass,
    /// It was answered: from then on its layout stays.
    welcomed: bool,
    upstream: Upstream,
    /// Counts the channels at the pool that it has had: jobs of an earlier one are void.
    epoch: u32,
    told_target: Option<Target>,
    told_tip: Option<Hash256>,
    live: VecDeque<LiveJob>,
    /// The newest job from the pool, and when it came.
    last: Option<(JobNews, Instant)>,
    sequence: u32,
    pending: VecDeque<Pending>,
    /// Accepted shares that no answer has gone out for.
    owed: Option<Owed>,
    heat: Heat,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Upstream {
    Opening,
    Open(Opened),
    Away(Instant),
}

struct LiveJob {
    id: u32,
    /// The pool's id of it; none for one that pays nobody.
    upstream: Option<u32>,
    difficulty: Difficulty,
    epoch: u32,
}

/// A share without an answer.
struct Pending {
    sequence: u32,
    /// The miner's own number of it.
    theirs: u32,
    difficulty: Difficulty,
    accepted: bool,
}

/// An acknowledgement in the making.
#[derive(Clone, Copy)]
struct Owed {
    last: u32,
    count: u32,
    sum: f64,
}

struct Heat {
    gauge: HeatGauge,
    shares: Option<u64>,
}

/// What comes of some news.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) messages: Vec<Message>,
    pub(super) command: Option<Command>,
    /// The channel is no more.
    pub(super) over: bool,
    /// The connection has to end: a new one may do better.
    pub(super) end: Option<Goodbye>,
}

/// Jobs that shares are still passed on for.
const KEPT: usize = 16;
/// Shares of one channel that may wait for a verdict.
const MAX_PENDING: usize = 256;
/// What an extended channel is given where the pool has it: more than any miner rolls.
const COMFORT: usize = 8;
/// Answers a share that went to a pool which is gone.
const POOL_LOST: &str = "pool-lost";

impl Start {
    /// Why it cannot be granted, whatever the pool says.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if self.max_target == Target::ZERO {
            return Some(mining::ERROR_CODE_OPEN_MINING_CHANNEL_MAX_TARGET_OUT_OF_RANGE);
        }
        (!is_hash_rate(self.hash_rate))
            .then_some(mining::ERROR_CODE_OPEN_MINING_CHANNEL_INVALID_NOMINAL_HASHRATE)
    }

    fn terms(&self) -> Terms {
        Terms { min_difficulty: at_least(self.max_target), start: None, hash_rate: self.hash_rate }
    }
}

impl Channel {
    pub(super) fn new(
        id: u32,
        miner: u64,
        own: [u8; OWN],
        start: Start,
        agent: String,
        class: CoinbaseClass,
        status: Arc<JoinStatus>,
    ) -> Channel {
        Channel {
            id,
            miner,
            own,
            start,
            agent,
            class,
            welcomed: false,
            upstream: Upstream::Opening,
            epoch: 0,
            told_target: None,
            told_tip: None,
            live: VecDeque::new(),
            last: None,
            sequence: 0,
            pending: VecDeque::new(),
            owed: None,
            heat: Heat { gauge: HeatGauge::new(status), shares: None },
        }
    }

    /// Asks for a channel at the pool.
    pub(super) fn open(&mut self) -> Command {
        self.upstream = Upstream::Opening;
        Command::Open(Box::new(OpenChannel {
            name: self.start.name.clone(),
            agent: self.agent.clone(),
            class: self.class,
            terms: self.start.terms(),
            min_rolled: OWN + self.rolled(),
        }))
    }

    /// The miner says something else of itself.
    pub(super) fn update(
        &mut self,
        hash_rate: HashRate,
        max_target: Target,
    ) -> Result<Command, &'static str> {
        if !is_hash_rate(hash_rate) {
            return Err(mining::ERROR_CODE_UPDATE_CHANNEL_INVALID_NOMINAL_HASHRATE);
        }
        if max_target == Target::ZERO {
            return Err(mining::ERROR_CODE_UPDATE_CHANNEL_MAX_TARGET_OUT_OF_RANGE);
        }
        (self.start.hash_rate, self.start.max_target) = (hash_rate, max_target);
        Ok(Command::Update(self.start.terms()))
    }

    /// A share on its way up; none for one that was mined for warmth.
    pub(super) fn submit(&mut self, share: &SubmitShares<'_>) -> Result<Option<Command>, &'static str> {
        let Some(live) = self.live.iter().rev().find(|live| live.id == share.job_id) else {
            let newest = self.live.back().map_or(u32::MAX, |live| live.id);
            return Err(if share.job_id <= newest { "stale-share" } else { "invalid-job-id" });
        };
        let rolled = share.extranonce.unwrap_or_default();
        if rolled.len() != self.rolled() || share.extranonce.is_some() != self.is_extended() {
            return Err("bad-extranonce-size");
        }
        let Some(job) = live.upstream else {
            self.heat.shares = Some(self.heat.shares.unwrap_or(0) + 1);
            self.heat.gauge.set(self.heat.shares);
            // Nothing is credited for it.
            self.owe(share.sequence_number, Difficulty(0.0));
            return Ok(None);
        };
        let Upstream::Open(opened) = self.upstream else { return Err(POOL_LOST) };
        if live.epoch != self.epoch {
            return Err("stale-share");
        }
        if self.pending.len() >= MAX_PENDING {
            return Err("too-many-shares-under-way");
        }
        let difficulty = live.difficulty;
        let rolled = self.extranonce(opened, rolled).ok_or("bad-extranonce-size")?;
        self.sequence = self.sequence.wrapping_add(1);
        let (sequence, theirs) = (self.sequence, share.sequence_number);
        self.pending.push_back(Pending { sequence, theirs, difficulty, accepted: false });
        let submission = Submission { version: share.version, ntime: share.ntime, nonce: share.nonce };
        Ok(Some(Command::Submit(Share { sequence, job, rolled, submission })))
    }

    /// What happens at the pool. A job is told as `job_id`.
    pub(super) fn hear(&mut self, news: News, job_id: u32, now: Instant) -> Outcome {
        match news {
            News::Opened(opened) => self.opened(opened),
            News::Job(news) => Outcome { messages: self.job(news, job_id, now), ..Outcome::default() },
            News::Target(target) => {
                let message = self.set_target(target);
                Outcome { messages: message.into_iter().collect(), ..Outcome::default() }
            }
            News::Accepted(sequence) => {
                if let Some(pending) = self.pending.iter_mut().find(|pending| pending.sequence == sequence) {
                    pending.accepted = true;
                }
                self.count_accepted();
                Outcome::default()
            }
            News::Rejected(sequence, refusal) => {
                let place = self.pending.iter().position(|pending| pending.sequence == sequence);
                let message = place
                    .and_then(|place| self.pending.remove(place))
                    .map(|pending| self.refusal(&pending, &refusal));
                self.count_accepted();
                Outcome { messages: message.into_iter().collect(), ..Outcome::default() }
            }
            News::Lost => {
                // Told again, it has not been away for any less.
                if !matches!(self.upstream, Upstream::Away(_)) {
                    self.upstream = Upstream::Away(now);
                }
                self.epoch += 1;
                let lost = std::mem::take(&mut self.pending);
                let lost = lost.iter().filter(|pending| !pending.accepted);
                let messages = lost.map(|pending| self.refusal(pending, &Refusal::PoolLost)).collect();
                Outcome { messages, ..Outcome::default() }
            }
            News::Back => Outcome { command: Some(self.open()), ..Outcome::default() },
            News::Refused(refused) if self.welcomed => {
                // Another pool, which does not know it: the miner may be told to leave, but
                // not all of them listen.
                let payload = [&self.id.to_le_bytes()[..], &wire::short_string(&refused.code)].concat();
                let close = (mining::MESSAGE_TYPE_CLOSE_CHANNEL, true, payload);
                Outcome { messages: vec![close], over: true, end: Some(Goodbye::Unauthorized), command: None }
            }
            News::Refused(refused) => {
                let request = self.start.request_id.to_le_bytes();
                let payload = [&request[..], &wire::short_string(&refused.code)].concat();
                let error = (mining::MESSAGE_TYPE_OPEN_MINING_CHANNEL_ERROR, false, payload);
                Outcome { messages: vec![error], over: true, ..Outcome::default() }
            }
        }
    }

    /// The answer for all accepted shares since the last one.
    pub(super) fn acknowledge(&mut self) -> Option<Message> {
        let Owed { last, count, sum } = self.owed.take()?;
        // A float to integer cast saturates.
        let payload = wire::submit_shares_success(self.id, last, count, sum.ceil() as u64);
        Some((mining::MESSAGE_TYPE_SUBMIT_SHARES_SUCCESS, true, payload.to_vec()))
    }

    /// Work on the last known tip that pays nobody, once the pool has been away for long.
    pub(super) fn start_heat(&mut self, patience: Duration, job_id: u32, now: Instant) -> Vec<Message> {
        let Upstream::Away(since) = self.upstream else { return Vec::new() };
        let Some((last, received)) = self.last.as_ref().filter(|_| now >= since + patience) else {
            return Vec::new();
        };
        if self.heat.shares.is_some() {
            return Vec::new();
        }
        let age = u32::try_from(now.saturating_duration_since(*received).as_secs()).unwrap_or(0);
        let size = OWN + self.rolled();
        let (prefix, suffix) = heat::coinbase(size);
        let coinbase = SplitCoinbase { prefix, suffix, extranonce_size: size, witness: None };
        let work = JobWork::new(last.job.work.version(), last.job.work.version_rolling(), coinbase, []);
        let job = TipJob::new(0, work, last.job.tip, last.job.ntime.saturating_add(age));
        let own = Opened { prefix: Extranonce::EMPTY, rolled: size, target: last.target };
        let difficulty = last.target.difficulty();
        self.heat.shares = Some(0);
        self.heat.gauge.set(Some(0));
        self.keep(LiveJob { id: job_id, upstream: None, difficulty, epoch: self.epoch });
        let message = self.job_message(&job, &Extranonce::EMPTY, own, job_id, Some(job.ntime));
        message.into_iter().collect()
    }

    fn opened(&mut self, opened: Opened) -> Outcome {
        let room = opened.rolled.saturating_sub(OWN);
        if self.rolled() > room {
            let end = self.welcomed.then_some(Goodbye::Extranonce);
            let code = mining::ERROR_CODE_OPEN_MINING_CHANNEL_MIN_EXTRANONCE_SIZE_TOO_LARGE;
            let payload = [&self.start.request_id.to_le_bytes()[..], &wire::short_string(code)].concat();
            let error = (mining::MESSAGE_TYPE_OPEN_MINING_CHANNEL_ERROR, false, payload);
            let messages = if self.welcomed { Vec::new() } else { vec![error] };
            return Outcome { messages, over: true, end, command: None };
        }
        self.upstream = Upstream::Open(opened);
        self.epoch += 1;
        if self.welcomed {
            return Outcome::default();
        }
        self.welcomed = true;
        self.told_target = Some(opened.target);
        if let Kind::Extended { rolled } = &mut self.start.kind {
            *rolled = (*rolled).max(COMFORT.min(room));
        }
        Outcome { messages: vec![self.welcome(opened)], ..Outcome::default() }
    }

    fn welcome(&self, opened: Opened) -> Message {
        let mut payload = self.start.request_id.to_le_bytes().to_vec();
        payload.extend_from_slice(&self.id.to_le_bytes());
        payload.extend_from_slice(&opened.target.to_le_bytes());
        let msg_type = match self.start.kind {
            Kind::Standard => mining::MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL_SUCCESS,
            Kind::Extended { rolled } => {
                payload.extend_from_slice(&u16::try_from(rolled).unwrap_or(u16::MAX).to_le_bytes());
                mining::MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL_SUCCESS
            }
        };
        payload.push(OWN as u8);
        payload.extend_from_slice(&self.own);
        payload.extend_from_slice(&super::GROUP.to_le_bytes());
        (msg_type, false, payload)
    }

    fn job(&mut self, news: JobNews, id: u32, now: Instant) -> Vec<Message> {
        let Upstream::Open(opened) = self.upstream else { return Vec::new() };
        self.heat.shares = None;
        self.heat.gauge.set(None);
        self.live.retain(|live| live.upstream.is_some());
        let mut messages: Vec<Message> = self.set_target(news.target).into_iter().collect();
        let tip = news.job.tip;
        let is_new_tip = self.told_tip != Some(tip.prev_hash);
        let min_ntime = (!is_new_tip).then_some(news.job.ntime);
        messages.extend(self.job_message(&news.job, &news.prefix, opened, id, min_ntime));
        if is_new_tip {
            self.live.clear();
            self.told_tip = Some(tip.prev_hash);
            let ntime = news.job.ntime;
            let payload = wire::set_new_prev_hash(self.id, id, &tip.prev_hash.0, ntime, tip.nbits);
            messages.push((mining::MESSAGE_TYPE_MINING_SET_NEW_PREV_HASH, true, payload.to_vec()));
        }
        let difficulty = news.target.difficulty();
        self.keep(LiveJob { id, upstream: Some(news.id), difficulty, epoch: self.epoch });
        self.last = Some((news, now));
        messages
    }

    fn job_message(
        &self,
        job: &TipJob,
        prefix: &Extranonce,
        opened: Opened,
        id: u32,
        min_ntime: Option<u32>,
    ) -> Option<Message> {
        let mut payload = JobHead::new(self.id, id, min_ntime).as_bytes().to_vec();
        payload.extend_from_slice(&job.work.version().to_le_bytes());
        if !self.is_extended() {
            let whole = prefix.join(self.extranonce(opened, &[])?.as_bytes()).ok()?;
            payload.extend_from_slice(&job.work.merkle_root(&[whole.as_bytes()]).0);
            return Some((mining::MESSAGE_TYPE_NEW_MINING_JOB, true, payload));
        }
        payload.push(u8::from(job.work.version_rolling()));
        payload.push(u8::try_from(job.work.merkle_path().len()).ok()?);
        job.work.merkle_path().iter().for_each(|hash| payload.extend_from_slice(&hash.0));
        let coinbase = job.work.coinbase();
        let padding = self.padding(opened);
        let length = coinbase.prefix.len() + prefix.len() + padding;
        payload.extend_from_slice(&u16::try_from(length).ok()?.to_le_bytes());
        payload.extend_from_slice(&coinbase.prefix);
        payload.extend_from_slice(prefix.as_bytes());
        payload.resize(payload.len() + padding, 0);
        payload.extend_from_slice(&u16::try_from(coinbase.suffix.len()).ok()?.to_le_bytes());
        payload.extend_from_slice(&coinbase.suffix);
        Some((mining::MESSAGE_TYPE_NEW_EXTENDED_MINING_JOB, true, payload))
    }

    fn set_target(&mut self, target: Target) -> Option<Message> {
        if !self.welcomed || self.told_target == Some(target) {
            return None;
        }
        self.told_target = Some(target);
        let payload = wire::set_target(self.id, &target.to_le_bytes()).to_vec();
        Some((mining::MESSAGE_TYPE_SET_TARGET, true, payload))
    }

    fn keep(&mut self, live: LiveJob) {
        if self.live.len() >= KEPT {
            self.live.pop_front();
        }
        self.live.push_back(live);
    }

    /// An acknowledgement says that all shares before it are accepted too, but for those
    /// that were refused: so it waits for them.
    fn count_accepted(&mut self) {
        while self.pending.front().is_some_and(|first| first.accepted)
            && let Some(pending) = self.pending.pop_front()
        {
            self.owe(pending.theirs, pending.difficulty);
        }
    }

    fn owe(&mut self, sequence: u32, difficulty: Difficulty) {
        let owed = self.owed.get_or_insert(Owed { last: 0, count: 0, sum: 0.0 });
        owed.last = sequence;
        owed.count += 1;
        owed.sum += difficulty.0;
    }

    fn refusal(&self, pending: &Pending, refusal: &Refusal) -> Message {
        let code = match refusal {
            Refusal::Fault(fault) => fault.error_code(),
            Refusal::Pool(words) => words,
            _ => POOL_LOST,
        };
        error(self.id, pending.theirs, code)
    }

    fn is_extended(&self) -> bool {
        self.start.kind != Kind::Standard
    }

    /// Bytes that the miner rolls.
    fn rolled(&self) -> usize {
        match self.start.kind {
            Kind::Standard => 0,
            Kind::Extended { rolled } => rolled,
        }
    }

    /// Bytes that the pool's channel has and the miner does not need.
    fn padding(&self, opened: Opened) -> usize {
        opened.rolled.saturating_sub(OWN + self.rolled())
    }

    /// All that lies below the pool's prefix.
    fn extranonce(&self, opened: Opened, rolled: &[u8]) -> Option<Extranonce> {
        const ZEROS: [u8; 32] = [0; 32];
        let padding = ZEROS.get(..self.padding(opened))?;
        let start = Extranonce::new(padding).ok()?;
        start.join(&self.own).ok()?.join(rolled).ok()
    }
}

/// Refuses a share (SV2 section 5.3.14).
pub(super) fn share_error(share: &SubmitShares<'_>, code: &str) -> Message {
    error(share.channel_id, share.sequence_number, code)
}

fn error(channel: u32, sequence: u32, code: &str) -> Message {
    let ids = [channel.to_le_bytes(), sequence.to_le_bytes()];
    let payload = [ids.as_flattened(), &wire::short_string(code)].concat();
    (mining::MESSAGE_TYPE_SUBMIT_SHARES_ERROR, true, payload)
}

/// Zero is a proxy without devices yet (SV2 section 5.3.2).
fn is_hash_rate(rate: HashRate) -> bool {
    rate.0.is_finite() && rate.0 >= 0.0
}

#[cfg(test)]
mod tests;
