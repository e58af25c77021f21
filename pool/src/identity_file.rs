//! What others know the running pool by, in one JSON file, for programs on this machine:
//! `run/identity.json` in the data folder.
//!
//! The StartOS package reads it to show the invite, and a script may too; nothing needs to
//! be run or asked. It holds no secret, and names public addresses only.

use crate::run_folder;
use p2p::{Invite, PoolUri};
use serde::Serialize;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

/// Name of the file in the folder `run`.
pub const IDENTITY: &str = "identity.json";

/// What others know a pool by. Programs rely on its fields: add, do not rename.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The machine, in z-base-32; none where members cannot dial it.
    node_id: Option<String>,
    /// The pool.
    authority_key: String,
    /// The invite to hand out, with what the whole internet can use.
    invite: Option<String>,
    /// The same with addresses on private networks, for those in the same house.
    invite_with_private: Option<String>,
    /// Where miners connect over TCP.
    tcp: Vec<String>,
    /// Where pages and the API are.
    http: Option<SocketAddr>,
}

impl Identity {
    /// Of a pool of this authority key, with what is known by now of where it is.
    pub fn new(
        authority: p2p::AuthorityKey,
        known: Option<&Invite>,
        tcp: &[PoolUri],
        http: Option<SocketAddr>,
    ) -> Identity {
        Identity {
            node_id: known.map(|invite| invite.node.to_z32()),
            authority_key: authority.to_string(),
            invite: known.map(|invite| invite.clone().public().to_string()),
            invite_with_private: known.map(Invite::to_string),
            tcp: tcp.iter().map(PoolUri::to_string).collect(),
            http,
        }
    }

    /// Writes it into the data folder `folder`, in place of the one before. A reader sees
    /// the one or the other.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        run_folder::replace(folder, IDENTITY, self)
    }
}

/// Where the pool of the data folder `folder` listens for HTTP, or did last.
pub fn http(folder: &Path) -> Option<SocketAddr> {
    let text = std::fs::read_to_string(folder.join(run_folder::RUN).join(IDENTITY)).ok()?;
    let identity: serde_json::Value = serde_json::from_str(&text).ok()?;
    identity.get("http")?.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::run_folder::RUN;
    use std::fs;

    #[test]
    fn it_names_the_pool_and_public_addresses_apart_from_private_ones() {
        let text = "stratum2+iroh://47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy/\
                    9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh?a=8.8.8.8:34255&a=192.168.1.4:34255";
        let invite: Invite = text.parse().unwrap();
        let tcp = format!("stratum2+tcp://192.168.1.4:34254/{}", invite.authority).parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        for known in [Some(&invite), None] {
            Identity::new(invite.authority, known, std::slice::from_ref(&tcp), None)
                .write(folder.path())
                .unwrap();
        }
        let at = Some(([127, 0, 0, 1], 8080).into());
        Identity::new(invite.authority, Some(&invite), std::slice::from_ref(&tcp), at)
            .write(folder.path())
            .unwrap();
        assert_eq!(http(folder.path()), at);
        let run = folder.path().join(RUN);
        assert_eq!(fs::read_dir(&run).unwrap().count(), 1, "nothing is left lying about");
        let json: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(run.join(IDENTITY)).unwrap()).unwrap();
        assert_eq!(json["node_id"], invite.node.to_z32());
        assert_eq!(json["authority_key"], invite.authority.to_string());
        assert_eq!(json["invite"], text.replace("&a=192.168.1.4:34255", ""));
        assert_eq!(json["invite_with_private"], text);
        assert_eq!(json["tcp"][0], tcp.to_string());
    }
}
