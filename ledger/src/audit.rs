//! The audit: whether a ledger is what it says.
//!
//! An [`Auditor`] is given a ledger's [`Evidence`] in order, wherever it comes from (a file,
//! a stream), and recomputes everything: each share's proof of work, each slice's trees and
//! signature, the chain of heads, the book, the window, and from these the payouts that each
//! job's coinbase must have. What does not fit is a [`Discrepancy`], named after the fraud
//! that it would be. A member that mines has [`OwnShares`] besides: what it was told is
//! accepted must be in the ledger.

mod blocks;
mod coinbase;
mod discrepancy;
mod findings;
mod heads;
mod history;
mod luck;
mod open_slice;
mod own;
mod own_payouts;
mod proof_of_work;
mod report;
mod seen;
mod source;
mod unbooked;

pub use coinbase::outputs as coinbase_outputs;
pub use discrepancy::Discrepancy;
pub use heads::compare_heads;
pub use own::{Mark, OwnShares, amount_paid};
pub use report::{BlockReport, MemberReport, Report, RulesInForce};
pub(crate) use source::members;
pub use source::{audit_further, audit_ledger, audit_piece};
pub use unbooked::unbooked;

use crate::book::BookEntry;
use crate::head::{LedgerId, SignedHead};
use crate::job_record::JobRecord;
use crate::payout::Basis;
use crate::share::{RecordedShare, ShareContext};
use crate::share_work::WorkSum;
use crate::tagged_hash::Commitment;
use blocks::Blocks;
use coinbase::Sighting;
use findings::Findings;
use heads::Heads;
use history::History;
use luck::Luck;
use open_slice::OpenSlice;
use proof_of_work::Judge;
use seen::{Seen, Sight};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use work::{Hash256, ShareFault};

/// A piece of a ledger, in the order in which it was written.
#[derive(Clone, Debug)]
pub enum Evidence {
    /// A share.
    Share(RecordedShare),
    /// A job that is named by what follows, and that perhaps no share was mined on.
    Job(Arc<JobRecord>),
    /// An entry of the book: before the first share whose job pays by it, and before the head
    /// that names it.
    Entry(BookEntry),
    /// A slice's end, after its shares.
    Slice {
        /// Its head.
        head: Box<SignedHead>,
        /// What the ledger says that members did in it.
        members: Vec<(Arc<str>, WorkSum)>,
    },
}

/// Goes through a ledger.
pub struct Auditor {
    judge: Judge,
    seen: Seen,
    luck: Luck,
    open: OpenSlice,
    heads: Heads,
    history: History,
    blocks: Blocks,
    findings: Findings,
    jobs: Jobs,
    /// The next share's sequence number.
    expected: u64,
    received: u32,
    shares: u64,
    slices_without_shares: u64,
    members: BTreeMap<Arc<str>, WorkSum>,
}

/// The jobs that have been seen.
#[derive(Default)]
struct Jobs {
    /// Forgotten when they are many: a job that comes again is checked again.
    checked: HashSet<Commitment>,
    count: u64,
    /// Jobs for a finder, with the finder.
    checked_for: HashSet<(Commitment, Arc<str>)>,
    without_rule: u64,
    without_room: u64,
    anchored: u64,
    rules: Vec<RulesInForce>,
    last: Option<Arc<ShareContext>>,
}

impl Auditor {
    /// An audit of a ledger whose heads `signer` (an x-only key) must have signed; None to
    /// take the first head's word for it. `known` are heads that the pool has shown before,
    /// to anybody: they must be in the ledger.
    pub fn new(signer: Option<[u8; 32]>, known: Vec<SignedHead>) -> Auditor {
        Auditor {
            judge: Judge::default(),
            seen: Seen::default(),
            luck: Luck::default(),
            open: OpenSlice::default(),
            heads: Heads::new(signer, known),
            history: History::default(),
            blocks: Blocks::default(),
            findings: Findings::default(),
            jobs: Jobs::default(),
            expected: 1,
            received: 0,
            shares: 0,
            slices_without_shares: 0,
            members: BTreeMap::new(),
        }
    }

    /// The pool had these keys before: their heads count, until there is one of its present key.
    /// Only who is told so by the pool's host may believe it.
    #[must_use]
    pub fn after_keys(mut self, former: Vec<[u8; 32]>) -> Auditor {
        self.heads.after_keys(former);
        self
    }

    /// Takes the next piece.
    pub fn add(&mut self, evidence: &Evidence) {
        match evidence {
            Evidence::Share(share) => _ = self.share(share),
            Evidence::Job(job) => self.blocks.job(job),
            Evidence::Entry(entry) => self.entry(entry),
            Evidence::Slice { head, members } => self.slice(head, members),
        }
    }

    /// Takes a share; returns its hash if it is worth what it is credited for.
    pub fn share(&mut self, share: &RecordedShare) -> Option<Hash256> {
        self.shares += 1;
        self.place(share);
        self.open.push(share);
        let hash = self.proof_of_work(share);
        // Shares of a channel come in bursts.
        if !self.jobs.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, &share.context)) {
            self.jobs.last = Some(share.context.clone());
            self.job(share);
        }
        hash
    }

    /// Which ledger this is, where that is known before its first head.
    pub fn ledger_is(&mut self, ledger: LedgerId) {
        self.heads.ledger_is(ledger);
    }

    /// Nothing is newer at present: heads that were shown before must have come by now.
    pub fn caught_up(&mut self) {
        self.heads.withdrawn(&mut self.findings);
    }

    /// Shares so far.
    pub fn shares(&self) -> u64 {
        self.shares
    }

    /// Closed slices so far.
    pub fn slices(&self) -> u64 {
        self.history.last_slice()
    }

    /// How many sums of members in slices are kept: what memory grows with.
    pub fn sums(&self) -> usize {
        self.history.sums()
    }

    /// The first thousand discrepancies so far. What only shows in the whole is not among
    /// them yet.
    pub fn found(&self) -> &[Discrepancy] {
        self.findings.kept()
    }

    /// How many discrepancies there are so far.
    pub fn discrepancies(&self) -> u64 {
        self.findings.count()
    }

    /// What has been found.
    pub fn finish(mut self) -> Report {
        self.heads.withdrawn(&mut self.findings);
        self.luck.suspicious().into_iter().for_each(|found| self.findings.add(found));
        let open_shares = self.open.shares();
        for (member, sum) in self.open.members() {
            let before = self.members.entry(member.clone()).or_default();
            *before = before.checked_add(*sum).unwrap_or(*before);
        }
        for (member, _) in self.history.balances() {
            self.members.entry(member.clone()).or_default();
        }
        let total = WorkSum::total(self.members.values().copied()).unwrap_or_default();
        let balance = |member: &Arc<str>| {
            let balance = self.history.balances().iter().find(|(name, _)| name == member);
            balance.map_or(0, |(_, credit)| *credit)
        };
        let members = self.members.iter().map(|(member, sum)| MemberReport {
            member: member.to_string(),
            shares: sum.shares,
            work: sum.work.0.to_string(),
            balance: balance(member),
        });
        Report {
            ledger: self.heads.ledger().map(|ledger| hex(&ledger.0)),
            signer: self.heads.signer().map(|signer| hex(&signer)),
            shares: self.shares,
            open_shares,
            work: total.work.0.to_string(),
            slices: self.history.last_slice(),
            slices_without_shares: self.slices_without_shares,
            jobs: self.jobs.count,
            jobs_without_rule: self.jobs.without_rule,
            jobs_without_room: self.jobs.without_room,
            jobs_anchored: self.jobs.anchored,
            members: members.collect(),
            rules: self.jobs.rules,
            blocks: self.blocks.reports(),
            discrepancy_count: self.findings.count(),
            discrepancies: self.findings.into_kept(),
        }
    }

    /// Whether a share comes where and when it should.
    fn place(&mut self, share: &RecordedShare) {
        let slice = self.history.last_slice() + 1;
        if share.sequence != self.expected {
            let (expected, found) = (self.expected, Some(share.sequence));
            self.findings.add(Discrepancy::SharesMissing { slice, expected, found });
        }
        self.expected = share.sequence.saturating_add(1);
        if share.received < self.received {
            let what = format!(
                "share {} is said to have come at {}, before {} of what came before it",
                share.sequence, share.received, self.received
            );
            self.findings.add(Discrepancy::Backdated { slice, what });
        }
        self.received = self.received.max(share.received);
    }

    fn proof_of_work(&mut self, share: &RecordedShare) -> Option<Hash256> {
        let terms = share.context.terms();
        let (sequence, member) = (share.sequence, || terms.member.to_string());
        let invented = |hash: Hash256| Discrepancy::NoProofOfWork {
            share: sequence,
            member: member(),
            hash: hash.to_string(),
            target: terms.target.to_string(),
        };
        let judged = match self.judge.judge(share) {
            Ok(judged) if judged.is_share => judged,
            Ok(judged) => {
                self.findings.add(invented(judged.hash));
                return None;
            }
            Err(ShareFault::DifficultyTooLow) => {
                self.findings.add(invented(Judge::hash(share)));
                return None;
            }
            Err(ShareFault::NtimeTooNew) => {
                let slice = self.history.last_slice() + 1;
                let what = format!(
                    "share {sequence} is said to have come at {}, but its header's time is {}",
                    share.received, share.share.submission.ntime
                );
                self.findings.add(Discrepancy::Backdated { slice, what });
                return None;
            }
            Err(fault) => {
                self.findings.add(Discrepancy::BadShare {
                    share: sequence,
                    member: member(),
                    fault: fault.to_string(),
                });
                return None;
            }
        };
        let template = &terms.job.template;
        if template.min_ntime > share.received.saturating_add(proof_of_work::AHEAD) {
            let slice = self.history.last_slice() + 1;
            let what = format!(
                "share {sequence} is said to have come at {}, before the block that it builds on could be",
                share.received
            );
            self.findings.add(Discrepancy::Backdated { slice, what });
        }
        match self.seen.see(&template.prev_hash, &judged.hash) {
            Sight::New => {}
            Sight::Again => {
                let hash = judged.hash.to_string();
                self.findings.add(Discrepancy::ReusedShare { share: sequence, member: member(), hash });
                return None;
            }
            Sight::Old => {
                let prev_hash = template.prev_hash.to_string();
                self.findings.add(Discrepancy::OldWork { share: sequence, member: member(), prev_hash });
                return None;
            }
        }
        self.luck.push(share, &judged.hash);
        if judged.is_block {
            self.blocks.proven(judged.hash, &terms.member);
        }
        Some(judged.hash)
    }

    /// Checks the job of a context that was not the last share's.
    fn job(&mut self, share: &RecordedShare) {
        let terms = share.context.terms();
        let (job, hash) = (&terms.job, terms.job.hash());
        let is_new = !self.jobs.checked.contains(&hash);
        if is_new {
            self.jobs.remember();
            self.jobs.checked.insert(hash);
            self.jobs.count += 1;
            self.blocks.job(job);
            self.anchor(job, share.sequence);
            if job.basis.is_empty() {
                self.jobs.without_rule += 1;
            }
        }
        if job.basis.is_empty() {
            self.without_rule(share, is_new);
            return;
        }
        let basis = match Basis::from_bytes(&job.basis) {
            Ok(basis) => basis,
            Err(fault) if is_new => {
                let why = format!("says by what it pays in bytes that cannot be read: {fault}");
                let job = hash.to_string();
                self.findings.add(Discrepancy::WrongBasis { job, share: share.sequence, why });
                return;
            }
            Err(_) => return,
        };
        if basis.for_finder {
            if !self.jobs.checked_for.insert((hash, terms.member.clone())) {
                return;
            }
        } else if !is_new {
            return;
        }
        if self.jobs.rules.last().is_none_or(|last| last.rules != basis.rules) {
            let rules = basis.rules.clone();
            self.jobs.rules.push(RulesInForce { since_share: share.sequence, rules });
        }
        if let Some(why) = self.stale(&basis, job, share.received) {
            let job = hash.to_string();
            self.findings.add(Discrepancy::WrongBasis { job, share: share.sequence, why });
        }
        let sighting = Sighting { job, share: share.sequence, member: &terms.member };
        let (wrong, had_room) = coinbase::check(&sighting, &basis, &mut self.history);
        wrong.into_iter().for_each(|wrong| self.findings.add(wrong));
        self.jobs.without_room += u64::from(!had_room);
    }

    /// Whether the head that a job commits to, if any, is one of this ledger's.
    fn anchor(&mut self, job: &JobRecord, share: u64) {
        for head in coinbase::anchored_heads(job) {
            self.jobs.anchored += 1;
            if !self.heads.had(head) {
                let job = job.hash().to_string();
                self.findings.add(Discrepancy::WrongAnchor { job, share, head: head.to_string() });
            }
        }
    }

    /// A pool that has paid by rules may not fall back to paying by none.
    fn without_rule(&mut self, share: &RecordedShare, is_new: bool) {
        if is_new && !self.jobs.rules.is_empty() {
            let job = share.context.terms().job.hash().to_string();
            let why = "does not say by what it pays, and jobs before it did".to_owned();
            self.findings.add(Discrepancy::WrongBasis { job, share: share.sequence, why });
        }
    }

    /// Whether a job that was mined on at `received` pays by a state of the ledger that was long
    /// past.
    fn stale(&mut self, basis: &Basis, job: &JobRecord, received: u32) -> Option<String> {
        // A job for the next block is handed out before that block comes, and the slice in
        // between may be short.
        const SLICES: u64 = 4;
        // On a test chain there may be more of them before the pool has read the first.
        const SECONDS: u32 = 60;
        if basis.nbits != job.template.nbits && !self.heads.had_nbits(basis.nbits) {
            return Some("computes its window by a difficulty that the network did not have".to_owned());
        }
        self.heads.note_nbits(job.template.nbits);
        if self.history.pays_again(basis, &job.template.prev_hash, received) {
            return Some("pays what the block that it builds on has paid already".to_owned());
        }
        let now = self.history.last_slice();
        let since = self.heads.slice_of_tip(&job.template.prev_hash, now);
        let first = since.saturating_sub(SLICES);
        (basis.slice < first && self.history.time_between(basis.slice.saturating_add(1), since) > SECONDS)
            .then(|| format!("pays by slice {}, when slice {since} was closed already", basis.slice))
    }

    fn entry(&mut self, entry: &BookEntry) {
        let hash = entry.hash(self.history.book());
        let without_shares = self.shares == 0;
        self.blocks.entry(entry, without_shares, &mut self.history, &mut self.findings);
        self.history.entered(hash);
    }

    fn slice(&mut self, signed: &SignedHead, told: &[(Arc<str>, WorkSum)]) {
        let head = &signed.head;
        self.heads.follow(signed, self.history.last_slice() + 1, &mut self.findings);
        let first = self.expected.saturating_sub(self.open.shares());
        if head.opened < self.heads.closed_before() {
            let what = format!(
                "the head says that it was opened at {}, before the slice before it was closed at {}",
                head.opened,
                self.heads.closed_before()
            );
            self.findings.add(Discrepancy::Backdated { slice: head.slice, what });
        }
        self.heads.closed(head.closed);
        self.received = self.received.max(head.closed);
        if head.book != self.history.book() {
            self.findings.add(Discrepancy::BookRewritten { slice: head.slice });
        }
        self.blocks.concealed(&mut self.findings);
        self.blocks.not_booked(head.closed, &mut self.findings);

        let mut open = std::mem::take(&mut self.open);
        self.jobs.last = None;
        if open.shares() == 0 && self.shares == 0 {
            // The shares of old slices may be pruned; their sums stay.
            self.slices_without_shares += 1;
            self.expected = head.last_share().saturating_add(1);
            open_slice::compare_sums(head, told, &mut self.findings);
            self.history.close(head, told.iter().map(|(name, sum)| (name, sum)));
            self.credit(told.iter().map(|(name, sum)| (name, sum)));
            return;
        }
        if self.expected != head.last_share().saturating_add(1) || first != head.first_share {
            let expected = if first == head.first_share { self.expected } else { head.first_share };
            self.findings.add(Discrepancy::SharesMissing { slice: head.slice, expected, found: None });
        }
        open.compare(head, told, &mut self.findings);
        self.history.close(head, open.members());
        self.credit(open.members());
    }

    fn credit<'a>(&mut self, members: impl IntoIterator<Item = (&'a Arc<str>, &'a WorkSum)>) {
        for (member, sum) in members {
            let before = self.members.entry(member.clone()).or_default();
            *before = before.checked_add(*sum).unwrap_or(*before);
        }
    }
}

impl Jobs {
    /// Makes room: who follows a pool for years has not room for every job.
    fn remember(&mut self) {
        const KEPT: usize = 1 << 20;
        if self.checked.len() >= KEPT || self.checked_for.len() >= KEPT {
            self.checked.clear();
            self.checked_for.clear();
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
