//! From Bitcoin Core's answers to a [`Template`].

use crate::{CoinbaseReserve, Template};
use bitcoin::block::Header;
use bitcoin::consensus::deserialize;
use bitcoin::hashes::Hash;
use std::time::Instant;
use thiserror::Error;
use work::{CoinbaseTemplate, Hash256};

/// What is asked of a node's template.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    /// 80 bytes.
    pub(super) header: Vec<u8>,
    pub(super) coinbase: CoinbaseTemplate,
    /// Deepest sibling first.
    pub(super) merkle_path: Vec<Hash256>,
    /// Satoshi, for each transaction but the coinbase.
    pub(super) fees: Vec<i64>,
}

#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum ConvertError {
    #[error("the header has {0} bytes, not 80")]
    Header(usize),
    #[error("the coinbase's scriptSig does not start with a height")]
    Height,
    #[error("the reward {reward} is less than the fees {fees}")]
    Fees { reward: u64, fees: u64 },
}

/// Puts `parts` together.
pub(super) fn template(
    parts: Parts,
    provisional: bool,
    received_at: Instant,
) -> Result<Template, ConvertError> {
    let header: Header = deserialize(&parts.header).map_err(|_| ConvertError::Header(parts.header.len()))?;
    let height = bip34_height(&parts.coinbase.script_sig_prefix).ok_or(ConvertError::Height)?;
    let fees = parts.fees.iter().fold(0u64, |sum, fee| sum.saturating_add_signed(*fee));
    let reward = parts.coinbase.value_remaining;
    let subsidy = reward.checked_sub(fees).ok_or(ConvertError::Fees { reward, fees })?;
    Ok(Template {
        id: Template::next_id(),
        height,
        version: header.version.to_consensus().cast_unsigned(),
        prev_hash: Hash256(header.prev_blockhash.to_byte_array()),
        nbits: header.bits.to_consensus(),
        // Core does not tell the median time past; its proposal is never before
        // the minimum, so that is what miners are held to.
        min_ntime: header.time,
        ntime: header.time,
        coinbase: parts.coinbase,
        merkle_path: parts.merkle_path,
        subsidy,
        fees,
        transactions: parts.fees.len(),
        provisional,
        // Whoever asked for it knows.
        reserve: CoinbaseReserve::default(),
        received_at,
    })
}

/// The height that a scriptSig begins with (BIP34): a small-number opcode up to 16,
/// else a push of 1 to 4 bytes, little-endian.
pub(super) fn bip34_height(script_sig: &[u8]) -> Option<u32> {
    const OP_1: u8 = 0x51;
    const OP_16: u8 = 0x60;
    let (first, rest) = script_sig.split_first()?;
    match *first {
        opcode @ OP_1..=OP_16 => Some(u32::from(opcode - OP_1) + 1),
        length @ 1..=4 => {
            let bytes = rest.get(..usize::from(length))?;
            // Numbers in scripts carry a sign in their highest bit.
            let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
            let height = bytes.iter().rev().fold(0u32, |height, byte| (height << 8) | u32::from(*byte));
            (!negative).then_some(height)
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn height_that_was_pushed_is_read_back(height in 1u32..0x7fff_ffff, more: Vec<u8>) {
            let push = bitcoin::script::Builder::new().push_int(i64::from(height)).into_bytes();
            prop_assert_eq!(bip34_height(&[push, more].concat()), Some(height));
        }

        #[test]
        fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
            let _ = bip34_height(&bytes);
        }
    }

    fn parts() -> Parts {
        let genesis = bitcoin::constants::genesis_block(bitcoin::Network::Regtest);
        Parts {
            header: bitcoin::consensus::serialize(&genesis.header),
            coinbase: CoinbaseTemplate {
                version: 2,
                sequence: u32::MAX,
                script_sig_prefix: vec![0x01, 0x11],
                witness: None,
                value_remaining: 5_000,
                required_outputs: Vec::new(),
                lock_time: 0,
            },
            merkle_path: Vec::new(),
            fees: vec![100, 200],
        }
    }

    #[test]
    fn reward_is_split_into_subsidy_and_fees() {
        let template = template(parts(), false, Instant::now()).unwrap();
        assert_eq!((template.subsidy, template.fees, template.transactions), (4_700, 300, 2));
        assert_eq!(template.height, 17);
    }

    #[test]
    fn short_header_is_refused() {
        let short = Parts { header: vec![0; 79], ..parts() };
        assert_eq!(template(short, false, Instant::now()).unwrap_err(), ConvertError::Header(79));
    }

    #[test]
    fn fees_above_the_reward_are_refused() {
        let rich = Parts { fees: vec![6_000], ..parts() };
        assert!(matches!(template(rich, false, Instant::now()), Err(ConvertError::Fees { .. })));
    }
}
