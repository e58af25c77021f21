//! The running pool's own invite, kept in the data folder for `punchbowl invite`, and
//! beside it what other programs want to know ([`identity_file`](crate::identity_file)).
//!
//! Only the running node knows all the ways to it: the port that the router forwards, the
//! relay that it waits at, the port that the system chose. The file holds one line, the
//! invite with everything in it, private addresses too, and so is for its owner alone
//! (mode 0600). It outlives the pool; what it says then is the last that was known.

use crate::identity_file::Identity;
use crate::node::Node;
use crate::reach;
use p2p::Invite;
use std::convert::Infallible;
use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;
use tracing::warn;

/// Name of the file in a data folder.
pub const INVITE: &str = "invite";

/// Keeps the files true while a pool runs.
pub struct InviteKeeper<'a> {
    node: &'a Node,
    folder: &'a Path,
    written: Option<Invite>,
    identity: Option<Identity>,
}

impl<'a> InviteKeeper<'a> {
    /// Writes what `node` knows now into the data folder `folder`.
    pub fn start(node: &'a Node, folder: &'a Path) -> InviteKeeper<'a> {
        let mut keeper = InviteKeeper { node, folder, written: None, identity: None };
        keeper.write();
        keeper
    }

    /// Writes what becomes known: addresses come and go while a pool runs.
    pub async fn keep(mut self) -> Infallible {
        const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
        loop {
            tokio::time::sleep(BETWEEN_LOOKS).await;
            self.write();
        }
    }

    fn write(&mut self) {
        let invite = self.node.invite();
        self.write_identity(invite.as_ref());
        let Some(invite) = invite else { return };
        if self.written.as_ref() == Some(&invite) {
            return;
        }
        if let Err(error) = write(self.folder, &invite) {
            warn!(%error, "cannot write the invite into the data folder; `punchbowl invite` may lack addresses");
        }
        self.written = Some(invite);
    }

    fn write_identity(&mut self, invite: Option<&Invite>) {
        let authority = self.node.authority;
        let tcp: Vec<_> = self.node.listening.iter().map(|address| reach::uri(*address, authority)).collect();
        let identity = Identity::new(authority, invite, &tcp, self.node.http);
        if self.identity.as_ref() == Some(&identity) {
            return;
        }
        if let Err(error) = identity.write(self.folder) {
            warn!(%error, "cannot write run/identity.json into the data folder; other programs may know less");
        }
        self.identity = Some(identity);
    }
}

/// Writes `invite` into the data folder `folder`, in place of the one before. A reader
/// sees the one or the other.
///
/// # Errors
/// When the folder cannot be written to.
pub fn write(folder: &Path, invite: &Invite) -> io::Result<()> {
    let new = folder.join("invite.new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    writeln!(file, "{invite}")?;
    fs::rename(new, folder.join(INVITE))
}

/// The invite in the data folder `folder`, if there is one that can be read.
pub fn read(folder: &Path) -> Option<Invite> {
    let mut text = String::new();
    let file = fs::File::open(folder.join(INVITE)).ok()?;
    // One byte more than any invite has shows that it is none.
    file.take(p2p::invite::MAX_LENGTH as u64 + 1).read_to_string(&mut text).ok()?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const BARE: &str = "stratum2+iroh://47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy/\
                        9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh";

    #[test]
    fn the_last_invite_written_is_read_and_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()), None);
        for addresses in ["?a=192.168.1.4:1&a=8.8.8.8:34255", ""] {
            let invite: Invite = format!("{BARE}{addresses}").parse().unwrap();
            write(folder.path(), &invite).unwrap();
            assert_eq!(read(folder.path()), Some(invite));
        }
        let mode = fs::metadata(folder.path().join(INVITE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left lying about");
    }

    #[test]
    fn a_damaged_file_is_no_invite() {
        let folder = tempfile::tempdir().unwrap();
        for content in ["", "stratum2+iroh://x/y", "\u{0}", &format!("{BARE}?x={}", "x".repeat(9_000))] {
            fs::write(folder.path().join(INVITE), content).unwrap();
            assert_eq!(read(folder.path()), None);
        }
    }
}
