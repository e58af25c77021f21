//! Blocks, their states, and the credits that they leave.
//!
//! Each change is one transaction, and doing it a second time changes nothing.

use super::columns::{signed, unsigned};
use super::shelf::text;
use super::{NewBlock, Numbered, Store, aggregates};
use crate::block::{BlockState, FoundBlock, RecordedBlock};
use crate::credit::{Balance, Booking};
use crate::member::MemberId;
use crate::tagged_hash::Commitment;
use rusqlite::{Connection, Error, OptionalExtension, Result, Row, Transaction, params};
use work::Hash256;

const COLUMNS: &str = "number, hash, height, found, job, member, worker, value, slice, state";

/// Writes down a block that was found.
pub(crate) fn found(transaction: &Transaction<'_>, new: &NewBlock) -> Result<()> {
    let NewBlock { block, slice, entry } = new;
    let number: i64 =
        transaction.query_row("SELECT COALESCE(MAX(number), 0) + 1 FROM blocks", [], |row| row.get(0))?;
    transaction.execute(
        "INSERT INTO blocks (number, hash, height, found, job, member, worker, value, slice, state) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            number,
            block.hash.0,
            block.height,
            block.found,
            block.job.0,
            block.member,
            block.worker,
            signed(block.value)?,
            signed(*slice)?,
            BlockState::Candidate.code()
        ],
    )?;
    Store::insert_entry(transaction, entry)
}

/// Gives a block another state; its round ends or goes on, and its credits count or do not.
pub(crate) fn set_state(
    transaction: &Transaction<'_>,
    block: &RecordedBlock,
    state: BlockState,
    entry: &Numbered,
) -> Result<()> {
    let number = signed(block.number)?;
    transaction.execute("UPDATE blocks SET state = ?2 WHERE number = ?1", params![number, state.code()])?;
    Store::insert_entry(transaction, entry)?;
    match (block.state.counts(), state.counts()) {
        (false, true) => {
            aggregates::split(transaction, block.slice)?;
            credit_all(transaction, &bookings(transaction, block.number)?, 1)
        }
        (true, false) => {
            if !another_counts(transaction, block)? {
                aggregates::join(transaction, block.slice)?;
            }
            credit_all(transaction, &bookings(transaction, block.number)?, -1)
        }
        _ => Ok(()),
    }
}

/// Writes down what a block was to pay and pays. The credits count at once if the block does.
pub(crate) fn book(
    transaction: &Transaction<'_>,
    block: &RecordedBlock,
    bookings: &[Booking],
    entry: &Numbered,
) -> Result<()> {
    let mut insert = transaction
        .prepare_cached("INSERT INTO bookings (block, member, due, paid) VALUES (?1, ?2, ?3, ?4)")?;
    for booking in bookings {
        let (due, paid) = (signed(booking.due)?, signed(booking.paid)?);
        insert.execute(params![signed(block.number)?, booking.member.0, due, paid])?;
    }
    Store::insert_entry(transaction, entry)?;
    if block.state.counts() { credit_all(transaction, bookings, 1) } else { Ok(()) }
}

/// The block with this hash.
pub(crate) fn by_hash(connection: &Connection, hash: &Hash256) -> Result<Option<RecordedBlock>> {
    let query = format!("SELECT {COLUMNS} FROM blocks WHERE hash = ?1");
    connection.prepare_cached(&query)?.query_row([hash.0], read).optional()
}

/// All blocks, oldest first.
pub(crate) fn all(connection: &Connection) -> Result<Vec<RecordedBlock>> {
    let query = format!("SELECT {COLUMNS} FROM blocks ORDER BY number");
    connection.prepare_cached(&query)?.query_map([], read)?.collect()
}

/// Blocks that are neither settled nor orphaned, and all from height `from` on; oldest first.
pub(crate) fn in_play(connection: &Connection, from: u32) -> Result<Vec<RecordedBlock>> {
    let query =
        format!("SELECT {COLUMNS} FROM blocks WHERE state NOT IN (?1, ?2) OR height >= ?3 ORDER BY number");
    let decided = params![BlockState::Settled.code(), BlockState::Orphaned.code(), from];
    connection.prepare_cached(&query)?.query_map(decided, read)?.collect()
}

/// What block `number` was to pay and pays.
pub(crate) fn bookings(connection: &Connection, number: u64) -> Result<Vec<Booking>> {
    let query = "SELECT member, due, paid FROM bookings WHERE block = ?1 ORDER BY member";
    let booking = |row: &Row<'_>| {
        Ok(Booking { member: MemberId(row.get(0)?), due: unsigned(row, 1)?, paid: unsigned(row, 2)? })
    };
    connection.prepare_cached(query)?.query_map([signed(number)?], booking)?.collect()
}

/// Every balance that is not zero.
pub(crate) fn balances(connection: &Connection) -> Result<Vec<Balance>> {
    let query = "SELECT member, credit FROM balances WHERE credit <> 0 ORDER BY member";
    let balance = |row: &Row<'_>| Ok(Balance { member: MemberId(row.get(0)?), credit: row.get(1)? });
    connection.prepare_cached(query)?.query_map([], balance)?.collect()
}

/// Whether a round still ends where `block` ended one.
fn another_counts(transaction: &Transaction<'_>, block: &RecordedBlock) -> Result<bool> {
    transaction.query_row(
        "SELECT EXISTS (SELECT 1 FROM blocks WHERE slice = ?1 AND number <> ?2 AND state IN (?3, ?4))",
        params![
            signed(block.slice)?,
            signed(block.number)?,
            BlockState::InChain.code(),
            BlockState::Settled.code()
        ],
        |row| row.get(0),
    )
}

fn credit_all(transaction: &Transaction<'_>, bookings: &[Booking], sign: i64) -> Result<()> {
    let mut select = transaction.prepare_cached("SELECT credit FROM balances WHERE member = ?1")?;
    let mut replace =
        transaction.prepare_cached("INSERT OR REPLACE INTO balances (member, credit) VALUES (?1, ?2)")?;
    for booking in bookings {
        let before: i64 =
            select.query_row([booking.member.0], |row| row.get(0)).optional()?.unwrap_or_default();
        let change = booking.credit().and_then(|credit| credit.checked_mul(sign));
        let after = change.and_then(|change| before.checked_add(change));
        replace
            .execute(params![booking.member.0, after.ok_or(Error::IntegralValueOutOfRange(1, before))?])?;
    }
    Ok(())
}

fn read(row: &Row<'_>) -> Result<RecordedBlock> {
    let block = FoundBlock {
        hash: Hash256(row.get(1)?),
        height: row.get(2)?,
        found: row.get(3)?,
        job: Commitment(row.get(4)?),
        member: text(row, 5)?,
        worker: text(row, 6)?,
        value: unsigned(row, 7)?,
    };
    let code: u8 = row.get(9)?;
    let state = BlockState::from_code(code).ok_or(Error::IntegralValueOutOfRange(9, code.into()))?;
    Ok(RecordedBlock { block, number: unsigned(row, 0)?, slice: unsigned(row, 8)?, state })
}
