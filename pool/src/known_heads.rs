//! The last head that each pool has shown, kept in a file: whoever has one knows whether the
//! pool ever tells another story of what came before.

use ledger::{Head, SignedHead};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Heads of several ledgers, the newest of each.
#[derive(Clone, Debug)]
pub struct KnownHeads {
    path: Option<PathBuf>,
    heads: Vec<SignedHead>,
}

/// Why the file cannot be used.
#[derive(Debug, Error)]
pub enum KnownHeadsError {
    /// It cannot be read or written.
    #[error("cannot use {path}, where the heads that pools have shown are noted: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{path} does not hold heads: {why}; move it away, or name another file", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

#[derive(Serialize, Deserialize)]
struct File {
    punchbowl_heads: Vec<Noted>,
}

/// Bytes in hexadecimal.
#[derive(Serialize, Deserialize)]
struct Noted {
    slice: u64,
    head: String,
    signer: String,
    signature: String,
}

/// Ledgers that are remembered; the one noted longest ago is forgotten beyond that.
const MOST: usize = 64;
/// The longest file that is read.
const LONGEST: u64 = 1 << 20;

impl KnownHeads {
    /// None, and nothing is kept.
    pub fn nowhere() -> KnownHeads {
        KnownHeads { path: None, heads: Vec::new() }
    }

    /// Those in the file at `path`; none if there is no file yet.
    ///
    /// # Errors
    /// [`KnownHeadsError`].
    pub fn load(path: &Path) -> Result<KnownHeads, KnownHeadsError> {
        let failed = |source| KnownHeadsError::Io { path: path.to_owned(), source };
        let mut known = KnownHeads { path: Some(path.to_owned()), heads: Vec::new() };
        let mut text = String::new();
        match fs::File::open(path) {
            Ok(file) => file.take(LONGEST).read_to_string(&mut text).map_err(failed)?,
            // That it cannot be made either is said when there is something to note.
            Err(fault) if matches!(fault.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(known);
            }
            Err(fault) => return Err(failed(fault)),
        };
        let unreadable = |why: String| KnownHeadsError::Unreadable { path: path.to_owned(), why };
        let file: File = serde_json::from_str(&text).map_err(|fault| unreadable(fault.to_string()))?;
        for noted in &file.punchbowl_heads {
            let head =
                noted.read().ok_or_else(|| unreadable(format!("the head of slice {}", noted.slice)))?;
            known.heads.push(head);
        }
        Ok(known)
    }

    /// Whether the file at `path` looks like one of these.
    pub fn is_one(path: &Path) -> bool {
        let mut first = [0];
        fs::File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok() && first == *b"{"
    }

    /// All of them.
    pub fn into_heads(self) -> Vec<SignedHead> {
        self.heads
    }

    /// The heads that `signer` (an x-only key) has shown.
    pub fn of(&self, signer: &[u8; 32]) -> Vec<SignedHead> {
        self.heads.iter().filter(|head| head.signer == *signer).cloned().collect()
    }

    /// Notes a head that is newer than the one before of its ledger. An older one is left
    /// alone, and so is one that contradicts: the head that was shown first stays the proof.
    ///
    /// # Errors
    /// [`KnownHeadsError::Io`]; it is noted in memory all the same.
    pub fn note(&mut self, head: &SignedHead) -> Result<(), KnownHeadsError> {
        if !self.put(head) {
            return Ok(());
        }
        let Some(path) = self.path.clone() else { return Ok(()) };
        // Other programs may have noted others meanwhile.
        if let Ok(others) = KnownHeads::load(&path) {
            others.heads.iter().for_each(|other| _ = self.put(other));
        }
        self.write(&path).map_err(|source| KnownHeadsError::Io { path, source })
    }

    /// Whether the head is news.
    fn put(&mut self, head: &SignedHead) -> bool {
        let name = |head: &SignedHead| (head.signer, head.head.ledger);
        match self.heads.iter_mut().find(|known| name(known) == name(head)) {
            Some(known) if known.head.slice >= head.head.slice => return false,
            Some(known) => *known = head.clone(),
            None => {
                if self.heads.len() >= MOST {
                    self.heads.remove(0);
                }
                self.heads.push(head.clone());
            }
        }
        true
    }

    /// In place of the file before: a reader sees the one or the other.
    fn write(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = File { punchbowl_heads: self.heads.iter().map(Noted::of).collect() };
        let mut new = path.as_os_str().to_owned();
        new.push(format!(".{}.new", std::process::id()));
        let mut out =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        writeln!(out, "{}", serde_json::to_string_pretty(&file)?)?;
        out.sync_all()?;
        fs::rename(new, path)
    }
}

impl Noted {
    fn of(signed: &SignedHead) -> Noted {
        Noted {
            slice: signed.head.slice,
            head: hex(&signed.head.to_bytes()),
            signer: hex(&signed.signer),
            signature: hex(&signed.signature),
        }
    }

    fn read(&self) -> Option<SignedHead> {
        let head = Head::from_bytes(&unhex(&self.head)?).ok()?;
        let signature = unhex(&self.signature)?.try_into().ok()?;
        Some(SignedHead { head, signer: unhex(&self.signer)?.try_into().ok()?, signature })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ledger::{CloseReason, Commitment, LedgerId, WorkSum};
    use work::Hash256;

    fn head(ledger: u8, slice: u64, closed: u32) -> SignedHead {
        let head = Head {
            ledger: LedgerId([ledger; 16]),
            slice,
            previous: Commitment([1; 32]),
            opened: 5,
            closed,
            reason: CloseReason::Time,
            prev_hash: Hash256([2; 32]),
            first_share: 1,
            sum: WorkSum::ZERO,
            shares_root: Commitment([3; 32]),
            members_root: Commitment([4; 32]),
            book: Commitment([5; 32]),
        };
        SignedHead { head, signer: [7; 32], signature: [8; 64] }
    }

    #[test]
    fn the_newest_head_of_each_ledger_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/heads.json");
        let mut known = KnownHeads::load(&path).unwrap();
        for head in [head(1, 3, 9), head(1, 4, 9), head(1, 2, 9), head(2, 1, 9)] {
            known.note(&head).unwrap();
        }
        // A contradiction does not replace the proof of it.
        known.note(&head(1, 4, 10)).unwrap();
        assert!(KnownHeads::is_one(&path));
        let again = KnownHeads::load(&path).unwrap();
        assert_eq!(again.of(&[7; 32]), [head(1, 4, 9), head(2, 1, 9)]);
        assert_eq!(again.of(&[9; 32]), []);
        std::fs::write(&path, "{ not heads").unwrap();
        assert!(KnownHeads::load(&path).unwrap_err().to_string().contains("does not hold heads"));
    }
}
