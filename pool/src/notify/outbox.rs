//! What shall be sent, on disk until it has been.
//!
//! One small SQLite file. A delivery is a notice for one sink; it is there before it is tried
//! and goes when the sink has taken it, so that it arrives at least once. The box is bounded:
//! when it is full, the oldest deliveries make room.

use super::notice::Notice;
use rusqlite::{Connection, OptionalExtension, params};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Name of the file in a data folder.
pub const OUTBOX: &str = "outbox.sqlite";

/// Deliveries that wait at most.
pub const MOST: u64 = 1_000;

/// What waits to be sent.
#[derive(Debug)]
pub struct Outbox {
    connection: Connection,
    most: u64,
}

/// A notice for one sink.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// Its number.
    pub number: i64,
    /// What is to be sent.
    pub notice: Notice,
    /// How often that was tried.
    pub attempts: u32,
    /// When it was put here, seconds since the Unix epoch.
    pub since: u64,
}

/// Why the outbox cannot be used.
#[derive(Debug, Error)]
pub enum OutboxError {
    /// SQLite's word.
    #[error("the outbox {path} cannot be used: {source}", path = path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// SQLite's word.
        source: rusqlite::Error,
    },
}

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS delivery (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL,
        sink TEXT NOT NULL,
        notice TEXT NOT NULL,
        since INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        due INTEGER NOT NULL,
        UNIQUE (id, sink)
    ) STRICT;
    CREATE TABLE IF NOT EXISTS sent (id TEXT NOT NULL, sink TEXT NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (id, sink)) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS memory (name TEXT PRIMARY KEY, number REAL NOT NULL) STRICT;";

impl Outbox {
    /// Opens the outbox in the data folder `folder`, made if need be. A damaged one is put
    /// aside: a pool does not stand still for want of its notifications.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn open(folder: &Path) -> Result<Outbox, OutboxError> {
        let path = folder.join(OUTBOX);
        match Outbox::open_file(&path) {
            Err(fault) if is_damaged(&fault) => {
                tracing::warn!(path = %path.display(), %fault, "the outbox is damaged; a new one is made");
                let aside = folder.join("outbox.damaged.sqlite");
                let _ = std::fs::rename(&path, aside);
                Outbox::open_file(&path)
            }
            opened => opened,
        }
        .map_err(|source| OutboxError::Sqlite { path, source })
    }

    fn open_file(path: &Path) -> rusqlite::Result<Outbox> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Outbox { connection, most: MOST })
    }

    /// Puts `notice` in for each of `sinks`, at `now`. One that is there or was sent already is
    /// not put in again. Returns how many old ones had to make room.
    ///
    /// # Errors
    /// SQLite's word.
    pub fn put(&mut self, notice: &Notice, sinks: &[&str], now: u64) -> rusqlite::Result<u64> {
        let text = serde_json::to_string(notice)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        let transaction = self.connection.transaction()?;
        for sink in sinks {
            transaction.execute(
                "INSERT OR IGNORE INTO delivery (id, sink, notice, since, due)
                 SELECT ?1, ?2, ?3, ?4, ?4
                 WHERE NOT EXISTS (SELECT 1 FROM sent WHERE id = ?1 AND sink = ?2)",
                params![notice.id, sink, text, signed(now)],
            )?;
        }
        let dropped = transaction.execute(
            "DELETE FROM delivery WHERE number <= (SELECT number FROM delivery ORDER BY number DESC
             LIMIT 1 OFFSET ?1)",
            params![signed(self.most)],
        )?;
        transaction.commit()?;
        Ok(dropped as u64)
    }

    /// The oldest delivery to `sink` that is due at `now`.
    ///
    /// # Errors
    /// SQLite's word.
    pub fn due(&self, sink: &str, now: u64) -> rusqlite::Result<Option<Delivery>> {
        let mut query = self.connection.prepare_cached(
            "SELECT number, notice, attempts, since FROM delivery WHERE sink = ?1 AND due <= ?2
             ORDER BY number LIMIT 1",
        )?;
        let found = query.query_row(params![sink, signed(now)], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, u32>(2)?,
                row.get::<_, i64>(3)?,
            ))
        });
        let Some((number, text, attempts, since)) = found.optional()? else { return Ok(None) };
        match serde_json::from_str(&text) {
            Ok(notice) => Ok(Some(Delivery { number, notice, attempts, since: since.max(0) as u64 })),
            // Of another version: it can be read by nobody.
            Err(_) => {
                self.connection.execute("DELETE FROM delivery WHERE number = ?1", [number])?;
                self.due(sink, now)
            }
        }
    }

    /// When the next delivery to `sink` is due.
    ///
    /// # Errors
    /// SQLite's word.
    pub fn next_due(&self, sink: &str) -> rusqlite::Result<Option<u64>> {
        let mut query = self.connection.prepare_cached("SELECT min(due) FROM delivery WHERE sink = ?1")?;
        let due: Option<i64> = query.query_row([sink], |row| row.get(0))?;
        Ok(due.map(|due| due.max(0) as u64))
    }

    /// The sink has taken it: it goes, and its id is kept for a while.
    ///
    /// # Errors
    /// SQLite's word.
    pub fn sent(&mut self, delivery: &Delivery, sink: &str, now: u64) -> rusqlite::Result<()> {
        const KEPT: u64 = 30 * 24 * 3_600;
        let transaction = self.connection.transaction()?;
        transaction.execute("DELETE FROM delivery WHERE number = ?1", [delivery.number])?;
        transaction.execute(
            "INSERT OR REPLACE INTO sent (id, sink, at) VALUES (?1, ?2, ?3)",
            params![delivery.notice.id, sink, signed(now)],
        )?;
        transaction.execute("DELETE FROM sent WHERE at < ?1", [signed(now.saturating_sub(KEPT))])?;
        transaction.commit()
    }

    /// It was tried in vain; the next time is `due`.
    ///
    /// # Errors
    /// SQLite's word.
    pub fn postpone(&mut self, delivery: &Delivery, due: u64) -> rusqlite::Result<()> {
        self.connection.execute(
            "UPDATE delivery SET attempts = attempts + 1, due = ?2 WHERE number = ?1",
            params![delivery.number, signed(due)],
        )?;
        Ok(())
    }

    /// It is given up.
    ///
    /// # Errors
    /// SQLite's word.
    pub fn give_up(&mut self, delivery: &Delivery) -> rusqlite::Result<()> {
        self.connection.execute("DELETE FROM delivery WHERE number = ?1", [delivery.number])?;
        Ok(())
    }

    /// How many wait for `sink`.
    ///
    /// # Errors
    /// SQLite's word.
    pub fn waiting(&self, sink: &str) -> rusqlite::Result<u64> {
        let mut query = self.connection.prepare_cached("SELECT count(*) FROM delivery WHERE sink = ?1")?;
        query.query_row([sink], |row| row.get::<_, i64>(0)).map(|count| count.max(0) as u64)
    }

    /// A number that outlives restarts.
    ///
    /// # Errors
    /// SQLite's word.
    pub fn remembered(&self, name: &str) -> rusqlite::Result<Option<f64>> {
        let mut query = self.connection.prepare_cached("SELECT number FROM memory WHERE name = ?1")?;
        query.query_row([name], |row| row.get(0)).optional()
    }

    /// Keeps a number.
    ///
    /// # Errors
    /// SQLite's word.
    pub fn remember(&self, name: &str, number: f64) -> rusqlite::Result<()> {
        self.connection
            .execute("INSERT OR REPLACE INTO memory (name, number) VALUES (?1, ?2)", params![name, number])?;
        Ok(())
    }
}

fn is_damaged(fault: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(fault.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::notify::Event;

    fn notice(number: u128) -> Notice {
        Notice::new(&Event::Test, "pool", 7, 0, number)
    }

    #[test]
    fn what_was_put_in_is_there_after_a_restart_and_each_sink_has_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = Outbox::open(folder.path()).unwrap();
        outbox.put(&notice(1), &["ntfy", "webhook"], 10).unwrap();
        outbox.put(&notice(2), &["ntfy"], 11).unwrap();
        drop(outbox);
        let mut outbox = Outbox::open(folder.path()).unwrap();
        let first = outbox.due("ntfy", 20).unwrap().unwrap();
        assert_eq!((&first.notice, first.attempts, first.since), (&notice(1), 0, 10));
        outbox.sent(&first, "ntfy", 20).unwrap();
        assert_eq!(outbox.due("ntfy", 20).unwrap().unwrap().notice, notice(2));
        assert_eq!(outbox.due("webhook", 20).unwrap().unwrap().notice, notice(1));
        assert_eq!([outbox.waiting("ntfy").unwrap(), outbox.waiting("other").unwrap()], [1, 0]);
    }

    #[test]
    fn what_was_sent_is_not_sent_again_when_it_is_put_in_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = Outbox::open(folder.path()).unwrap();
        for _ in 0..2 {
            outbox.put(&notice(1), &["ntfy"], 10).unwrap();
        }
        let only = outbox.due("ntfy", 10).unwrap().unwrap();
        outbox.sent(&only, "ntfy", 10).unwrap();
        outbox.put(&notice(1), &["ntfy"], 11).unwrap();
        assert_eq!(outbox.due("ntfy", 99).unwrap(), None);
    }

    #[test]
    fn a_delivery_that_failed_waits_and_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = Outbox::open(folder.path()).unwrap();
        outbox.put(&notice(1), &["ntfy"], 10).unwrap();
        outbox.postpone(&outbox.due("ntfy", 10).unwrap().unwrap(), 40).unwrap();
        assert_eq!(outbox.due("ntfy", 39).unwrap(), None);
        assert_eq!(outbox.next_due("ntfy").unwrap(), Some(40));
        let again = outbox.due("ntfy", 40).unwrap().unwrap();
        assert_eq!(again.attempts, 1);
        outbox.give_up(&again).unwrap();
        assert_eq!(outbox.next_due("ntfy").unwrap(), None);
    }

    #[test]
    fn a_full_box_lets_the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let mut outbox = Outbox { most: 3, ..Outbox::open(folder.path()).unwrap() };
        let dropped: u64 = (1..=5).map(|number| outbox.put(&notice(number), &["ntfy"], 1).unwrap()).sum();
        assert_eq!((dropped, outbox.waiting("ntfy").unwrap()), (2, 3));
        assert_eq!(outbox.due("ntfy", 1).unwrap().unwrap().notice, notice(3));
    }

    #[test]
    fn a_damaged_box_is_put_aside_and_numbers_are_remembered() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(OUTBOX), [7; 5_000]).unwrap();
        let outbox = Outbox::open(folder.path()).unwrap();
        assert!(folder.path().join("outbox.damaged.sqlite").exists());
        outbox.remember("best", 2.5).unwrap();
        assert_eq!(Outbox::open(folder.path()).unwrap().remembered("best").unwrap(), Some(2.5));
        assert_eq!(outbox.remembered("other").unwrap(), None);
    }
}
