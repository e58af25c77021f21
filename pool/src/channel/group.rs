//! The channels of a connection that mine for the same payouts, and the jobs that
//! they were sent.
//!
//! All members have the same full extranonce size (SV2 section 5.2.3), because every
//! extranonce of this pool has.

use super::history::Moment;
use crate::job::board::{Jobs, PayTo};
use crate::job::{Assigned, Job};
use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::Arc;

/// Jobs of one tip that shares are still taken for.
pub const MAX_LIVE_JOBS: usize = 16;
/// Bytes of coinbases of those that are for one member alone and pay all of them: each member has
/// its own, so that what is kept grows with their square. One more is always kept.
const MAX_OWN_BYTES: usize = 64 * 1024;

/// A job that a group or a channel was sent and may submit shares for.
#[derive(Clone, Debug)]
pub struct LiveJob {
    /// The id under which it was sent; a job sent again after a `SetTarget` has an id
    /// of its own.
    pub id: u32,
    /// The job, with its tip and template.
    pub assigned: Arc<Assigned>,
    /// Smallest `nTime` that it was sent with.
    pub min_ntime: u32,
    /// When it was sent; decides the extranonce prefix.
    pub sent: Moment,
    /// When it became minable; decides the target.
    pub activated: Moment,
}

impl Deref for LiveJob {
    type Target = Assigned;

    fn deref(&self) -> &Assigned {
        &self.assigned
    }
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
    /// job if the group does not hold it yet. `replace` may follow at once.
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
        let mut update = Update::default();
        let set = self.jobs.borrow_and_update();
        let Some(set) = set.as_deref() else { return update };
        if set.active.tip.sequence != self.tip_sequence {
            let held = self.future.take().filter(|(job, _)| job.id == set.opening.job.id);
            let held = held.map(|(_, sent)| sent);
            let first = if held.is_some() { &set.opening } else { &set.active };
            let live = live_job(first, held.unwrap_or(moment), moment);
            self.live.clear();
            self.live.push_back(live.clone());
            self.tip_sequence = set.active.tip.sequence;
            self.active = live.id;
            update.activate = Some(Activation { live, held: held.is_some() });
        }
        if set.active.job.id != self.active {
            let live = live_job(&set.active, moment, moment);
            self.live.push_back(live.clone());
            make_room(&mut self.live);
            self.active = live.id;
            update.replace = Some(live);
        }
        if let Some(future) = &set.future
            && self.future.as_ref().is_none_or(|(held, _)| held.id != future.id)
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

    /// When members were sent the job for the next block.
    pub fn future_sent(&self) -> Option<Moment> {
        self.future.as_ref().map(|(_, sent)| *sent)
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

/// Drops the oldest jobs where there are more than shares are taken for, or where those that
/// are for one member alone take too much memory.
fn make_room(jobs: &mut VecDeque<LiveJob>) {
    let own = |live: &LiveJob| if live.job.is_for_one() { live.job.coinbase_bytes() } else { 0 };
    let mut bytes: usize = jobs.iter().map(own).sum();
    while jobs.len() > MAX_LIVE_JOBS || (jobs.len() > 2 && bytes > MAX_OWN_BYTES) {
        bytes -= jobs.pop_front().as_ref().map_or(0, own);
    }
}

fn live_job(assigned: &Arc<Assigned>, sent: Moment, activated: Moment) -> LiveJob {
    let (id, min_ntime) = (assigned.job.id, assigned.ntime);
    LiveJob { id, assigned: assigned.clone(), min_ntime, sent, activated }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::super::tests::job;
    use super::*;
    use crate::job::{JobSet, JobTip};
    use tokio::sync::watch;
    use work::share::Tip;
    use work::{Hash256, Target};

    fn set(tip: u64, active: u32, future: Option<u32>) -> Option<Arc<JobSet>> {
        opened_by(active, tip, active, future)
    }

    fn opened_by(opening: u32, tip: u64, active: u32, future: Option<u32>) -> Option<Arc<JobSet>> {
        let parent = Tip {
            prev_hash: Hash256([tip as u8; 32]),
            nbits: 0x1d00_ffff,
            network_target: Target::DIFFICULTY_1,
            min_ntime: 1,
        };
        let tip = Arc::new(JobTip { sequence: tip, tip: parent, ntime: 2 });
        let assigned =
            |id, template_id| Arc::new(Assigned { job: job(id), tip: tip.clone(), template_id, ntime: 3 });
        Some(Arc::new(JobSet {
            opening: assigned(opening, 1),
            active: assigned(active, 2),
            future: future.map(job),
        }))
    }

    fn group(first: Option<Arc<JobSet>>) -> (watch::Sender<Option<Arc<JobSet>>>, Group) {
        let (board, jobs) = watch::channel(first);
        (board, Group::new(1, PayTo::Pool, jobs))
    }

    #[test]
    fn before_the_first_template_there_is_nothing_to_send() {
        let (board, mut group) = group(None);
        let update = group.update(1);
        assert!(update.activate.is_none() && update.future.is_none() && group.active().is_none());
        board.send_replace(set(1, 10, Some(11)));
        assert!(!group.update(2).activate.unwrap().held);
        assert_eq!((group.active().unwrap().id, group.future().unwrap().id), (10, 11));
    }

    #[test]
    fn a_job_held_in_advance_is_activated_with_the_prefix_of_then_and_the_target_of_now() {
        let (board, mut group) = group(set(1, 10, Some(11)));
        group.update(5);
        board.send_replace(set(2, 11, None));
        let activation = group.update(9).activate.unwrap();
        assert!(activation.held);
        assert_eq!((activation.live.id, activation.live.sent, activation.live.activated), (11, 5, 9));
        assert!(group.job(10).is_none());
        assert!(group.future().is_none());
    }

    #[test]
    fn who_comes_late_to_a_new_tip_still_gets_it_with_the_job_that_it_holds() {
        let (board, mut group) = group(set(1, 10, Some(11)));
        group.update(1);
        // The job held in advance has already been replaced by one with fees.
        board.send_replace(opened_by(11, 2, 12, Some(13)));
        let update = group.update(2);
        let activation = update.activate.unwrap();
        assert!(activation.held);
        assert_eq!((activation.live.id, update.replace.unwrap().id), (11, 12));
        // Shares are taken for both.
        assert!(group.job(11).is_some() && group.job(12).is_some());
    }

    #[test]
    fn a_job_in_advance_that_does_not_fit_the_new_tip_is_not_taken_for_held() {
        let (board, mut group) = group(set(1, 10, Some(11)));
        group.update(1);
        board.send_replace(set(2, 12, Some(13)));
        let update = group.update(2);
        assert!(!update.activate.unwrap().held);
        assert_eq!(update.future.unwrap().id, 13);
        assert!(group.job(11).is_none());
    }

    #[test]
    fn who_joins_between_a_new_tip_and_its_distribution_is_given_the_job_that_it_will_name() {
        let (board, mut group) = group(set(1, 10, Some(11)));
        group.update(1);
        board.send_replace(set(2, 11, Some(12)));
        // What a new member is sent: the job of the tip that the group knows, and this.
        assert_eq!((group.active().unwrap().id, group.future().unwrap().id), (10, 11));
        let update = group.update(2);
        assert!(update.activate.unwrap().held);
        assert_eq!(update.future.unwrap().id, 12);
    }

    #[test]
    fn shares_are_taken_for_the_newest_few_jobs_of_a_tip() {
        let (board, mut group) = group(set(1, 100, None));
        group.update(1);
        for number in 1..=MAX_LIVE_JOBS as u32 {
            board.send_replace(set(1, 100 + number, None));
            assert_eq!(group.update(1 + number).replace.unwrap().id, 100 + number);
            // Nothing new is no news.
            assert!(group.update(1 + number).replace.is_none());
        }
        assert!(group.job(100).is_none());
        assert!((1..=MAX_LIVE_JOBS as u32).all(|number| group.job(100 + number).is_some()));
        assert_eq!(group.oldest_moment(), Some(2));
    }
}
