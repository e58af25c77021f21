//! Who mined what: shares by member and worker, bounded whatever they call themselves.

use super::series::Series;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use work::Difficulty;

/// Shares of everybody.
#[derive(Debug, Default)]
pub struct Tally {
    /// All together.
    pub pool: Series,
    /// By member.
    pub members: HashMap<Arc<str>, MemberTally>,
    /// The newest shares, newest first, one for each member and second.
    pub feed: VecDeque<Seen>,
    /// When the pool started, seconds since the Unix epoch.
    started: u64,
    workers: usize,
}

/// Shares of one member.
#[derive(Debug, Default)]
pub struct MemberTally {
    /// All of theirs.
    pub series: Series,
    /// By worker.
    pub workers: BTreeMap<Arc<str>, WorkerTally>,
    /// When the newest came, seconds since the Unix epoch.
    pub last_share: u64,
    /// Work since the last slice ended, by slice: what the ledger's sums lack.
    pub open: Done,
}

/// Shares of one worker.
#[derive(Debug, Default)]
pub struct WorkerTally {
    /// All of its own.
    pub series: Series,
    /// Since when, seconds since the Unix epoch.
    pub first_share: u64,
    /// When the newest came.
    pub last_share: u64,
    /// Shares that this process has read; a week's, or those of the last millions.
    pub shares: u64,
    /// Of these, shares that came since the pool started.
    pub since_start: u64,
    /// Difficulty of the newest.
    pub difficulty: f64,
}

/// Shares and their difficulties.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Done {
    /// How many.
    pub shares: u64,
    /// Sum of the difficulties.
    pub work: f64,
}

/// Shares that have just come.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// When, seconds since the Unix epoch.
    pub at: u64,
    /// Whose.
    pub member: Arc<str>,
    /// On which worker.
    pub worker: Arc<str>,
    /// How many.
    pub shares: u64,
    /// Of which difficulty each.
    pub difficulty: f64,
}

/// Members kept apart; beyond, those that have been silent longest are dropped.
const MEMBERS: usize = 2_000;
/// Workers kept apart, of all members together.
const WORKERS: usize = 4_000;
/// Shares shown one by one.
const FEED: usize = 24;

impl Tally {
    /// No shares yet, of a pool that started at `started`.
    pub fn since(started: u64) -> Tally {
        Tally { started, ..Tally::default() }
    }

    /// Takes down `count` shares of `difficulty` each. Times never go back.
    pub fn add(
        &mut self,
        at: u64,
        member: &Arc<str>,
        worker: &Arc<str>,
        count: u32,
        difficulty: Difficulty,
        open: bool,
    ) {
        let Difficulty(difficulty) = difficulty;
        self.pool.add(at, count, difficulty);
        if !self.members.contains_key(member) && self.members.len() >= MEMBERS {
            self.drop_silent_member();
        }
        let of_member = self.members.entry(member.clone()).or_default();
        of_member.series.add(at, count, difficulty);
        of_member.last_share = at;
        if open {
            of_member.open.shares += u64::from(count);
            of_member.open.work += difficulty * f64::from(count);
        }
        if !of_member.workers.contains_key(worker) {
            if self.workers >= WORKERS {
                self.drop_silent_workers(at);
            }
            self.workers += 1;
        }
        let Some(of_member) = self.members.get_mut(member) else { return };
        let of_worker = of_member
            .workers
            .entry(worker.clone())
            .or_insert_with(|| WorkerTally { first_share: at, ..WorkerTally::default() });
        of_worker.series.add(at, count, difficulty);
        of_worker.last_share = at;
        of_worker.shares += u64::from(count);
        if at >= self.started {
            of_worker.since_start += u64::from(count);
        }
        of_worker.difficulty = difficulty;
        self.show(Seen {
            at,
            member: member.clone(),
            worker: worker.clone(),
            shares: count.into(),
            difficulty,
        });
    }

    /// A slice has ended: the ledger's sums hold what was open.
    pub fn slice_ended(&mut self) {
        self.members.values_mut().for_each(|member| member.open = Done::default());
    }

    fn show(&mut self, seen: Seen) {
        let same = |known: &&mut Seen| known.at == seen.at && known.member == seen.member;
        if let Some(known) = self.feed.front_mut().filter(same) {
            known.shares += seen.shares;
            (known.worker, known.difficulty) = (seen.worker, seen.difficulty);
            return;
        }
        self.feed.truncate(FEED - 1);
        self.feed.push_front(seen);
    }

    fn drop_silent_member(&mut self) {
        let silent = self.members.iter().min_by_key(|(_, member)| member.last_share);
        if let Some(name) = silent.map(|(name, _)| name.clone())
            && let Some(gone) = self.members.remove(&name)
        {
            self.workers -= gone.workers.len();
        }
    }

    /// Drops the half of the workers that have been silent longest, so that it is rare.
    fn drop_silent_workers(&mut self, now: u64) {
        let mut last: Vec<u64> = self
            .members
            .values()
            .flat_map(|member| member.workers.values().map(|worker| worker.last_share))
            .collect();
        let middle = last.len() / 2;
        let (_, median, _) = last.select_nth_unstable(middle);
        // Those of this very moment stay only where others go.
        let limit = (*median).min(now.saturating_sub(1));
        let mut kept = 0;
        for member in self.members.values_mut() {
            member.workers.retain(|_, worker| worker.last_share > limit);
            kept += member.workers.len();
        }
        if kept >= WORKERS {
            self.members.values_mut().for_each(|member| member.workers.clear());
            kept = 0;
        }
        self.workers = kept;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn tally(shares: impl Iterator<Item = (u64, String, String)>) -> Tally {
        let mut tally = Tally::default();
        for (at, member, worker) in shares {
            tally.add(at, &member.into(), &worker.into(), 1, Difficulty(2.0), true);
        }
        tally
    }

    #[test]
    fn members_and_workers_are_bounded_and_the_newest_stay() {
        let tally = tally((0..10_000).map(|n| (n, format!("member{n}"), format!("worker{n}"))));
        assert_eq!(tally.members.len(), MEMBERS);
        assert!(tally.members.contains_key("member9999"));
        assert!(!tally.members.contains_key("member0"));
        let one = self::tally((0..10_000).map(|n| (n, "ann".into(), format!("worker{n}"))));
        let workers = &one.members["ann"].workers;
        assert!(workers.len() <= WORKERS && workers.contains_key("worker9999"), "{}", workers.len());
        // All in one second: nobody is older than anybody.
        let flood = self::tally((0..10_000).map(|n| (7, "ann".into(), format!("worker{n}"))));
        assert!(flood.members["ann"].workers.len() <= WORKERS);
    }

    #[test]
    fn work_of_the_open_slice_is_apart_until_the_slice_ends() {
        let mut tally = tally([(1, "ann".into(), "rig".into()), (2, "ann".into(), "rig".into())].into_iter());
        assert_eq!(tally.members["ann"].open, Done { shares: 2, work: 4.0 });
        tally.slice_ended();
        assert_eq!(tally.members["ann"].open, Done::default());
        assert_eq!(tally.members["ann"].workers["rig"].shares, 2);
    }

    #[test]
    fn the_feed_shows_a_member_once_a_second() {
        let tally = tally((0..100).map(|n| (n / 10, "ann".into(), "rig".into())));
        assert_eq!(tally.feed.len(), 10);
        assert_eq!((tally.feed[0].at, tally.feed[0].shares), (9, 10));
    }
}
