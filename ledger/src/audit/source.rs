//! Reads a ledger's file in the order in which an [`Auditor`] takes it.

use super::{Auditor, Evidence};
use crate::book::BookEntry;
use crate::member::MemberId;
use crate::reader::Reader;
use crate::store::StoreError;
use crate::tagged_hash::Commitment;
use crate::{SignedHead, WorkSum};
use std::collections::{HashMap, VecDeque};
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
            shares(reader, auditor, &mut next_share, last)?;
            next_share = next_share.max(last.saturating_add(1));
            book.up_to(&head, reader, auditor)?;
            let members = members(reader, head.head.slice, &mut names)?;
            next_slice = head.head.slice.saturating_add(1);
            auditor.add(&Evidence::Slice { head, members });
            progress(next_share - 1);
        }
    }
    // What is newer than the last head, as far as it was there a moment ago.
    let last = reader.last_share()?;
    shares(reader, auditor, &mut next_share, last)?;
    book.to_the_end(reader, auditor)?;
    progress(next_share - 1);
    Ok(())
}

fn shares(reader: &mut Reader, auditor: &mut Auditor, next: &mut u64, last: u64) -> Result<(), StoreError> {
    for share in reader.shares(*next, last) {
        let share = share?;
        *next = share.sequence.saturating_add(1);
        auditor.share(&share);
    }
    Ok(())
}

fn members(
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
    /// The last that was given.
    last: Commitment,
}

impl Book {
    const AT_A_TIME: usize = 1_024;

    /// Gives what comes before `head`: up to the entry that it names. If there is no such
    /// entry, nothing.
    fn up_to(&mut self, head: &SignedHead, reader: &Reader, auditor: &mut Auditor) -> Result<(), StoreError> {
        let wanted = head.head.book;
        if wanted == self.last {
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

    fn to_the_end(&mut self, reader: &Reader, auditor: &mut Auditor) -> Result<(), StoreError> {
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
        self.last = hash;
        Ok(())
    }
}
