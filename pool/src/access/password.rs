//! The host's password: an Argon2id hash in the data folder.

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use bitcoin::hashes::{Hash, sha256};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Name of the file in a data folder.
pub const HOST_PASSWORD: &str = "host-password";

/// Letters that it must have.
const LEAST: usize = 8;
/// Bytes that it may have.
const MOST: usize = 1_024;

/// The hash of the password that is set.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored(String);

/// Why there is no password to be had or set.
#[derive(Debug, Error)]
pub enum PasswordError {
    /// It is guessed at once.
    #[error("a password needs at least {LEAST} letters")]
    TooShort,
    /// It is a book.
    #[error("a password has at most {MOST} bytes")]
    TooLong,
    /// The file cannot be used.
    #[error("cannot use {path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{path} holds no password hash; set a password with `punchbowl password`", path = .0.display())]
    Damaged(PathBuf),
    /// The hash cannot be made.
    #[error("the password cannot be hashed: {0}")]
    Hash(String),
    /// The pool stops.
    #[error("the pool stops")]
    Interrupted,
}

/// Sets the password of the pool in `folder`. Takes a moment and some memory, on purpose.
///
/// # Errors
/// When it is too short or too long, or the folder cannot be written to.
pub fn set(folder: &Path, password: &str) -> Result<(), PasswordError> {
    if password.chars().count() < LEAST {
        return Err(PasswordError::TooShort);
    }
    if password.len() > MOST {
        return Err(PasswordError::TooLong);
    }
    let salt = SaltString::generate(&mut rand::rngs::OsRng);
    let hash = Argon2::default()
        .hash_password(password.as_bytes(), &salt)
        .map_err(|error| PasswordError::Hash(error.to_string()))?;
    let path = folder.join(HOST_PASSWORD);
    replace(&path, &format!("{hash}\n")).map_err(|source| PasswordError::File { path, source })
}

/// The hash of the password of the pool in `folder`; none where none is set.
///
/// # Errors
/// When the file cannot be read, or holds something else.
pub fn read(folder: &Path) -> Result<Option<Stored>, PasswordError> {
    let path = folder.join(HOST_PASSWORD);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(PasswordError::File { path, source }),
    };
    let text = text.trim();
    if PasswordHash::new(text).is_err() {
        return Err(PasswordError::Damaged(path));
    }
    Ok(Some(Stored(text.to_owned())))
}

/// Writes a file for its owner alone, in place of the one before. A reader sees the one or the
/// other.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&new, path)
}

impl Stored {
    /// Whether it is the hash of `password`. Takes a moment and some memory, on purpose.
    pub fn is(&self, password: &str) -> bool {
        let Ok(hash) = PasswordHash::new(&self.0) else { return false };
        password.len() <= MOST && Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
    }

    /// Another one for each password that is set.
    pub fn mark(&self) -> [u8; 32] {
        sha256::Hash::hash(self.0.as_bytes()).to_byte_array()
    }
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stored(..)")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn only_a_salted_hash_is_on_disk_and_only_its_owner_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), None);
        set(folder.path(), "correct horse").unwrap();
        let first = read(folder.path()).unwrap().unwrap();
        assert!(first.is("correct horse") && !first.is("correct horse ") && !first.is(""));
        set(folder.path(), "correct horse").unwrap();
        assert_ne!(read(folder.path()).unwrap().unwrap().mark(), first.mark(), "another salt");
        let path = folder.path().join(HOST_PASSWORD);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("$argon2id$") && !text.contains("horse"), "{text}");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left lying about");
    }

    #[test]
    fn a_short_password_and_a_damaged_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(set(folder.path(), "1234567"), Err(PasswordError::TooShort)));
        assert!(matches!(set(folder.path(), &"x".repeat(2_000)), Err(PasswordError::TooLong)));
        fs::write(folder.path().join(HOST_PASSWORD), "hunter2\n").unwrap();
        assert!(matches!(read(folder.path()), Err(PasswordError::Damaged(_))));
    }
}
