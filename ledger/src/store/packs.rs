//! Rows of packed shares.

use super::Pack;
use super::columns::{senseless, signed, unsigned};
use crate::pack::{Packer, Unpacked};
use rusqlite::{Connection, OptionalExtension, Result, Row, Transaction, params};

/// Adds a row.
pub(crate) fn insert(transaction: &Transaction<'_>, pack: &Pack) -> Result<()> {
    let mut insert = transaction
        .prepare_cached("INSERT INTO packs (first, count, slice, bytes) VALUES (?1, ?2, ?3, ?4)")?;
    insert.execute(params![signed(pack.first)?, signed(pack.count)?, signed(pack.slice)?, pack.bytes])?;
    Ok(())
}

/// Makes one row of those that begin at `first` to `last`, so that what their shares have in
/// common is told once. All belong to one slice.
pub(crate) fn merge(transaction: &Transaction<'_>, first: u64, last: u64) -> Result<()> {
    let range = [signed(first)?, signed(last)?];
    let mut packer = Packer::default();
    let mut slice = 0;
    {
        let mut select = transaction.prepare_cached(
            "SELECT first, count, slice, bytes FROM packs WHERE first BETWEEN ?1 AND ?2 ORDER BY first",
        )?;
        let mut rows = select.query(range)?;
        while let Some(row) = rows.next()? {
            let pack = read(row)?;
            slice = pack.slice;
            let mut shares = Unpacked::open(&pack.bytes).map_err(|fault| senseless(3, fault))?;
            let places: Vec<u32> = shares.contexts.iter().map(|context| packer.context(*context)).collect();
            for share in &mut shares {
                let share = share.map_err(|fault| senseless(3, fault))?;
                // Unpacking has checked that there is such a context.
                let place = places.get(share.context).copied().unwrap_or_default();
                packer.push(place, &share.share, share.received);
            }
        }
    }
    transaction.prepare_cached("DELETE FROM packs WHERE first BETWEEN ?1 AND ?2")?.execute(range)?;
    let count = packer.count();
    insert(transaction, &Pack { first, count, slice, bytes: packer.finish() })
}

/// The row that holds share `sequence` or, if there is none, the next after it.
pub(crate) fn at_or_after(connection: &Connection, sequence: u64) -> Result<Option<Pack>> {
    const HOLDING: &str =
        "SELECT first, count, slice, bytes FROM packs WHERE first <= ?1 ORDER BY first DESC LIMIT 1";
    const NEXT: &str = "SELECT first, count, slice, bytes FROM packs WHERE first > ?1 ORDER BY first LIMIT 1";
    let one = |query| connection.prepare_cached(query)?.query_row([signed(sequence)?], read).optional();
    match one(HOLDING)? {
        Some(pack) if sequence < pack.first.saturating_add(pack.count) => Ok(Some(pack)),
        _ => one(NEXT),
    }
}

fn read(row: &Row<'_>) -> Result<Pack> {
    Ok(Pack {
        first: unsigned(row, 0)?,
        count: unsigned(row, 1)?,
        slice: unsigned(row, 2)?,
        bytes: row.get(3)?,
    })
}
