//! A member's own part of the audit, which needs nobody's word: each share that it was told
//! is accepted must be in the ledger, at the target that it was accepted at.

use super::Auditor;
use super::coinbase;
use super::discrepancy::Discrepancy;
use super::own_payouts::{self, OwnPayouts};
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
#[derive(Debug, Default)]
pub struct OwnShares {
    waiting: HashMap<Hash256, Accepted>,
    /// Shares that came in the ledger before I was told; the ledger may be quicker.
    early: HashMap<Hash256, Early>,
    /// Names of mine for which the pool has an address, and that.
    stands_for: HashMap<Arc<str>, Arc<str>>,
    payouts: OwnPayouts,
    told: u64,
    seen: u64,
}

#[derive(Clone, Debug)]
struct Accepted {
    member: Arc<str>,
    target: Target,
    at: u64,
    /// How many had been told with it.
    place: u64,
}

#[derive(Clone, Debug)]
struct Early {
    sequence: u64,
    member: Arc<str>,
    target: Target,
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

    /// Everybody's shares of so many are remembered, should I be told later that one is mine.
    const EARLY: usize = 1 << 16;

    /// Names that are told apart.
    const NAMES: usize = 1 << 12;

    /// The pool has accepted my share with this header hash, which I sent as `member`;
    /// `target` was the channel's when its job was sent, `now` is in seconds since the Unix
    /// epoch.
    pub fn accepted(&mut self, member: &str, hash: Hash256, target: Target, now: u64) -> Vec<Discrepancy> {
        self.told += 1;
        let accepted = Accepted { member: member.into(), target, at: now, place: self.told };
        if let Some(early) = self.early.remove(&hash) {
            return self.compare(&accepted, early.sequence, &early.member, early.target);
        }
        if self.waiting.len() < Self::WAITING {
            self.waiting.insert(hash, accepted);
        }
        Vec::new()
    }

    /// A share in the ledger, with its hash as the auditor has recomputed it.
    pub fn recorded(&mut self, share: &RecordedShare, hash: &Hash256) -> Vec<Discrepancy> {
        let (terms, sequence) = (share.context.terms(), share.sequence);
        if let Some(accepted) = self.waiting.remove(hash) {
            return self.compare(&accepted, sequence, &terms.member, terms.target);
        }
        if self.early.len() >= Self::EARLY {
            self.early.clear();
        }
        let early = Early { sequence, member: terms.member.clone(), target: terms.target };
        self.early.insert(*hash, early);
        Vec::new()
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

    /// Which blocks of those that `auditor` has seen neither pay me nor leave to my credit what the
    /// rule says, each once.
    pub fn unpaid(&mut self, auditor: &Auditor) -> Vec<Discrepancy> {
        self.payouts.missing(auditor.blocks.payouts())
    }

    /// How many accepted shares are not in the ledger yet.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many accepted shares have been seen in the ledger.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// A share of mine in the ledger, under the name and at the target that it has there.
    fn compare(
        &mut self,
        mine: &Accepted,
        share: u64,
        member: &Arc<str>,
        credited: Target,
    ) -> Vec<Discrepancy> {
        self.seen += 1;
        let mut found = Vec::new();
        // An easier target is a greater number, and weighs less.
        if credited > mine.target {
            let (credited, accepted) = (credited.to_string(), mine.target.to_string());
            found.push(Discrepancy::MyShareDevalued { share, credited, accepted });
        }
        if !self.is_me(&mine.member, member) {
            let (mine, credited) = (mine.member.to_string(), member.to_string());
            found.push(Discrepancy::MyShareTaken { share, mine, credited });
        } else {
            self.payouts.worked_as(member);
        }
        found
    }

    /// Whether the ledger's `member` is whom I mine as.
    fn is_me(&mut self, mine: &Arc<str>, member: &Arc<str>) -> bool {
        if mine == member {
            return true;
        }
        match (Payee::of(mine), Payee::of(member)) {
            // A name for which the pool has an address: always the same one.
            (Ok(Payee::Nobody), Ok(Payee::Script(_) | Payee::Split(_))) => {
                if self.stands_for.len() >= Self::NAMES {
                    self.stands_for.clear();
                }
                *self.stands_for.entry(mine.clone()).or_insert_with(|| member.clone()) == *member
            }
            (Ok(mine), Ok(member)) => same(&mine, &member),
            _ => false,
        }
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

/// Whether two identities are paid the same way, however they are spelled.
fn same(one: &Payee, other: &Payee) -> bool {
    match (one, other) {
        (Payee::Script(one), Payee::Script(other)) => one == other,
        (Payee::Split(one), Payee::Split(other)) => {
            let scripts = |parts: &[(String, u32)]| -> Option<Vec<_>> {
                let script = |(name, part): &(String, u32)| match Payee::of(name) {
                    Ok(Payee::Script(script)) => Some((script, *part)),
                    _ => None,
                };
                parts.iter().map(script).collect()
            };
            scripts(one).is_some_and(|one| Some(one) == scripts(other))
        }
        _ => false,
    }
}

/// What a job's coinbase pays to `identity` (of a split: to all its parts), in satoshi. None
/// when the identity has no address or the coinbase cannot be read.
pub fn amount_paid(job: &JobRecord, identity: &str) -> Option<u64> {
    let scripts = own_payouts::scripts(identity);
    if scripts.is_empty() {
        return None;
    }
    Some(own_payouts::sum(&coinbase::outputs(job)?, &scripts))
}
