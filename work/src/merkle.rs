//! The merkle path from a coinbase to the header's merkle root.

use crate::hash::Hash256;
use crate::sha256;

/// Folds `path` (deepest sibling first, as SV2 section 5.3.16 sends it) over the
/// coinbase's txid and returns the merkle root.
pub fn fold(coinbase_txid: Hash256, path: &[Hash256]) -> Hash256 {
    path.iter().fold(coinbase_txid, |left, right| pair(left, *right))
}

/// The merkle path of the first leaf (the coinbase) in a block whose other
/// transactions have the txids `others`, in block order.
pub fn coinbase_path(others: &[Hash256]) -> Vec<Hash256> {
    let mut path = Vec::new();
    // The level with its first node left out: that node is what the path rebuilds.
    let mut level = others.to_vec();
    while let Some((sibling, rest)) = level.split_first() {
        path.push(*sibling);
        // A node without a neighbour is paired with itself.
        level = rest.chunks(2).filter_map(|node| Some(pair(*node.first()?, *node.last()?))).collect();
    }
    path
}

fn pair(left: Hash256, right: Hash256) -> Hash256 {
    let mut both = [0u8; 64];
    let (first, second) = both.split_at_mut(32);
    first.copy_from_slice(&left.0);
    second.copy_from_slice(&right.0);
    sha256::double_64(&both)
}
