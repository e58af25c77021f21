//! The file that keeps the secret authority key between runs.
//!
//! Text: lines that start with `#` are for people, the first other line is the secret
//! as in [`AuthorityKeypair::from_secret_text`]. Only the owner may read it (mode 0600);
//! a file that others can read is refused, because its key may be known by now.

use crate::authority_key::{AuthorityKeypair, KeyError};
use rand::{CryptoRng, Rng};
use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
};
use thiserror::Error;
use zeroize::Zeroizing;

/// Why a key file cannot be used.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// There is none.
    #[error("there is no key file {0}")]
    Missing(PathBuf),
    /// It will not be overwritten.
    #[error("the key file {0} exists already; move it away first if you really want another key")]
    Exists(PathBuf),
    /// Others can read it.
    #[error(
        "the key file {path} has mode {mode:04o}, so that others than its owner may get at the key; run `chmod 600 {path}`, \
         or make a new key if others use this machine",
        path = path.display()
    )]
    TooOpen {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It holds no key.
    #[error("the key file {path} does not hold a key: {source}", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: KeyError,
    },
    /// The system refused.
    #[error("cannot {action} the key file {path}: {source}", path = path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Reads the key in `path`.
///
/// # Errors
/// See [`KeyFileError`].
pub fn load(path: &Path) -> Result<AuthorityKeypair, KeyFileError> {
    let failed = |source: io::Error| match source.kind() {
        ErrorKind::NotFound => KeyFileError::Missing(path.into()),
        _ => KeyFileError::Io { action: "read", path: path.into(), source },
    };
    let file = File::open(path).map_err(failed)?;
    refuse_too_open(path, &file)?;
    let mut text = Zeroizing::new(String::with_capacity(LONGEST));
    file.take(LONGEST as u64).read_to_string(&mut text).map_err(failed)?;
    let secret = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    AuthorityKeypair::from_secret_text(secret.unwrap_or_default())
        .map_err(|source| KeyFileError::Content { path: path.into(), source })
}

/// Writes `key` to a new file that only its owner can read, down to the disk.
///
/// # Errors
/// [`KeyFileError::Exists`] rather than overwriting; [`KeyFileError::Io`].
pub fn create(path: &Path, key: &AuthorityKeypair) -> Result<(), KeyFileError> {
    let failed = |source: io::Error| match source.kind() {
        ErrorKind::AlreadyExists => KeyFileError::Exists(path.into()),
        _ => KeyFileError::Io { action: "write", path: path.into(), source },
    };
    let text = Zeroizing::new(format!(
        "# Secret key of a Stratum V2 pool. Whoever has it can pose as the pool; keep a copy in a safe place.\n\
         # Its public half is {}\n\
         {}\n",
        key.public_key(),
        *key.secret_text()
    ));
    let mut file = open_new(path).map_err(failed)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = std::fs::remove_file(path); // half a key would only be in the way
    }
    written.map_err(failed)?;
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => {
            File::open(folder).and_then(|folder| folder.sync_all())
        }
        _ => Ok(()),
    }
    .map_err(failed)
}

/// Reads the key in `path`, or makes one with `rng` and writes it there when there is no
/// such file. The second value says whether it was made.
///
/// # Errors
/// As [`load`] and [`create`].
pub fn load_or_create<G: Rng + CryptoRng + ?Sized>(
    path: &Path,
    rng: &mut G,
) -> Result<(AuthorityKeypair, bool), KeyFileError> {
    match load(path) {
        Err(KeyFileError::Missing(_)) => {
            let key = AuthorityKeypair::generate(rng);
            create(path, &key).map(|()| (key, true))
        }
        loaded => loaded.map(|key| (key, false)),
    }
}

/// More than any key file has.
const LONGEST: usize = 4096;

#[cfg(unix)]
fn open_new(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn open_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

#[cfg(unix)]
fn refuse_too_open(path: &Path, file: &File) -> Result<(), KeyFileError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = file.metadata();
    let metadata =
        metadata.map_err(|source| KeyFileError::Io { action: "read", path: path.into(), source })?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyFileError::TooOpen { path: path.into(), mode }) }
}

#[cfg(not(unix))]
fn refuse_too_open(_: &Path, _: &File) -> Result<(), KeyFileError> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn the_first_run_makes_a_key_and_the_second_finds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authority.key");
        let (made, is_new) = load_or_create(&path, &mut rand::thread_rng()).unwrap();
        assert!(is_new);
        assert_eq!(mode(&path), 0o600);
        let (found, is_new) = load_or_create(&path, &mut rand::thread_rng()).unwrap();
        assert!(!is_new);
        assert_eq!(found.public_key(), made.public_key());
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_with_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authority.key");
        load_or_create(&path, &mut rand::thread_rng()).unwrap();
        for open in [0o640, 0o604, 0o620, 0o601] {
            fs::set_permissions(&path, fs::Permissions::from_mode(open)).unwrap();
            let error = load(&path).unwrap_err();
            assert!(matches!(error, KeyFileError::TooOpen { mode, .. } if mode == open));
            assert!(error.to_string().contains(&format!("chmod 600 {}", path.display())), "{error}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        load(&path).unwrap();
    }

    #[test]
    fn an_existing_key_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authority.key");
        let first = AuthorityKeypair::generate(&mut rand::thread_rng());
        create(&path, &first).unwrap();
        let second = AuthorityKeypair::generate(&mut rand::thread_rng());
        assert!(matches!(create(&path, &second).unwrap_err(), KeyFileError::Exists(_)));
        assert_eq!(load(&path).unwrap().public_key(), first.public_key());
    }

    #[test]
    fn a_damaged_file_is_an_error_and_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authority.key");
        for content in ["", "# only a comment\n", "mkDLTBBRxdBv998612qipDYoTK3YUrqLe8uWw7gu3iXbSrn2m\n"] {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let error = load_or_create(&path, &mut rand::thread_rng()).unwrap_err();
            assert!(matches!(error, KeyFileError::Content { .. }), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
    }
}
