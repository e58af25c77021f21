//! The next unused index of a ranged descriptor, kept on disk.
//!
//! An index is written and synced before it is paid to, so that a restart goes on
//! where the pool was, and after a block the next index is on disk before the next
//! job pays to it. Indexes are kept per descriptor: one that is configured again
//! goes on from where it was.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

const FILE: &str = "payout-index.json";

/// The index of one descriptor.
#[derive(Debug)]
pub struct Rotation {
    path: PathBuf,
    descriptor: String,
    index: u32,
}

/// Why the index cannot be kept.
#[derive(Debug, Error)]
pub enum RotationError {
    /// The file cannot be read or written.
    #[error("cannot keep the payout index in {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The file is not what was written.
    #[error(
        "{path} is damaged ({why}); to go on, write {{\"<descriptor>\": <first unused index>}} into it, \
         or delete it to begin again at index 0, which uses addresses again"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl Rotation {
    /// Takes up the index of `descriptor` in the folder `data_dir`, 0 for a new one.
    /// It is on disk when this returns.
    ///
    /// # Errors
    /// When the file is damaged or cannot be written.
    pub fn open(data_dir: &Path, descriptor: &str) -> Result<Rotation, RotationError> {
        let path = data_dir.join(FILE);
        let index = read(&path)?.get(descriptor).copied().unwrap_or(0);
        let rotation = Rotation { path, descriptor: descriptor.to_owned(), index };
        rotation.store(index)?;
        Ok(rotation)
    }

    /// The index to pay to.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Moves past `used`, on which a block was found. An index already passed
    /// changes nothing (a late block of an older job). Returns the index to pay to,
    /// which is on disk by then.
    ///
    /// # Errors
    /// When it cannot be stored; the index has moved nevertheless, as paying to a
    /// used one is worse.
    pub fn advance_past(&mut self, used: u32) -> Result<u32, RotationError> {
        let next = used.saturating_add(1);
        if next > self.index {
            self.index = next;
            self.store(next)?;
        }
        Ok(self.index)
    }

    fn store(&self, index: u32) -> Result<(), RotationError> {
        let mut indexes = read(&self.path)?;
        indexes.insert(self.descriptor.clone(), index);
        write_durably(&self.path, &indexes)
            .map_err(|source| RotationError::Io { path: self.path.clone(), source })
    }
}

fn read(path: &Path) -> Result<BTreeMap<String, u32>, RotationError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| RotationError::Damaged { path: path.to_owned(), why: error.to_string() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(source) => Err(RotationError::Io { path: path.to_owned(), source }),
    }
}

/// Old content or new, whatever happens: a new file, synced, takes the name, and the
/// folder is synced.
fn write_durably(path: &Path, indexes: &BTreeMap<String, u32>) -> io::Result<()> {
    let temporary = path.with_extension("json.new");
    let mut file = File::create(&temporary)?;
    file.write_all(&serde_json::to_vec_pretty(indexes)?)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn the_index_is_on_disk_before_it_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let mut rotation = Rotation::open(folder.path(), "a").unwrap();
        let stored = || read(&folder.path().join(FILE)).unwrap()["a"];
        assert_eq!((rotation.index(), stored()), (0, 0));
        assert_eq!(rotation.advance_past(0).unwrap(), 1);
        assert_eq!(stored(), 1);
    }

    #[test]
    fn a_restart_goes_on_and_never_returns_to_a_used_index() {
        let folder = tempfile::tempdir().unwrap();
        Rotation::open(folder.path(), "a").unwrap().advance_past(6).unwrap();
        assert_eq!(Rotation::open(folder.path(), "a").unwrap().index(), 7);
    }

    #[test]
    fn a_late_block_of_an_older_job_does_not_turn_the_index_back() {
        let folder = tempfile::tempdir().unwrap();
        let mut rotation = Rotation::open(folder.path(), "a").unwrap();
        rotation.advance_past(4).unwrap();
        assert_eq!(rotation.advance_past(2).unwrap(), 5);
        assert_eq!(rotation.advance_past(4).unwrap(), 5);
    }

    #[test]
    fn each_descriptor_has_its_own_index() {
        let folder = tempfile::tempdir().unwrap();
        Rotation::open(folder.path(), "a").unwrap().advance_past(3).unwrap();
        assert_eq!(Rotation::open(folder.path(), "b").unwrap().index(), 0);
        assert_eq!(Rotation::open(folder.path(), "a").unwrap().index(), 4);
    }

    #[test]
    fn a_half_written_new_file_does_not_harm_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        Rotation::open(folder.path(), "a").unwrap().advance_past(3).unwrap();
        fs::write(folder.path().join("payout-index.json.new"), "{\"a").unwrap();
        assert_eq!(Rotation::open(folder.path(), "a").unwrap().index(), 4);
    }

    #[test]
    fn a_damaged_file_is_refused_rather_than_begun_again() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "{\"a\": -1}").unwrap();
        let error = Rotation::open(folder.path(), "a").unwrap_err();
        assert!(matches!(error, RotationError::Damaged { .. }), "{error}");
    }
}
