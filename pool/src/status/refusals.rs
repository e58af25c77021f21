//! Refused shares, by whose they were and why: kept beyond their connections, for as long as
//! the pool runs.
//!
//! What is refused is not in the ledger. It is rare, and so each is counted under one lock.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use work::ShareFault;

/// Refused shares of every worker.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Book>);

/// How many of a worker's shares were refused, by SV2 error code; what never happened is left
/// out.
pub type Reasons = BTreeMap<String, u64>;

#[derive(Debug, Default)]
struct Book {
    members: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Refused>>,
    workers: usize,
    /// Counts all refusals: says which is newer.
    clock: u64,
}

#[derive(Debug, Default)]
struct Refused {
    counts: [u64; ShareFault::ALL.len()],
    newest: u64,
}

/// Workers kept apart, of all members together; beyond, the one whose last refusal is longest
/// ago is forgotten.
const WORKERS: usize = 4_000;

impl Refusals {
    /// Counts one.
    pub fn count(&self, member: &str, worker: &str, fault: ShareFault) {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.clock += 1;
        let newest = book.clock;
        let refused = book.of(member, worker);
        refused.newest = newest;
        let index = ShareFault::ALL.iter().position(|known| *known == fault);
        if let Some(count) = index.and_then(|index| refused.counts.get_mut(index)) {
            *count += 1;
        }
    }

    /// All of them, by member and worker.
    pub fn all(&self) -> BTreeMap<Arc<str>, BTreeMap<Arc<str>, Reasons>> {
        let book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let workers = |workers: &BTreeMap<Arc<str>, Refused>| {
            workers.iter().map(|(name, refused)| (name.clone(), refused.reasons())).collect()
        };
        book.members.iter().map(|(name, of)| (name.clone(), workers(of))).collect()
    }
}

impl Book {
    fn of(&mut self, member: &str, worker: &str) -> &mut Refused {
        let is_known = self.members.get(member).is_some_and(|workers| workers.contains_key(worker));
        if !is_known {
            if self.workers >= WORKERS {
                self.forget_oldest();
            }
            self.workers += 1;
        }
        self.members.entry(member.into()).or_default().entry(worker.into()).or_default()
    }

    fn forget_oldest(&mut self) {
        let all = self.members.iter().flat_map(|(member, workers)| {
            workers.iter().map(move |(worker, refused)| (refused.newest, member, worker))
        });
        let Some((_, member, worker)) = all.min() else { return };
        let (member, worker) = (member.clone(), worker.clone());
        let Some(workers) = self.members.get_mut(&member) else { return };
        self.workers -= usize::from(workers.remove(&worker).is_some());
        if workers.is_empty() {
            self.members.remove(&member);
        }
    }
}

impl Refused {
    fn reasons(&self) -> Reasons {
        let mut reasons = Reasons::new();
        // Several faults may share an error code.
        for (fault, count) in ShareFault::ALL.iter().zip(self.counts).filter(|(_, count)| *count > 0) {
            *reasons.entry(fault.error_code().to_owned()).or_default() += count;
        }
        reasons
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn each_worker_has_its_own_and_reasons_are_told_apart() {
        let refusals = Refusals::default();
        for (worker, fault) in [
            ("rig", ShareFault::Stale),
            ("rig", ShareFault::Stale),
            ("rig", ShareFault::DifficultyTooLow),
            ("pi", ShareFault::Duplicate),
        ] {
            refusals.count("ann", worker, fault);
        }
        let all = refusals.all();
        let reasons = |worker: &str| all["ann"][worker].values().copied().collect::<Vec<_>>();
        assert_eq!((reasons("rig"), reasons("pi")), (vec![1, 2], vec![1]));
        assert_eq!(all["ann"]["rig"][ShareFault::Stale.error_code()], 2);
    }

    #[test]
    fn workers_are_bounded_and_those_refused_last_stay() {
        let refusals = Refusals::default();
        for number in 0..WORKERS + 10 {
            refusals.count(&format!("member{number}"), "", ShareFault::Stale);
            refusals.count("ann", "rig", ShareFault::Stale);
        }
        let all = refusals.all();
        assert_eq!(all.values().map(BTreeMap::len).sum::<usize>(), WORKERS);
        assert!(all.contains_key("ann") && !all.contains_key("member0"));
        assert!(all.contains_key(&*format!("member{}", WORKERS + 9)));
    }
}
