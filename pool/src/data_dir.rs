//! The folder in which a pool keeps what must outlive it.
//!
//! | name | what |
//! |---|---|
//! | `authority.key` | the secret key that miners know the pool by |
//! | `node.key` | the secret key that members dial the node by |
//! | `invite` | the running pool's invite, private addresses included |
//! | `run/identity.json` | what others know the running pool by, for other programs |
//! | `run/status.json` | how the running pool fares, for other programs |
//! | `run/external-addrs.json` | forwarded addresses, written by other programs |
//! | `payout-index.json` | the next index of a ranged payout descriptor |
//! | `ledger.sqlite` (`-wal`, `-shm`, `.lock`) | every share, slice, block and credit; see `docs/ledger.md` |
//! | `host-password` | an Argon2 hash of the host's password |
//! | `tokens.json` | hashes of the tokens for the host's programs |
//! | `outbox.sqlite` | notifications that wait to be sent |
//! | `settings.toml` | what the host has set in the browser |
//! | `stats/` | best shares, and since when charts count; may be deleted while no pool runs |
//! | `old-keys/` | authority keys of before, `<when>-authority.key`: the pool's own check knows them |
//! | `solutions/` | solved blocks, written before they are sent |
//! | `chain/` | the embedded regtest chain |
//! | `lock` | held while a pool runs; holds its process id |
//!
//! It is made on the first start, for its owner alone (mode 0700). Two pools never
//! share one: they would pay to the same index twice.

use crate::config::{Authority, P2p};
use p2p::key_file::{self, KeyFileError};
use p2p::{AuthorityKeypair, NodeKey};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use template_provider::Network;
use thiserror::Error;

/// A data folder that is ours until this is dropped.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    /// Locked; the system lets go of it whatever becomes of the process.
    _lock: File,
}

/// Why a data folder cannot be used.
#[derive(Debug, Error)]
pub enum DataDirError {
    /// It cannot be made or read.
    #[error(
        "cannot use the data folder {path}: {source}; set data_dir to a folder that this user may write to",
        path = path.display()
    )]
    Io {
        /// The folder, or the file in it.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// Another pool uses it.
    #[error(
        "the data folder {path} is in use by another Punchbowl{holder}; stop that one, or give this one a \
         data_dir of its own",
        path = path.display()
    )]
    InUse {
        /// The folder.
        path: PathBuf,
        /// " (process N)", where that is known.
        holder: String,
    },
}

/// Why there is no authority key to serve with.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// The configured file does not exist.
    #[error(
        "authority.key_file names {path}, which does not exist; make a key with `punchbowl keygen {path}`",
        path = .0.display()
    )]
    Missing(PathBuf),
    /// The whole world has the secret.
    #[error(
        "the key in {path} is a published example, so anybody could pose as this pool; delete the file to \
         have a key made, or make one with `punchbowl keygen`",
        path = .0.display()
    )]
    PublishedExample(PathBuf),
}

impl DataDir {
    /// Takes the folder at `path`, which is made if need be.
    ///
    /// # Errors
    /// When it cannot be written, or another pool has it.
    pub fn open(path: &Path) -> Result<DataDir, DataDirError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| DataDirError::Io { path, source }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed(path))?;
        warn_if_open_to_others(path);
        let lock_path = path.join("lock");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(failed(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(DataDirError::InUse { path: path.to_owned(), holder: holder(&mut lock) });
            }
            Err(TryLockError::Error(source)) => return Err(failed(&lock_path)(source)),
        }
        let write_id = |lock: &mut File| {
            lock.set_len(0)?;
            writeln!(lock, "{}", std::process::id())
        };
        write_id(&mut lock).map_err(failed(&lock_path))?;
        Ok(DataDir { path: path.to_owned(), _lock: lock })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where solved blocks are kept.
    pub fn solutions(&self) -> PathBuf {
        self.path.join("solutions")
    }

    /// Where the ledger is kept.
    pub fn ledger(&self) -> PathBuf {
        self.path.join(LEDGER)
    }

    /// Where the embedded chain is kept.
    pub fn chain(&self) -> PathBuf {
        self.path.join("chain")
    }

    /// The pool's authority key: that of the configured file, else the one kept here,
    /// which is made on the first start.
    ///
    /// # Errors
    /// When the file cannot be used, or holds a published example key and `network`
    /// is mainnet.
    pub fn authority_key(
        &self,
        config: &Authority,
        network: Network,
    ) -> Result<AuthorityKeypair, AuthorityError> {
        let (path, key) = match &config.key_file {
            Some(configured) => {
                let path = configured.to_path();
                let key = key_file::load(&path).map_err(|error| match error {
                    KeyFileError::Missing(path) => AuthorityError::Missing(path),
                    other => AuthorityError::File(other),
                })?;
                (path, key)
            }
            None => {
                let path = self.path.join(AUTHORITY_KEY);
                let (key, made) = key_file::load_or_create(&path, &mut rand::rngs::OsRng)?;
                if made {
                    tracing::info!(path = %path.display(), "made this pool's key; keep a copy of it");
                }
                (path, key)
            }
        };
        if network == Network::Bitcoin && key.is_known_example() {
            return Err(AuthorityError::PublishedExample(path));
        }
        Ok(key.with_certificate_validity(config.certificate_validity.duration()))
    }

    /// The node's key, which is made on the first start and locked as long as it is held;
    /// none where members cannot connect by node id.
    ///
    /// # Errors
    /// When the file cannot be used, or something else runs on its key.
    pub fn node_key(&self, config: &P2p) -> Result<Option<NodeKey>, KeyFileError> {
        if !config.enabled {
            return Ok(None);
        }
        let configured = config.identity.as_ref().map(|file| file.to_path());
        NodeKey::load_or_create(&configured.unwrap_or_else(|| self.path.join(NODE_KEY))).map(Some)
    }
}

/// Name of the key file in a data folder.
pub const AUTHORITY_KEY: &str = "authority.key";
/// Name of the folder with keys that the host has put aside.
pub const OLD_KEYS: &str = "old-keys";
/// Name of the node's key file in a data folder.
pub const NODE_KEY: &str = "node.key";
/// Name of the ledger in a data folder.
pub const LEDGER: &str = "ledger.sqlite";

fn warn_if_open_to_others(path: &Path) {
    let mode = fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o022 != 0 {
        tracing::warn!(
            path = %path.display(),
            mode = format!("{:04o}", mode & 0o7777),
            "others can write to the data folder, and so replace the pool's key; run `chmod 700` on it"
        );
    }
}

fn holder(lock: &mut File) -> String {
    let mut id = String::new();
    match lock.take(20).read_to_string(&mut id) {
        Ok(_) if !id.trim().is_empty() => format!(" (process {})", id.trim()),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::config::HomePath;

    #[test]
    fn it_is_made_for_its_owner_alone() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open(&parent.path().join("a/b")).unwrap();
        let mode = fs::metadata(dir.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn two_pools_cannot_share_one() {
        let parent = tempfile::tempdir().unwrap();
        let first = DataDir::open(parent.path()).unwrap();
        let error = DataDir::open(parent.path()).unwrap_err().to_string();
        assert!(error.contains(&format!("(process {})", std::process::id())), "{error}");
        drop(first);
        DataDir::open(parent.path()).unwrap();
    }

    #[test]
    fn the_key_is_made_once_and_kept_secret() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open(parent.path()).unwrap();
        let key = || dir.authority_key(&Authority::default(), Network::Bitcoin).unwrap().public_key();
        assert_eq!(key(), key());
        let mode = fs::metadata(parent.path().join(AUTHORITY_KEY)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn the_node_key_is_made_once_and_not_at_all_where_it_is_not_needed() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open(parent.path()).unwrap();
        let off = P2p { enabled: false, ..P2p::default() };
        assert!(dir.node_key(&off).unwrap().is_none() && !parent.path().join(NODE_KEY).exists());
        let id = || dir.node_key(&P2p::default()).unwrap().unwrap().id();
        assert_eq!(id(), id());
    }

    #[test]
    fn a_published_example_key_is_refused_on_mainnet_alone() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open(parent.path()).unwrap();
        // The secret in SRI's example configurations.
        let example =
            AuthorityKeypair::from_secret_text("mkDLTBBRxdBv998612qipDYoTK3YUrqLe8uWw7gu3iXbSrn2n").unwrap();
        key_file::create(&parent.path().join(AUTHORITY_KEY), &example).unwrap();
        let error = dir.authority_key(&Authority::default(), Network::Bitcoin).unwrap_err();
        assert!(matches!(error, AuthorityError::PublishedExample(_)), "{error}");
        assert!(dir.authority_key(&Authority::default(), Network::Regtest).is_ok());
    }

    #[test]
    fn a_configured_key_file_is_never_made_silently() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open(parent.path()).unwrap();
        let missing = parent.path().join("mine.key");
        let key_file = Some(HomePath::new(missing.to_string_lossy()));
        let config = Authority { key_file, ..Authority::default() };
        let error = dir.authority_key(&config, Network::Regtest).unwrap_err().to_string();
        assert!(error.contains("punchbowl keygen") && !missing.exists(), "{error}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        let error = DataDir::open(&file.join("inside")).unwrap_err().to_string();
        assert!(error.contains("file/inside") && error.contains("data_dir"), "{error}");
    }
}
