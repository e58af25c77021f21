//! `fixed` payouts: one destination takes every block.

use super::SetupError;
use super::address::PayoutAddress;
use super::descriptor::{DescriptorError, PayoutDescriptor};
use super::found::FoundBlocks;
use super::rotation::{Rotation, RotationError};
use super::set::PayoutSet;
use bitcoin::ScriptBuf;
use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use thiserror::Error;
use tokio::sync::watch;

/// The current payout set of a pool that pays one destination.
#[derive(Debug)]
pub struct FixedPayout {
    /// The pool's own blocks.
    pub found: FoundBlocks,
    set: watch::Sender<Arc<PayoutSet>>,
    /// For a ranged descriptor only.
    ranged: Option<Mutex<Ranged>>,
}

#[derive(Debug)]
struct Ranged {
    descriptor: PayoutDescriptor,
    rotation: Rotation,
}

/// Why the next address could not be taken up.
#[derive(Debug, Error)]
pub enum AdvanceError {
    /// The index could not be stored.
    #[error(transparent)]
    Rotation(#[from] RotationError),
    /// There is no next address.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
}

impl FixedPayout {
    /// Pays one address, always.
    pub fn address(address: &PayoutAddress) -> FixedPayout {
        FixedPayout::of(PayoutSet::single(address.script.clone()), None)
    }

    /// Pays a descriptor. A ranged one takes up the index kept in `data_dir`.
    ///
    /// # Errors
    /// When the index cannot be read or stored, or the descriptor is used up.
    pub fn descriptor(descriptor: PayoutDescriptor, data_dir: &Path) -> Result<FixedPayout, SetupError> {
        if !descriptor.is_ranged() {
            return Ok(FixedPayout::of(PayoutSet::single(descriptor.script_at(0)?), None));
        }
        let rotation = Rotation::open(data_dir, &descriptor.to_text())?;
        let set = PayoutSet::single_at(descriptor.script_at(rotation.index())?, rotation.index());
        Ok(FixedPayout::of(set, Some(Ranged { descriptor, rotation })))
    }

    fn of(set: PayoutSet, ranged: Option<Ranged>) -> FixedPayout {
        let (found, set) = (FoundBlocks::default(), watch::Sender::new(Arc::new(set)));
        FixedPayout { found, set, ranged: ranged.map(Mutex::new) }
    }

    /// What new jobs pay.
    pub fn current(&self) -> Arc<PayoutSet> {
        self.set.borrow().clone()
    }

    /// What new jobs pay, as it changes.
    pub fn watch(&self) -> watch::Receiver<Arc<PayoutSet>> {
        self.set.subscribe()
    }

    /// To be called when a block that pays `paid` is found: a ranged descriptor moves
    /// to its next index, which is on disk before it is published.
    ///
    /// Blocks for the time of two disk syncs: call it from `spawn_blocking`, beside
    /// the submission of the block and not before it.
    ///
    /// # Errors
    /// When the index cannot be stored (the pool has moved on all the same, but a
    /// restart would not know) or the descriptor is used up (it stays at the last).
    pub fn block_found(&self, paid: &PayoutSet) -> Result<(), AdvanceError> {
        let (Some(ranged), Some(used)) = (&self.ranged, paid.descriptor_index()) else {
            return Ok(());
        };
        let mut ranged = ranged.lock().unwrap_or_else(PoisonError::into_inner);
        let stored = ranged.rotation.advance_past(used);
        let index = ranged.rotation.index();
        if self.current().descriptor_index() != Some(index) {
            let set = PayoutSet::single_at(ranged.descriptor.script_at(index)?, index);
            self.set.send_replace(Arc::new(set));
        }
        stored?;
        Ok(())
    }

    /// Moves past every index in a row that one of `scripts` pays already. A pool that is
    /// killed the moment it finds a block may not have stored that it moved on.
    ///
    /// # Errors
    /// As [`block_found`](Self::block_found).
    pub fn skip_paid(&self, scripts: &HashSet<ScriptBuf>) -> Result<(), AdvanceError> {
        loop {
            let current = self.current();
            if !current.recipients().iter().any(|recipient| scripts.contains(&recipient.script)) {
                return Ok(());
            }
            self.block_found(&current)?;
            if self.current() == current {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use template_provider::Network;

    // BIP32 test vector 1, chain m; never to be used for coins.
    const XPUB: &str = "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8";

    fn ranged(folder: &Path) -> FixedPayout {
        let descriptor = PayoutDescriptor::parse(&format!("tr({XPUB}/0/*)"), Network::Bitcoin).unwrap();
        FixedPayout::descriptor(descriptor, folder).unwrap()
    }

    #[test]
    fn a_found_block_moves_a_ranged_descriptor_to_its_next_index() {
        let folder = tempfile::tempdir().unwrap();
        let payout = ranged(folder.path());
        let mut changes = payout.watch();
        let first = payout.current();
        payout.block_found(&first).unwrap();
        assert!(changes.has_changed().unwrap());
        let second = changes.borrow_and_update().clone();
        assert_eq!((first.descriptor_index(), second.descriptor_index()), (Some(0), Some(1)));
        assert_ne!(first.recipients(), second.recipients());
        // The same block reported again, or another of an older job: nothing moves.
        payout.block_found(&first).unwrap();
        assert!(!changes.has_changed().unwrap());
    }

    #[test]
    fn whatever_its_kind_a_ranged_descriptor_stores_each_index_before_it_is_paid() {
        // BIP32 test vector 2, chain m.
        let other = "xpub661MyMwAqRbcFW31YEwpkMuc5THy2PSt5bDMsktWQcFF8syAmRUapSCGu8ED9W6oDMSgv6Zz8idoc4a6mr8BDzTJY47LJhkJ8UB7WEGuduB";
        for text in [
            format!("wpkh({XPUB}/0/*)"),
            format!("tr({XPUB}/0/*)"),
            format!("wsh(sortedmulti(2,{XPUB}/0/*,{other}/0/*))"),
            format!("sh(wsh(multi(1,{XPUB}/0/*,{other}/0/*)))"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let open = || {
                let descriptor = PayoutDescriptor::parse(&text, Network::Bitcoin).unwrap();
                FixedPayout::descriptor(descriptor, folder.path()).unwrap()
            };
            let (payout, mut paid) = (open(), HashSet::new());
            for index in 0..3 {
                let current = payout.current();
                assert_eq!(current.descriptor_index(), Some(index), "{text}");
                // A pool that is killed now comes back to this very address.
                assert_eq!(open().current(), current, "{text}");
                assert!(paid.insert(current.recipients()[0].script.clone()), "{text}: paid twice");
                payout.block_found(&current).unwrap();
            }
        }
    }

    #[test]
    fn a_restart_pays_where_the_pool_was() {
        let folder = tempfile::tempdir().unwrap();
        let before = ranged(folder.path());
        before.block_found(&before.current()).unwrap();
        assert_eq!(ranged(folder.path()).current(), before.current());
    }

    #[test]
    fn indexes_that_earlier_blocks_pay_are_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let twin = ranged(other.path());
        let mut paid = HashSet::new();
        for _ in 0..2 {
            paid.insert(twin.current().recipients()[0].script.clone());
            twin.block_found(&twin.current()).unwrap();
        }
        let payout = ranged(folder.path());
        payout.skip_paid(&paid).unwrap();
        assert_eq!(payout.current().descriptor_index(), Some(2));
        assert_eq!(ranged(folder.path()).current().descriptor_index(), Some(2));
        // An address is paid again and again.
        let address =
            super::super::address::parse(crate::payout::REGTEST_BURN_ADDRESS, Network::Regtest).unwrap();
        FixedPayout::address(&address).skip_paid(&HashSet::from([address.script])).unwrap();
    }

    #[test]
    fn an_index_that_cannot_be_stored_is_left_behind_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let payout = ranged(folder.path());
        let first = payout.current();
        folder.close().unwrap();
        assert!(payout.block_found(&first).is_err());
        assert_eq!(payout.current().descriptor_index(), Some(1));
    }

    #[test]
    fn an_address_never_moves() {
        let address =
            super::super::address::parse(crate::payout::REGTEST_BURN_ADDRESS, Network::Regtest).unwrap();
        let payout = FixedPayout::address(&address);
        let changes = payout.watch();
        payout.block_found(&payout.current()).unwrap();
        assert!(!changes.has_changed().unwrap());
        assert_eq!(payout.current().descriptor_index(), None);
    }
}
