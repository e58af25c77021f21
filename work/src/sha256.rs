//! SHA-256 one block at a time, for messages whose shape is known in advance.
//!
//! A share costs some forty compressions of which the shapes never change (two
//! hashes: 64 bytes, a header: 80 bytes, a hash: 32 bytes). With the padding written
//! as a constant nothing is left but the compression function itself, which the
//! `sha2` crate runs on the CPU's SHA instructions where there are any.

use crate::hash::Hash256;
use sha2::block_api::compress256;

/// The chaining value between two blocks.
pub(crate) type State = [u32; 8];

/// The chaining value that SHA-256 starts with.
pub(crate) const START: State =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// Bytes that SHA-256 takes at a time.
pub(crate) const BLOCK: usize = 64;

/// Adds whole blocks to `state`.
pub(crate) fn absorb(state: &mut State, blocks: &[[u8; BLOCK]]) {
    compress256(state, blocks);
}

/// SHA-256d of exactly 64 bytes (two merkle nodes).
pub(crate) fn double_64(message: &[u8; 64]) -> Hash256 {
    let mut state = START;
    absorb(&mut state, &[*message, PADDING_OF_64]);
    double(state)
}

/// SHA-256d of exactly 80 bytes (a block header).
pub(crate) fn double_80(message: &[u8; 80]) -> Hash256 {
    let mut blocks = [0u8; 2 * BLOCK];
    let (head, _) = blocks.split_at_mut(80);
    head.copy_from_slice(message);
    blocks[80] = 0x80;
    blocks[126] = 0x02; // 640 bits, big-endian
    blocks[127] = 0x80;
    let mut state = START;
    absorb(&mut state, blocks.as_chunks().0);
    double(state)
}

/// SHA-256d of any message that begins with `state` over `absorbed` bytes (a
/// multiple of 64) and ends with `rest`.
pub(crate) fn double_rest(mut state: State, absorbed: usize, rest: &[u8]) -> Hash256 {
    let (blocks, tail) = rest.as_chunks();
    absorb(&mut state, blocks);
    let mut padded = [0u8; 2 * BLOCK];
    let length = pad(&mut padded, tail, absorbed.saturating_add(rest.len()));
    let (last, _) = padded.split_at(length.min(padded.len()));
    absorb(&mut state, last.as_chunks().0);
    double(state)
}

/// The bytes that follow a message of `length` bytes to make it whole blocks.
pub(crate) fn padding(length: usize) -> Vec<u8> {
    let mut padded = [0u8; 2 * BLOCK];
    let tail = length % BLOCK;
    let (unused, _) = [0u8; BLOCK].split_at(tail);
    let end = pad(&mut padded, unused, length);
    padded.get(tail..end).unwrap_or_default().to_vec()
}

/// Writes `tail` (less than a block) and the padding of a message of `length`
/// bytes; returns how many bytes of `padded` that takes: one block or two.
fn pad(padded: &mut [u8; 2 * BLOCK], tail: &[u8], length: usize) -> usize {
    let end = if tail.len() < BLOCK - 8 { BLOCK } else { 2 * BLOCK };
    for (to, from) in padded.iter_mut().zip(tail.iter().chain(&[0x80])) {
        *to = *from;
    }
    let bits = (length as u64).wrapping_mul(8).to_be_bytes();
    for (to, from) in padded.iter_mut().take(end).rev().zip(bits.iter().rev()) {
        *to = *from;
    }
    end
}

/// The outer hash: SHA-256 of the digest `state`.
pub(crate) fn double(state: State) -> Hash256 {
    let mut block = [0u8; BLOCK];
    write_digest(&mut block, &state);
    block[32] = 0x80;
    block[62] = 0x01; // 256 bits, big-endian
    let mut outer = START;
    absorb(&mut outer, &[block]);
    let mut hash = [0u8; 32];
    write_digest(&mut hash, &outer);
    Hash256(hash)
}

fn write_digest(to: &mut [u8], state: &State) {
    for (bytes, word) in to.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
}

const PADDING_OF_64: [u8; BLOCK] = {
    let mut block = [0u8; BLOCK];
    block[0] = 0x80;
    block[62] = 0x02; // 512 bits, big-endian
    block
};

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use bitcoin::hashes::{Hash, sha256d};
    use proptest::prelude::*;

    fn oracle(message: &[u8]) -> Hash256 {
        Hash256(sha256d::Hash::hash(message).to_byte_array())
    }

    proptest! {
        #[test]
        fn fixed_shapes_agree_with_bitcoin_hashes(a: [u8; 32], b: [u8; 32], c: [u8; 16]) {
            let message = [&a[..], &b[..], &c[..]].concat();
            prop_assert_eq!(double_64(message[..64].try_into().unwrap()), oracle(&message[..64]));
            prop_assert_eq!(double_80(message.as_slice().try_into().unwrap()), oracle(&message));
        }

        #[test]
        fn any_length_agrees_with_bitcoin_hashes(message in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert_eq!(double_rest(START, 0, &message), oracle(&message));
        }

        #[test]
        fn a_message_can_be_continued_after_whole_blocks(
            message in prop::collection::vec(any::<u8>(), 128..300),
            blocks in 0usize..=2,
        ) {
            let (head, rest) = message.split_at(blocks * BLOCK);
            let mut state = START;
            absorb(&mut state, head.as_chunks().0);
            prop_assert_eq!(double_rest(state, head.len(), rest), oracle(&message));
        }
    }

    #[test]
    fn padding_makes_whole_blocks_of_every_length() {
        for length in 0..300 {
            let message = vec![0xab; length];
            let padded = [message.clone(), padding(length)].concat();
            let (blocks, rest) = padded.as_chunks();
            assert!(rest.is_empty(), "{length}");
            let mut state = START;
            absorb(&mut state, blocks);
            assert_eq!(double(state), oracle(&message), "{length}");
        }
    }
}
