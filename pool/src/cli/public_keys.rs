//! The public halves of a pool's keys, whether or not the pool runs.

use crate::config::Config;
use crate::data_dir::{AUTHORITY_KEY, DataDir, NODE_KEY};
use anyhow::Result;
use p2p::identity::id_in_file;
use p2p::key_file::{self, KeyFileError};
use p2p::{AuthorityKey, NodeId};
use std::io::Write;

/// What others know a pool by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKeys {
    /// The machine; none where members cannot connect by node id (`p2p.enabled = false`).
    pub node: Option<NodeId>,
    /// The pool.
    pub authority: AuthorityKey,
}

impl PublicKeys {
    /// Reads the keys that `config` names. Those of the data folder are made if need be,
    /// which is said on standard error.
    ///
    /// # Errors
    /// When a key cannot be read or made.
    pub fn read_or_make(config: &Config) -> Result<PublicKeys> {
        match PublicKeys::read(config) {
            Err(KeyFileError::Missing(_)) => {
                // Under the folder's lock, so that a pool that starts now makes no others.
                let folder = DataDir::open(&config.data_dir.to_path())?;
                let authority = folder.authority_key(&config.authority, config.network)?.public_key();
                let node = folder.node_key(&config.p2p)?.map(|key| key.id());
                let path = folder.path().display();
                let _ = writeln!(std::io::stderr(), "made keys for this pool in {path}; keep a copy of them");
                Ok(PublicKeys { node, authority })
            }
            read => Ok(read?),
        }
    }

    fn read(config: &Config) -> Result<PublicKeys, KeyFileError> {
        let in_folder = |name: &str| config.data_dir.to_path().join(name);
        let authority = config.authority.key_file.as_ref().map(|file| file.to_path());
        let authority = key_file::load(&authority.unwrap_or_else(|| in_folder(AUTHORITY_KEY)))?.public_key();
        let node = config.p2p.identity.as_ref().map(|file| file.to_path());
        let node = node.unwrap_or_else(|| in_folder(NODE_KEY));
        let node = config.p2p.enabled.then(|| id_in_file(&node)).transpose()?;
        Ok(PublicKeys { node, authority })
    }
}
