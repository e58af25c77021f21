//! Tables and how older files become newer ones.

use rusqlite::{Connection, Result, TransactionBehavior};

/// Marks the file as a Punchbowl ledger ("PBLG"); `file` and SQLite's tools show it.
pub(crate) const APPLICATION_ID: i32 = 0x5042_4c47;

/// Each takes the file from the version that is its place to the next. What is released is
/// never changed again: a change is one more entry.
const MIGRATIONS: [&str; 1] = [VERSION_1];

/// The version that this program writes.
pub(crate) const VERSION: usize = MIGRATIONS.len();

const VERSION_1: &str = "
    -- One row: what this ledger is.
    CREATE TABLE ledger (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        ledger BLOB NOT NULL,            -- 16 bytes that tell it from any other
        network TEXT NOT NULL
    );

    -- What shares name by number.
    CREATE TABLE members (id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE);
    CREATE TABLE workers (
        id INTEGER PRIMARY KEY, member INTEGER NOT NULL, name TEXT NOT NULL, UNIQUE (member, name)
    );
    CREATE TABLE tips (number INTEGER PRIMARY KEY, prev_hash BLOB NOT NULL UNIQUE);
    CREATE TABLE templates (
        id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, tip INTEGER NOT NULL, bytes BLOB NOT NULL
    );
    CREATE TABLE jobs (
        id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, template INTEGER NOT NULL, bytes BLOB NOT NULL
    );

    -- Shares, many to a row; `first` is the sequence number of the first.
    CREATE TABLE packs (
        first INTEGER PRIMARY KEY, count INTEGER NOT NULL, slice INTEGER NOT NULL, bytes BLOB NOT NULL
    );

    -- Closed slices: signed heads, and what each member did. Sums of 128 bits are 16 bytes,
    -- big-endian.
    CREATE TABLE slices (
        number INTEGER PRIMARY KEY, first_share INTEGER NOT NULL, shares INTEGER NOT NULL,
        closed INTEGER NOT NULL, head BLOB NOT NULL, hash BLOB NOT NULL, signer BLOB NOT NULL,
        signature BLOB NOT NULL
    );
    CREATE INDEX slices_by_share ON slices (first_share);
    CREATE TABLE slice_members (
        slice INTEGER NOT NULL, member INTEGER NOT NULL, shares INTEGER NOT NULL, work BLOB NOT NULL,
        fee_work BLOB NOT NULL, PRIMARY KEY (slice, member)
    ) WITHOUT ROWID;

    -- From block to block, in whole slices; the open round has no last slice.
    CREATE TABLE rounds (first_slice INTEGER PRIMARY KEY, last_slice INTEGER);
    CREATE TABLE round_members (
        round INTEGER NOT NULL, member INTEGER NOT NULL, shares INTEGER NOT NULL, work BLOB NOT NULL,
        fee_work BLOB NOT NULL, PRIMARY KEY (round, member)
    ) WITHOUT ROWID;

    -- Every word about blocks and credits, and what it adds up to.
    CREATE TABLE book (number INTEGER PRIMARY KEY, hash BLOB NOT NULL, bytes BLOB NOT NULL);
    CREATE TABLE blocks (
        number INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, height INTEGER NOT NULL,
        found INTEGER NOT NULL, job BLOB NOT NULL, member TEXT NOT NULL, worker TEXT NOT NULL,
        value INTEGER NOT NULL, slice INTEGER NOT NULL, state INTEGER NOT NULL
    );
    CREATE TABLE bookings (
        block INTEGER NOT NULL, member INTEGER NOT NULL, due INTEGER NOT NULL, paid INTEGER NOT NULL,
        PRIMARY KEY (block, member)
    ) WITHOUT ROWID;
    CREATE TABLE balances (member INTEGER PRIMARY KEY, credit INTEGER NOT NULL);
";

/// The version of a file; 0 for an empty one.
pub(crate) fn version(connection: &Connection) -> Result<usize> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

/// Brings a file to the present version, or leaves it as it is.
pub(crate) fn migrate(connection: &mut Connection) -> Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let present = version(&transaction)?;
    for migration in MIGRATIONS.iter().skip(present) {
        transaction.execute_batch(migration)?;
    }
    if present < VERSION {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION as i64)?;
    }
    transaction.commit()
}
