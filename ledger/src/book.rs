//! The book: every word about blocks and credits, in order, each entry hashed onto the one
//! before.
//!
//! Blocks and balances are what the book adds up to. Each head names the book's last entry,
//! so that a credit, once told, cannot quietly become another.

use crate::block::{BlockState, FoundBlock};
use crate::bytes::{BadBytes, Reading, Writing};
use crate::tagged_hash::{Commitment, Tag};
use std::sync::Arc;
use work::Hash256;

/// An entry of the book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BookEntry {
    /// A block was found.
    Found(FoundBlock),
    /// What a block was to pay each member, and pays. It counts while the block does.
    Booked {
        /// The block.
        hash: Hash256,
        /// Each member's part; dues and payments have the same sum.
        payments: Vec<Payment>,
    },
    /// A block's state has changed.
    State {
        /// The block.
        hash: Hash256,
        /// What it is now.
        state: BlockState,
    },
}

/// A [`Booking`](crate::credit::Booking) with the member by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The member's identity.
    pub member: Arc<str>,
    /// What was due, in sat.
    pub due: u64,
    /// What the coinbase pays, in sat.
    pub paid: u64,
}

impl BookEntry {
    /// The entry's hash, which the next entry and the next head name:
    /// `H[book](hash of the entry before || bytes)`.
    pub fn hash(&self, before: Commitment) -> Commitment {
        let mut message = before.0.to_vec();
        message.extend_from_slice(&self.to_bytes());
        Tag::Book.hash(&message)
    }

    /// The layout of `docs/ledger.md`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Writing::default();
        match self {
            BookEntry::Found(block) => {
                bytes.u8(1).raw(&block.hash.0).u32(block.height).u32(block.found).raw(&block.job.0);
                bytes.u64(block.value).short(block.member.as_bytes()).short(block.worker.as_bytes());
            }
            BookEntry::Booked { hash, payments } => {
                bytes.u8(2).raw(&hash.0).varint(payments.len() as u64);
                for payment in payments {
                    bytes.short(payment.member.as_bytes()).u64(payment.due).u64(payment.paid);
                }
            }
            BookEntry::State { hash, state } => _ = bytes.u8(3).raw(&hash.0).u8(state.code()),
        }
        bytes.0
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`BadBytes`] when these are no entry.
    pub fn from_bytes(bytes: &[u8]) -> Result<BookEntry, BadBytes> {
        let mut from = Reading(bytes);
        let entry = match from.u8()? {
            1 => {
                let (hash, height, found) = (Hash256(from.array()?), from.u32()?, from.u32()?);
                let (job, value) = (Commitment(from.array()?), from.u64()?);
                let (member, worker) = (from.short_text()?.into(), from.short_text()?.into());
                BookEntry::Found(FoundBlock { hash, height, found, job, member, worker, value })
            }
            2 => {
                let hash = Hash256(from.array()?);
                let payments = (0..from.count(17)?).map(|_| {
                    let member = from.short_text()?.into();
                    Ok(Payment { member, due: from.u64()?, paid: from.u64()? })
                });
                BookEntry::Booked { hash, payments: payments.collect::<Result<_, _>>()? }
            }
            3 => {
                let (hash, code) = (Hash256(from.array()?), from.u8()?);
                let state = BlockState::from_code(code).ok_or(BadBytes::Meaningless("a block's state"))?;
                BookEntry::State { hash, state }
            }
            _ => return Err(BadBytes::Meaningless("an entry of this kind")),
        };
        from.end()?;
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn entry(kind: u8, hash: [u8; 32], value: u64, name: &str) -> BookEntry {
        let hash = Hash256(hash);
        match kind {
            0 => BookEntry::Found(FoundBlock {
                hash,
                height: 9,
                found: 10,
                job: Commitment([7; 32]),
                member: name.into(),
                worker: "".into(),
                value,
            }),
            1 => {
                let payment = Payment { member: name.into(), due: value, paid: 3 };
                BookEntry::Booked { hash, payments: vec![payment; 2] }
            }
            _ => BookEntry::State { hash, state: BlockState::InChain },
        }
    }

    #[test]
    fn an_entrys_hash_is_that_of_all_before_it_too() {
        let entry = entry(2, [1; 32], 0, "");
        assert_ne!(entry.hash(Commitment([0; 32])), entry.hash(Commitment([1; 32])));
    }

    proptest! {
        #[test]
        fn entries_come_back_as_they_were_written(kind in 0u8..3, hash: [u8; 32], value: u64, name in "\\PC{0,60}") {
            let entry = entry(kind, hash, value, &name);
            prop_assert_eq!(BookEntry::from_bytes(&entry.to_bytes()).unwrap(), entry);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = BookEntry::from_bytes(&bytes);
        }
    }
}
