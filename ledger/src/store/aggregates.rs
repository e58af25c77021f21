//! What shares add up to: by slice, and by round from block to block.
//!
//! Sums are kept so that a start, a window or a page never has to read the shares again.

use super::columns::{signed, sum, unsigned, wide};
use crate::head::SignedHead;
use crate::member::MemberId;
use crate::share_work::{MemberWork, WorkSum};
use rusqlite::{Connection, Error, OptionalExtension, Result, Row, Rows, Transaction, params};
use std::collections::BTreeMap;

/// A round: slices `first` to `last`, or to the newest where it is still open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Its first slice.
    pub first: u64,
    /// Its last slice, which a block ended; none while it is open.
    pub last: Option<u64>,
}

/// Writes down a slice that has ended, and adds it to the open round.
pub(crate) fn close(
    transaction: &Transaction<'_>,
    signed_head: &SignedHead,
    members: &[MemberWork],
) -> Result<()> {
    let head = &signed_head.head;
    transaction
        .prepare_cached(
            "INSERT INTO slices (number, first_share, shares, closed, head, hash, signer, signature) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            signed(head.slice)?,
            signed(head.first_share)?,
            signed(head.sum.shares)?,
            head.closed,
            head.to_bytes(),
            head.hash().0,
            signed_head.signer,
            signed_head.signature,
        ])?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO slice_members (slice, member, shares, work, fee_work) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for MemberWork { member, sum } in members {
        let (work, fee_work) = (wide(sum.work.0), wide(sum.fee_work));
        insert.execute(params![signed(head.slice)?, member.0, signed(sum.shares)?, work, fee_work])?;
    }
    let round = match open_round(transaction)? {
        Some(round) => round.first,
        None => {
            insert_round(transaction, head.slice, None)?;
            head.slice
        }
    };
    members.iter().try_for_each(|more| change(transaction, round, more, WorkSum::checked_add))
}

/// Ends a round with slice `last`, a block's. What came after it becomes the next round.
pub(crate) fn split(transaction: &Transaction<'_>, last: u64) -> Result<()> {
    let Some(round) = round_of(transaction, last)?.filter(|round| round.last != Some(last)) else {
        return Ok(());
    };
    set_last(transaction, round.first, Some(last))?;
    let after = last.saturating_add(1);
    let until = round.last.unwrap_or(i64::MAX as u64);
    let moved = members_of_slices(transaction, after, until)?;
    if moved.is_empty() {
        // No slice has ended since; the next one opens its round.
        return Ok(());
    }
    insert_round(transaction, after, round.last)?;
    for part in &moved {
        change(transaction, round.first, part, WorkSum::checked_sub)?;
        change(transaction, after, part, WorkSum::checked_add)?;
    }
    Ok(())
}

/// Joins the round that slice `last` ended with the one after it: its block is not in the
/// chain after all.
pub(crate) fn join(transaction: &Transaction<'_>, last: u64) -> Result<()> {
    let Some(round) = round_of(transaction, last)?.filter(|round| round.last == Some(last)) else {
        return Ok(());
    };
    let after = last.saturating_add(1);
    let Some(next) = round_of(transaction, after)? else { return set_last(transaction, round.first, None) };
    for part in round_members(transaction, next.first)? {
        change(transaction, round.first, &part, WorkSum::checked_add)?;
    }
    transaction.execute("DELETE FROM round_members WHERE round = ?1", [signed(next.first)?])?;
    transaction.execute("DELETE FROM rounds WHERE first_slice = ?1", [signed(next.first)?])?;
    set_last(transaction, round.first, next.last)
}

/// What each member did in slices `first` to `last`.
pub(crate) fn members_of_slices(connection: &Connection, first: u64, last: u64) -> Result<Vec<MemberWork>> {
    let mut select = connection.prepare_cached(
        "SELECT member, shares, work, fee_work FROM slice_members WHERE slice BETWEEN ?1 AND ?2",
    )?;
    added_up(select.query([signed(first)?, signed(last)?])?)
}

/// Sums of the same member added up.
fn added_up(mut rows: Rows<'_>) -> Result<Vec<MemberWork>> {
    let mut sums: BTreeMap<MemberId, WorkSum> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let part = member_work(row)?;
        let before = sums.entry(part.member).or_default();
        *before = before.checked_add(part.sum).ok_or_else(beyond)?;
    }
    Ok(sums.into_iter().map(|(member, sum)| MemberWork { member, sum }).collect())
}

/// What each member did in the round that begins with slice `round`.
pub(crate) fn round_members(connection: &Connection, round: u64) -> Result<Vec<MemberWork>> {
    let mut select = connection.prepare_cached(
        "SELECT member, shares, work, fee_work FROM round_members WHERE round = ?1 ORDER BY member",
    )?;
    select.query_map([signed(round)?], member_work)?.filter(|part| !is_empty(part)).collect()
}

/// What each member did in all rounds together.
pub(crate) fn all_members(connection: &Connection) -> Result<Vec<MemberWork>> {
    let mut select = connection.prepare_cached("SELECT member, shares, work, fee_work FROM round_members")?;
    added_up(select.query([])?)
}

/// All rounds, oldest first.
pub(crate) fn rounds(connection: &Connection) -> Result<Vec<Round>> {
    let mut select =
        connection.prepare_cached("SELECT first_slice, last_slice FROM rounds ORDER BY first_slice")?;
    select.query_map([], read_round)?.collect()
}

fn is_empty(part: &Result<MemberWork>) -> bool {
    part.as_ref().is_ok_and(|part| part.sum == WorkSum::ZERO)
}

fn open_round(transaction: &Transaction<'_>) -> Result<Option<Round>> {
    let query = "SELECT first_slice, last_slice FROM rounds WHERE last_slice IS NULL";
    transaction.prepare_cached(query)?.query_row([], read_round).optional()
}

fn round_of(transaction: &Transaction<'_>, slice: u64) -> Result<Option<Round>> {
    let query = "SELECT first_slice, last_slice FROM rounds WHERE first_slice <= ?1 \
                 AND (last_slice IS NULL OR last_slice >= ?1)";
    transaction.prepare_cached(query)?.query_row([signed(slice)?], read_round).optional()
}

fn insert_round(transaction: &Transaction<'_>, first: u64, last: Option<u64>) -> Result<()> {
    let last = last.map(signed).transpose()?;
    let mut insert =
        transaction.prepare_cached("INSERT INTO rounds (first_slice, last_slice) VALUES (?1, ?2)")?;
    insert.execute(params![signed(first)?, last]).map(drop)
}

fn set_last(transaction: &Transaction<'_>, first: u64, last: Option<u64>) -> Result<()> {
    let last = last.map(signed).transpose()?;
    let mut update =
        transaction.prepare_cached("UPDATE rounds SET last_slice = ?2 WHERE first_slice = ?1")?;
    update.execute(params![signed(first)?, last]).map(drop)
}

/// Adds `part` to a round, or takes it away.
fn change(
    transaction: &Transaction<'_>,
    round: u64,
    part: &MemberWork,
    how: fn(WorkSum, WorkSum) -> Option<WorkSum>,
) -> Result<()> {
    let round = signed(round)?;
    let mut select = transaction.prepare_cached(
        "SELECT shares, work, fee_work FROM round_members WHERE round = ?1 AND member = ?2",
    )?;
    let before = select.query_row(params![round, part.member.0], |row| sum(row, 0)).optional()?;
    let after = how(before.unwrap_or_default(), part.sum).ok_or_else(beyond)?;
    let mut replace = transaction.prepare_cached(
        "INSERT OR REPLACE INTO round_members (round, member, shares, work, fee_work) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let (work, fee_work) = (wide(after.work.0), wide(after.fee_work));
    replace.execute(params![round, part.member.0, signed(after.shares)?, work, fee_work]).map(drop)
}

fn read_round(row: &Row<'_>) -> Result<Round> {
    let last: Option<i64> = row.get(1)?;
    let last = last.map(|last| u64::try_from(last).map_err(|_| Error::IntegralValueOutOfRange(1, last)));
    Ok(Round { first: unsigned(row, 0)?, last: last.transpose()? })
}

fn member_work(row: &Row<'_>) -> Result<MemberWork> {
    Ok(MemberWork { member: MemberId(row.get(0)?), sum: sum(row, 1)? })
}

/// A sum that does not fit, or a part that is more than the whole: the file contradicts itself.
fn beyond() -> Error {
    Error::IntegralValueOutOfRange(0, i64::MAX)
}
