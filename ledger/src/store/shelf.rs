//! Members, workers, prev-hashes, templates and jobs by their numbers.

use super::columns::{senseless, signed, unsigned};
use crate::job_record::{JobRecord, TemplateRecord};
use crate::member::{Member, MemberId, Worker, WorkerId};
use crate::registry::{Entry, Shelf, Taken};
use crate::tagged_hash::Commitment;
use rusqlite::{Connection, Error, OptionalExtension, Params, Result, Row, Transaction, params};
use std::sync::Arc;
use work::Hash256;

/// Writes down what was given a number.
pub(crate) fn insert(transaction: &Transaction<'_>, entry: &Entry) -> Result<()> {
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| transaction.prepare_cached(sql)?.execute(values);
    match entry {
        Entry::Member { id, identity } => {
            run("INSERT INTO members (id, identity) VALUES (?1, ?2)", params![id.0, identity])
        }
        Entry::Worker { id, member, name } => {
            run("INSERT INTO workers (id, member, name) VALUES (?1, ?2, ?3)", params![id.0, member.0, name])
        }
        Entry::Tip { number, prev_hash } => {
            let number = signed(*number)?;
            run("INSERT INTO tips (number, prev_hash) VALUES (?1, ?2)", params![number, prev_hash.0])
        }
        Entry::Template { id, tip, record } => run(
            "INSERT INTO templates (id, hash, tip, bytes) VALUES (?1, ?2, ?3, ?4)",
            params![signed(*id)?, record.hash().0, signed(*tip)?, record.to_bytes()],
        ),
        Entry::Job { id, template, record } => run(
            "INSERT INTO jobs (id, hash, template, bytes) VALUES (?1, ?2, ?3, ?4)",
            params![signed(*id)?, record.hash().0, signed(*template)?, record.to_bytes()],
        ),
    }?;
    Ok(())
}

impl Shelf for Connection {
    type Error = Error;

    fn member(&self, identity: &str) -> Result<Option<MemberId>> {
        one(self, "SELECT id FROM members WHERE identity = ?1", [identity], |row| row.get(0).map(MemberId))
    }

    fn worker(&self, member: MemberId, name: &str) -> Result<Option<WorkerId>> {
        let query = "SELECT id FROM workers WHERE member = ?1 AND name = ?2";
        one(self, query, params![member.0, name], |row| row.get(0).map(WorkerId))
    }

    fn tip(&self, prev_hash: &Hash256) -> Result<Option<u64>> {
        one(self, "SELECT number FROM tips WHERE prev_hash = ?1", [prev_hash.0], first)
    }

    fn template(&self, hash: &Commitment) -> Result<Option<u64>> {
        one(self, "SELECT id FROM templates WHERE hash = ?1", [hash.0], first)
    }

    fn job(&self, hash: &Commitment) -> Result<Option<u64>> {
        one(self, "SELECT id FROM jobs WHERE hash = ?1", [hash.0], first)
    }

    fn has_block(&self, hash: &Hash256) -> Result<bool> {
        one(self, "SELECT number FROM blocks WHERE hash = ?1", [hash.0], first).map(|found| found.is_some())
    }
}

/// The highest numbers that are taken.
pub(crate) fn taken(connection: &Connection) -> Result<Taken> {
    let highest = |table, column| {
        let query = format!("SELECT COALESCE(MAX({column}), 0) FROM {table}");
        connection.query_row(&query, [], first)
    };
    let short = |number: u64| u32::try_from(number).map_err(|_| Error::IntegralValueOutOfRange(0, i64::MAX));
    Ok(Taken {
        member: short(highest("members", "id")?)?,
        worker: short(highest("workers", "id")?)?,
        tip: highest("tips", "number")?,
        template: highest("templates", "id")?,
        job: highest("jobs", "id")?,
    })
}

/// The member `id`.
pub(crate) fn member(connection: &Connection, id: MemberId) -> Result<Option<Member>> {
    let query = "SELECT identity FROM members WHERE id = ?1";
    one(connection, query, [id.0], |row| Ok(Member { id, identity: text(row, 0)? }))
}

/// The worker `id`.
pub(crate) fn worker(connection: &Connection, id: WorkerId) -> Result<Option<Worker>> {
    let query = "SELECT member, name FROM workers WHERE id = ?1";
    let read = |row: &Row<'_>| Ok(Worker { id, member: MemberId(row.get(0)?), name: text(row, 1)? });
    one(connection, query, [id.0], read)
}

/// The template of row `id` and the number of its prev-hash.
pub(crate) fn template_at(connection: &Connection, id: u64) -> Result<Option<(TemplateRecord, u64)>> {
    let read = |row: &Row<'_>| {
        let record = TemplateRecord::from_bytes(&row.get::<_, Vec<u8>>(0)?);
        Ok((record.map_err(|fault| senseless(0, fault))?, unsigned(row, 1)?))
    };
    one(connection, "SELECT bytes, tip FROM templates WHERE id = ?1", [signed(id)?], read)
}

/// The bytes of the job of row `id`, and the row of its template.
pub(crate) fn job_at(connection: &Connection, id: u64) -> Result<Option<(Vec<u8>, u64)>> {
    let read = |row: &Row<'_>| Ok((row.get(0)?, unsigned(row, 1)?));
    one(connection, "SELECT bytes, template FROM jobs WHERE id = ?1", [signed(id)?], read)
}

/// The job that hashes to `hash`.
pub(crate) fn job_by_hash(connection: &Connection, hash: &Commitment) -> Result<Option<JobRecord>> {
    let Some(row) = connection.job(hash)? else { return Ok(None) };
    let Some((bytes, template)) = job_at(connection, row)? else { return Ok(None) };
    let Some((template, _)) = template_at(connection, template)? else { return Ok(None) };
    JobRecord::from_bytes(&bytes, Arc::new(template)).map(Some).map_err(|fault| senseless(0, fault))
}

/// Text of column `column`.
pub(crate) fn text(row: &Row<'_>, column: usize) -> Result<Arc<str>> {
    row.get::<_, String>(column).map(Arc::from)
}

fn first(row: &Row<'_>) -> Result<u64> {
    unsigned(row, 0)
}

fn one<T>(
    connection: &Connection,
    query: &str,
    values: impl Params,
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    connection.prepare_cached(query)?.query_row(values, read).optional()
}
