//! Solved blocks on disk: nothing that a miner found is lost with the node, the
//! pool or the power.
//!
//! For each one, `HEIGHT-HASH.STATE` is a small text (header and coinbase), and
//! `HEIGHT-HASH.block` the raw block, which `bitcoin-cli submitblock` would take in
//! hex. `STATE` is `pending` until the node has given its word, then `sent` or
//! `refused`. Every call here blocks.

use crate::{Network, Solution};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use work::{Hash256, Header};

const PENDING: &str = "pending";
const SENT: &str = "sent";
const REFUSED: &str = "refused";
const BLOCK: &str = "block";

/// The folder. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct SolutionFiles {
    dir: PathBuf,
    network: Network,
    kept: usize,
}

/// A solved block that has files.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Filed {
    /// Without extension.
    stem: PathBuf,
}

impl SolutionFiles {
    /// Files in a folder of the network's own inside `dir`; after a block is
    /// settled, those of the newest `kept` stay.
    pub(super) fn new(dir: &Path, network: Network, kept: usize) -> SolutionFiles {
        SolutionFiles { dir: dir.join(network.to_core_arg()), network, kept }
    }

    /// Makes the folder and sees that it can be written to, so that trouble shows at
    /// the start and not with the first block.
    pub(super) fn prepare(&self) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let probe = self.dir.join("probe.tmp");
        File::create(&probe)?;
        fs::remove_file(&probe)
    }

    /// Writes the record of `solution`; it is on disk when this returns.
    pub(super) fn record(&self, solution: &Solution, header: &Header, height: u32) -> io::Result<Filed> {
        fs::create_dir_all(&self.dir)?;
        let hash = header.hash();
        let filed = self.filed(height, hash);
        let text = format!(
            "network {}\nheight {height}\nhash {hash}\ntemplate {}\nheader {}\ncoinbase {}\n",
            self.network.to_core_arg(),
            solution.template_id,
            hex(&header.to_bytes()),
            hex(&solution.coinbase),
        );
        self.write(&filed.with(PENDING), text.as_bytes())?;
        Ok(filed)
    }

    /// Writes the whole block; it is on disk when this returns.
    pub(super) fn block(&self, filed: &Filed, block: &[u8]) -> io::Result<()> {
        self.write(&filed.with(BLOCK), block)
    }

    /// The node has given its word: it has the block, or `refused` it.
    pub(super) fn settle(&self, filed: &Filed, refused: bool) -> io::Result<()> {
        let state = if refused { REFUSED } else { SENT };
        fs::rename(filed.with(PENDING), filed.with(state))?;
        self.delete_oldest()
    }

    /// What still waits to be sent, with its block if that could be saved.
    pub(super) fn pending(&self) -> io::Result<Vec<(Filed, Option<Vec<u8>>)>> {
        let mut found = Vec::new();
        for path in self.with_extension(PENDING)? {
            let filed = Filed { stem: path.with_extension("") };
            let block = match fs::read(filed.with(BLOCK)) {
                Ok(block) => Some(block),
                Err(error) if error.kind() == io::ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            };
            found.push((filed, block));
        }
        Ok(found)
    }

    /// The coinbases of all blocks that have a record, whatever became of them.
    pub(super) fn coinbases(&self) -> io::Result<Vec<Vec<u8>>> {
        let mut coinbases = Vec::new();
        for state in [PENDING, SENT, REFUSED] {
            for path in self.with_extension(state)? {
                let text = fs::read_to_string(path)?;
                let line = text.lines().find_map(|line| line.strip_prefix("coinbase "));
                coinbases.extend(line.and_then(bytes));
            }
        }
        Ok(coinbases)
    }

    fn filed(&self, height: u32, hash: Hash256) -> Filed {
        // Padded, so that names sort by height.
        Filed { stem: self.dir.join(format!("{height:08}-{hash}")) }
    }

    /// Whole or not at all, also when the power goes.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".tmp");
        let unfinished = PathBuf::from(unfinished);
        let mut file = File::create(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        File::open(&self.dir)?.sync_all()
    }

    /// Lowest heights first.
    fn delete_oldest(&self) -> io::Result<()> {
        let mut settled = self.with_extension(SENT)?;
        settled.extend(self.with_extension(REFUSED)?);
        settled.sort();
        let surplus = settled.len().saturating_sub(self.kept);
        for path in settled.iter().take(surplus) {
            match fs::remove_file(path.with_extension(BLOCK)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => fs::remove_file(path)?,
            }
        }
        Ok(())
    }

    fn with_extension(&self, extension: &str) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_some_and(|found| found == extension) {
                paths.push(path);
            }
        }
        paths.sort();
        Ok(paths)
    }
}

impl Filed {
    fn with(&self, extension: &str) -> PathBuf {
        self.stem.with_extension(extension)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        use std::fmt::Write;
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of an even number of hexadecimal digits.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> =
        hex.chars().map(|digit| digit.to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    fn header(nonce: u32) -> Header {
        let hash = Hash256([3; 32]);
        Header { version: 1, prev_hash: hash, merkle_root: hash, ntime: 2, nbits: 3, nonce }
    }

    fn solution() -> Solution {
        let hash = Hash256::default();
        Solution { template_id: 5, version: 1, ntime: 2, nonce: 3, coinbase: vec![1, 2], hash }
    }

    #[test]
    fn recorded_solution_is_pending_until_it_is_settled() {
        let dir = tempfile::TempDir::new().unwrap();
        let files = SolutionFiles::new(dir.path(), Network::Regtest, 10);
        assert_eq!(files.pending().unwrap(), Vec::new());
        let filed = files.record(&solution(), &header(1), 200).unwrap();
        assert_eq!(files.pending().unwrap(), vec![(filed.clone(), None)]);
        files.block(&filed, b"block").unwrap();
        // As another process finds it.
        let again = SolutionFiles::new(dir.path(), Network::Regtest, 10);
        assert_eq!(again.pending().unwrap(), vec![(filed.clone(), Some(b"block".to_vec()))]);
        assert_eq!(SolutionFiles::new(dir.path(), Network::Signet, 10).pending().unwrap(), Vec::new());
        again.settle(&filed, false).unwrap();
        assert_eq!(again.pending().unwrap(), Vec::new());
        assert!(filed.with(SENT).exists() && filed.with(BLOCK).exists());
    }

    #[test]
    fn coinbases_of_earlier_blocks_are_found_again_in_every_state() {
        let dir = tempfile::TempDir::new().unwrap();
        let files = SolutionFiles::new(dir.path(), Network::Regtest, 10);
        assert_eq!(files.coinbases().unwrap(), Vec::<Vec<u8>>::new());
        for (number, refused) in [(0, None), (1, Some(false)), (2, Some(true))] {
            let solution = Solution { coinbase: vec![0xa5, number], ..solution() };
            let filed = files.record(&solution, &header(number.into()), 200).unwrap();
            if let Some(refused) = refused {
                files.settle(&filed, refused).unwrap();
            }
        }
        let mut found = files.coinbases().unwrap();
        found.sort();
        assert_eq!(found, [[0xa5, 0], [0xa5, 1], [0xa5, 2]]);
    }

    #[test]
    fn only_the_newest_settled_blocks_are_kept_and_pending_ones_always() {
        let dir = tempfile::TempDir::new().unwrap();
        let files = SolutionFiles::new(dir.path(), Network::Regtest, 2);
        let pending = files.record(&solution(), &header(0), 1).unwrap();
        let filed: Vec<Filed> = (1..=4)
            .map(|height| {
                let filed = files.record(&solution(), &header(height), height).unwrap();
                files.block(&filed, b"block").unwrap();
                files.settle(&filed, height == 2).unwrap();
                filed
            })
            .collect();
        assert!(!filed[0].with(SENT).exists() && !filed[0].with(BLOCK).exists());
        assert!(!filed[1].with(REFUSED).exists());
        assert!(filed[2].with(SENT).exists() && filed[3].with(BLOCK).exists());
        assert_eq!(files.pending().unwrap(), vec![(pending, None)]);
    }
}
