//! Opening a ledger's file.

use super::{LockError, Store, StoreError, schema};
use crate::head::LedgerId;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// Why a ledger cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process writes it.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// It cannot be opened or read.
    #[error("cannot open the ledger {path}: {source}", path = path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// SQLite's word.
        source: rusqlite::Error,
    },
    /// Its folder cannot be synced.
    #[error("cannot use the folder of the ledger {path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// It is some other database.
    #[error("{} is no Punchbowl ledger; move it away or set another data_dir", .0.display())]
    NotALedger(PathBuf),
    /// A newer Punchbowl has written it.
    #[error(
        "the ledger {path} is of version {found} and this Punchbowl knows versions up to {known}; update \
         Punchbowl",
        path = path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: usize,
        /// The newest known.
        known: usize,
    },
    /// It is of another chain.
    #[error(
        "the ledger {path} is of {found}, and this pool is on {wanted}; give each its own data_dir",
        path = path.display()
    )]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// Its chain.
        found: String,
        /// The pool's chain.
        wanted: String,
    },
    /// What is in it contradicts itself.
    #[error("the ledger {path}: {source}", path = path.display())]
    Store {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: StoreError,
    },
}

/// How long a lock that another program holds for a moment is waited for.
const BUSY: Duration = Duration::from_millis(500);

impl Store {
    /// Opens the file at `path` for writing, made if need be, for a pool on `network`; a new
    /// one is told from all others by `fresh`. The caller holds its lock.
    pub(crate) fn open(path: &Path, network: &str, fresh: LedgerId) -> Result<(Store, LedgerId), OpenError> {
        let failed = |source| OpenError::Sqlite { path: path.to_owned(), source };
        let is_new = !path.exists();
        let mut connection = Connection::open(path).map_err(failed)?;
        connection.busy_timeout(BUSY).map_err(failed)?;
        check_version(path, &connection)?;
        set_up(&connection).map_err(failed)?;
        schema::migrate(&mut connection).map_err(failed)?;
        if is_new {
            sync_folder(path).map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
        }
        let id = identify(path, &connection, network, fresh)?;
        Ok((Store { connection }, id))
    }
}

/// Opens the file at `path` for reading only, be it written by this process, another or none.
pub(crate) fn open_for_reading(path: &Path) -> Result<Connection, OpenError> {
    let failed = |source| OpenError::Sqlite { path: path.to_owned(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    if check_version(path, &connection)? == 0 {
        return Err(OpenError::NotALedger(path.to_owned()));
    }
    Ok(connection)
}

/// Whose ledger a file is, and of which chain.
pub(crate) fn identity(connection: &Connection) -> rusqlite::Result<Option<(LedgerId, String)>> {
    let read = |row: &rusqlite::Row<'_>| Ok((LedgerId(row.get(0)?), row.get(1)?));
    connection.query_row("SELECT ledger, network FROM ledger", [], read).optional()
}

fn check_version(path: &Path, connection: &Connection) -> Result<usize, OpenError> {
    let failed = |source| match source {
        rusqlite::Error::SqliteFailure(error, _) if error.code == rusqlite::ErrorCode::NotADatabase => {
            OpenError::NotALedger(path.to_owned())
        }
        source => OpenError::Sqlite { path: path.to_owned(), source },
    };
    let version = schema::version(connection).map_err(failed)?;
    let application: i32 =
        connection.query_row("PRAGMA application_id", [], |row| row.get(0)).map_err(failed)?;
    let tables: i64 =
        connection.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    if tables > 0 && application != schema::APPLICATION_ID {
        return Err(OpenError::NotALedger(path.to_owned()));
    }
    if version > schema::VERSION {
        let (path, known) = (path.to_owned(), schema::VERSION);
        return Err(OpenError::Newer { path, found: version, known });
    }
    Ok(version)
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Where fsync leaves data in the disk's own cache (macOS), ask for more.
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    // Some 4 MiB of log before it is worked into the file.
    connection.pragma_update(None, "wal_autocheckpoint", 1000)?;
    // A log that a slow reader made long is cut again.
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// The name of a new file must survive a loss of power too.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn identify(
    path: &Path,
    connection: &Connection,
    network: &str,
    fresh: LedgerId,
) -> Result<LedgerId, OpenError> {
    let failed = |source| OpenError::Sqlite { path: path.to_owned(), source };
    match identity(connection).map_err(failed)? {
        Some((id, found)) if found == network => Ok(id),
        Some((_, found)) => {
            let (path, wanted) = (path.to_owned(), network.to_owned());
            Err(OpenError::OtherNetwork { path, found, wanted })
        }
        None => {
            let insert = "INSERT INTO ledger (id, ledger, network) VALUES (1, ?1, ?2)";
            connection.execute(insert, params![fresh.0, network]).map_err(failed)?;
            Ok(fresh)
        }
    }
}
