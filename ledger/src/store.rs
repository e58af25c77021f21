//! The ledger's file: one SQLite database, and what is written to it.
//!
//! Write-ahead logging with `synchronous=FULL`: a commit returns only after the log has been
//! synced, so that what was committed survives `kill -9` and the loss of power alike, as far
//! as the disk keeps what it says it has. Frames of the log carry checksums: a commit that was
//! cut off in the middle is not there at all.

pub(crate) mod aggregates;
pub(crate) mod blocks;
pub(crate) mod columns;
pub(crate) mod lock;
pub(crate) mod open;
pub(crate) mod packs;
pub(crate) mod schema;
pub(crate) mod shelf;

use crate::block::FoundBlock;
use crate::book::BookEntry;
use crate::head::SignedHead;
use crate::registry::Entry;
use crate::share_work::MemberWork;
use crate::tagged_hash::Commitment;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params};
use thiserror::Error;

pub use lock::LockError;
pub use open::OpenError;

/// The ledger's file, open for writing.
pub(crate) struct Store {
    connection: Connection,
}

/// Something to be written.
pub(crate) enum Op {
    /// A number was given.
    Register(Entry),
    /// Shares.
    Pack(Pack),
    /// The packs that begin at `first` to `last` become one.
    Merge { first: u64, last: u64 },
    /// A slice has ended.
    Close { head: Box<SignedHead>, members: Vec<MemberWork> },
    /// A block was found.
    Found(Box<NewBlock>),
}

/// Packed shares.
pub(crate) struct Pack {
    /// Sequence number of the first.
    pub(crate) first: u64,
    /// How many.
    pub(crate) count: u64,
    /// The slice that all of them belong to.
    pub(crate) slice: u64,
    /// The shares.
    pub(crate) bytes: Vec<u8>,
}

/// A block that was found.
pub(crate) struct NewBlock {
    pub(crate) block: FoundBlock,
    /// The slice that it ended.
    pub(crate) slice: u64,
    /// What the book says about it.
    pub(crate) entry: Numbered,
}

/// An entry of the book, its place and its hash.
#[derive(Clone, Debug)]
pub(crate) struct Numbered {
    pub(crate) number: u64,
    pub(crate) hash: Commitment,
    pub(crate) entry: BookEntry,
}

/// Why the file could not be read.
#[derive(Debug, Error)]
pub enum StoreError {
    /// SQLite's word.
    #[error("the ledger cannot be read: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// What is in the file contradicts itself.
    #[error(
        "it is damaged: {0}; restore it from a backup, or move it away to begin a new one (the old one can \
         still be looked at with `punchbowl verify`)"
    )]
    Damaged(String),
}

/// What keeps the disk from taking what it is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No space is left.
    Full,
    /// Another process keeps the file locked.
    Busy,
    /// The disk cannot be read or written, or only be read.
    Io,
}

impl Store {
    /// Writes all of `ops`, or nothing.
    pub(crate) fn write(&mut self, ops: &[Op]) -> rusqlite::Result<()> {
        let transaction = self.begin()?;
        for op in ops {
            match op {
                Op::Register(entry) => shelf::insert(&transaction, entry)?,
                Op::Pack(pack) => packs::insert(&transaction, pack)?,
                Op::Merge { first, last } => packs::merge(&transaction, *first, *last)?,
                Op::Close { head, members } => aggregates::close(&transaction, head, members)?,
                Op::Found(new) => blocks::found(&transaction, new)?,
            }
        }
        transaction.commit()
    }

    /// Begins a transaction that can write.
    pub(crate) fn begin(&mut self) -> rusqlite::Result<Transaction<'_>> {
        self.connection.transaction_with_behavior(TransactionBehavior::Immediate)
    }

    /// The connection, for reading.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Writes an entry into the book.
    pub(crate) fn insert_entry(transaction: &Transaction<'_>, entry: &Numbered) -> rusqlite::Result<()> {
        let mut insert =
            transaction.prepare_cached("INSERT INTO book (number, hash, bytes) VALUES (?1, ?2, ?3)")?;
        insert.execute(params![columns::signed(entry.number)?, entry.hash.0, entry.entry.to_bytes()])?;
        Ok(())
    }
}

impl Trouble {
    /// What kind of trouble `fault` is, if it is one that may pass.
    pub(crate) fn of(fault: &rusqlite::Error) -> Option<Trouble> {
        match fault.sqlite_error_code()? {
            ErrorCode::DiskFull => Some(Trouble::Full),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Some(Trouble::Busy),
            ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly => Some(Trouble::Io),
            _ => None,
        }
    }

    /// For people: what is wrong and what to do.
    pub fn advice(self) -> &'static str {
        match self {
            Trouble::Full => "the disk is full; make room on it",
            Trouble::Busy => "another program keeps the ledger locked; close it",
            Trouble::Io => "the disk cannot be written; look at the system's log for it",
        }
    }
}
