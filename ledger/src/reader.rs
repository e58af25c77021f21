//! Reading a ledger, be it written at the time or not: what pages, streams and `punchbowl
//! verify` are made of.
//!
//! A reader has a connection of its own, which sees only what is committed and never keeps
//! the writer waiting. It holds no view open between two calls: read in pieces, and a ledger
//! that grows meanwhile is no trouble.

mod shares;
mod standing;

use crate::block::RecordedBlock;
use crate::book::BookEntry;
use crate::contexts::Contexts;
use crate::credit::{Balance, Booking};
use crate::evidence::Cursor;
use crate::head::{Head, LedgerId, SignedHead, member_leaves};
use crate::job_record::JobRecord;
use crate::member::{Member, MemberId};
use crate::merkle::{NoSuchLeaf, Proof};
use crate::share::RecordedShare;
use crate::share_work::{MemberWork, WorkSum};
use crate::store::columns::{senseless, signed, unsigned};
use crate::store::open::{identity, open_for_reading};
use crate::store::{OpenError, StoreError, aggregates, blocks, shelf};
use crate::tagged_hash::Commitment;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::path::Path;
use std::sync::Arc;
use work::Hash256;

pub use crate::store::aggregates::Round;
pub use shares::{ShareProof, Shares};
pub use standing::{Present, WindowView};

/// A ledger that is open for reading.
pub struct Reader {
    connection: Connection,
    contexts: Contexts,
}

/// What a ledger is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Tells it from other ledgers.
    pub ledger: LedgerId,
    /// The chain that its pool mines on.
    pub network: String,
}

/// Shows what a member did in a slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberProof {
    /// The slice's head.
    pub head: SignedHead,
    /// The member's identity.
    pub member: Arc<str>,
    /// What they did.
    pub sum: WorkSum,
    /// That it is under the head's `members_root`.
    pub proof: Proof,
}

impl Reader {
    /// Opens the ledger at `path`.
    ///
    /// # Errors
    /// [`OpenError`] when there is none, or a newer Punchbowl has written it.
    pub fn open(path: &Path) -> Result<Reader, OpenError> {
        Ok(Reader { connection: open_for_reading(path)?, contexts: Contexts::default() })
    }

    /// The same for one of many listeners: it keeps little in memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(crate) fn open_small(path: &Path) -> Result<Reader, OpenError> {
        const KEPT: usize = 512;
        Ok(Reader { connection: open_for_reading(path)?, contexts: Contexts::keeping(KEPT) })
    }

    /// What ledger this is.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn identity(&self) -> Result<Identity, StoreError> {
        let found = identity(&self.connection)?;
        let (ledger, network) =
            found.ok_or_else(|| StoreError::Damaged("it does not say which ledger it is".to_owned()))?;
        Ok(Identity { ledger, network })
    }

    /// Sequence number of the last share; 0 when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn last_share(&self) -> Result<u64, StoreError> {
        let in_packs = "SELECT first + count - 1 FROM packs ORDER BY first DESC LIMIT 1";
        let in_slices = "SELECT first_share + shares - 1 FROM slices ORDER BY number DESC LIMIT 1";
        let last = |query| self.connection.prepare_cached(query)?.query_row([], first).optional();
        Ok(last(in_packs)?.max(last(in_slices)?).unwrap_or_default())
    }

    /// The shares from sequence number `from` on, to `to` or to the last there is. Pruned
    /// shares are left out.
    pub fn shares(&mut self, from: u64, to: u64) -> Shares<'_> {
        Shares::new(self, from, to)
    }

    /// The share `sequence`; none when there is none, or no more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn share(&mut self, sequence: u64) -> Result<Option<RecordedShare>, StoreError> {
        self.shares(sequence, sequence).next().transpose()
    }

    /// Shows that share `sequence` is in its slice; none while the slice is open, when there
    /// is no such share, or when its slice has been pruned.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn share_proof(&mut self, sequence: u64) -> Result<Option<ShareProof>, StoreError> {
        ShareProof::make(self, sequence)
    }

    /// Heads of slices from `from` on, at most `limit` of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn heads(&self, from: u64, limit: usize) -> Result<Vec<SignedHead>, StoreError> {
        let query = "SELECT head, signer, signature FROM slices WHERE number >= ?1 ORDER BY number LIMIT ?2";
        let mut select = self.connection.prepare_cached(query)?;
        let heads = select.query_map(params![signed(from)?, sized(limit)], read_head)?;
        Ok(heads.collect::<Result<_, _>>()?)
    }

    /// The head of slice `number`; none while it is open.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn head(&self, number: u64) -> Result<Option<SignedHead>, StoreError> {
        let head = self.heads(number, 1)?.into_iter().next();
        Ok(head.filter(|head| head.head.slice == number))
    }

    /// The newest head.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn last_head(&self) -> Result<Option<SignedHead>, StoreError> {
        let query = "SELECT head, signer, signature FROM slices ORDER BY number DESC LIMIT 1";
        Ok(self.connection.prepare_cached(query)?.query_row([], read_head).optional()?)
    }

    /// What each member did in the closed slices `first` to `last`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn slices_work(&self, first: u64, last: u64) -> Result<Vec<MemberWork>, StoreError> {
        Ok(aggregates::members_of_slices(&self.connection, first, last)?)
    }

    /// What each member did from share `first` to share `last`, both included: whole slices
    /// from their sums, and the rest share by share.
    ///
    /// # Errors
    /// [`StoreError`], also when shares at an end of the range have been pruned.
    pub fn work_between(&mut self, first: u64, last: u64) -> Result<Vec<MemberWork>, StoreError> {
        shares::work_between(self, first, last)
    }

    /// Shows what `member` did in slice `number`; none when nothing, or while it is open.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn member_proof(&self, number: u64, member: &str) -> Result<Option<MemberProof>, StoreError> {
        let Some(head) = self.head(number)? else { return Ok(None) };
        let mut members = Vec::new();
        for part in self.slices_work(number, number)? {
            members.push((self.known_member(part.member)?.identity, part.sum));
        }
        members.sort_unstable_by(|(one, _), (other, _)| one.as_bytes().cmp(other.as_bytes()));
        let Some(place) = members.iter().position(|(identity, _)| &**identity == member) else {
            return Ok(None);
        };
        let leaves = member_leaves(members.iter().map(|(identity, sum)| (&**identity, *sum)));
        let proof = Proof::new(&leaves, place as u64).map_err(|fault: NoSuchLeaf| damaged(number, &fault))?;
        Ok(members.into_iter().nth(place).map(|(member, sum)| MemberProof { head, member, sum, proof }))
    }

    /// All rounds, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn rounds(&self) -> Result<Vec<Round>, StoreError> {
        Ok(aggregates::rounds(&self.connection)?)
    }

    /// What each member did in the closed slices of the round that begins with slice `first`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn round_work(&self, first: u64) -> Result<Vec<MemberWork>, StoreError> {
        Ok(aggregates::round_members(&self.connection, first)?)
    }

    /// What each member did in all closed slices.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn all_work(&self) -> Result<Vec<MemberWork>, StoreError> {
        Ok(aggregates::all_members(&self.connection)?)
    }

    /// All blocks, oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn blocks(&self) -> Result<Vec<RecordedBlock>, StoreError> {
        Ok(blocks::all(&self.connection)?)
    }

    /// Blocks of which it is not decided yet whether they count for good, and all others from
    /// height `from` on; oldest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn blocks_in_play(&self, from: u32) -> Result<Vec<RecordedBlock>, StoreError> {
        Ok(blocks::in_play(&self.connection, from)?)
    }

    /// The block with this hash.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn block(&self, hash: &Hash256) -> Result<Option<RecordedBlock>, StoreError> {
        Ok(blocks::by_hash(&self.connection, hash)?)
    }

    /// What block `number` was to pay and pays; empty when nothing was booked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn bookings(&self, number: u64) -> Result<Vec<Booking>, StoreError> {
        Ok(blocks::bookings(&self.connection, number)?)
    }

    /// Every balance that is not zero.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn balances(&self) -> Result<Vec<Balance>, StoreError> {
        Ok(blocks::balances(&self.connection)?)
    }

    /// Entries of the book from `from` on, at most `limit` of them, with their numbers and
    /// hashes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn book(&self, from: u64, limit: usize) -> Result<Vec<(u64, Commitment, BookEntry)>, StoreError> {
        let query = "SELECT number, hash, bytes FROM book WHERE number >= ?1 ORDER BY number LIMIT ?2";
        let read = |row: &Row<'_>| {
            let entry = BookEntry::from_bytes(&row.get::<_, Vec<u8>>(2)?);
            Ok((first(row)?, Commitment(row.get(1)?), entry.map_err(|fault| senseless(2, fault))?))
        };
        let mut select = self.connection.prepare_cached(query)?;
        Ok(select.query_map(params![signed(from)?, sized(limit)], read)?.collect::<Result<_, _>>()?)
    }

    /// Number and hash of the book's last entry; 0 and zeros while it is empty.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn last_entry(&self) -> Result<(u64, Commitment), StoreError> {
        let query = "SELECT number, hash FROM book ORDER BY number DESC LIMIT 1";
        let read = |row: &Row<'_>| Ok((first(row)?, Commitment(row.get(1)?)));
        let last = self.connection.prepare_cached(query)?.query_row([], read).optional()?;
        Ok(last.unwrap_or_default())
    }

    /// The number of the book's entry with this hash.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn entry_number(&self, hash: &Commitment) -> Result<Option<u64>, StoreError> {
        // The newest first: it is nearly always one of them.
        let query = "SELECT number FROM book WHERE hash = ?1 ORDER BY number DESC LIMIT 1";
        Ok(self.connection.prepare_cached(query)?.query_row([hash.0], first).optional()?)
    }

    /// The place of share `share`, with the entries of the book that no head before names.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn cursor_at(&self, share: u64) -> Result<Cursor, StoreError> {
        let query = "SELECT head, signer, signature FROM slices WHERE first_share + shares <= ?1 \
                     ORDER BY number DESC LIMIT 1";
        let before =
            self.connection.prepare_cached(query)?.query_row([signed(share)?], read_head).optional()?;
        let Some(SignedHead { head, .. }) = before else { return Ok(Cursor { share, ..Cursor::START }) };
        let entry = self.entry_number(&head.book)?.unwrap_or_default().saturating_add(1);
        Ok(Cursor { share, slice: head.slice.saturating_add(1), entry })
    }

    /// Members after number `after`, at most `limit` of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn members(&self, after: MemberId, limit: usize) -> Result<Vec<Member>, StoreError> {
        let query = "SELECT id, identity FROM members WHERE id > ?1 ORDER BY id LIMIT ?2";
        let read = |row: &Row<'_>| Ok(Member { id: MemberId(row.get(0)?), identity: shelf::text(row, 1)? });
        let mut select = self.connection.prepare_cached(query)?;
        Ok(select.query_map(params![after.0, sized(limit)], read)?.collect::<Result<_, _>>()?)
    }

    /// The member `id`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn member(&self, id: MemberId) -> Result<Option<Member>, StoreError> {
        Ok(shelf::member(&self.connection, id)?)
    }

    /// The number of the member `identity`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn member_id(&self, identity: &str) -> Result<Option<MemberId>, StoreError> {
        Ok(crate::registry::Shelf::member(&self.connection, identity)?)
    }

    /// The job that hashes to `hash`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn job(&self, hash: &Commitment) -> Result<Option<JobRecord>, StoreError> {
        Ok(shelf::job_by_hash(&self.connection, hash)?)
    }

    fn known_member(&self, id: MemberId) -> Result<Member, StoreError> {
        self.member(id)?.ok_or_else(|| StoreError::Damaged(format!("there is no member {}", id.0)))
    }
}

fn read_head(row: &Row<'_>) -> rusqlite::Result<SignedHead> {
    let head = Head::from_bytes(&row.get::<_, Vec<u8>>(0)?).map_err(|fault| senseless(0, fault))?;
    Ok(SignedHead { head, signer: row.get(1)?, signature: row.get(2)? })
}

fn first(row: &Row<'_>) -> rusqlite::Result<u64> {
    unsigned(row, 0)
}

fn sized(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn damaged(slice: u64, what: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged(format!("slice {slice}: {what}"))
}
