//! What a job recomputes a header from, apart from the tip.

use crate::coinbase::SplitCoinbase;
use crate::hash::Hash256;
use crate::merkle;
use crate::sha256::{self, BLOCK, START, State};
use bitcoin::hashes::{Hash, HashEngine, sha256d};

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
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if length == self.coinbase.extranonce_size
            && let Some(txid) = self.prepared.txid(parts, length)
        {
            return txid;
        }
        txid_of_any_size(&self.coinbase, parts)
    }
}

/// The coinbase cut into whole blocks.
#[derive(Clone, Debug)]
struct Prepared {
    /// After the blocks that lie wholly before the extranonce.
    midstate: State,
    /// The blocks that hold the extranonce, zeros in its place ...
    middle: [u8; MIDDLE],
    /// ... how many bytes of them count: a multiple of 64 ...
    middle_length: usize,
    /// ... and where in them it starts.
    extranonce_at: usize,
    /// The blocks behind them, padding included.
    rest: Box<[[u8; BLOCK]]>,
}

/// Room for an extranonce of up to 129 bytes, wherever in a block it starts: more than
/// consensus lets a scriptSig have.
const MIDDLE: usize = 3 * BLOCK;

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

    /// None if the extranonce does not fit where it is expected.
    fn txid(&self, parts: &[&[u8]], length: usize) -> Option<Hash256> {
        let mut middle = self.middle;
        let mut room = middle.get_mut(self.extranonce_at..self.extranonce_at + length)?;
        for part in parts {
            let (place, after) = room.split_at_mut_checked(part.len())?;
            place.copy_from_slice(part);
            room = after;
        }
        let mut state = self.midstate;
        sha256::absorb(&mut state, middle.get(..self.middle_length)?.as_chunks().0);
        sha256::absorb(&mut state, &self.rest);
        Some(sha256::double(state))
    }
}

/// The slow way, for an extranonce of another size than the job was prepared for.
fn txid_of_any_size(coinbase: &SplitCoinbase, parts: &[&[u8]]) -> Hash256 {
    let mut engine = sha256d::Hash::engine();
    engine.input(&coinbase.prefix);
    for part in parts {
        engine.input(part);
    }
    engine.input(&coinbase.suffix);
    Hash256(sha256d::Hash::from_engine(engine).to_byte_array())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::hash::sha256d as double_sha;
    use proptest::prelude::*;

    fn bytes(length: std::ops::Range<usize>) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(any::<u8>(), length)
    }

    proptest! {
        #[test]
        fn txid_is_that_of_the_bytes_laid_end_to_end(
            prefix in bytes(0..200),
            extranonce in bytes(0..150),
            cut in any::<prop::sample::Index>(),
            suffix in bytes(0..300),
        ) {
            let (first, second) = extranonce.split_at(cut.index(extranonce.len() + 1));
            let extranonce_size = extranonce.len();
            let whole = [&prefix[..], &extranonce, &suffix].concat();
            let coinbase = SplitCoinbase { prefix, suffix, extranonce_size, witness: None };
            let job = JobWork::new(0, true, coinbase, Vec::new());
            prop_assert_eq!(job.txid(&[first, second]), double_sha(&whole));
            prop_assert_eq!(job.txid(&[first, &[], second]), double_sha(&whole));
        }

        #[test]
        fn txid_is_right_for_an_extranonce_of_another_size_too(
            prefix in bytes(0..100),
            extranonce_size in 0usize..32,
            extranonce in bytes(0..40),
            suffix in bytes(0..100),
        ) {
            let whole = [&prefix[..], &extranonce, &suffix].concat();
            let coinbase = SplitCoinbase { prefix, suffix, extranonce_size, witness: None };
            let job = JobWork::new(0, true, coinbase, Vec::new());
            prop_assert_eq!(job.txid(&[&extranonce]), double_sha(&whole));
        }

        #[test]
        fn merkle_root_folds_the_path_over_the_txid(path: [[u8; 32]; 3], extranonce: [u8; 16]) {
            let coinbase =
                SplitCoinbase { prefix: vec![1; 70], suffix: vec![2; 90], extranonce_size: 16, witness: None };
            let mut expected = coinbase.txid(&extranonce);
            for node in path {
                expected = double_sha(&[expected.0, node].concat());
            }
            let job = JobWork::new(0, true, coinbase, path.map(Hash256));
            prop_assert_eq!(job.merkle_root(&[&extranonce[..4], &extranonce[4..]]), expected);
        }
    }
}
