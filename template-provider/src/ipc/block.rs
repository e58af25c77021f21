//! A template's transactions as bytes, ready to stand behind another coinbase.

use crate::{Solution, Template};
use bitcoin::consensus::encode::{self, Decodable, VarInt};
use bitcoin::hashes::Hash;
use bitcoin::{Transaction, consensus::serialize};
use work::{Hash256, Header, merkle};

/// All of a block but its header and coinbase, in network encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Body {
    /// Number of transactions, coinbase included.
    count: u64,
    /// The transactions behind the coinbase.
    others: Vec<u8>,
}

impl Body {
    /// Of a block with a coinbase only.
    pub(super) fn empty() -> Body {
        Body { count: 1, others: Vec::new() }
    }

    /// Takes the body from a whole `block`.
    ///
    /// # Errors
    /// When it does not begin as a block does.
    pub(super) fn from_block(mut block: Vec<u8>) -> Result<Body, encode::Error> {
        let mut rest = block.get(80..).unwrap_or_default();
        let count = VarInt::consensus_decode(&mut rest)?.0;
        Transaction::consensus_decode(&mut rest)?;
        let others = block.split_off(block.len() - rest.len());
        Ok(Body { count, others })
    }

    /// The block with `header` and `coinbase` (BIP141 encoding).
    pub(super) fn with(&self, header: &Header, coinbase: &[u8]) -> Vec<u8> {
        [&header.to_bytes(), serialize(&VarInt(self.count)).as_slice(), coinbase, &self.others].concat()
    }
}

/// The header that `solution` makes of `template`.
///
/// # Errors
/// When the coinbase is not a transaction.
pub(super) fn header(template: &Template, solution: &Solution) -> Result<Header, encode::Error> {
    let coinbase: Transaction = encode::deserialize(&solution.coinbase)?;
    let txid = Hash256(coinbase.compute_txid().to_byte_array());
    Ok(Header {
        version: solution.version,
        prev_hash: template.prev_hash,
        merkle_root: merkle::fold(txid, &template.merkle_path),
        ntime: solution.ntime,
        nbits: template.nbits,
        nonce: solution.nonce,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn body_of_a_block_with_its_own_header_and_coinbase_is_the_block() {
        let genesis = bitcoin::constants::genesis_block(bitcoin::Network::Bitcoin);
        let mut block = genesis.clone();
        block.txdata.push(genesis.txdata.first().unwrap().clone());
        let bytes = serialize(&block);
        let body = Body::from_block(bytes.clone()).unwrap();
        let header = Header {
            version: block.header.version.to_consensus().cast_unsigned(),
            prev_hash: Hash256(block.header.prev_blockhash.to_byte_array()),
            merkle_root: Hash256(block.header.merkle_root.to_byte_array()),
            ntime: block.header.time,
            nbits: block.header.bits.to_consensus(),
            nonce: block.header.nonce,
        };
        assert_eq!(body.with(&header, &serialize(block.txdata.first().unwrap())), bytes);
        assert_eq!(body.count, 2);
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken_apart_without_panic(bytes: Vec<u8>) {
            let _ = Body::from_block(bytes);
        }
    }
}
