//! Best shares: of each member and worker, in this round and ever.
//!
//! A share is as good as its hash is low, which may be far better than its target. The hash
//! is not in the ledger but follows from what is, so that nobody who takes shares has to
//! care: shares are read again here, so many a second, and how far that has come is kept
//! in a small file beside the ledger.

use super::event::Event;
use crate::described;
use ledger::RecordedShare;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use work::{Difficulty, Target};

described! {
    /// A share that was better than those before.
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    pub struct Best {
        /// The difficulty of its hash.
        pub difficulty: f64,
        /// Its hash, display order.
        pub hash: String,
        /// Height of the block that it would have become.
        pub height: u32,
        /// When it came, seconds since the Unix epoch.
        pub time: u64,
        /// Its number in the ledger.
        pub share: u64,
        /// On which worker.
        pub worker: Arc<str>,
    }
}

/// Best shares of everybody.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Bests {
    /// Of which ledger.
    ledger: String,
    /// The share to be looked at next.
    next: u64,
    /// The event that best shares are kept of.
    #[serde(default)]
    event: Option<Event>,
    members: HashMap<Arc<str>, OfMember>,
}

/// Best shares of one member.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct OfMember {
    /// Ever.
    pub ever: Option<Best>,
    /// By round, which is named by its first share; the newest last.
    rounds: Vec<(u64, Best)>,
    /// In the event.
    #[serde(default)]
    pub event: Option<Best>,
    /// Ever, by worker.
    pub workers: BTreeMap<Arc<str>, Best>,
}

/// Members kept; beyond, the one with the least best share is dropped.
const MEMBERS: usize = 4_000;
/// Workers of one member; further ones share the member's.
const WORKERS: usize = 200;
/// A round that was cut by an orphaned block becomes one again.
const ROUNDS: usize = 4;

impl Bests {
    /// Those of the ledger `ledger` that the file `path` holds; none where there is no such
    /// file, or it is of another ledger. Shares before `first` are not looked at then.
    pub fn load(path: &Path, ledger: &str, first: u64) -> Bests {
        let kept = fs::read(path).ok().and_then(|bytes| serde_json::from_slice::<Bests>(&bytes).ok());
        let kept = kept.filter(|kept| kept.ledger == ledger);
        kept.unwrap_or_else(|| Bests { ledger: ledger.to_owned(), next: first, ..Bests::default() })
    }

    /// Keeps those of `event` too, whose first share is `first` or later: where it is another one
    /// than before, shares are looked at again from there.
    pub fn follow(&mut self, event: Event, first: u64) {
        if self.event.replace(event) != Some(event) {
            self.members.values_mut().for_each(|member| member.event = None);
            self.next = self.next.min(first);
        }
    }

    /// Puts them into the file `path`, in one step.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let beside = path.with_extension("new");
        fs::write(&beside, serde_json::to_vec(self)?)?;
        fs::rename(&beside, path)
    }

    /// The share to be looked at next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// All shares up to `share` have been looked at, or are not kept any more.
    pub fn seen_to(&mut self, share: u64) {
        self.next = self.next.max(share + 1);
    }

    /// Looks at a share, while the round is under way that began with share `round`.
    pub fn look(&mut self, share: &RecordedShare, round: u64) {
        self.next = share.sequence + 1;
        // Of an earlier round, whichever that was.
        let round = if share.sequence < round { 0 } else { round };
        let in_event = self.event.is_some_and(|event| event.holds(share.received.into()));
        let Some(header) = share.header() else { return };
        let hash = header.hash();
        let difficulty = Target::from_le_bytes(hash.0).difficulty();
        let terms = share.context.terms();
        let better = |than: Option<&Best>| than.is_none_or(|than| difficulty > Difficulty(than.difficulty));
        let worker = self.members.get(&terms.member).and_then(|member| member.workers.get(&terms.worker));
        // Most shares are better than nothing of theirs.
        let member = self.members.get(&terms.member);
        let in_round = member.and_then(|member| member.in_round(round));
        let of_event = member.and_then(|member| member.event.as_ref());
        let is_better = better(worker) || better(in_round) || (in_event && better(of_event));
        if !is_better {
            return;
        }
        self.take(
            &terms.member,
            round,
            in_event,
            Best {
                difficulty: difficulty.0,
                hash: hash.to_string(),
                height: terms.job.template.height,
                time: share.received.into(),
                share: share.sequence,
                worker: terms.worker.clone(),
            },
        );
    }

    fn take(&mut self, member: &Arc<str>, round: u64, in_event: bool, best: Best) {
        if !self.members.contains_key(member) && self.members.len() >= MEMBERS {
            let least =
                self.members.iter().min_by(|(_, one), (_, other)| one.worth().total_cmp(&other.worth()));
            let least = least.map(|(name, _)| name.clone());
            least.and_then(|name| self.members.remove(&name));
        }
        self.members.entry(member.clone()).or_default().take(round, in_event, best);
    }

    /// Those of `member`.
    pub fn of(&self, member: &str) -> Option<&OfMember> {
        self.members.get(member)
    }

    /// Everybody's.
    pub fn all(&self) -> impl Iterator<Item = (&Arc<str>, &OfMember)> {
        self.members.iter()
    }
}

impl OfMember {
    /// The best since share `round`, which begins a round.
    pub fn in_round(&self, round: u64) -> Option<&Best> {
        let since = self.rounds.iter().filter(|(first, _)| *first >= round).map(|(_, best)| best);
        since.max_by(|one, other| one.difficulty.total_cmp(&other.difficulty))
    }

    fn worth(&self) -> f64 {
        self.ever.as_ref().map_or(0.0, |best| best.difficulty)
    }

    fn take(&mut self, round: u64, in_event: bool, best: Best) {
        let is_better = |than: &Best| best.difficulty > than.difficulty;
        if self.workers.contains_key(&best.worker) || self.workers.len() < WORKERS {
            let of_worker = self.workers.entry(best.worker.clone()).or_insert_with(|| best.clone());
            if is_better(of_worker) {
                *of_worker = best.clone();
            }
        }
        match self.rounds.iter_mut().find(|(first, _)| *first == round) {
            Some((_, known)) if is_better(known) => *known = best.clone(),
            Some(_) => {}
            None => {
                self.rounds.push((round, best.clone()));
                self.rounds.sort_unstable_by_key(|(first, _)| *first);
                let excess = self.rounds.len().saturating_sub(ROUNDS);
                self.rounds.drain(..excess);
            }
        }
        if in_event && self.event.as_ref().is_none_or(is_better) {
            self.event = Some(best.clone());
        }
        if self.ever.as_ref().is_none_or(is_better) {
            self.ever = Some(best);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn best(difficulty: f64, worker: &str, share: u64) -> Best {
        Best { difficulty, hash: "00".into(), height: 1, time: 1, share, worker: worker.into() }
    }

    #[test]
    fn the_best_of_the_round_starts_again_and_the_best_ever_stays() {
        let (mut bests, ann) = (Bests::default(), Arc::from("ann"));
        bests.take(&ann, 1, true, best(9.0, "rig", 1));
        bests.take(&ann, 1, false, best(3.0, "pi", 2));
        bests.take(&ann, 5, true, best(4.0, "rig", 6));
        let of_ann = bests.of("ann").unwrap();
        assert_eq!(of_ann.ever.as_ref().unwrap().difficulty, 9.0);
        assert_eq!(of_ann.in_round(5).unwrap().difficulty, 4.0);
        assert_eq!(of_ann.workers["pi"].difficulty, 3.0);
        // The block between the rounds was orphaned.
        assert_eq!(of_ann.in_round(1).unwrap().difficulty, 9.0);
        assert_eq!(of_ann.in_round(7), None);
    }

    #[test]
    fn another_event_begins_with_nobody_and_shares_are_looked_at_again() {
        let (mut bests, ann) = (Bests::default(), Arc::from("ann"));
        let event = Event { from: 10, to: 20 };
        bests.follow(event, 1);
        bests.take(&ann, 1, true, best(9.0, "rig", 1));
        bests.take(&ann, 1, true, best(3.0, "rig", 2));
        bests.take(&ann, 1, false, best(50.0, "rig", 3));
        bests.seen_to(3);
        bests.follow(event, 1);
        assert_eq!((bests.of("ann").unwrap().event.as_ref().unwrap().difficulty, bests.next()), (9.0, 4));
        bests.follow(Event { from: 15, to: 30 }, 2);
        assert_eq!((&bests.of("ann").unwrap().event, bests.next()), (&None, 2));
        assert!(event.holds(10) && !event.holds(20));
    }

    #[test]
    fn they_come_back_from_the_file_unless_it_is_of_another_ledger() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bests.json");
        let mut bests = Bests::load(&path, "one", 7);
        assert_eq!(bests.next(), 7);
        bests.take(&Arc::from("ann"), 1, false, best(9.0, "rig", 8));
        bests.next = 9;
        bests.save(&path).unwrap();
        let back = Bests::load(&path, "one", 1);
        assert_eq!((back.next(), back.of("ann").unwrap().ever.as_ref().unwrap().share), (9, 8));
        assert_eq!(Bests::load(&path, "other", 3).next(), 3);
    }

    #[test]
    fn members_are_bounded_and_the_best_stay() {
        let mut bests = Bests::default();
        for number in 0..5_000u32 {
            bests.take(&Arc::from(format!("m{number}")), 1, false, best(f64::from(number), "", 1));
        }
        assert_eq!(bests.all().count(), MEMBERS);
        assert!(bests.of("m4999").is_some() && bests.of("m0").is_none());
    }
}
