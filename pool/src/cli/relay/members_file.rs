//! The list of nodes that a relay serves: one node id a line, `#` for notes.

use anyhow::{Context, Result};
use p2p::NodeId;
use p2p::identity::parse_node_id;
use p2p::iroh::Policy;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tracing::warn;

/// A list that is read again when its file changes.
#[derive(Debug)]
pub struct MembersFile {
    path: PathBuf,
    members: HashSet<NodeId>,
    /// Of the last reading.
    stamp: Option<Stamp>,
}

/// What changes when a file does.
type Stamp = (SystemTime, u64);

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(2);

impl MembersFile {
    /// Reads the list at `path`.
    ///
    /// # Errors
    /// When there is no such file, or a line is no node id.
    pub fn read(path: &Path) -> Result<MembersFile> {
        let stamp = stamp(path);
        Ok(MembersFile { path: path.to_owned(), members: members(path)?, stamp })
    }

    /// Those on the list.
    pub fn policy(&self) -> Policy {
        Policy::Members(self.members.clone())
    }

    /// Waits until the list has become another one. One that cannot be read is complained of
    /// and passed over.
    pub async fn changed(&mut self) -> Policy {
        loop {
            tokio::time::sleep(LOOK).await;
            if let Some(policy) = self.look() {
                return policy;
            }
        }
    }

    fn look(&mut self) -> Option<Policy> {
        let stamp = stamp(&self.path);
        if stamp == self.stamp {
            return None;
        }
        self.stamp = stamp;
        match members(&self.path) {
            Ok(members) if members == self.members => None,
            Ok(members) => {
                self.members = members;
                Some(self.policy())
            }
            Err(error) => {
                warn!(error = format!("{error:#}"), "the list of members stays as it was");
                None
            }
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let file = fs::metadata(path).ok()?;
    Some((file.modified().ok()?, file.len()))
}

fn members(path: &Path) -> Result<HashSet<NodeId>> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("reading the list of members {} (--members)", path.display()))?;
    let lines = text.lines().enumerate().map(|(index, line)| {
        let id = line.split_once('#').map_or(line, |(id, _)| id).trim();
        (index + 1, id)
    });
    lines
        .filter(|(_, id)| !id.is_empty())
        .map(|(line, id)| parse_node_id(id).with_context(|| format!("{}:{line}", path.display())))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn id(number: u8) -> NodeId {
        p2p::iroh::SecretKey::from_bytes(&[number; 32]).public()
    }

    #[test]
    fn a_list_has_one_node_a_line_and_room_for_notes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("members.txt");
        fs::write(&path, format!("# the pool\n{}\n\n  {}  # ann\n", id(1).to_z32(), id(2).to_z32())).unwrap();
        let list = MembersFile::read(&path).unwrap();
        assert_eq!(list.policy(), Policy::Members([id(1), id(2)].into()));
    }

    #[test]
    fn a_change_is_seen_and_a_mistake_leaves_the_list_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("members.txt");
        fs::write(&path, id(1).to_z32()).unwrap();
        let mut list = MembersFile::read(&path).unwrap();
        assert_eq!(list.look(), None);
        fs::write(&path, "half a line").unwrap();
        assert_eq!(list.look(), None);
        fs::write(&path, format!("{}\n{}\n", id(1).to_z32(), id(2).to_z32())).unwrap();
        assert_eq!(list.look(), Some(Policy::Members([id(1), id(2)].into())));
        assert_eq!(list.look(), None);
    }

    #[test]
    fn a_line_that_is_no_node_id_is_named_with_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("members.txt");
        fs::write(&path, format!("{}\nann\n", id(1).to_z32())).unwrap();
        let error = format!("{:#}", MembersFile::read(&path).unwrap_err());
        assert!(error.contains("members.txt:2") && error.contains("\"ann\" is not a node id"), "{error}");
    }
}
