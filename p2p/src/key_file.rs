//! The files that keep secret keys between runs.
//!
//! Text: lines that start with `#` are for people, the first other line is the secret.
//! Only the owner may read it (mode 0600); a file that others can read is refused,
//! because its key may be known by now. This module keeps the authority key, as in
//! [`AuthorityKeypair::from_secret_text`]; [`identity`](crate::identity) keeps the node
//! key by the same means.

pub(crate) mod secret_text;

use crate::authority_key::{AuthorityKeypair, KeyError};
use rand::{CryptoRng, Rng};
use std::{
    io,
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
    /// Another process, or another part of this one, uses the key.
    #[error(
        "the key file {path} is in use by another Punchbowl, and two that run on one key take each other's \
         connections; stop that one, or give this one a data_dir of its own",
        path = .0.display()
    )]
    InUse(PathBuf),
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
    let (_, secret) = secret_text::read(path)?;
    AuthorityKeypair::from_secret_text(&secret)
        .map_err(|source| KeyFileError::Content { path: path.into(), source })
}

/// Writes `key` to a new file that only its owner can read, down to the disk.
///
/// # Errors
/// [`KeyFileError::Exists`] rather than overwriting; [`KeyFileError::Io`].
pub fn create(path: &Path, key: &AuthorityKeypair) -> Result<(), KeyFileError> {
    let text = Zeroizing::new(format!(
        "# Secret key of a Stratum V2 pool. Whoever has it can pose as the pool; keep a copy in a safe place.\n\
         # Its public half is {}\n\
         {}\n",
        key.public_key(),
        *key.secret_text()
    ));
    secret_text::create(path, &text).map(drop)
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
