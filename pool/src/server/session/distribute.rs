//! Jobs, tips and targets on their way to the client.

use super::Session;
use crate::channel::group::{Group, LiveJob, Update};
use crate::channel::history::Moment;
use crate::channel::{Channel, ChannelKind};
use crate::job::Job;
use crate::server::Closed;
use crate::wire::{self, JobHead};
use mining_sv2 as mining;
use tokio::io::AsyncWrite;
use work::{Hash256, Target};

/// Whom a message is for.
#[derive(Clone, Copy)]
pub(super) enum To {
    /// All channels of the group at this index, by one message.
    Group(usize),
    /// One channel, by its index.
    Channel(usize),
}

impl<W: AsyncWrite + Unpin> Session<W> {
    /// Brings every group up to date. New tips go out for all groups before anything
    /// else does.
    pub(super) async fn distribute(&mut self) -> Result<(), Closed> {
        let tip = self.tips.newest();
        if self.groups.is_empty() {
            self.tips.reached(tip);
            return Ok(());
        }
        self.clock.read();
        let moment = self.next_moment();
        let updates = self.update_groups(moment);
        for (group, update) in updates.iter().enumerate() {
            if let Some(activation) = &update.activate {
                for to in self.receivers(group) {
                    if !activation.held {
                        self.send_job(to, &activation.live, None)?;
                    }
                    self.send_prev_hash(to, &activation.live)?;
                    self.make_room().await?;
                }
            }
        }
        // What else there is has to wait until the tip has left, here and everywhere.
        if updates.iter().any(|update| update.activate.is_some()) {
            self.writer.flush().await?;
        }
        self.tips.reached(tip);
        for (group, update) in updates.iter().enumerate() {
            for to in self.receivers(group) {
                if let Some(live) = &update.replace {
                    self.send_job(to, live, Some(live.min_ntime))?;
                }
                if let Some(job) = &update.future {
                    self.send_future(to, job, moment)?;
                }
                self.make_room().await?;
            }
            if let Some(oldest) = self.groups.get(group).and_then(|group| group.oldest_moment()) {
                self.for_members(group, |channel| channel.forget_before(oldest));
            }
        }
        Ok(())
    }

    /// Takes what the groups should be mining as sent at `moment`. At once and for all of
    /// them: a connection that dies while it is sent leaves channels behind that are of
    /// one mind with their groups.
    pub(super) fn update_groups(&mut self, moment: Moment) -> Vec<Update> {
        let updates: Vec<Update> = self.groups.iter_mut().map(|group| group.update(moment)).collect();
        let now = self.clock.now;
        for (group, _) in updates.iter().enumerate().filter(|(_, update)| update.activate.is_some()) {
            self.for_members(group, |channel| channel.new_tip(now));
        }
        updates
    }

    /// The first messages of a new channel: its job as a future job, the tip that
    /// activates it, and the job for the block after (SV2 sections 5.3.15 and 5.1.3).
    pub(super) fn onboard(&mut self, index: usize) -> Result<(), Closed> {
        let Some(group) = self.group_of(index) else { return Ok(()) };
        let (id, active, future) = (group.id, group.active().cloned(), group.future().cloned());
        let Some(live) = active else { return Ok(()) };
        let to = To::Channel(index);
        self.send_job(to, &live, None)?;
        self.send_prev_hash(to, &live)?;
        let Some(job) = future else { return Ok(()) };
        // A group's `SetNewPrevHash` may only name a job that was sent to the group: SRI's
        // translator leaves a pool where it was not. So the first member gets it as the
        // group, and the others, who come later, for themselves.
        let first = self.channels.iter().filter(|channel| channel.group == id).count() == 1;
        let group = self.groups.iter().position(|group| group.id == id).filter(|_| first);
        let receivers = group.map_or_else(|| vec![to], |group| self.receivers(group));
        receivers.into_iter().try_for_each(|to| self.send_future(to, &job, self.moment))
    }

    /// Tells a channel its new target and sends its job again under a new id, because
    /// a target holds for jobs that come after it (SV2 section 5.3.21).
    pub(super) fn send_target(&mut self, index: usize, target: Target) -> Result<(), Closed> {
        let Some(channel) = self.channels.get(index) else { return Ok(()) };
        let payload = wire::set_target(channel.id, &target.to_le_bytes());
        self.send(true, mining::MESSAGE_TYPE_SET_TARGET, &[&payload])?;
        self.reissue(index)
    }

    /// Sends a channel its present job again, under a new id and with the present time.
    pub(super) fn reissue(&mut self, index: usize) -> Result<(), Closed> {
        let Some(active) = self.group_of(index).and_then(|group| group.active()).cloned() else {
            return Ok(());
        };
        let live = LiveJob {
            id: self.context.board.fresh_id(),
            min_ntime: active.min_ntime.max(self.clock.unix),
            sent: self.moment,
            activated: self.moment,
            ..active
        };
        self.send_job(To::Channel(index), &live, Some(live.min_ntime))?;
        if let Some(channel) = self.channels.get_mut(index) {
            channel.reissue(live);
        }
        Ok(())
    }

    /// `NewMiningJob` or `NewExtendedMiningJob`; without `min_ntime` a future job.
    pub(super) fn send_job(&mut self, to: To, live: &LiveJob, min_ntime: Option<u32>) -> Result<(), Closed> {
        let Some(id) = self.id(to) else { return Ok(()) };
        self.newest_job = self.newest_job.max(live.id);
        let head = JobHead::new(id, live.id, min_ntime);
        let root = match to {
            To::Channel(index) => self.standard_root(index, live),
            To::Group(_) => None,
        };
        match root {
            Some(root) => {
                let tail = live.job.standard_tail(&root);
                self.send(true, mining::MESSAGE_TYPE_NEW_MINING_JOB, &[head.as_bytes(), &tail])
            }
            None => {
                let parts = live.job.extended(head.as_bytes());
                self.send(true, mining::MESSAGE_TYPE_NEW_EXTENDED_MINING_JOB, &parts)
            }
        }
    }

    pub(super) fn send_future(&mut self, to: To, job: &Job, sent: Moment) -> Result<(), Closed> {
        let Some(id) = self.id(to) else { return Ok(()) };
        self.newest_job = self.newest_job.max(job.id);
        let head = JobHead::new(id, job.id, None);
        if let To::Channel(index) = to
            && let Some(channel) = self.channels.get_mut(index)
            && channel.kind == ChannelKind::Standard
        {
            let tail = job.standard_tail(&channel.root_of(job.id, job, sent));
            return self.send(true, mining::MESSAGE_TYPE_NEW_MINING_JOB, &[head.as_bytes(), &tail]);
        }
        self.send(true, mining::MESSAGE_TYPE_NEW_EXTENDED_MINING_JOB, &job.extended(head.as_bytes()))
    }

    pub(super) fn send_prev_hash(&mut self, to: To, live: &LiveJob) -> Result<(), Closed> {
        let Some(id) = self.id(to) else { return Ok(()) };
        let tip = &live.tip.tip;
        let payload = wire::set_new_prev_hash(id, live.id, &tip.prev_hash.0, live.tip.ntime, tip.nbits);
        self.send(true, mining::MESSAGE_TYPE_MINING_SET_NEW_PREV_HASH, &[&payload])
    }

    /// One message for the group, or one for each member where the client takes
    /// standard jobs only (SV2 section 5.3.1).
    pub(super) fn receivers(&self, group: usize) -> Vec<To> {
        if !self.standard_jobs() {
            return vec![To::Group(group)];
        }
        let Some(id) = self.groups.get(group).map(|group| group.id) else { return Vec::new() };
        let members = self.channels.iter().enumerate().filter(|(_, channel)| channel.group == id);
        members.map(|(index, _)| To::Channel(index)).collect()
    }

    fn for_members(&mut self, group: usize, act: impl Fn(&mut Channel)) {
        let Some(id) = self.groups.get(group).map(|group| group.id) else { return };
        self.channels.iter_mut().filter(|channel| channel.group == id).for_each(act);
    }

    fn group_of(&self, channel: usize) -> Option<&Group> {
        let id = self.channels.get(channel)?.group;
        self.groups.iter().find(|group| group.id == id)
    }

    fn standard_root(&mut self, index: usize, live: &LiveJob) -> Option<Hash256> {
        let channel = self.channels.get_mut(index)?;
        (channel.kind == ChannelKind::Standard).then(|| channel.merkle_root(live))
    }

    fn id(&self, to: To) -> Option<u32> {
        match to {
            To::Group(index) => self.groups.get(index).map(|group| group.id),
            To::Channel(index) => self.channels.get(index).map(|channel| channel.id),
        }
    }

    /// Writes out what a broadcast to many channels has queued so far.
    pub(super) async fn make_room(&mut self) -> Result<(), Closed> {
        if self.is_crowded() {
            self.writer.flush().await?;
        }
        Ok(())
    }
}
