//! Where the embedded chain keeps its blocks: in memory, or in one append-only
//! file.
//!
//! A record is magic, length (u32 little-endian), the first four bytes of the
//! block's double SHA-256, and the block in network encoding. A record is on disk
//! (fsync) before [`BlockStore::append`] returns. A torn last record, as a power
//! cut leaves it, is cut off on opening.

use super::EmbeddedError;
use bitcoin::Block;
use bitcoin::consensus::{deserialize, serialize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tracing::warn;
use work::sha256d;

const FILE_NAME: &str = "embedded-chain.dat";
const MAGIC: [u8; 4] = *b"PbBk";
const RECORD_HEAD: usize = 12;
/// Larger than any valid block.
const MAX_BLOCK_BYTES: usize = 4_000_000;

/// Blocks by index, the first one (the child of genesis) being 0.
#[derive(Debug)]
pub(super) enum BlockStore {
    Memory(Vec<Vec<u8>>),
    File(BlockFile),
}

#[derive(Debug)]
pub(super) struct BlockFile {
    path: PathBuf,
    file: File,
    /// Offset and length of every block's bytes.
    index: Vec<(u64, usize)>,
    end: u64,
}

impl BlockStore {
    /// An empty store that is gone with the process.
    pub(super) fn in_memory() -> BlockStore {
        BlockStore::Memory(Vec::new())
    }

    /// Opens the store in the folder `dir`, making both if needed.
    ///
    /// # Errors
    /// When the file cannot be read or written, another process has it, or it is
    /// damaged anywhere but at its end.
    pub(super) fn open(dir: &Path) -> Result<BlockStore, EmbeddedError> {
        let path = dir.join(FILE_NAME);
        let io = |source| EmbeddedError::Io { path: path.clone(), source };
        std::fs::create_dir_all(dir).map_err(io)?;
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)?;
        file.try_lock().map_err(|_| EmbeddedError::InUse(path.clone()))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(io)?;
        let (index, end) = scan(&bytes);
        let tail = bytes.get(end..).unwrap_or_default();
        if !tail.is_empty() {
            let records_follow =
                tail.get(1..).unwrap_or_default().windows(MAGIC.len()).any(|window| window == MAGIC);
            if records_follow {
                return Err(EmbeddedError::Damaged { path, offset: end as u64 });
            }
            warn!(path = %path.display(), bytes = tail.len(), "cutting off a torn last record");
            file.set_len(end as u64).map_err(io)?;
            file.sync_all().map_err(io)?;
        }
        Ok(BlockStore::File(BlockFile { path, file, index, end: end as u64 }))
    }

    /// How many blocks there are.
    pub(super) fn len(&self) -> usize {
        match self {
            BlockStore::Memory(blocks) => blocks.len(),
            BlockStore::File(file) => file.index.len(),
        }
    }

    /// Adds `block`; it is on disk when this returns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn append(&mut self, block: &Block) -> Result<(), EmbeddedError> {
        let bytes = serialize(block);
        match self {
            BlockStore::Memory(blocks) => {
                blocks.push(bytes);
                Ok(())
            }
            BlockStore::File(store) => {
                store.append(&bytes).map_err(|source| EmbeddedError::Io { path: store.path.clone(), source })
            }
        }
    }

    /// The block at `index`, or `None` past the end.
    ///
    /// # Errors
    /// When it cannot be read or is not a block.
    pub(super) fn get(&mut self, index: usize) -> Result<Option<Block>, EmbeddedError> {
        match self {
            BlockStore::Memory(blocks) => Ok(blocks.get(index).and_then(|bytes| deserialize(bytes).ok())),
            BlockStore::File(store) => store.get(index),
        }
    }
}

impl BlockFile {
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let record = [&head(bytes), bytes].concat();
        // At the known end, so that the rest of a write that failed is overwritten.
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&record)?;
        self.file.sync_data()?;
        self.index.push((self.end + RECORD_HEAD as u64, bytes.len()));
        self.end += record.len() as u64;
        Ok(())
    }

    fn get(&mut self, index: usize) -> Result<Option<Block>, EmbeddedError> {
        let Some(&(offset, length)) = self.index.get(index) else { return Ok(None) };
        let io = |source| EmbeddedError::Io { path: self.path.clone(), source };
        let mut bytes = vec![0; length];
        self.file.seek(SeekFrom::Start(offset)).map_err(io)?;
        self.file.read_exact(&mut bytes).map_err(io)?;
        let block =
            deserialize(&bytes).map_err(|_| EmbeddedError::Damaged { path: self.path.clone(), offset })?;
        Ok(Some(block))
    }
}

/// Where the whole records of `bytes` are, and where the last of them ends.
fn scan(bytes: &[u8]) -> (Vec<(u64, usize)>, usize) {
    let mut index = Vec::new();
    let mut end = 0;
    while let Some(length) = bytes.get(end..).and_then(record_length) {
        index.push(((end + RECORD_HEAD) as u64, length));
        end += RECORD_HEAD + length;
    }
    (index, end)
}

/// Length of the block in the record that `bytes` begins with, if it is whole.
fn record_length(bytes: &[u8]) -> Option<usize> {
    let (found_head, rest) = bytes.split_at_checked(RECORD_HEAD)?;
    let length = u32::from_le_bytes(found_head.get(4..8)?.try_into().ok()?) as usize;
    let block = rest.get(..length).filter(|_| length <= MAX_BLOCK_BYTES)?;
    (found_head == head(block)).then_some(length)
}

fn head(block: &[u8]) -> [u8; RECORD_HEAD] {
    let mut head = [0; RECORD_HEAD];
    let checksum = sha256d(block).0;
    let length = (block.len() as u32).to_le_bytes();
    for (slot, byte) in head.iter_mut().zip(MAGIC.iter().chain(&length).chain(&checksum)) {
        *slot = *byte;
    }
    head
}
