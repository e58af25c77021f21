//! Reads a ledger's file in the order in which an [`Auditor`] takes it.

use super::{Auditor, Evidence};
use crate::WorkSum;
use crate::book::BookEntry;
use crate::member::MemberId;
use crate::payout::Basis;
use crate::reader::Reader;
use crate::store::StoreError;
use crate::tagged_hash::Commitment;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// Gives all of the ledger that `reader` has open to `auditor`, and tells `progress` after
/// each slice how many shares there were so far.
///
/// # Errors
/// [`StoreError`] when the file cannot be read to its end.
pub fn audit_ledger(
    reader: &mut Reader,
    auditor: &mut Auditor,
    mut progress: impl FnMut(u64),
) -> Result<(), StoreError> {
    const AT_A_TIME: usize = 256;
    let mut book = Book::default();
    let mut names = HashMap::new();
    let mut next_share = 1;
    let mut next_slice = 1;
    loop {
        let heads = reader.heads(next_slice, AT_A_TIME)?;
        if heads.is_empty() {
            break;
        }
        for head in heads {
            let last = head.head.last_share();
            shares(reader, auditor, &mut book, &mut next_share, last)?;
            next_share = next_share.max(last.saturating_add(1));
            book.up_to(head.head.book, reader, auditor)?;
            let members = members(reader, head.head.slice, &mut names)?;
            next_slice = head.head.slice.saturating_add(1);
            auditor.add(&Evidence::Slice { head: Box::new(head), members });
            progress(next_share - 1);
        }
    }
    // What is newer than the last head, as far as it was there a moment ago.
    let last = reader.last_share()?;
    shares(reader, auditor, &mut book, &mut next_share, last)?;
    book.give_the_rest(reader, auditor)?;
    progress(next_share - 1);
    Ok(())
}

fn shares(
    reader: &mut Reader,
    auditor: &mut Auditor,
    book: &mut Book,
    next: &mut u64,
    last: u64,
) -> Result<(), StoreError> {
    const AT_A_TIME: u64 = 65_536;
    let mut context = None;
    while *next <= last {
        let mut some = Vec::new();
        for share in reader.shares(*next, last.min(next.saturating_add(AT_A_TIME - 1))) {
            some.push(share?);
        }
        let Some(newest) = some.last() else { return Ok(()) };
        *next = newest.sequence.saturating_add(1);
        for share in &some {
            if !context.as_ref().is_some_and(|last| Arc::ptr_eq(last, &share.context)) {
                context = Some(share.context.clone());
                // A job may pay by entries that no head has named yet.
                if let Ok(basis) = Basis::from_bytes(&share.context.terms().job.basis) {
                    book.up_to(basis.book, reader, auditor)?;
                }
            }
            auditor.share(share);
        }
    }
    Ok(())
}

pub(super) fn members(
    reader: &Reader,
    slice: u64,
    names: &mut HashMap<MemberId, Arc<str>>,
) -> Result<Vec<(Arc<str>, WorkSum)>, StoreError> {
    let mut members = Vec::new();
    for part in reader.slices_work(slice, slice)? {
        let name = match names.get(&part.member) {
            Some(name) => name.clone(),
            None => {
                let member = reader.member(part.member)?;
                let name = member.map_or_else(|| format!("member {}", part.member.0).into(), |m| m.identity);
                names.entry(part.member).or_insert(name).clone()
            }
        };
        members.push((name, part.sum));
    }
    Ok(members)
}

/// The book's entries that have not been given yet.
#[derive(Default)]
struct Book {
    waiting: VecDeque<(Commitment, BookEntry)>,
    read: u64,
    /// Those that were given or asked for.
    given: HashSet<Commitment>,
}

impl Book {
    const AT_A_TIME: usize = 1_024;

    /// Gives the entries up to `wanted`. If there is no such entry, or it was given before,
    /// nothing.
    fn up_to(
        &mut self,
        wanted: Commitment,
        reader: &Reader,
        auditor: &mut Auditor,
    ) -> Result<(), StoreError> {
        if wanted == Commitment::default() || !self.given.insert(wanted) {
            return Ok(());
        }
        let mut place = self.waiting.iter().position(|(hash, _)| *hash == wanted);
        while place.is_none() {
            let before = self.waiting.len();
            if !self.read_more(reader)? {
                return Ok(());
            }
            let new = self.waiting.iter().skip(before).position(|(hash, _)| *hash == wanted);
            place = new.map(|place| place + before);
        }
        let count = place.map_or(0, |place| place + 1);
        let entries: Vec<_> = self.waiting.drain(..count).collect();
        entries.into_iter().try_for_each(|(hash, entry)| self.give(hash, entry, reader, auditor))
    }

    fn give_the_rest(&mut self, reader: &Reader, auditor: &mut Auditor) -> Result<(), StoreError> {
        while self.read_more(reader)? {}
        let entries = std::mem::take(&mut self.waiting);
        entries.into_iter().try_for_each(|(hash, entry)| self.give(hash, entry, reader, auditor))
    }

    fn read_more(&mut self, reader: &Reader) -> Result<bool, StoreError> {
        let entries = reader.book(self.read + 1, Self::AT_A_TIME)?;
        let any = !entries.is_empty();
        for (number, hash, entry) in entries {
            self.read = number;
            self.waiting.push_back((hash, entry));
        }
        Ok(any)
    }

    fn give(
        &mut self,
        hash: Commitment,
        entry: BookEntry,
        reader: &Reader,
        auditor: &mut Auditor,
    ) -> Result<(), StoreError> {
        if let BookEntry::Found(block) = &entry
            && let Some(job) = reader.job(&block.job)?
        {
            auditor.add(&Evidence::Job(Arc::new(job)));
        }
        auditor.add(&Evidence::Entry(entry));
        self.given.insert(hash);
        Ok(())
    }
}
