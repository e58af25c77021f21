//! Who mines, who has stopped, and whose shares are refused.

use super::event::Event;
use super::view::{View, WorkerView};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// When a worker's silence is news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterRules {
    /// No accepted share for so long; and it must have mined for so long before.
    pub offline_after: Duration,
    /// A worker that is back must have mined for so long.
    pub steady: Duration,
    /// Least time between two tellings of workers; what comes due in between is told together.
    pub gather: Duration,
    /// Least time between two tellings of the same worker.
    pub repeat: Duration,
}

/// When refused shares are news.
#[derive(Clone, Debug, PartialEq)]
pub struct RejectRules {
    /// The part of all shares, 0 to 1. Half of it is good again.
    pub rate: f64,
    /// Judged so often.
    pub window: Duration,
    /// With fewer shares, nothing is said.
    pub least: u64,
}

/// Everybody who mines or did lately.
#[derive(Debug, Default)]
pub(super) struct Roster {
    workers: BTreeMap<String, Entry>,
    told: Option<Instant>,
    pool: RejectWatch,
}

/// Workers that are watched at most; who comes later is not.
const MOST: usize = 10_000;
/// A worker that is gone for so long is forgotten.
const FORGET: Duration = Duration::from_secs(24 * 3_600);

#[derive(Debug)]
struct Entry {
    accepted: u64,
    present: bool,
    /// Of this spell of mining.
    first_work: Instant,
    last_work: Instant,
    standing: Standing,
    /// When its silence was told of last.
    told: Option<Instant>,
    rejects: RejectWatch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Mining,
    /// It was told of, or was not because that had been done lately.
    Offline {
        told: bool,
    },
    /// It has begun again.
    Returning {
        told: bool,
        since: Instant,
    },
}

impl Roster {
    /// Takes note of everybody at `now`. While the pool is not `able` to take shares, nobody's
    /// silence counts.
    pub(super) fn look(
        &mut self,
        now: Instant,
        view: &View,
        able: bool,
        silence: Option<&RosterRules>,
        rejects: Option<&RejectRules>,
        news: &mut Vec<Event>,
    ) {
        self.note(now, &view.workers);
        if let Some(rules) = rejects {
            self.judge_rejects(now, view, rules, news);
        }
        if !able {
            for entry in self.workers.values_mut().filter(|entry| entry.standing == Standing::Mining) {
                entry.last_work = now;
            }
            return;
        }
        if let Some(rules) = silence {
            self.judge_silence(now, rules, news);
        }
        self.workers
            .retain(|_, entry| entry.present || now.saturating_duration_since(entry.last_work) < FORGET);
    }

    fn note(&mut self, now: Instant, seen: &BTreeMap<String, WorkerView>) {
        for (name, entry) in &mut self.workers {
            entry.present = seen.contains_key(name);
        }
        for (name, worker) in seen {
            if !self.workers.contains_key(name) && self.workers.len() >= MOST {
                continue;
            }
            let entry = self.workers.entry(name.clone()).or_insert_with(|| Entry {
                accepted: worker.accepted,
                present: true,
                first_work: now,
                last_work: now,
                standing: Standing::Mining,
                told: None,
                rejects: RejectWatch::default(),
            });
            // Fewer than before: it is on a new channel.
            if worker.accepted != entry.accepted {
                entry.accepted = worker.accepted;
                if worker.accepted > 0 {
                    entry.last_work = now;
                }
            }
        }
    }

    fn judge_silence(&mut self, now: Instant, rules: &RosterRules, news: &mut Vec<Event>) {
        let may_tell = self.told.is_none_or(|told| now.saturating_duration_since(told) >= rules.gather);
        let (mut gone, mut back) = (Vec::new(), Vec::new());
        let mut passing = Vec::new();
        for (name, entry) in &mut self.workers {
            let silent = now.saturating_duration_since(entry.last_work) >= rules.offline_after;
            match entry.standing {
                Standing::Mining if silent => {
                    let mined = entry.last_work.saturating_duration_since(entry.first_work);
                    let lately =
                        entry.told.is_some_and(|told| now.saturating_duration_since(told) < rules.repeat);
                    if mined < rules.offline_after && entry.told.is_none() {
                        // It only had a try, or has never found a share.
                        if !entry.present {
                            passing.push(name.clone());
                        }
                    } else if lately {
                        entry.standing = Standing::Offline { told: false };
                    } else if may_tell {
                        gone.push(name.clone());
                        entry.standing = Standing::Offline { told: true };
                        entry.told = Some(now);
                    }
                }
                Standing::Offline { told } if !silent => {
                    entry.standing = Standing::Returning { told, since: now };
                }
                Standing::Returning { told, .. } if silent => entry.standing = Standing::Offline { told },
                Standing::Returning { told, since } => {
                    let steady = now.saturating_duration_since(since) >= rules.steady;
                    if steady && (may_tell || !told) {
                        if told {
                            back.push(name.clone());
                        }
                        entry.standing = Standing::Mining;
                    }
                }
                Standing::Mining | Standing::Offline { .. } => {}
            }
        }
        for name in &passing {
            self.workers.remove(name);
        }
        if !gone.is_empty() || !back.is_empty() {
            self.told = Some(now);
        }
        if !gone.is_empty() {
            news.push(Event::WorkersOffline { workers: gone, silent: rules.offline_after });
        }
        if !back.is_empty() {
            news.push(Event::WorkersBack(back));
        }
    }

    fn judge_rejects(&mut self, now: Instant, view: &View, rules: &RejectRules, news: &mut Vec<Event>) {
        let before = news.len();
        let (accepted, rejected) = view.shares;
        news.extend(self.pool.look(now, accepted, rejected, rules, || None));
        for (name, worker) in &view.workers {
            let Some(entry) = self.workers.get_mut(name) else { continue };
            let turn =
                entry.rejects.look(now, worker.accepted, worker.rejected, rules, || Some(name.clone()));
            if let Some(Event::Rejects { .. }) = &turn {
                // A pool that refuses everybody's shares says so once.
                entry.rejects.told = !self.pool.raised && news.len() - before <= WORKERS_TOLD_OF;
            }
            news.extend(turn.filter(|_| entry.rejects.told));
        }
    }
}

/// Workers whose refused shares are told of one by one at the same time.
const WORKERS_TOLD_OF: usize = 5;

/// Refused shares of one worker, or of all.
#[derive(Debug, Default)]
struct RejectWatch {
    counters: Option<(u64, u64)>,
    began: Option<Instant>,
    accepted: u64,
    rejected: u64,
    raised: bool,
    /// Whether it was told of, too.
    told: bool,
}

impl RejectWatch {
    fn look(
        &mut self,
        now: Instant,
        accepted: u64,
        rejected: u64,
        rules: &RejectRules,
        whose: impl Fn() -> Option<String>,
    ) -> Option<Event> {
        let (was_accepted, was_rejected) = self.counters.replace((accepted, rejected)).unwrap_or_default();
        self.accepted += accepted.saturating_sub(was_accepted);
        self.rejected += rejected.saturating_sub(was_rejected);
        let began = *self.began.get_or_insert(now);
        let shares = self.accepted + self.rejected;
        if now.saturating_duration_since(began) < rules.window || shares < rules.least {
            return None;
        }
        let rate = self.rejected as f64 / shares as f64;
        (self.began, self.accepted, self.rejected) = (Some(now), 0, 0);
        if !self.raised && rate >= rules.rate {
            self.raised = true;
            return Some(Event::Rejects { worker: whose(), rate, shares });
        }
        if self.raised && rate < rules.rate / 2.0 {
            self.raised = false;
            return Some(Event::RejectsCalm { worker: whose() });
        }
        None
    }
}
