//! A member's own part of the audit, which needs nobody's word: each share that it was told
//! is accepted must be in the ledger, at the target that it was accepted at.

use super::coinbase;
use super::discrepancy::Discrepancy;
use crate::head::Head;
use crate::job_record::JobRecord;
use crate::payout::Payee;
use crate::share::RecordedShare;
use std::collections::HashMap;
use std::sync::Arc;
use work::{Hash256, Target};

/// Shares that the pool has accepted from me and that I have not yet seen in its ledger.
///
/// An acknowledged share is on disk. So when the pool is asked, after the acknowledgement,
/// for all that is in its ledger, the share must be in the answer, whatever the clocks say:
/// [`mark`](Self::mark) before the question, [`caught_up`](Self::caught_up) after the answer.
/// Where nobody can be asked, the heads' times show it later ([`closed`](Self::closed)).
#[derive(Debug)]
pub struct OwnShares {
    members: Vec<Arc<str>>,
    waiting: HashMap<Hash256, Accepted>,
    /// Shares that came in the ledger before I was told; the ledger may be quicker.
    early: HashMap<Hash256, (u64, Target)>,
    told: u64,
    seen: u64,
}

#[derive(Clone, Debug)]
struct Accepted {
    target: Target,
    at: u64,
    /// How many had been told with it.
    place: u64,
}

/// A moment in what was told; see [`OwnShares::mark`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u64);

impl OwnShares {
    /// Shares that are waited for at most; older ones are no longer watched beyond that.
    pub const WAITING: usize = 1 << 18;

    /// By so much my clock and the pool's may differ, in seconds. A share must be in a slice
    /// that was closed no later than this after it was accepted, as far as any is.
    pub const TOLERANCE: u64 = 15 * 60;

    /// Members that are told apart.
    const MEMBERS: usize = 1 << 12;

    /// Watches the shares of `member`.
    pub fn new(member: &str) -> OwnShares {
        let mut own = OwnShares::of_nobody();
        own.watch(member);
        own
    }

    /// Watches nobody's shares yet.
    pub fn of_nobody() -> OwnShares {
        OwnShares { members: Vec::new(), waiting: HashMap::new(), early: HashMap::new(), told: 0, seen: 0 }
    }

    /// Watches the shares of `member` too.
    pub fn watch(&mut self, member: &str) {
        if !self.members.iter().any(|known| **known == *member) && self.members.len() < Self::MEMBERS {
            self.members.push(member.into());
        }
    }

    /// The pool has accepted my share with this header hash; `target` was the channel's when
    /// its job was sent, `now` is in seconds since the Unix epoch.
    pub fn accepted(&mut self, hash: Hash256, target: Target, now: u64) -> Option<Discrepancy> {
        self.told += 1;
        if let Some((sequence, credited)) = self.early.remove(&hash) {
            self.seen += 1;
            return devalued(sequence, credited, target);
        }
        if self.waiting.len() < Self::WAITING {
            self.waiting.insert(hash, Accepted { target, at: now, place: self.told });
        }
        None
    }

    /// A share in the ledger, with its hash as the auditor has recomputed it.
    pub fn recorded(&mut self, share: &RecordedShare, hash: &Hash256) -> Option<Discrepancy> {
        let terms = share.context.terms();
        if !self.members.contains(&terms.member) {
            return None;
        }
        match self.waiting.remove(hash) {
            Some(accepted) => {
                self.seen += 1;
                devalued(share.sequence, terms.target, accepted.target)
            }
            None => {
                // Another of my devices sent it, or I am to be told of it yet.
                if self.early.len() >= Self::WAITING {
                    self.early.clear();
                }
                self.early.insert(*hash, (share.sequence, terms.target));
                None
            }
        }
    }

    /// This moment: right before the pool is asked for what is new.
    pub fn mark(&self) -> Mark {
        Mark(self.told)
    }

    /// The pool was asked after `mark` for all there is, and all its answer was
    /// [`recorded`](Self::recorded): which of my shares should have been there.
    pub fn caught_up(&mut self, mark: Mark) -> Vec<Discrepancy> {
        self.missing(|accepted| accepted.place <= mark.0)
    }

    /// A slice has been closed, and all its shares were [`recorded`](Self::recorded): which
    /// of mine should have been in it or before.
    pub fn closed(&mut self, head: &Head) -> Vec<Discrepancy> {
        let closed = u64::from(head.closed);
        self.missing(|accepted| accepted.at.saturating_add(Self::TOLERANCE) < closed)
    }

    /// How many accepted shares are not in the ledger yet.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many accepted shares have been seen in the ledger.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    fn missing(&mut self, overdue: impl Fn(&Accepted) -> bool) -> Vec<Discrepancy> {
        let missing = self.waiting.extract_if(|_, accepted| overdue(accepted));
        let mut missing: Vec<_> =
            missing.map(|(hash, accepted)| (accepted.place, hash, accepted.at)).collect();
        missing.sort_unstable_by_key(|(place, ..)| *place);
        let name = |(_, hash, accepted): (u64, Hash256, u64)| Discrepancy::MyShareMissing {
            hash: hash.to_string(),
            accepted,
        };
        missing.into_iter().map(name).collect()
    }
}

/// What a job's coinbase pays to `identity` (of a split: to all its parts), in satoshi. None
/// when the identity has no address or the coinbase cannot be read.
pub fn amount_paid(job: &JobRecord, identity: &str) -> Option<u64> {
    let names = match Payee::of(identity).ok()? {
        Payee::Script(script) => vec![script],
        Payee::Split(parts) => {
            let scripts = parts.iter().filter_map(|(name, _)| match Payee::of(name) {
                Ok(Payee::Script(script)) => Some(script),
                _ => None,
            });
            scripts.collect()
        }
        Payee::Nobody => return None,
    };
    let outputs = coinbase::outputs(job)?;
    let mine = outputs.iter().filter(|output| names.contains(&output.script_pubkey));
    Some(mine.map(|output| output.value.to_sat()).fold(0, u64::saturating_add))
}

fn devalued(share: u64, credited: Target, accepted: Target) -> Option<Discrepancy> {
    // An easier target is a greater number, and weighs less.
    (credited > accepted).then(|| Discrepancy::MyShareDevalued {
        share,
        credited: credited.to_string(),
        accepted: accepted.to_string(),
    })
}
