//! Hashes and targets, reckoned without the pool's own code.
//!
//! All 32-byte values are in internal byte order, targets little-endian.

use bitcoin::{
    CompactTarget,
    hashes::{Hash, HashEngine, sha256d},
};

/// SHA-256 twice over `pieces` one after another.
pub fn double_sha256(pieces: &[&[u8]]) -> [u8; 32] {
    let mut engine = sha256d::Hash::engine();
    for piece in pieces {
        engine.input(piece);
    }
    sha256d::Hash::from_engine(engine).to_byte_array()
}

/// The merkle root over a coinbase with this txid (SV2 section 5.3.16).
pub fn merkle_root<'a>(coinbase_txid: [u8; 32], path: impl Iterator<Item = &'a [u8]>) -> [u8; 32] {
    path.fold(coinbase_txid, |root, leaf| double_sha256(&[&root, leaf]))
}

/// The bytes of a block header.
pub fn header(
    version: u32,
    prev_hash: &[u8; 32],
    merkle_root: &[u8; 32],
    ntime: u32,
    nbits: u32,
) -> [u8; 80] {
    let mut header = [0; 80];
    header[0..4].copy_from_slice(&version.to_le_bytes());
    header[4..36].copy_from_slice(prev_hash);
    header[36..68].copy_from_slice(merkle_root);
    header[68..72].copy_from_slice(&ntime.to_le_bytes());
    header[72..76].copy_from_slice(&nbits.to_le_bytes());
    header
}

/// The hash of `header` with `nonce` in its last four bytes.
pub fn hash_with_nonce(header: &mut [u8; 80], nonce: u32) -> [u8; 32] {
    header[76..80].copy_from_slice(&nonce.to_le_bytes());
    sha256d::Hash::hash(header).to_byte_array()
}

/// A hash as block explorers and Bitcoin Core show it.
pub fn display(hash: &[u8; 32]) -> String {
    hash.iter().rev().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether `hash` is at most `target`.
pub fn meets(hash: &[u8; 32], target: &[u8; 32]) -> bool {
    hash.iter().rev().le(target.iter().rev())
}

/// The target that a header's `nbits` stands for.
pub fn network_target(nbits: u32) -> [u8; 32] {
    bitcoin::Target::from_compact(CompactTarget::from_consensus(nbits)).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_genesis_header_hashes_to_the_genesis_hash_and_meets_its_target() {
        let genesis = bitcoin::constants::genesis_block(bitcoin::Network::Bitcoin);
        let fields = genesis.header;
        let mut bytes = header(
            fields.version.to_consensus() as u32,
            &fields.prev_blockhash.to_byte_array(),
            &fields.merkle_root.to_byte_array(),
            fields.time,
            fields.bits.to_consensus(),
        );
        let hash = hash_with_nonce(&mut bytes, fields.nonce);
        assert_eq!(hash, genesis.block_hash().to_byte_array());
        assert!(meets(&hash, &network_target(fields.bits.to_consensus())));
        assert!(!meets(&[0xff; 32], &network_target(fields.bits.to_consensus())));
    }
}
