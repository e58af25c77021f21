//! Who is in front: by work and by best share, in this round and ever.

use super::members::{MemberView, label};
use crate::described;
use crate::history::{Best, Bests};
use serde::Serialize;
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
    /// From everybody's work, and best shares since share `round`.
    pub(super) fn new(members: &[MemberView], bests: &Bests, round: u64) -> Leaderboard {
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
        Leaderboard {
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
