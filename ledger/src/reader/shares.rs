//! Shares by their sequence numbers, and proofs that they are in their slices.

use super::{Reader, damaged};
use crate::contexts::Resolved;
use crate::head::SignedHead;
use crate::member::MemberId;
use crate::merkle::Proof;
use crate::pack::{PackedShare, Unpacked};
use crate::share::RecordedShare;
use crate::share_work::{MemberWork, WorkSum};
use crate::store::columns::{signed, unsigned};
use crate::store::{Pack, StoreError, packs};
use crate::tagged_hash::Commitment;
use rusqlite::OptionalExtension;
use std::collections::BTreeMap;

/// Shares in their order. Reads some thousand at a time.
pub struct Shares<'a> {
    reader: &'a mut Reader,
    next: u64,
    to: u64,
    contexts: Vec<Resolved>,
    waiting: std::vec::IntoIter<PackedShare>,
}

/// Shows that a share is in its slice.
#[derive(Clone, Debug)]
pub struct ShareProof {
    /// The slice's head.
    pub head: SignedHead,
    /// The share.
    pub share: RecordedShare,
    /// That it is under the head's `shares_root`.
    pub proof: Proof,
}

impl<'a> Shares<'a> {
    pub(super) fn new(reader: &'a mut Reader, from: u64, to: u64) -> Shares<'a> {
        Shares { reader, next: from.max(1), to, contexts: Vec::new(), waiting: Vec::new().into_iter() }
    }

    /// The next share and its member's number.
    fn read(&mut self) -> Result<Option<(RecordedShare, MemberId)>, StoreError> {
        loop {
            if self.next > self.to {
                return Ok(None);
            }
            if let Some(packed) = self.waiting.next() {
                let sequence = self.next;
                self.next += 1;
                let under = self.contexts.get(packed.context);
                let context =
                    under.ok_or_else(|| StoreError::Damaged(format!("share {sequence} has no context")))?;
                let Resolved { context, member, .. } = context.clone();
                let PackedShare { received, share, .. } = packed;
                return Ok(Some((RecordedShare { sequence, received, share, context }, member)));
            }
            let Some(pack) = packs::at_or_after(&self.reader.connection, self.next)? else { return Ok(None) };
            self.open(&pack)?;
        }
    }

    fn open(&mut self, pack: &Pack) -> Result<(), StoreError> {
        let damaged = |fault| StoreError::Damaged(format!("shares from {}: {fault}", pack.first));
        let Reader { connection, contexts } = &mut *self.reader;
        let mut unpacked = Unpacked::open(&pack.bytes).map_err(damaged)?;
        let resolved = unpacked.contexts.iter().map(|packed| contexts.resolve(connection, packed));
        self.contexts = resolved.collect::<Result<_, _>>()?;
        let shares = unpacked.by_ref().collect::<Result<Vec<_>, _>>().map_err(damaged)?;
        if shares.len() as u64 != pack.count {
            let (found, count) = (shares.len(), pack.count);
            return Err(StoreError::Damaged(format!("shares from {}: {found} of {count}", pack.first)));
        }
        self.next = self.next.max(pack.first);
        self.waiting = shares.into_iter();
        let skipped = usize::try_from(self.next - pack.first).unwrap_or(usize::MAX);
        if let Some(last_skipped) = skipped.checked_sub(1) {
            self.waiting.nth(last_skipped);
        }
        Ok(())
    }
}

/// Ends after the first error.
impl Iterator for Shares<'_> {
    type Item = Result<RecordedShare, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let share = self.read().transpose();
        if matches!(share, Some(Err(_))) {
            self.to = 0;
        }
        share.map(|share| share.map(|(share, _)| share))
    }
}

impl ShareProof {
    pub(super) fn make(reader: &mut Reader, sequence: u64) -> Result<Option<ShareProof>, StoreError> {
        let Some(slice) = slice_of(reader, sequence)? else { return Ok(None) };
        let Some(head) = reader.head(slice)? else { return Ok(None) };
        let (first, last) = (head.head.first_share, head.head.last_share());
        let mut leaves: Vec<Commitment> = Vec::new();
        let mut wanted = None;
        for share in reader.shares(first, last) {
            let share = share?;
            leaves.push(share.leaf());
            if share.sequence == sequence {
                wanted = Some(share);
            }
        }
        let Some(share) = wanted.filter(|_| leaves.len() as u64 == head.head.sum.shares) else {
            return Ok(None);
        };
        let proof = Proof::new(&leaves, sequence - first).map_err(|fault| damaged(slice, &fault))?;
        Ok(Some(ShareProof { head, share, proof }))
    }

    /// Whether the share is in the slice that the head commits to. That the head is signed by
    /// the right key is checked by [`SignedHead::verify`].
    pub fn holds(&self) -> bool {
        let head = &self.head.head;
        let place = head.first_share.checked_add(self.proof.index);
        self.proof.leaves == head.sum.shares
            && place == Some(self.share.sequence)
            && self.proof.root(self.share.leaf()) == Some(head.shares_root)
    }
}

/// The closed slice that share `sequence` is in.
fn slice_of(reader: &Reader, sequence: u64) -> Result<Option<u64>, StoreError> {
    let query = "SELECT number FROM slices WHERE first_share <= ?1 AND first_share + shares > ?1 \
                 ORDER BY number DESC LIMIT 1";
    let mut select = reader.connection.prepare_cached(query)?;
    Ok(select.query_row([signed(sequence)?], |row| unsigned(row, 0)).optional()?)
}

pub(super) fn work_between(
    reader: &mut Reader,
    first: u64,
    last: u64,
) -> Result<Vec<MemberWork>, StoreError> {
    let query = "SELECT MIN(number), MIN(first_share), MAX(number), MAX(first_share + shares) FROM slices \
                 WHERE first_share >= ?1 AND first_share + shares <= ?2";
    let whole = {
        let mut select = reader.connection.prepare_cached(query)?;
        select.query_row([signed(first)?, signed(last.saturating_add(1).min(i64::MAX as u64))?], |row| {
            let some: Option<i64> = row.get(0)?;
            some.map(|_| Ok((unsigned(row, 0)?, unsigned(row, 1)?, unsigned(row, 2)?, unsigned(row, 3)?)))
                .transpose()
        })?
    };
    let mut sums: BTreeMap<MemberId, WorkSum> = BTreeMap::new();
    match whole {
        None => add_shares(reader, first, last, &mut sums)?,
        Some((first_slice, first_whole, last_slice, after_whole)) => {
            for MemberWork { member, sum } in reader.slices_work(first_slice, last_slice)? {
                add(&mut sums, member, sum)?;
            }
            if first < first_whole {
                add_shares(reader, first, first_whole - 1, &mut sums)?;
            }
            if after_whole <= last {
                add_shares(reader, after_whole, last, &mut sums)?;
            }
        }
    }
    Ok(sums.into_iter().map(|(member, sum)| MemberWork { member, sum }).collect())
}

fn add_shares(
    reader: &mut Reader,
    first: u64,
    last: u64,
    sums: &mut BTreeMap<MemberId, WorkSum>,
) -> Result<(), StoreError> {
    let mut shares = reader.shares(first, last);
    let mut expected = first.max(1);
    while let Some((share, member)) = shares.read()? {
        if share.sequence != expected {
            let gone = format!("shares {expected} to {} are not kept any more", share.sequence - 1);
            return Err(StoreError::Damaged(gone));
        }
        expected += 1;
        let fees = share.context.terms().job.template.fees;
        let weight = WorkSum::of_shares(1, share.context.work(), fees);
        let weight = weight.ok_or_else(|| StoreError::Damaged(format!("share {}", share.sequence)))?;
        add(sums, member, weight)?;
    }
    Ok(())
}

fn add(sums: &mut BTreeMap<MemberId, WorkSum>, member: MemberId, more: WorkSum) -> Result<(), StoreError> {
    let sum = sums.entry(member).or_default();
    *sum =
        sum.checked_add(more).ok_or_else(|| StoreError::Damaged("more work than there can be".to_owned()))?;
    Ok(())
}
