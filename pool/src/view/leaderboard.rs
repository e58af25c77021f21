//! Who is in front: by work and by best share, in this round, in the event and ever.

use super::members::{MemberView, label};
use crate::described;
use crate::history::event::Closed;
use crate::history::follower::Known;
use crate::history::{Best, Event};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;

described! {
    /// Who is in front.
    #[derive(Clone, Debug, Default, Serialize)]
    pub struct Leaderboard {
        /// By work in this round.
        pub work_round: Vec<Entry>,
        /// By hashrate over the last seven days.
        pub work_week: Vec<Entry>,
        /// By best share in this round.
        pub best_round: Vec<Entry>,
        /// By best share ever.
        pub best_ever: Vec<Entry>,
        /// By work since the ledger began.
        pub work_ever: Vec<Entry>,
        /// In the event of the payout window; none where that is no event.
        pub event: Option<EventBoard>,
    }
}

described! {
    /// Who is in front in an event.
    #[derive(Clone, Debug, Serialize)]
    pub struct EventBoard {
        /// When it starts, seconds since the Unix epoch.
        pub from: u64,
        /// When it ends.
        pub to: u64,
        /// By work in it.
        pub work: Vec<Entry>,
        /// By best share in it.
        pub best: Vec<Entry>,
    }
}

described! {
    /// A place in a list.
    #[derive(Clone, Debug, Serialize)]
    pub struct Entry {
        /// Who.
        pub member: Arc<str>,
        /// Short, for lists.
        pub label: String,
        /// What the list is by: work or difficulty, in shares of difficulty 1; hashes a second
        /// for a hashrate.
        pub value: f64,
        /// The share, in lists of best shares.
        pub best: Option<Best>,
    }
}

/// Places in each list.
const PLACES: usize = 50;

impl Leaderboard {
    /// From everybody's work and what the ledger tells, at `now`.
    pub(super) fn new(members: &[MemberView], known: &Known, now: u64) -> Leaderboard {
        let (bests, round) = (&known.bests, known.round.first_share);
        let by = |value: fn(&MemberView) -> f64| {
            let entries = members.iter().map(|member| entry(&member.name, value(member), None));
            sorted(entries.filter(|entry| entry.value > 0.0).collect())
        };
        let best = |of: &dyn Fn(&crate::history::bests::OfMember) -> Option<Best>| {
            let all = bests.all().filter_map(|(name, member)| {
                let best = of(member)?;
                Some(entry(name, best.difficulty, Some(best)))
            });
            sorted(all.collect())
        };
        // What has ended, and what is still open.
        let work = |closed: &Closed, with_open: bool| {
            let names: BTreeSet<&Arc<str>> = closed.keys().chain(known.tally.members.keys()).collect();
            let entries = names.into_iter().map(|name| {
                let open =
                    known.tally.members.get(name).filter(|_| with_open).map_or(0.0, |one| one.open.work);
                entry(name, closed.get(name).map_or(0.0, |done| done.work) + open, None)
            });
            sorted(entries.filter(|entry| entry.value > 0.0).collect())
        };
        let event = known.event.as_ref().map(|(event @ Event { from, to }, closed)| EventBoard {
            from: *from,
            to: *to,
            work: work(closed, event.holds(now)),
            best: best(&|member| member.event.clone()),
        });
        Leaderboard {
            event,
            work_ever: work(&known.ever, true),
            work_round: by(|member| member.round_work),
            work_week: by(|member| member.hashrate.d7.hashrate),
            best_round: best(&|member| member.in_round(round).cloned()),
            best_ever: best(&|member| member.ever.clone()),
        }
    }
}

fn entry(member: &Arc<str>, value: f64, best: Option<Best>) -> Entry {
    Entry { member: member.clone(), label: label(member), value, best }
}

fn sorted(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries
        .sort_by(|one, other| other.value.total_cmp(&one.value).then_with(|| one.member.cmp(&other.member)));
    entries.truncate(PLACES);
    entries
}
