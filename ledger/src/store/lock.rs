//! One writer to a ledger: a lock on a file beside it.
//!
//! Not SQLite's own exclusive lock, which would keep readers out too: `punchbowl verify`
//! may read the ledger of a running pool.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A ledger that is ours to write until this is dropped. The system lets go of the lock
/// whatever becomes of the process.
#[derive(Debug)]
pub(crate) struct WriterLock(#[expect(dead_code, reason = "held, not used")] File);

/// Why a ledger cannot be locked.
#[derive(Debug, Error)]
pub enum LockError {
    /// Another process writes it.
    #[error(
        "the ledger {path} is being written by another Punchbowl{holder}; stop that one, or give this one \
         a data_dir of its own",
        path = path.display()
    )]
    Taken {
        /// The ledger.
        path: PathBuf,
        /// " (process N)", where that is known.
        holder: String,
    },
    /// The lock file cannot be made.
    #[error("cannot lock the ledger {path}: {source}", path = path.display())]
    Io {
        /// The ledger.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

impl WriterLock {
    /// Takes the ledger at `path`.
    pub(crate) fn take(path: &Path) -> Result<WriterLock, LockError> {
        let failed = |source| LockError::Io { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(beside(path)).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Taken { path: path.to_owned(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let name = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        // Who holds it is only told to people; a full disk must not keep a pool from starting.
        let _ = name(&mut file);
        Ok(WriterLock(file))
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(32).read_to_string(&mut text);
    let id = read.ok().and_then(|_| text.trim().parse::<u32>().ok());
    id.map(|id| format!(" (process {id})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_second_writer_is_told_who_has_the_ledger_until_it_is_let_go() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        let first = WriterLock::take(&path).unwrap();
        let refused = WriterLock::take(&path).unwrap_err().to_string();
        assert!(refused.contains(&format!("(process {})", std::process::id())), "{refused}");
        drop(first);
        WriterLock::take(&path).unwrap();
    }
}
