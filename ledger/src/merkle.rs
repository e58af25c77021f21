//! Merkle trees over shares and members, and proofs that something is in one.
//!
//! The shape is that of RFC 6962 (certificate transparency): a tree of n leaves is a tree of
//! the largest power of two below n on the left and of the rest on the right. No leaf is ever
//! counted twice, unlike in Bitcoin's own trees. A [`Frontier`] grows leaf by leaf and keeps
//! one hash for each bit of the count.

use crate::tagged_hash::{Commitment, Tag};
use sha2::Digest;
use thiserror::Error;

/// A tree that is being built: the roots of its complete subtrees, largest first.
#[derive(Clone, Debug, Default)]
pub struct Frontier {
    peaks: Vec<Commitment>,
    leaves: u64,
}

/// Shows that a leaf is in a tree: the hashes beside its way to the root, from below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Place of the leaf, from 0.
    pub index: u64,
    /// Leaves in the tree.
    pub leaves: u64,
    /// Siblings, the leaf's first.
    pub path: Vec<Commitment>,
}

/// There is no such leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("leaf {index} of a tree of {leaves} leaves does not exist")]
pub struct NoSuchLeaf {
    /// The place asked for.
    pub index: u64,
    /// Leaves in the tree.
    pub leaves: u64,
}

impl Frontier {
    /// A tree without leaves.
    pub fn new() -> Frontier {
        Frontier::default()
    }

    /// Adds a leaf behind the others.
    pub fn push(&mut self, leaf: Commitment) {
        let mut node = leaf;
        // Each trailing one of the count is a complete subtree to be joined with.
        for _ in 0..self.leaves.trailing_ones() {
            let Some(left) = self.peaks.pop() else { break };
            node = join(&left, &node);
        }
        self.peaks.push(node);
        self.leaves += 1;
    }

    /// How many leaves.
    pub fn leaves(&self) -> u64 {
        self.leaves
    }

    /// The root.
    pub fn root(&self) -> Commitment {
        let peaks = self.peaks.iter().rev().copied();
        peaks.reduce(|right, left| join(&left, &right)).unwrap_or_else(|| Tag::EmptyTree.hash(&[]))
    }
}

/// The root of the tree of `leaves`.
pub fn root(leaves: impl IntoIterator<Item = Commitment>) -> Commitment {
    let mut frontier = Frontier::new();
    leaves.into_iter().for_each(|leaf| frontier.push(leaf));
    frontier.root()
}

impl Proof {
    /// That the leaf at `index` is among `leaves`.
    ///
    /// # Errors
    /// [`NoSuchLeaf`].
    pub fn new(leaves: &[Commitment], index: u64) -> Result<Proof, NoSuchLeaf> {
        let count = leaves.len() as u64;
        let missing = NoSuchLeaf { index, leaves: count };
        let place = usize::try_from(index).ok().filter(|place| *place < leaves.len()).ok_or(missing)?;
        let mut path = Vec::new();
        let (mut tree, mut place) = (leaves, place);
        while tree.len() > 1 {
            let (left, right) = tree.split_at(left_size(tree.len() as u64) as usize);
            if place < left.len() {
                path.push(root(right.iter().copied()));
                tree = left;
            } else {
                path.push(root(left.iter().copied()));
                place -= left.len();
                tree = right;
            }
        }
        path.reverse();
        Ok(Proof { index, leaves: count, path })
    }

    /// The root of the tree if `leaf` is in it where the proof says; none when the proof is
    /// not of the right length.
    pub fn root(&self, leaf: Commitment) -> Option<Commitment> {
        if self.index >= self.leaves {
            return None;
        }
        // From above: whether the leaf is to the right, at each fork that it passes.
        let mut turns = Vec::new();
        let (mut index, mut size) = (self.index, self.leaves);
        while size > 1 {
            let left = left_size(size);
            let right_side = index >= left;
            turns.push(right_side);
            (index, size) = if right_side { (index - left, size - left) } else { (index, left) };
        }
        if turns.len() != self.path.len() {
            return None;
        }
        let steps = turns.iter().rev().zip(&self.path);
        Some(steps.fold(
            leaf,
            |node, (right_side, sibling)| {
                if *right_side { join(sibling, &node) } else { join(&node, sibling) }
            },
        ))
    }
}

/// Leaves on the left of a tree of `leaves`, at least 2.
fn left_size(leaves: u64) -> u64 {
    1 << (leaves.saturating_sub(1)).checked_ilog2().unwrap_or(0)
}

fn join(left: &Commitment, right: &Commitment) -> Commitment {
    Commitment(Tag::Node.hasher().chain_update(left.0).chain_update(right.0).finalize().into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn leaf(number: u64) -> Commitment {
        Tag::Share.hash(&number.to_le_bytes())
    }

    fn leaves(count: u64) -> Vec<Commitment> {
        (0..count).map(leaf).collect()
    }

    /// The definition of RFC 6962, word by word.
    fn by_definition(leaves: &[Commitment]) -> Commitment {
        match leaves {
            [] => Tag::EmptyTree.hash(&[]),
            [one] => *one,
            many => {
                let half = many.len().next_power_of_two() / 2;
                join(&by_definition(&many[..half]), &by_definition(&many[half..]))
            }
        }
    }

    #[test]
    fn trees_of_every_size_are_those_of_the_definition() {
        for count in 0..130 {
            assert_eq!(root(leaves(count)), by_definition(&leaves(count)), "{count} leaves");
        }
    }

    #[test]
    fn there_is_no_proof_of_a_leaf_past_the_end() {
        assert_eq!(Proof::new(&leaves(3), 3), Err(NoSuchLeaf { index: 3, leaves: 3 }));
        assert!(Proof::new(&[], 0).is_err());
    }

    proptest! {
        #[test]
        fn a_proof_leads_from_its_leaf_to_the_root_and_from_no_other(count in 1u64..300, at: u64, other: u64) {
            let index = at % count;
            let proof = Proof::new(&leaves(count), index).unwrap();
            let expected = Some(root(leaves(count)));
            prop_assert_eq!(proof.root(leaf(index)), expected);
            prop_assume!(other != index);
            prop_assert_ne!(proof.root(leaf(other)), expected);
        }

        #[test]
        fn a_proof_with_anything_changed_is_none(count in 2u64..300, at: u64, bit in 0usize..256, step: usize) {
            let index = at % count;
            let honest = Proof::new(&leaves(count), index).unwrap();
            let expected = Some(root(leaves(count)));
            let mut forged = honest.clone();
            let step = step % forged.path.len();
            forged.path[step].0[bit / 8] ^= 1 << (bit % 8);
            prop_assert_ne!(forged.root(leaf(index)), expected);
            let shorter = Proof { path: honest.path[1..].to_vec(), ..honest.clone() };
            prop_assert_eq!(shorter.root(leaf(index)), None);
            let elsewhere = Proof { index: (index + 1) % count, ..honest };
            prop_assert_ne!(elsewhere.root(leaf(index)), expected);
        }
    }
}
