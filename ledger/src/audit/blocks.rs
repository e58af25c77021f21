//! Blocks: found by a share, booked by the rule, and none kept quiet about.

use super::coinbase::right_plan;
use super::discrepancy::Discrepancy;
use super::findings::Findings;
use super::history::History;
use super::report::BlockReport;
use crate::block::{BlockState, FoundBlock};
use crate::book::{BookEntry, Payment};
use crate::job_record::JobRecord;
use crate::payout::{Basis, NamedPlan};
use crate::tagged_hash::Commitment;
use std::collections::HashMap;
use std::sync::Arc;
use work::{Hash256, Target};

/// The blocks that have been read of.
#[derive(Default)]
pub(super) struct Blocks {
    /// In the order of the book.
    found: Vec<Known>,
    places: HashMap<Hash256, usize>,
    /// Shares that are blocks, by the member who sent them.
    proven: HashMap<Hash256, Arc<str>>,
    /// Of these, the ones whose slice has not ended.
    unsettled: Vec<Hash256>,
    /// Jobs that a block may have been found on.
    jobs: HashMap<Commitment, Arc<JobRecord>>,
}

struct Known {
    block: FoundBlock,
    state: BlockState,
    job: Option<Arc<JobRecord>>,
    booked: Option<Vec<Payment>>,
    /// What must be paid and booked, if the ledger's rules say.
    right: Option<Result<NamedPlan, String>>,
    /// Slices that have ended since it counts, long after it was found and without a booking.
    slices_without: u8,
}

/// A block that counts: what it pays and books, and what it must.
pub(super) struct BlockPayout<'a> {
    pub(super) hash: Hash256,
    pub(super) job: &'a JobRecord,
    /// Empty when nothing was booked.
    pub(super) booked: &'a [Payment],
    pub(super) right: &'a NamedPlan,
}

impl Blocks {
    /// Jobs that are kept. The job of a block is told right before its entry.
    const JOBS: usize = 4_096;
    /// A pool that was killed books at its next start, and may end a slice before.
    const PATIENCE: u8 = 2;

    /// A job that a block may be found on.
    pub(super) fn job(&mut self, job: &Arc<JobRecord>) {
        if self.jobs.len() >= Self::JOBS {
            self.jobs.clear();
        }
        self.jobs.insert(job.hash(), job.clone());
    }

    /// A share that is a block.
    pub(super) fn proven(&mut self, hash: Hash256, member: &Arc<str>) {
        self.proven.insert(hash, member.clone());
        self.unsettled.push(hash);
    }

    /// A slice has ended: the book has every block in it.
    pub(super) fn concealed(&mut self, findings: &mut Findings) {
        for hash in self.unsettled.drain(..) {
            if !self.places.contains_key(&hash) {
                let member = self.proven.get(&hash).map(|member| member.to_string()).unwrap_or_default();
                findings.add(Discrepancy::BlockConcealed { block: hash.to_string(), member });
            }
        }
    }

    /// A slice has ended at `closed`: blocks that count have been booked by now.
    pub(super) fn not_booked(&mut self, closed: u32, findings: &mut Findings) {
        const SECONDS: u32 = 60;
        let late = |known: &&mut Known| {
            known.booked.is_none()
                && known.state.counts()
                && closed > known.block.found.saturating_add(SECONDS)
                && known.slices_without < Self::PATIENCE
        };
        // The book is in order of time, and a pool finds few blocks.
        for known in self.found.iter_mut().filter(late) {
            known.slices_without += 1;
            if known.slices_without == Self::PATIENCE {
                compare(&known.block.hash, &[], known.right.as_ref(), findings);
            }
        }
    }

    /// The blocks that count by now, and are booked or have not been for too long.
    pub(super) fn payouts(&self) -> impl Iterator<Item = BlockPayout<'_>> {
        self.found.iter().filter_map(|known| {
            let Known { block, state, job: Some(job), booked, right: Some(Ok(right)), slices_without } =
                known
            else {
                return None;
            };
            let is_final = booked.is_some() || *slices_without == Self::PATIENCE;
            (state.counts() && is_final).then(|| BlockPayout {
                hash: block.hash,
                job,
                booked: booked.as_deref().unwrap_or_default(),
                right,
            })
        })
    }

    /// An entry of the book. `without_shares`: while no share has been told, blocks cannot be
    /// found among them.
    pub(super) fn entry(
        &mut self,
        entry: &BookEntry,
        without_shares: bool,
        history: &mut History,
        findings: &mut Findings,
    ) {
        match entry {
            BookEntry::Found(block) => self.found(block, without_shares, history, findings),
            BookEntry::Booked { hash, payments } => self.booked(hash, payments, history, findings),
            BookEntry::State { hash, state } => {
                if let Some(known) = self.known(hash) {
                    known.state = *state;
                } else {
                    findings.add(no_such(hash, "it was never found"));
                }
                if history.state(*hash, *state).is_err() {
                    findings.add(Discrepancy::UnbalancedBooking { block: hash.to_string() });
                }
            }
        }
    }

    /// For the report.
    pub(super) fn reports(&self) -> Vec<BlockReport> {
        let report = |known: &Known| BlockReport {
            hash: known.block.hash.to_string(),
            height: known.block.height,
            member: known.block.member.to_string(),
            value: known.block.value,
            state: known.state.name(),
            proven: self.proven.contains_key(&known.block.hash),
            booked: known.booked.is_some(),
        };
        self.found.iter().map(report).collect()
    }

    fn found(
        &mut self,
        block: &FoundBlock,
        without_shares: bool,
        history: &mut History,
        findings: &mut Findings,
    ) {
        if self.places.contains_key(&block.hash) {
            findings.add(no_such(&block.hash, "it was found before"));
            return;
        }
        let job = self.jobs.get(&block.job).cloned();
        match (&job, self.proven.get(&block.hash)) {
            (None, _) => findings.add(no_such(&block.hash, "its job is not in the ledger")),
            (Some(_), Some(member)) if *member != block.member => {
                findings.add(no_such(&block.hash, &format!("{member} found it and not {}", block.member)));
            }
            (Some(job), _) if job.template.value != block.value || job.template.height != block.height => {
                findings.add(no_such(&block.hash, "its job has another value or height"));
            }
            // Where blocks are harder than the easiest shares of real pools, each is a share.
            (Some(job), None)
                if !without_shares && Target::from_compact(job.template.nbits) < Target::DIFFICULTY_1 =>
            {
                findings.add(no_such(&block.hash, "no share in the ledger is this block"));
            }
            _ => {}
        }
        let basis = job.as_ref().and_then(|job| Basis::from_bytes(&job.basis).ok());
        history.found(block.hash, basis.as_ref().map_or(0, |basis| basis.slice), block.found);
        let ruled = job.as_ref().zip(basis);
        let right = ruled.map(|(job, basis)| right_plan(job, &basis, &block.member, history));
        self.places.insert(block.hash, self.found.len());
        let (block, state) = (block.clone(), BlockState::Candidate);
        self.found.push(Known { block, state, job, booked: None, right, slices_without: 0 });
    }

    fn booked(
        &mut self,
        hash: &Hash256,
        payments: &[Payment],
        history: &mut History,
        findings: &mut Findings,
    ) {
        match self.known(hash) {
            None => findings.add(no_such(hash, "it was never found")),
            Some(known) => {
                known.booked = Some(payments.to_vec());
                compare(hash, payments, known.right.as_ref(), findings);
            }
        }
        if history.booked(*hash, payments).is_err() {
            findings.add(Discrepancy::UnbalancedBooking { block: hash.to_string() });
        }
    }

    fn known(&mut self, hash: &Hash256) -> Option<&mut Known> {
        self.found.get_mut(*self.places.get(hash)?)
    }
}

/// Member by member, so that it is said who is booked wrongly.
fn compare(
    block: &Hash256,
    booked: &[Payment],
    right: Option<&Result<NamedPlan, String>>,
    findings: &mut Findings,
) {
    let Some(Ok(right)) = right else { return };
    let right = right.payments();
    let of = |payments: &[Payment], member: &str| {
        let payments = payments.iter().filter(|payment| &*payment.member == member);
        payments.fold((0u64, 0u64), |(due, paid), payment| {
            (due.saturating_add(payment.due), paid.saturating_add(payment.paid))
        })
    };
    let mut members: Vec<&Arc<str>> = booked.iter().chain(&right).map(|payment| &payment.member).collect();
    members.sort();
    members.dedup();
    let text = |(due, paid): (u64, u64)| format!("{due} sat due and {paid} sat paid");
    for member in members {
        let (booked, right) = (of(booked, member), of(&right, member));
        if booked != right {
            findings.add(Discrepancy::WrongBooking {
                block: block.to_string(),
                member: member.to_string(),
                booked: text(booked),
                right: text(right),
            });
        }
    }
}

fn no_such(block: &Hash256, why: &str) -> Discrepancy {
    Discrepancy::NoSuchBlock { block: block.to_string(), why: why.to_owned() }
}
