//! The file of external addresses: where the outside reaches the pool, as told by whoever
//! forwards ports for it.
//!
//! A StartOS package, a container's host or a script learns of forwarded ports while the
//! pool runs. It writes them into `run/external-addrs.json` in the data folder, a JSON list
//! of texts:
//!
//! ```json
//! ["203.0.113.7:34255", "[2001:db8::7]:34255"]
//! ```
//!
//! The file is looked at every two seconds. Addresses that come are added to the node, and
//! so to the invite, and those that go are taken away; without the file there are none. A
//! file that cannot be read changes nothing, and is complained of once.

use p2p::IrohNode;
use p2p::invite::{MAX_ADDRESSES, parse_address};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;
use tracing::{info, warn};

/// Where the file is in a data folder.
pub const EXTERNAL_ADDRESSES: &str = "run/external-addrs.json";

/// How often it is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// Bytes that are read of it; more than a list of the longest addresses has.
const MAX_BYTES: u64 = 16 * 1024;

/// Why the file changes nothing.
#[derive(Debug, Error)]
pub enum ExternalAddressesError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is no list of texts.
    #[error("it is not a JSON list of addresses such as [\"203.0.113.7:34255\"]: {0}")]
    Json(#[from] serde_json::Error),
    /// One of them is no address.
    #[error(transparent)]
    Address(#[from] p2p::InviteError),
    /// Larger than any.
    #[error("it is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// More than an invite can name.
    #[error("it names {0} addresses; an invite has room for {MAX_ADDRESSES}")]
    TooMany(usize),
}

/// Keeps a node's external addresses as the file says.
pub struct ExternalAddresses {
    node: IrohNode,
    path: PathBuf,
    /// Those of the configuration, which stay whatever the file says.
    configured: Vec<SocketAddr>,
    /// Those of the file that the node has now.
    added: BTreeSet<SocketAddr>,
    /// What the file looked like when it was read last.
    seen: Option<Look>,
}

/// What tells one version of a file from the next without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    inode: u64,
    bytes: u64,
    changed: (i64, i64),
}

impl ExternalAddresses {
    /// Adds the addresses in the file `path` to `node`, which has the `configured` ones.
    pub async fn start(node: IrohNode, path: PathBuf, configured: Vec<SocketAddr>) -> ExternalAddresses {
        let mut external = ExternalAddresses { node, path, configured, added: BTreeSet::new(), seen: None };
        external.look().await;
        external
    }

    /// Follows the file.
    pub async fn keep(mut self) -> Infallible {
        loop {
            tokio::time::sleep(BETWEEN_LOOKS).await;
            self.look().await;
        }
    }

    async fn look(&mut self) {
        let seen = Look::at(&self.path);
        if seen == self.seen {
            return;
        }
        self.seen = seen;
        match wanted(&self.path) {
            Ok(wanted) => self.have(wanted).await,
            Err(error) => warn!(
                path = %self.path.display(), %error,
                "the file of external addresses is of no use; those of before are kept until it is mended"
            ),
        }
    }

    async fn have(&mut self, wanted: BTreeSet<SocketAddr>) {
        let of_file = |address: &&SocketAddr| !self.configured.contains(address);
        for address in wanted.difference(&self.added).filter(of_file) {
            info!(%address, "external address added");
            self.node.add_external(*address).await;
        }
        for address in self.added.difference(&wanted).filter(of_file) {
            info!(%address, "external address removed");
            self.node.remove_external(*address).await;
        }
        self.added = wanted;
    }
}

impl Look {
    /// `None` for a file that is not there.
    fn at(path: &Path) -> Option<Look> {
        let metadata = fs::metadata(path).ok()?;
        let changed = (metadata.mtime(), metadata.mtime_nsec());
        Some(Look { inode: metadata.ino(), bytes: metadata.len(), changed })
    }
}

/// The addresses in the file `path`; none where there is no file.
fn wanted(path: &Path) -> Result<BTreeSet<SocketAddr>, ExternalAddressesError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        opened => opened?,
    };
    let mut text = String::new();
    // One byte more than any file has shows that it is none.
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(ExternalAddressesError::TooLong);
    }
    let texts: Vec<String> = serde_json::from_str(&text)?;
    if texts.len() > MAX_ADDRESSES {
        return Err(ExternalAddressesError::TooMany(texts.len()));
    }
    Ok(texts.iter().map(|text| parse_address(text)).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use p2p::iroh::{IrohConfig, SecretKey};

    fn read(content: &str) -> Result<BTreeSet<SocketAddr>, ExternalAddressesError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("external-addrs.json");
        fs::write(&path, content).unwrap();
        wanted(&path)
    }

    fn addresses(texts: &[&str]) -> BTreeSet<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_list_of_addresses_is_read_and_no_file_is_no_address() {
        let texts = ["203.0.113.7:34255", "[2001:db8::7]:1"];
        assert_eq!(read(&format!("{texts:?}\n")).unwrap(), addresses(&texts));
        assert_eq!(read("[]").unwrap(), addresses(&[]));
        assert_eq!(wanted(Path::new("/nowhere/none.json")).unwrap(), addresses(&[]));
    }

    #[test]
    fn what_is_no_list_of_addresses_is_refused_with_an_example() {
        let many = format!("[{}]", vec!["\"203.0.113.7:1\""; MAX_ADDRESSES + 1].join(","));
        let long = format!("[]{}", " ".repeat(MAX_BYTES as usize));
        for wrong in
            ["", "{}", "[1]", "[\"pool.example:1\"]", "[\"0.0.0.0:1\"]", "[\"1.2.3.4\"]", &many, &long]
        {
            let error = read(wrong).unwrap_err().to_string();
            assert!(error.contains("203.0.113.7") || error.contains("16"), "{error}");
        }
    }

    #[tokio::test]
    async fn addresses_come_and_go_with_the_file_and_a_damaged_one_changes_nothing() {
        let bind = vec!["127.0.0.1:0".parse().unwrap()];
        let configured: SocketAddr = "203.0.113.1:1".parse().unwrap();
        let config = IrohConfig {
            bind,
            external: vec![configured],
            port_mapping: false,
            ..IrohConfig::new(SecretKey::generate())
        };
        let node = IrohNode::bind(config).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("external-addrs.json");
        let mut external = ExternalAddresses::start(node.clone(), path.clone(), vec![configured]).await;
        let known = async |wanted: &[&str]| {
            let wanted: BTreeSet<SocketAddr> = addresses(wanted).into_iter().chain([configured]).collect();
            let own: BTreeSet<SocketAddr> = node.bound().into_iter().collect();
            let settled = async {
                // The node takes them up in a task of its own.
                while node
                    .addresses()
                    .into_iter()
                    .filter(|address| !own.contains(address))
                    .collect::<BTreeSet<_>>()
                    != wanted
                {
                    tokio::task::yield_now().await;
                }
            };
            let late = tokio::time::timeout(Duration::from_secs(30), settled).await;
            assert!(late.is_ok(), "{wanted:?} is not {:?}", node.addresses());
        };
        known(&[]).await;
        for (content, wanted) in [
            ("[\"203.0.113.7:1\"]", &["203.0.113.7:1"][..]),
            ("[\"203.0.113.7:1\", \"203.0.113.8:22\"]", &["203.0.113.7:1", "203.0.113.8:22"]),
            ("[\"203.0.113.7:1\", half a fi", &["203.0.113.7:1", "203.0.113.8:22"]),
            // A configured one in the file too is not taken away with it.
            ("[\"203.0.113.1:1\", \"203.0.113.9:333\"]", &["203.0.113.9:333"]),
            ("[]", &[]),
        ] {
            fs::write(&path, content).unwrap();
            external.look().await;
            known(wanted).await;
        }
        fs::write(&path, "[\"203.0.113.7:1\"]").unwrap();
        external.look().await;
        known(&["203.0.113.7:1"]).await;
        fs::remove_file(&path).unwrap();
        external.look().await;
        known(&[]).await;
        node.close().await;
    }
}
