//! What is written about blocks, one transaction each.

use super::Command;
use super::group::{Ended, Writer};
use crate::block::{BlockState, RecordedBlock};
use crate::book::{BookEntry, Payment};
use crate::credit::Booking;
use crate::registry::Entry;
use crate::sender::LedgerGone;
use crate::store::{blocks, shelf};
use thiserror::Error;
use work::Hash256;

/// Why something about a block is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BlockError {
    /// The ledger has no such block.
    #[error("the ledger has no block {0}")]
    Unknown(Hash256),
    /// A block does not go this way.
    #[error("block {hash} is {} and cannot become {}", before.name(), after.name())]
    Transition {
        /// The block.
        hash: Hash256,
        /// What it is.
        before: BlockState,
        /// What it should have become.
        after: BlockState,
    },
    /// Dues and payments have not the same sum: a bug, which must not become a credit.
    #[error(
        "the payments of block {0} do not add up to what is due; this is a bug in Punchbowl, please report it"
    )]
    Unbalanced(Hash256),
    /// The block has other bookings already.
    #[error("block {0} has been booked before, with other payments")]
    BookedOtherwise(Hash256),
    /// The writer has ended.
    #[error(transparent)]
    Gone(#[from] LedgerGone),
}

impl Writer {
    /// Does what `command` says and answers.
    pub(super) fn obey(&mut self, command: Command) -> Result<(), Ended> {
        match command {
            Command::Wake => {}
            Command::State { hash, state, answer } => {
                let outcome = self.set_state(hash, state)?;
                // Who asked may have left.
                let _ = answer.send(outcome);
            }
            Command::Book { hash, payments, answer } => {
                let outcome = self.book(hash, payments)?;
                let _ = answer.send(outcome);
            }
        }
        Ok(())
    }

    fn set_state(&mut self, hash: Hash256, state: BlockState) -> Result<Result<bool, BlockError>, Ended> {
        let block = match self.block(hash)? {
            Ok(block) => block,
            Err(unknown) => return Ok(Err(unknown)),
        };
        if block.state == state {
            return Ok(Ok(false));
        }
        if !block.state.may_become(state) {
            return Ok(Err(BlockError::Transition { hash, before: block.state, after: state }));
        }
        let entry = self.planner.next_entry(BookEntry::State { hash, state });
        self.insist(|writer| {
            let transaction = writer.store.begin()?;
            blocks::set_state(&transaction, &block, state, &entry)?;
            transaction.commit()
        })?;
        self.planner.entered(&entry);
        self.tell_progress();
        Ok(Ok(true))
    }

    fn book(&mut self, hash: Hash256, payments: Vec<Payment>) -> Result<Result<bool, BlockError>, Ended> {
        let block = match self.block(hash)? {
            Ok(block) => block,
            Err(unknown) => return Ok(Err(unknown)),
        };
        let mut bookings = self.insist(|writer| writer.bookings_of(&payments))?;
        bookings.sort_by_key(|booking| booking.member);
        let unique = bookings.is_sorted_by(|one, next| one.member < next.member);
        if !unique || !Booking::is_balanced(&bookings) {
            return Ok(Err(BlockError::Unbalanced(hash)));
        }
        let before = self.insist(|writer| blocks::bookings(writer.store.connection(), block.number))?;
        if !before.is_empty() {
            return Ok(if before == bookings { Ok(false) } else { Err(BlockError::BookedOtherwise(hash)) });
        }
        let entry = self.planner.next_entry(BookEntry::Booked { hash, payments });
        let new: Vec<Entry> = self.planner.registry().1.drain(..).collect();
        self.insist(|writer| {
            let transaction = writer.store.begin()?;
            new.iter().try_for_each(|member| shelf::insert(&transaction, member))?;
            blocks::book(&transaction, &block, &bookings, &entry)?;
            transaction.commit()
        })?;
        self.planner.entered(&entry);
        self.tell_progress();
        Ok(Ok(true))
    }

    fn block(&mut self, hash: Hash256) -> Result<Result<RecordedBlock, BlockError>, Ended> {
        let block = self.insist(|writer| blocks::by_hash(writer.store.connection(), &hash))?;
        Ok(block.ok_or(BlockError::Unknown(hash)))
    }

    fn bookings_of(&mut self, payments: &[Payment]) -> rusqlite::Result<Vec<Booking>> {
        let (registry, new) = self.planner.registry();
        let booking = |payment: &Payment| {
            let member = registry.member(&payment.member, self.store.connection(), new)?;
            Ok(Booking { member, due: payment.due, paid: payment.paid })
        };
        payments.iter().map(booking).collect()
    }
}
