//! Who is paid, as the job maker needs it: immutable sets of outputs.
//!
//! [`PayoutMode`] is made once from the configuration. `fixed` has one current
//! [`PayoutSet`] for everybody, published through a `watch`; it changes when a
//! ranged descriptor moves on after a block. `solo` has a set per channel, made
//! from the address in its user identity. `shared` pays all members by the ledger's rules
//! (`docs/payouts.md`): a [`Standpoint`] says by which state of the ledger, and the
//! [keeper](keeper) publishes a new one when there is news. Nothing is paid anywhere by
//! default: the only exception is regtest, whose coins are worth nothing.

pub mod address;
pub mod aliases;
pub mod descriptor;
pub mod fixed;
pub mod found;
pub mod identity;
pub mod keeper;
pub mod payouts;
pub mod pool_tag;
pub mod rotation;
pub mod ruled;
pub mod set;
pub mod standpoint;
pub mod used;

pub use address::{AddressError, PayoutAddress};
pub use aliases::{AliasError, Aliases};
pub use descriptor::{DescriptorError, PayoutDescriptor};
pub use fixed::{AdvanceError, FixedPayout};
pub use found::{Found, FoundBlocks};
pub use identity::{Identity, IdentityError};
pub use payouts::{PaidOut, Payouts, RuledPayouts, Spread};
pub use rotation::RotationError;
pub use ruled::RuledPayout;
pub use set::{PayoutError, PayoutSet};
pub use standpoint::Standpoint;
pub use used::PaidBefore;

use crate::config;
use bitcoin::Transaction;
use std::path::Path;
use std::sync::Arc;
use template_provider::{CoinbaseReserve, Network};
use thiserror::Error;
use work::Hash256;

/// How blocks are paid.
#[derive(Debug)]
pub enum PayoutMode {
    /// One destination takes every block.
    Fixed(Box<FixedPayout>),
    /// The miner that finds a block takes it, at the address in its user identity.
    Solo(Network),
    /// The ledger's rules say: all who worked (`shared`), or the finder and the host.
    Ruled(Arc<RuledPayout>),
}

/// Why payouts cannot be set up.
#[derive(Debug, Error)]
pub enum SetupError {
    /// No destination, and none may be assumed.
    #[error(transparent)]
    NoDestination(#[from] NoDestination),
    /// `payout.address` is not usable.
    #[error("payout.address: {0}")]
    Address(#[from] AddressError),
    /// `payout.descriptor` is not usable.
    #[error("payout.descriptor: {0}")]
    Descriptor(#[from] DescriptorError),
    /// `payout.aliases` is not usable.
    #[error("payout.aliases: {0}")]
    Alias(#[from] AliasError),
    /// The index of a ranged descriptor cannot be kept.
    #[error(transparent)]
    Rotation(#[from] RotationError),
}

/// No destination is configured on a chain whose coins are worth something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("nobody is named to be paid; on {} there is no default", config::values::network_name::of(*.0))]
pub struct NoDestination(pub Network);

/// Regtest's destination when none is configured: the P2WPKH address of twenty zero
/// bytes, to which nobody has a key.
pub const REGTEST_BURN_ADDRESS: &str = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202";

/// The destination used when none is configured.
///
/// # Errors
/// On every chain but regtest.
pub fn default_address(network: Network) -> Result<&'static str, NoDestination> {
    if network == Network::Regtest { Ok(REGTEST_BURN_ADDRESS) } else { Err(NoDestination(network)) }
}

impl PayoutMode {
    /// From the configuration; a ranged descriptor's index is read from, and kept
    /// in, the data folder `data_dir`.
    ///
    /// # Errors
    /// When there is no usable destination or the index cannot be stored.
    pub fn from_config(
        payout: &config::Payout,
        network: Network,
        data_dir: &Path,
    ) -> Result<PayoutMode, SetupError> {
        if payout.mode == config::PayoutKind::Solo && payout.host_fee_ppm == 0 {
            return Ok(PayoutMode::Solo(network));
        }
        if payout.mode != config::PayoutKind::Fixed {
            let rules = payout.rules();
            let host =
                if payout.host_fee_ppm > 0 { Some(destination(payout, network, data_dir)?) } else { None };
            let aliases = Aliases::new(&payout.aliases, network)?;
            let ruled = RuledPayout::new(rules, host, network, aliases, payout.coinbase_weight);
            return Ok(PayoutMode::Ruled(Arc::new(ruled)));
        }
        Ok(PayoutMode::Fixed(Box::new(destination(payout, network, data_dir)?)))
    }

    /// Takes note of the coinbases of blocks that were found before, and of what the ledger
    /// says of more: a ranged descriptor never pays an index again that one of them pays.
    ///
    /// # Errors
    /// When the index cannot be stored or the descriptor is used up.
    pub fn skip_paid(&self, coinbases: &[Vec<u8>], ledger: &PaidBefore) -> Result<(), AdvanceError> {
        let Some(fixed) = self.destination() else { return Ok(()) };
        let transactions =
            coinbases.iter().filter_map(|bytes| bitcoin::consensus::deserialize::<Transaction>(bytes).ok());
        let scripts = transactions.flat_map(|coinbase| coinbase.output).map(|output| output.script_pubkey);
        fixed.skip_paid(&scripts.chain(ledger.scripts().cloned()).collect())
    }

    /// The rules, where the ledger decides whom blocks pay.
    pub fn rules(&self) -> Option<&ledger::payout::Rules> {
        match self {
            PayoutMode::Ruled(ruled) => Some(&ruled.rules),
            PayoutMode::Fixed(_) | PayoutMode::Solo(_) => None,
        }
    }

    /// The one configured destination, if blocks pay it or a part of them.
    pub fn destination(&self) -> Option<&FixedPayout> {
        match self {
            PayoutMode::Fixed(fixed) => Some(fixed),
            PayoutMode::Solo(_) => None,
            PayoutMode::Ruled(ruled) => ruled.host.as_ref(),
        }
    }

    /// What a channel's user identity means: who it is, and whom its blocks pay.
    ///
    /// # Errors
    /// In solo mode, when it does not begin with a usable address.
    pub fn identify(&self, user_identity: &[u8]) -> Result<Identity, IdentityError> {
        match self {
            PayoutMode::Fixed(_) => Ok(Identity::of_member(user_identity)),
            PayoutMode::Solo(network) => Identity::of_address(user_identity, *network),
            PayoutMode::Ruled(ruled) => Identity::of_payee(user_identity, &ruled.aliases, ruled.network),
        }
    }

    /// For people and JSON.
    pub fn name(&self) -> &'static str {
        match self {
            PayoutMode::Fixed(_) => "fixed",
            PayoutMode::Solo(_) => "solo",
            PayoutMode::Ruled(ruled) if ruled.rules.mode == ledger::payout::Mode::Solo => "solo",
            PayoutMode::Ruled(_) => "shared",
        }
    }

    /// A block of ours was found, of which the node has not heard yet: what is built on it waits
    /// until the next jobs know what it pays.
    pub fn block_found(&self, hash: Hash256, paid: &Payouts) {
        let index = paid.rotating().and_then(PayoutSet::descriptor_index);
        if let Some(found) = self.found() {
            found.add(Found { hash, index });
        }
    }

    /// The pool's own blocks; none where each block is alone.
    pub fn found(&self) -> Option<&FoundBlocks> {
        match self {
            PayoutMode::Fixed(fixed) => Some(&fixed.found),
            PayoutMode::Solo(_) => None,
            PayoutMode::Ruled(ruled) => Some(&ruled.found),
        }
    }

    /// Room that the coinbase outputs need at present. For solo it is that of the
    /// largest standard output, so that no later miner outgrows it.
    pub fn coinbase_reserve(&self) -> CoinbaseReserve {
        match self {
            PayoutMode::Fixed(fixed) => fixed.current().coinbase_reserve(),
            PayoutMode::Solo(_) => address::LARGEST_OUTPUT,
            PayoutMode::Ruled(ruled) => ruled.first_reserve(),
        }
    }
}

/// The one destination that is configured.
fn destination(
    payout: &config::Payout,
    network: Network,
    data_dir: &Path,
) -> Result<FixedPayout, SetupError> {
    Ok(match (&payout.descriptor, &payout.address) {
        (Some(text), _) => FixedPayout::descriptor(PayoutDescriptor::parse(text, network)?, data_dir)?,
        (None, Some(text)) => FixedPayout::address(&address::parse(text, network)?),
        (None, None) => {
            let text = default_address(network)?;
            tracing::warn!(
                address = text,
                "no payout is configured: blocks of this regtest pool are paid to an address to which \
                     nobody has a key; set payout.address to keep them"
            );
            FixedPayout::address(&address::parse(text, network)?)
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn regtest_alone_has_a_default_and_its_coins_are_nobodys() {
        let burn = address::parse(default_address(Network::Regtest).unwrap(), Network::Regtest).unwrap();
        assert_eq!(burn.script.as_bytes(), [[0x00, 0x14].as_slice(), &[0; 20]].concat());
        for network in [Network::Bitcoin, Network::Testnet4, Network::Signet] {
            assert_eq!(default_address(network), Err(NoDestination(network)));
        }
    }

    #[test]
    fn without_a_destination_a_mainnet_pool_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error =
            PayoutMode::from_config(&config::Payout::default(), Network::Bitcoin, folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "nobody is named to be paid; on mainnet there is no default");
    }

    #[test]
    fn solo_reserves_room_for_every_address_that_it_accepts() {
        let reserve = PayoutMode::Solo(Network::Regtest).coinbase_reserve();
        for text in [
            "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202",
            "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq3xueyj",
            "mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8",
            "2MsFDzHRUAMpjHxKyoEHU3aMCMsVtMqs1PV",
        ] {
            let address = address::parse(text, Network::Regtest).unwrap();
            let own = PayoutSet::single(address.script).coinbase_reserve();
            assert!(own.output_bytes <= reserve.output_bytes && own.sigops <= reserve.sigops, "{text}");
        }
    }
}
