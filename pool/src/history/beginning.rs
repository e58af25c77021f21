//! Since which share statistics count: the first of the ledger, or the first after the host
//! let them begin anew.
//!
//! What is only for looking at lies in a folder of its own beside the ledger, `stats`. Who
//! deletes it while the pool is stopped has new charts and bests, and the ledger as it was.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Name of the folder.
pub const STATS: &str = "stats";

/// What stands in `since.json`.
#[derive(Serialize, Deserialize)]
struct Since {
    /// Of which ledger.
    ledger: String,
    first_share: u64,
}

/// The folder beside the ledger in the file `ledger`.
pub fn folder(ledger: &Path) -> PathBuf {
    ledger.with_file_name(STATS)
}

/// The first share of the ledger `id` that counts. If `folder` does not say so, it is the one
/// after `last`, and that is written down.
///
/// # Errors
/// When it cannot be written down.
pub fn first_share(folder: &Path, id: &str, last: u64) -> io::Result<u64> {
    let file = folder.join("since.json");
    let kept = fs::read(&file).ok().and_then(|bytes| serde_json::from_slice::<Since>(&bytes).ok());
    if let Some(kept) = kept.filter(|kept| kept.ledger == id) {
        return Ok(kept.first_share);
    }
    let since = Since { ledger: id.to_owned(), first_share: last + 1 };
    fs::create_dir_all(folder)?;
    let beside = file.with_extension("new");
    fs::write(&beside, serde_json::to_vec(&since)?)?;
    fs::rename(&beside, &file)?;
    Ok(since.first_share)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn statistics_begin_with_the_ledger_and_anew_once_their_folder_is_gone() {
        let data = tempfile::tempdir().unwrap();
        let stats = folder(&data.path().join("ledger.sqlite"));
        assert_eq!(first_share(&stats, "one", 0).unwrap(), 1);
        assert_eq!(first_share(&stats, "one", 500).unwrap(), 1, "a restart changes nothing");
        fs::remove_dir_all(&stats).unwrap();
        assert_eq!(first_share(&stats, "one", 500).unwrap(), 501);
        assert_eq!(first_share(&stats, "another", 7).unwrap(), 8);
    }
}
