//! Rust's numbers and SQLite's.
//!
//! SQLite has signed 64-bit integers only. Sums of 128 bits are blobs of 16 bytes,
//! big-endian, so that SQLite too sorts them by size.

use crate::share_work::{Work, WorkSum};
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Error, Result, Row};

/// A number for SQLite. Fails past 2^63, where no sequence number ever comes.
pub(crate) fn signed(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|fault| Error::ToSqlConversionFailure(Box::new(fault)))
}

/// A number from SQLite.
pub(crate) fn unsigned(row: &Row<'_>, column: usize) -> Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| Error::IntegralValueOutOfRange(column, number))
}

/// 128 bits for SQLite.
pub(crate) fn wide(number: u128) -> [u8; 16] {
    number.to_be_bytes()
}

/// 128 bits from SQLite.
pub(crate) fn unwide(row: &Row<'_>, column: usize) -> Result<u128> {
    row.get::<_, [u8; 16]>(column).map(u128::from_be_bytes)
}

/// Shares, work and work times fees from three columns, the first of which is `column`.
pub(crate) fn sum(row: &Row<'_>, column: usize) -> Result<WorkSum> {
    Ok(WorkSum {
        shares: unsigned(row, column)?,
        work: Work(unwide(row, column + 1)?),
        fee_work: unwide(row, column + 2)?,
    })
}

/// A column whose content makes no sense.
pub(crate) fn senseless(column: usize, fault: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::FromSqlConversionFailure(column, Type::Blob, Box::new(FromSqlError::other(fault)))
}
