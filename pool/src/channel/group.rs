//! The channels of a connection that mine for the same payouts, and the jobs that
//! they were sent.
//!
//! All members have the same full extranonce size (SV2 section 5.2.3), because every
//! extranonce of this pool has.

use super::history::Moment;
use crate::job::board::{Jobs, PayTo};
use crate::job::{Job, JobSet, JobTip};
use std::collections::VecDeque;
use std::sync::Arc;

/// Jobs of one tip that shares are still taken for.
pub const MAX_LIVE_JOBS: usize = 16;

/// A job that a group or a channel was sent and may submit shares for.
#[derive(Clone, Debug)]
pub struct LiveJob {
    /// The id under which it was sent; a job sent again after a `SetTarget` has an id
    /// of its own.
    pub id: u32,
    /// The job.
    pub job: Arc<Job>,
    /// The tip that it builds on.
    pub tip: Arc<JobTip>,
    /// The template that a block found on it solves.
    pub template_id: u64,
    /// Smallest `nTime` that it was sent with.
    pub min_ntime: u32,
    /// When it was sent; decides the extranonce prefix.
    pub sent: Moment,
    /// When it became minable; decides the target.
    pub activated: Moment,
}

/// A group channel.
#[derive(Debug)]
pub struct Group {
    /// Its id, from the same numbers as channel ids.
    pub id: u32,
    /// Whom its jobs pay.
    pub pay_to: PayTo,
    /// Where its jobs come from.
    pub jobs: Jobs,
    live: VecDeque<LiveJob>,
    tip_sequence: u64,
    active: u32,
    /// The job for the next block, as it was sent, and when. Not what the board has by
    /// now: a new member must hold the one that the next `SetNewPrevHash` may activate.
    future: Option<(Arc<Job>, Moment)>,
}

/// What a group has to be sent to be up to date.
#[derive(Debug, Default)]
pub struct Update {
    /// A new tip: activate `activate` by `SetNewPrevHash`, after sending it as a future
    /// job if the group does not hold it yet.
    pub activate: Option<Activation>,
    /// A better job on the present tip.
    pub replace: Option<LiveJob>,
    /// The job for the next block, to be held in advance.
    pub future: Option<Arc<Job>>,
}

/// The first job on a new tip.
#[derive(Debug)]
pub struct Activation {
    /// The job.
    pub live: LiveJob,
    /// It was distributed in advance; `SetNewPrevHash` alone is enough.
    pub held: bool,
}

impl Group {
    /// A group that has not been sent anything.
    pub fn new(id: u32, pay_to: PayTo, jobs: Jobs) -> Group {
        Group { id, pay_to, jobs, live: VecDeque::new(), tip_sequence: 0, active: 0, future: None }
    }

    /// Compares what the group was sent with what it should be mining and takes the
    /// difference as sent at `moment`.
    pub fn update(&mut self, moment: Moment) -> Update {
        let Some(set) = self.jobs.borrow_and_update().clone() else { return Update::default() };
        let mut update = Update::default();
        if set.tip.sequence != self.tip_sequence {
            let held = self.future.take().filter(|(job, _)| job.id == set.active.id);
            let sent_ahead = held.map(|(_, sent)| sent);
            let live = live_job(&set, sent_ahead.unwrap_or(moment), moment);
            self.live.clear();
            self.live.push_back(live.clone());
            self.tip_sequence = set.tip.sequence;
            self.active = set.active.id;
            update.activate = Some(Activation { live, held: sent_ahead.is_some() });
        } else if set.active.id != self.active {
            let live = live_job(&set, moment, moment);
            if self.live.len() >= MAX_LIVE_JOBS {
                self.live.pop_front();
            }
            self.live.push_back(live.clone());
            self.active = set.active.id;
            update.replace = Some(live);
        }
        if let Some(future) = &set.future
            && self.future().is_none_or(|held| held.id != future.id)
        {
            self.future = Some((future.clone(), moment));
            update.future = Some(future.clone());
        }
        update
    }

    /// The job that members should be mining now.
    pub fn active(&self) -> Option<&LiveJob> {
        self.live.back()
    }

    /// The job that members hold for the next block.
    pub fn future(&self) -> Option<&Arc<Job>> {
        self.future.as_ref().map(|(job, _)| job)
    }

    /// The job `id` if shares are still taken for it.
    pub fn job(&self, id: u32) -> Option<&LiveJob> {
        // Nearly every share is for the newest job.
        self.live.iter().rev().find(|live| live.id == id)
    }

    /// The moment of the oldest job that shares are still taken for.
    pub fn oldest_moment(&self) -> Option<Moment> {
        let live = self.live.iter().map(|live| live.sent.min(live.activated));
        live.chain(self.future.as_ref().map(|(_, sent)| *sent)).min()
    }
}

fn live_job(set: &JobSet, sent: Moment, activated: Moment) -> LiveJob {
    LiveJob {
        id: set.active.id,
        job: set.active.clone(),
        tip: set.tip.clone(),
        template_id: set.template_id,
        min_ntime: set.ntime,
        sent,
        activated,
    }
}
