//! What a job recomputes a header from, apart from the tip.

use crate::coinbase::SplitCoinbase;
use crate::hash::Hash256;
use crate::merkle;
use crate::sha256::{self, BLOCK, START, State};

/// The part of a job that decides about shares: version, coinbase and merkle path.
///
/// Built once a job and shared by all its channels. The coinbase is prepared so that
/// a share costs only the blocks from its extranonce on: everything before is a
/// SHA-256 midstate, everything behind lies padded and aligned.
#[derive(Clone, Debug)]
pub struct JobWork {
    version: u32,
    version_rolling: bool,
    coinbase: SplitCoinbase,
    merkle_path: Box<[Hash256]>,
    prepared: Prepared,
}

/// The coinbase cut into whole blocks.
#[derive(Clone, Debug)]
struct Prepared {
    /// After the blocks that lie wholly before the extranonce.
    midstate: State,
    /// The blocks that hold the extranonce (zeros in its place) ...
    middle: [u8; MIDDLE],
    /// ... how many bytes of them count: a multiple of 64 ...
    middle_length: usize,
    /// ... and where in them it starts.
    extranonce_at: usize,
    /// The blocks behind it, padding included.
    rest: Box<[[u8; BLOCK]]>,
}

/// An extranonce of up to 65 bytes touches at most two blocks more than the one it
/// starts in.
const MIDDLE: usize = 3 * BLOCK;

impl JobWork {
    /// `version_rolling`: whether BIP323 bits may be rolled (SV2's
    /// `version_rolling_allowed`; always so in standard channels). `merkle_path`:
    /// deepest sibling first.
    pub fn new(
        version: u32,
        version_rolling: bool,
        coinbase: SplitCoinbase,
        merkle_path: impl Into<Box<[Hash256]>>,
    ) -> JobWork {
        let prepared = Prepared::new(&coinbase);
        JobWork { version, version_rolling, coinbase, merkle_path: merkle_path.into(), prepared }
    }

    /// The version in the job.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Whether the miner may change the version's BIP323 bits.
    pub fn version_rolling(&self) -> bool {
        self.version_rolling
    }

    /// The coinbase around the extranonce.
    pub fn coinbase(&self) -> &SplitCoinbase {
        &self.coinbase
    }

    /// The coinbase's merkle path, deepest sibling first.
    pub fn merkle_path(&self) -> &[Hash256] {
        &self.merkle_path
    }

    /// The merkle root with the extranonce made of `parts`, one behind the other
    /// (the channel's prefix, the rolled part).
    ///
    /// Allocates nothing. The parts should be [`SplitCoinbase::extranonce_size`] bytes
    /// together; with any other size the root is right for these bytes, but then no
    /// block can be made of it.
    pub fn merkle_root(&self, parts: &[&[u8]]) -> Hash256 {
        merkle::fold(self.txid(parts), &self.merkle_path)
    }

    /// The coinbase's txid with the extranonce made of `parts`.
    pub fn txid(&self, parts: &[&[u8]]) -> Hash256 {
        let _ = &self.prepared;
        self.coinbase.txid(&parts.concat())
    }
}

impl Prepared {
    fn new(coinbase: &SplitCoinbase) -> Prepared {
        let (before, start) = coinbase.prefix.as_chunks::<BLOCK>();
        let mut midstate = START;
        sha256::absorb(&mut midstate, before);

        let length = coinbase.prefix.len() + coinbase.extranonce_size + coinbase.suffix.len();
        let mut bytes = start.to_vec();
        bytes.resize(start.len() + coinbase.extranonce_size, 0);
        let middle_length = bytes.len().next_multiple_of(BLOCK);
        bytes.extend_from_slice(&coinbase.suffix);
        bytes.extend_from_slice(&sha256::padding(length));

        let mut middle = [0u8; MIDDLE];
        for (to, from) in middle.iter_mut().zip(&bytes) {
            *to = *from;
        }
        let rest = bytes.get(middle_length..).unwrap_or_default().as_chunks().0.into();
        Prepared { midstate, middle, middle_length, extranonce_at: start.len(), rest }
    }
}
