//! Reads a ledger piece by piece, in the order in which an auditor takes it, and goes on when
//! it has grown.

use super::Cursor;
use crate::audit::{Evidence, members};
use crate::book::BookEntry;
use crate::head::SignedHead;
use crate::member::MemberId;
use crate::payout::Basis;
use crate::reader::Reader;
use crate::share::{RecordedShare, ShareContext};
use crate::store::StoreError;
use crate::tagged_hash::Commitment;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// A place in a ledger, and what is needed to go on from there.
pub struct Source {
    cursor: Cursor,
    /// Slices before this one are told without their shares, as if these were not kept.
    whole_from: u64,
    /// Heads that have been read ahead.
    heads: VecDeque<SignedHead>,
    names: HashMap<MemberId, Arc<str>>,
    /// Numbers of entries that jobs pay by.
    entries: HashMap<Commitment, Option<u64>>,
    last: Option<Arc<ShareContext>>,
}

/// Takes what a source gives.
pub(crate) trait Taker {
    /// A share. What it needs has been given before.
    fn share(&mut self, share: &RecordedShare);
    /// Anything else.
    fn other(&mut self, evidence: Evidence);
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// There is more.
    More,
    /// That was all there was when the step began.
    CaughtUp,
}

/// Names and numbers that are kept; all are forgotten when there are more.
const KEPT: usize = 4_096;

impl Source {
    /// From `cursor` on; of slices before number `whole_from` only what they add up to.
    pub fn new(cursor: Cursor, whole_from: u64) -> Source {
        Source {
            cursor,
            whole_from,
            heads: VecDeque::new(),
            names: HashMap::new(),
            entries: HashMap::new(),
            last: None,
        }
    }

    /// Where it stands.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Gives the next piece of what `reader` has open to `taker`: at most `most` shares, or
    /// what ends a slice.
    pub(crate) fn step(
        &mut self,
        reader: &mut Reader,
        most: u64,
        taker: &mut impl Taker,
    ) -> Result<Step, StoreError> {
        const HEADS: usize = 256;
        // Read before the heads: while there is no head after them, the shares and entries up
        // to here are those of the open slice, whatever is written meanwhile.
        let mut end = None;
        if self.heads.is_empty() {
            end = Some((reader.last_share()?, reader.last_entry()?.0));
            self.heads = reader.heads(self.cursor.slice, HEADS)?.into();
        }
        if let Some(head) = self.heads.front() {
            let last = head.head.last_share();
            if head.head.slice >= self.whole_from && self.shares(reader, last, most, taker)? {
                return Ok(Step::More);
            }
            self.close(reader, taker)?;
            return Ok(Step::More);
        }
        let Some((last_share, last_entry)) = end else { return Ok(Step::More) };
        if self.shares(reader, last_share, most, taker)? {
            return Ok(Step::More);
        }
        self.entries_up_to(last_entry, reader, taker)?;
        Ok(Step::CaughtUp)
    }

    /// Gives shares up to number `last`, at most `most` of them; whether there are more.
    fn shares(
        &mut self,
        reader: &mut Reader,
        last: u64,
        most: u64,
        taker: &mut impl Taker,
    ) -> Result<bool, StoreError> {
        if self.cursor.share > last {
            return Ok(false);
        }
        let end = last.min(self.cursor.share.saturating_add(most.max(1) - 1));
        let some = reader.shares(self.cursor.share, end).collect::<Result<Vec<_>, _>>()?;
        for share in &some {
            if !self.last.as_ref().is_some_and(|last| Arc::ptr_eq(last, &share.context)) {
                self.last = Some(share.context.clone());
                // A job may pay by entries that no head has named yet.
                if let Ok(basis) = Basis::from_bytes(&share.context.terms().job.basis) {
                    self.entries_up_to_hash(basis.book, reader, taker)?;
                }
            }
            taker.share(share);
            self.cursor.share = share.sequence.saturating_add(1);
        }
        // Those that are no longer kept are passed over.
        self.cursor.share = self.cursor.share.max(end.saturating_add(1));
        Ok(end < last)
    }

    /// Gives the slice whose head is next.
    fn close(&mut self, reader: &mut Reader, taker: &mut impl Taker) -> Result<(), StoreError> {
        let Some(head) = self.heads.pop_front() else { return Ok(()) };
        self.entries_up_to_hash(head.head.book, reader, taker)?;
        let members = members(reader, head.head.slice, &mut self.names)?;
        if self.names.len() > KEPT {
            self.names.clear();
        }
        self.cursor.share = self.cursor.share.max(head.head.last_share().saturating_add(1));
        self.cursor.slice = head.head.slice.saturating_add(1);
        taker.other(Evidence::Slice { head: Box::new(head), members });
        Ok(())
    }

    /// Gives the book's entries up to the one with this hash. If there is no such entry, or it
    /// was given before, nothing.
    fn entries_up_to_hash(
        &mut self,
        hash: Commitment,
        reader: &Reader,
        taker: &mut impl Taker,
    ) -> Result<(), StoreError> {
        if hash == Commitment::default() {
            return Ok(());
        }
        let number = match self.entries.get(&hash) {
            Some(number) => *number,
            None => {
                let number = reader.entry_number(&hash)?;
                keep(&mut self.entries, hash, number)
            }
        };
        number.map_or(Ok(()), |number| self.entries_up_to(number, reader, taker))
    }

    fn entries_up_to(
        &mut self,
        last: u64,
        reader: &Reader,
        taker: &mut impl Taker,
    ) -> Result<(), StoreError> {
        const AT_A_TIME: usize = 256;
        while self.cursor.entry <= last {
            let some = reader.book(self.cursor.entry, AT_A_TIME)?;
            if some.is_empty() {
                return Ok(());
            }
            for (number, _, entry) in some.into_iter().take_while(|(number, ..)| *number <= last) {
                if let BookEntry::Found(block) = &entry
                    && let Some(job) = reader.job(&block.job)?
                {
                    taker.other(Evidence::Job(Arc::new(job)));
                }
                taker.other(Evidence::Entry(entry));
                self.cursor.entry = number.saturating_add(1);
            }
        }
        Ok(())
    }
}

fn keep<K: Eq + std::hash::Hash, V: Clone>(kept: &mut HashMap<K, V>, key: K, value: V) -> V {
    if kept.len() >= KEPT {
        kept.clear();
    }
    kept.insert(key, value.clone());
    value
}
