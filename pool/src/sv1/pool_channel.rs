//! The pool's own channel, as what lies above an SV1 session.
//!
//! Commands are carried out at once. A share that is refused has its verdict before the next is
//! read; one that is accepted has it as soon as it is on disk.

use super::connection::Above;
use crate::channel::group::{Group, LiveJob};
use crate::channel::history::Moment;
use crate::channel::{Channel, ChannelKind, ChannelTerms};
use crate::job::board::PayTo;
use crate::job::news;
use crate::job::wave::Listener;
use crate::server::block::FoundBlock;
use crate::server::share_log::{ShareLog, cannot_count};
use crate::server::{LAST_SHARES, NTIME_AHEAD, ServerContext};
use crate::status::{ChannelInfo, ConnectionGuard};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tracing::info;
use translator::Refusal;
use translator::upstream::{Command, Event, Job, OpenChannel, Opened, Share, Terms};
use work::{Difficulty, HashRate, ShareFault, Target, VardiffConfig};

/// A miner's place in the pool.
pub(super) struct PoolChannel {
    context: Arc<ServerContext>,
    /// There is news of jobs.
    news: news::Listener,
    /// Where it is reported that a new tip was passed on.
    tips: Listener,
    status: ConnectionGuard,
    open: Option<Open>,
    /// Shares that are not on disk yet, and what is owed for them.
    log: ShareLog,
    /// Counts what the miner was sent; see [`crate::channel::history`].
    moment: Moment,
    /// The largest id of a job that it was sent.
    newest_job: u32,
}

struct Open {
    channel: Channel,
    group: Group,
}

/// The only channel of its connection, and its group.
const ID: u32 = 1;

impl Above for PoolChannel {
    async fn command(&mut self, command: Command, now: Instant) -> Vec<Event> {
        match command {
            Command::Submit(share) => self.submit(&share, now).await,
            Command::Open(request) => self.open(&request, now).await,
            Command::Update(terms) => self.update(&terms, now),
            Command::Refused(fault) => {
                self.refuse(fault, 0);
                Vec::new()
            }
            Command::Close => {
                self.open = None;
                self.status.channel_closed(ID);
                Vec::new()
            }
        }
    }

    async fn next(&mut self) -> Option<Vec<Event>> {
        tokio::select! {
            biased;
            // The job maker stops with the pool, perhaps a moment earlier.
            changed = self.news.next() => {
                changed.then_some(())?;
                let tip = self.tips.newest();
                let events = self.distribute(Instant::now());
                self.tips.reached(tip);
                Some(events)
            }
            // Without a ledger no share can be accepted.
            stored = self.log.changed(), if self.log.is_busy() => {
                stored.ok()?;
                self.log.hand_over().ok()?;
                self.acknowledge()
            }
        }
    }

    fn look(&mut self, now: Instant, quiet: bool) -> Vec<Event> {
        let moment = self.moment + 1;
        let Some(open) = &mut self.open else { return Vec::new() };
        if quiet {
            self.status.report_channel(ID, open.channel.report());
        }
        match open.channel.adjust(moment, now) {
            Some(_) => {
                self.moment = moment;
                self.reissue()
            }
            None => Vec::new(),
        }
    }
}

impl PoolChannel {
    pub(super) fn new(context: Arc<ServerContext>, status: ConnectionGuard) -> PoolChannel {
        let (news, tips) = (context.board.news().listen(), context.board.wave().listen());
        let log = ShareLog::new(&context.ledger);
        PoolChannel { context, news, tips, status, open: None, log, moment: 0, newest_job: 0 }
    }

    /// What was accepted counts, though the miner may not be told any more.
    pub(super) async fn finish(mut self) {
        let _ = tokio::time::timeout(LAST_SHARES, self.log.settle()).await;
    }

    /// The verdicts on accepted shares that are on disk by now; none when there is no ledger
    /// any more.
    fn acknowledge(&mut self) -> Option<Vec<Event>> {
        let mut events = Vec::new();
        while let Some(owed) = self.log.next_settled_alone().ok()? {
            events.push(Event::Accepted(owed.shares.last_sequence_number));
        }
        Some(events)
    }

    /// What has changed for this miner since it was last asked.
    fn distribute(&mut self, now: Instant) -> Vec<Event> {
        let moment = self.next_moment();
        let Some(open) = &mut self.open else { return Vec::new() };
        let update = open.group.update(moment);
        let mut newest = None;
        if let Some(activation) = update.activate {
            open.channel.new_tip(now);
            newest = Some(activation.live);
        }
        // A line for each would only make the miner change work twice.
        let newest = update.replace.or(newest);
        if let Some(oldest) = open.group.oldest_moment() {
            open.channel.forget_before(oldest);
        }
        newest.map_or_else(Vec::new, |live| self.tell(&live))
    }

    async fn open(&mut self, request: &OpenChannel, now: Instant) -> Vec<Event> {
        self.status.set_agent(&request.agent);
        match self.try_open(request, now).await {
            Ok(events) => events,
            Err(words) => {
                info!(words, "SV1 worker refused");
                self.context.status.counters.channels_refused.add(1);
                vec![Event::Refused(words)]
            }
        }
    }

    async fn try_open(&mut self, request: &OpenChannel, now: Instant) -> Result<Vec<Event>, String> {
        let context = self.context.clone();
        let identity =
            context.payouts.identify(request.name.as_bytes()).map_err(|fault| fault.to_string())?;
        let pay_to = PayTo::of(&context.payouts, &identity, request.class.into());
        let allocation =
            context.extranonces.extended(request.min_rolled).map_err(|fault| fault.to_string())?;
        let jobs = context.board.subscribe(pay_to.clone()).await.map_err(|fault| fault.to_string())?;
        let mut group = Group::new(ID, pay_to, jobs);
        group.update(self.next_moment());

        let rolled = context.extranonces.rolled();
        // Old firmware takes powers of two only, and then the difficulty aimed at is the
        // one that is told.
        let vardiff = VardiffConfig { power_of_two: true, ..context.vardiff };
        let terms = ChannelTerms {
            id: ID,
            kind: ChannelKind::Extended { rolled },
            group: ID,
            identity,
            allocation,
            hash_rate: self.hash_rate(&request.terms),
            max_target: Target::from_difficulty(request.terms.min_difficulty),
            max_workers: context.max_workers,
            retarget: context.retarget,
        };
        let channel = Channel::open(terms, &vardiff, now);
        let info = ChannelInfo { class: Some(request.class.name()), ..ChannelInfo::from(&channel) };
        self.status.channel_opened(info);
        let opened = Opened { prefix: *channel.prefix(), rolled, target: channel.target() };
        let active = group.active().cloned();
        self.open = Some(Open { channel, group });
        let mut events = vec![Event::Opened(opened)];
        if let Some(live) = active {
            events.extend(self.tell(&live));
        }
        Ok(events)
    }

    fn update(&mut self, terms: &Terms, now: Instant) -> Vec<Event> {
        let (moment, hash_rate) = (self.next_moment(), self.hash_rate(terms));
        let Some(open) = &mut self.open else { return Vec::new() };
        let easiest = Target::from_difficulty(terms.min_difficulty);
        match open.channel.update(hash_rate, easiest, moment, now) {
            Some(_) => self.reissue(),
            None => Vec::new(),
        }
    }

    /// Counts a refused share.
    fn refuse(&mut self, fault: ShareFault, sequence: u32) {
        let Some(open) = &mut self.open else { return self.status.rejected(fault) };
        let identity = &open.channel.identity;
        self.status.refused(fault, &identity.member, &identity.worker);
        open.channel.refuse(sequence, None);
    }

    async fn submit(&mut self, share: &Share, now: Instant) -> Vec<Event> {
        match self.judge(share, now) {
            Ok(block) => {
                // Fails only when the pool is to stop; the next event says so.
                let _ = self.log.hand_over();
                if let Some(block) = block {
                    // Fails only when the pool has stopped and nobody submits blocks any more.
                    let _ = self.context.blocks.send(block).await;
                }
                // A miner that has so many shares under way that no more are taken waits for the
                // disk.
                while self.log.is_behind() && self.log.changed().await.is_ok() {
                    let _ = self.log.hand_over();
                    if self.log.look().is_err() {
                        break;
                    }
                }
                self.acknowledge().unwrap_or_default()
            }
            Err(fault) => {
                self.refuse(fault, share.sequence);
                let mut events = vec![Event::Rejected(share.sequence, Refusal::Fault(fault))];
                if self.open.as_ref().is_some_and(|open| open.channel.should_move()) {
                    events.extend(self.move_channel());
                }
                events
            }
        }
    }

    /// The block, if the share is one.
    fn judge(&mut self, share: &Share, now: Instant) -> Result<Option<FoundBlock>, ShareFault> {
        let Open { channel, group } = self.open.as_mut().ok_or(ShareFault::InvalidChannelId)?;
        let found = group.job(share.job).or_else(|| channel.reissued(share.job)).cloned();
        // Ids only grow: one that was sent once is over.
        let over = if share.job <= self.newest_job { ShareFault::Stale } else { ShareFault::InvalidJobId };
        let live = found.ok_or(over)?;
        let ntime_max = unix_time().max(live.tip.ntime).saturating_add(NTIME_AHEAD);
        let rolled = Some(share.rolled.as_bytes());
        let verdict = channel.judge(&live, rolled, &share.submission, ntime_max)?;
        if live.job.is_heat {
            channel.credit_warmth(share.sequence, verdict.credited, now);
            self.log.owe(ID, std::mem::take(&mut channel.unacknowledged));
            self.context.status.heat.share();
            return Ok(None);
        }
        let context = channel.context(&live, None).map_err(cannot_count)?;
        if verdict.credited.is_some() {
            self.log.add(&context, share.submission, share.rolled.as_bytes());
        }
        if verdict.judged.is_block {
            self.log.add_block(live.job.found_block(verdict.judged.hash, &context, unix_time()));
        }
        let block = verdict.judged.is_block.then(|| {
            let extranonce = channel.extranonce(&live, rolled);
            let identity = &channel.identity;
            let (member, worker) = (identity.member.clone(), identity.worker.clone());
            FoundBlock::new(&live, &extranonce, &share.submission, verdict.judged.hash, member, worker)
        });
        channel.credit(share.sequence, None, verdict.credited, now);
        self.log.owe(ID, std::mem::take(&mut channel.unacknowledged));
        self.status.accepted(verdict.credited.unwrap_or(Difficulty(0.0)));
        Ok(block)
    }

    /// Two devices with the same search space send the same shares: this one gets another.
    fn move_channel(&mut self) -> Vec<Event> {
        let moment = self.next_moment();
        let Some(open) = &mut self.open else { return Vec::new() };
        let ChannelKind::Extended { rolled } = open.channel.kind else { return Vec::new() };
        // With no other space to go to, the duplicates simply stay refused.
        let Ok(allocation) = self.context.extranonces.extended(rolled) else { return Vec::new() };
        open.channel.move_to(allocation, moment);
        self.reissue()
    }

    /// The present job once more, for what has changed at this moment.
    fn reissue(&mut self) -> Vec<Event> {
        let Some(open) = &mut self.open else { return Vec::new() };
        let Some(active) = open.group.active().cloned() else { return Vec::new() };
        let live = LiveJob {
            id: self.context.board.fresh_id(),
            min_ntime: active.min_ntime.max(unix_time()),
            sent: self.moment,
            activated: self.moment,
            ..active
        };
        open.channel.reissue(live.clone());
        self.tell(&live)
    }

    /// A job, with the prefix and the target under which its shares are judged.
    fn tell(&mut self, live: &LiveJob) -> Vec<Event> {
        self.newest_job = self.newest_job.max(live.id);
        let Some(Open { channel, .. }) = &self.open else { return Vec::new() };
        let job = Job {
            id: live.id,
            text: live.job.sv1_text(&live.tip.tip.prev_hash),
            prev_hash: live.tip.tip.prev_hash,
            version: live.job.work.version(),
            version_rolling: live.job.work.version_rolling(),
            nbits: live.tip.tip.nbits,
            ntime: live.min_ntime,
        };
        vec![
            Event::Prefix(*channel.prefix_at(live.sent)),
            Event::Target(channel.target_at(live.activated)),
            Event::Job(job),
        ]
    }

    /// The hash rate at which the channel starts where the miner wishes it to.
    fn hash_rate(&self, terms: &Terms) -> HashRate {
        let shares_per_second = self.context.vardiff.shares_per_minute.0 / 60.0;
        terms.start.map_or(terms.hash_rate, |start| HashRate(start.hashes() * shares_per_second))
    }

    fn next_moment(&mut self) -> Moment {
        self.moment += 1;
        self.moment
    }
}

fn unix_time() -> u32 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since_epoch.as_secs()).unwrap_or(u32::MAX)
}
