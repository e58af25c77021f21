//! Where peers were met last, in a file: the way to a pool whose invite has grown old.
//!
//! Written down is what worked, not what somebody said: the address or relay over which a
//! connection to the peer ran. A line is a node id, a time and a place:
//!
//! ```text
//! # Punchbowl's address book
//! yb...52 characters...oy 1766000000 203.0.113.7:34255
//! yb...52 characters...oy 1766000000 relay=relay.example:8443,ca
//! ```
//!
//! The file says which pools somebody mines at, and so is for its owner alone (mode 0600).
//! It is replaced as a whole: a reader, or a crash, meets the old one or the new one. One
//! that cannot be read is put aside and started anew, because nothing in it is irreplaceable.

mod pages;

pub use pages::{MAX_NODES, MAX_PLACES, Pages, PagesError, Place};

use crate::NodeId;
use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::sync::{mpsc, watch};
use tracing::warn;

/// Where peers were met last. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AddressBook {
    notes: mpsc::Sender<Note>,
    pages: watch::Receiver<Arc<Pages>>,
}

/// A place at which a peer was met.
#[derive(Debug)]
struct Note {
    node: NodeId,
    place: Place,
}

/// Notes that wait to be written. Paths change seldom; what finds no room is left out.
const WAITING_NOTES: usize = 16;

impl AddressBook {
    /// The book in the file `path`, which is made with the first note. Must be called
    /// within a runtime: a task of its own keeps the file.
    pub fn open(path: PathBuf) -> AddressBook {
        let pages = Arc::new(read_or_start_anew(&path));
        let (notes, waiting) = mpsc::channel(WAITING_NOTES);
        let (sender, receiver) = watch::channel(pages);
        tokio::spawn(keep(path, waiting, sender));
        AddressBook { notes, pages: receiver }
    }

    /// Where `node` was met, the latest place first.
    pub fn places_of(&self, node: NodeId) -> Vec<Place> {
        self.pages.borrow().places_of(node).cloned().collect()
    }

    /// Notes that `node` was met at `place` just now.
    pub fn met(&self, node: NodeId, place: Place) {
        // With no room there are fresher notes on their way.
        let _ = self.notes.try_send(Note { node, place });
    }

    /// Waits until the book, and its file, says that `node` was met at `place`.
    pub async fn knows(&self, node: NodeId, place: &Place) {
        let mut pages = self.pages.clone();
        let known = pages.wait_for(|pages| pages.places_of(node).any(|known| known == place)).await;
        if known.is_err() {
            std::future::pending().await
        }
    }
}

/// Owns the file for as long as somebody has the book.
async fn keep(path: PathBuf, mut notes: mpsc::Receiver<Note>, pages: watch::Sender<Arc<Pages>>) {
    let mut complained = false;
    while let Some(note) = notes.recv().await {
        let mut next = Pages::clone(&pages.borrow());
        if !next.met(unix_now(), note.node, note.place) {
            continue;
        }
        if let Err(error) = write(&path, &next) {
            if !complained {
                warn!(path = %path.display(), %error, "cannot write the address book; it is kept in memory");
            }
            complained = true;
        }
        pages.send_replace(Arc::new(next));
    }
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn read_or_start_anew(path: &Path) -> Pages {
    let damaged = match read(path) {
        Ok(Ok(pages)) => return pages,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Pages::default(),
        Ok(Err(damage)) => damage.to_string(),
        Err(error) => error.to_string(),
    };
    let aside = with_suffix(path, ".damaged");
    match fs::rename(path, &aside) {
        Ok(()) => warn!(
            path = %path.display(), aside = %aside.display(), damaged,
            "the address book cannot be read; it is put aside and started anew"
        ),
        Err(error) => warn!(
            path = %path.display(), damaged, %error,
            "the address book can neither be read nor put aside; it is started anew"
        ),
    }
    Pages::default()
}

fn read(path: &Path) -> io::Result<Result<Pages, PagesError>> {
    let mut bytes = Vec::new();
    // One byte more than any book has shows that it is none.
    fs::File::open(path)?.take(pages::MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Pages::parse(&String::from_utf8_lossy(&bytes)))
}

fn write(path: &Path, pages: &Pages) -> io::Result<()> {
    let new = with_suffix(path, ".new");
    // A left-over of a crash may have another mode.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(pages.to_string().as_bytes())?;
    file.sync_data()?;
    fs::rename(new, path)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use iroh::SecretKey;
    use std::os::unix::fs::PermissionsExt;

    fn node(number: u8) -> NodeId {
        SecretKey::from_bytes(&[number; 32]).public()
    }

    fn place(text: &str) -> Place {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn what_was_met_is_known_after_a_restart_and_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("address-book");
        let book = AddressBook::open(path.clone());
        assert!(book.places_of(node(1)).is_empty() && !path.exists());
        for text in ["203.0.113.7:34255", "relay=relay.example,ca"] {
            book.met(node(1), place(text));
            book.knows(node(1), &place(text)).await;
        }
        drop(book);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left lying about");

        let book = AddressBook::open(path);
        let mut known = book.places_of(node(1));
        known.sort_by_key(Place::to_string);
        assert_eq!(known, [place("203.0.113.7:34255"), place("relay=relay.example,ca")]);
        assert!(book.places_of(node(2)).is_empty());
    }

    #[tokio::test]
    async fn a_damaged_book_is_put_aside_and_started_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("address-book");
        for damage in [&b"half a li"[..], b"\xff\xfe\x00", &[b'x'; pages::MAX_BYTES + 1]] {
            fs::write(&path, damage).unwrap();
            let book = AddressBook::open(path.clone());
            assert!(book.places_of(node(1)).is_empty());
            assert_eq!(fs::read(with_suffix(&path, ".damaged")).unwrap(), damage);
            book.met(node(1), place("203.0.113.7:1"));
            book.knows(node(1), &place("203.0.113.7:1")).await;
            assert!(fs::read_to_string(&path).unwrap().contains("203.0.113.7:1"));
        }
    }

    #[tokio::test]
    async fn a_book_that_cannot_be_written_still_serves() {
        let folder = tempfile::tempdir().unwrap();
        let book = AddressBook::open(folder.path().join("no/such/folder/address-book"));
        book.met(node(1), place("203.0.113.7:1"));
        book.knows(node(1), &place("203.0.113.7:1")).await;
    }
}
