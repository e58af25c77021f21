//! The 80 bytes that are hashed.

use crate::hash::Hash256;
use crate::sha256;

/// A block header's fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Block version; BIP323 gives bits 5 to 28 to the miner.
    pub version: u32,
    /// Hash of the parent block, internal byte order.
    pub prev_hash: Hash256,
    /// Merkle root, internal byte order.
    pub merkle_root: Hash256,
    /// Seconds since the Unix epoch.
    pub ntime: u32,
    /// Compact form of the network target.
    pub nbits: u32,
    /// The nonce.
    pub nonce: u32,
}

impl Header {
    /// The header as it is hashed and sent: integers little-endian.
    pub fn to_bytes(&self) -> [u8; 80] {
        let mut bytes = [0u8; 80];
        let fields: [&[u8]; 6] = [
            &self.version.to_le_bytes(),
            &self.prev_hash.0,
            &self.merkle_root.0,
            &self.ntime.to_le_bytes(),
            &self.nbits.to_le_bytes(),
            &self.nonce.to_le_bytes(),
        ];
        let mut rest = bytes.as_mut_slice();
        for field in fields {
            let (head, tail) = rest.split_at_mut(field.len());
            head.copy_from_slice(field);
            rest = tail;
        }
        bytes
    }

    /// The block hash.
    pub fn hash(&self) -> Hash256 {
        sha256::double_80(&self.to_bytes())
    }
}
