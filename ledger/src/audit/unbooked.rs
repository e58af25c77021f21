//! Blocks that were found and never booked, and what they are to book: a pool that was killed
//! in between makes up for it at its next start.

use super::coinbase::right_plan;
use super::history::History;
use super::source::members;
use crate::book::{BookEntry, Payment};
use crate::job_record::JobRecord;
use crate::payout::Basis;
use crate::reader::Reader;
use crate::store::StoreError;
use crate::tagged_hash::Commitment;
use std::collections::{HashMap, VecDeque};
use tracing::error;
use work::Hash256;

/// Every block of the ledger that was found on a job with a basis and has no bookings, oldest
/// first, with the payments that the rule says. Reads sums and the book, no share.
///
/// # Errors
/// [`StoreError`].
pub fn unbooked(reader: &Reader) -> Result<Vec<(Hash256, Vec<Payment>)>, StoreError> {
    let mut wanted: HashMap<Hash256, (JobRecord, Basis)> = HashMap::new();
    for recorded in reader.blocks()? {
        if !reader.bookings(recorded.number)?.is_empty() {
            continue;
        }
        let Some(job) = reader.job(&recorded.block.job)? else { continue };
        if let Ok(basis) = Basis::from_bytes(&job.basis) {
            wanted.insert(recorded.block.hash, (job, basis));
        }
    }
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut replay = Replay { entries: entries(reader)?, ..Replay::default() };
    let mut names = HashMap::new();
    let mut next = 1;
    loop {
        const AT_A_TIME: usize = 256;
        let heads = reader.heads(next, AT_A_TIME)?;
        if heads.is_empty() {
            break;
        }
        for head in heads {
            replay.enter_up_to(head.head.book, reader, &wanted)?;
            let members = members(reader, head.head.slice, &mut names)?;
            replay.history.close(&head.head, members.iter().map(|(name, sum)| (name, sum)));
            next = head.head.slice.saturating_add(1);
        }
    }
    while replay.enter(reader, &wanted)? {}
    Ok(replay.due)
}

/// The whole book. Blocks are few.
fn entries(reader: &Reader) -> Result<VecDeque<(Commitment, BookEntry)>, StoreError> {
    let book = reader.book(1, usize::MAX)?;
    Ok(book.into_iter().map(|(_, hash, entry)| (hash, entry)).collect())
}

/// A ledger gone through once more.
#[derive(Default)]
struct Replay {
    history: History,
    entries: VecDeque<(Commitment, BookEntry)>,
    due: Vec<(Hash256, Vec<Payment>)>,
}

impl Replay {
    fn enter_up_to(
        &mut self,
        last: Commitment,
        reader: &Reader,
        wanted: &HashMap<Hash256, (JobRecord, Basis)>,
    ) -> Result<(), StoreError> {
        while self.history.book() != last && self.enter(reader, wanted)? {}
        Ok(())
    }

    /// Takes the next entry; false when there is none.
    fn enter(
        &mut self,
        reader: &Reader,
        wanted: &HashMap<Hash256, (JobRecord, Basis)>,
    ) -> Result<bool, StoreError> {
        let Some((hash, entry)) = self.entries.pop_front() else { return Ok(false) };
        // What a ledger of one's own says of itself is not judged here.
        match &entry {
            BookEntry::Found(block) => {
                let job = match wanted.get(&block.hash) {
                    Some((job, _)) => Some(job.clone()),
                    None => reader.job(&block.job)?,
                };
                let basis = job.and_then(|job| Basis::from_bytes(&job.basis).ok());
                self.history.found(block.hash, basis.map_or(0, |basis| basis.slice), block.found);
                if let Some((job, basis)) = wanted.get(&block.hash) {
                    match right_plan(job, basis, &block.member, &mut self.history) {
                        Ok(plan) => self.due.push((block.hash, plan.payments())),
                        Err(why) => error!(block = %block.hash, why, "this block cannot be booked"),
                    }
                }
            }
            BookEntry::Booked { hash, payments } => drop(self.history.booked(*hash, payments)),
            BookEntry::State { hash, state } => drop(self.history.state(*hash, *state)),
        }
        self.history.entered(hash);
        Ok(true)
    }
}
