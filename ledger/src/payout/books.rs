//! The balances that blocks leave behind: booked once each, taken back if orphaned.

use crate::{Balance, Booking, MemberId};
use std::collections::BTreeMap;
use thiserror::Error;
use work::Hash256;

/// Balances of all accounts, and the blocks that made them. Their sum is zero at every
/// moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    balances: BTreeMap<MemberId, i64>,
    blocks: BTreeMap<[u8; 32], Page>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Page {
    bookings: Vec<Booking>,
    /// Not since taken back.
    stands: bool,
}

/// Why nothing was booked.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BooksError {
    /// Dues and payments differ.
    #[error("block {0}: what is due and what is paid have different sums")]
    Unbalanced(Hash256),
    /// The same block with other numbers.
    #[error("block {0} was booked before, with other payouts")]
    Conflict(Hash256),
    /// More satoshi than there are.
    #[error("block {block}: the balance of member {} does not fit", .member.0)]
    Overflow {
        /// The block.
        block: Hash256,
        /// Whose balance.
        member: MemberId,
    },
}

impl Books {
    /// Books a block that is in the chain. False if it stands in the books already: then
    /// nothing changes, however often it is said.
    ///
    /// # Errors
    /// When the bookings are not balanced, differ from those of an earlier time or do not
    /// fit; then nothing is booked.
    pub fn book(&mut self, block: Hash256, bookings: &[Booking]) -> Result<bool, BooksError> {
        if !Booking::is_balanced(bookings) {
            return Err(BooksError::Unbalanced(block));
        }
        if let Some(page) = self.blocks.get(&block.0) {
            if page.bookings != bookings {
                return Err(BooksError::Conflict(block));
            }
            if page.stands {
                return Ok(false);
            }
        }
        self.balances = self.with(block, bookings, 1)?;
        self.blocks.insert(block.0, Page { bookings: bookings.to_vec(), stands: true });
        Ok(true)
    }

    /// Takes back a block that is no longer in the chain. False if it does not stand in
    /// the books.
    ///
    /// # Errors
    /// When a balance does not fit; then nothing changes.
    pub fn take_back(&mut self, block: Hash256) -> Result<bool, BooksError> {
        let Some(page) = self.blocks.get(&block.0).filter(|page| page.stands) else { return Ok(false) };
        self.balances = self.with(block, &page.bookings, -1)?;
        if let Some(page) = self.blocks.get_mut(&block.0) {
            page.stands = false;
        }
        Ok(true)
    }

    /// Everybody's balance that is not zero, in the order of their numbers.
    pub fn balances(&self) -> Vec<Balance> {
        self.balances.iter().map(|(member, credit)| Balance { member: *member, credit: *credit }).collect()
    }

    fn with(
        &self,
        block: Hash256,
        bookings: &[Booking],
        sign: i64,
    ) -> Result<BTreeMap<MemberId, i64>, BooksError> {
        let mut balances = self.balances.clone();
        for booking in bookings {
            let member = booking.member;
            let overflow = || BooksError::Overflow { block, member };
            let change = booking.credit().and_then(|credit| credit.checked_mul(sign)).ok_or_else(overflow)?;
            let balance = balances.entry(member).or_default();
            *balance = balance.checked_add(change).ok_or_else(overflow)?;
        }
        balances.retain(|_, balance| *balance != 0);
        Ok(balances)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const BLOCK: Hash256 = Hash256([1; 32]);
    const ANOTHER: Hash256 = Hash256([2; 32]);

    fn booking(member: u32, due: u64, paid: u64) -> Booking {
        Booking { member: MemberId(member), due, paid }
    }

    fn balance(member: u32, credit: i64) -> Balance {
        Balance { member: MemberId(member), credit }
    }

    #[test]
    fn a_block_is_booked_once_however_often_it_is_found() {
        let mut books = Books::default();
        let bookings = [booking(1, 40, 0), booking(2, 60, 100)];
        assert_eq!(books.book(BLOCK, &bookings), Ok(true));
        assert_eq!(books.book(BLOCK, &bookings), Ok(false));
        assert_eq!(books.balances(), [balance(1, 40), balance(2, -40)]);
    }

    #[test]
    fn an_orphaned_block_leaves_nothing_behind_and_may_come_back() {
        let mut books = Books::default();
        let bookings = [booking(1, 40, 0), booking(2, 60, 100)];
        books.book(BLOCK, &bookings).unwrap();
        books.book(ANOTHER, &[booking(1, 50, 90), booking(2, 50, 10)]).unwrap();
        assert_eq!(books.take_back(BLOCK), Ok(true));
        assert_eq!(books.take_back(BLOCK), Ok(false));
        assert_eq!(books.balances(), [balance(1, -40), balance(2, 40)]);
        assert_eq!(books.book(BLOCK, &bookings), Ok(true));
        assert_eq!(books.balances(), []);
    }

    #[test]
    fn bookings_that_make_or_lose_satoshi_are_refused() {
        let mut books = Books::default();
        let refused = books.book(BLOCK, &[booking(1, 40, 0), booking(2, 60, 99)]);
        assert_eq!(refused, Err(BooksError::Unbalanced(BLOCK)));
        books.book(BLOCK, &[booking(1, 1, 1)]).unwrap();
        assert_eq!(books.book(BLOCK, &[booking(1, 2, 2)]), Err(BooksError::Conflict(BLOCK)));
        assert_eq!(books.take_back(ANOTHER), Ok(false));
        let huge = [booking(1, u64::MAX, 0), booking(2, 0, u64::MAX)];
        assert!(matches!(books.book(ANOTHER, &huge), Err(BooksError::Overflow { .. })));
        assert_eq!(books.balances(), []);
    }
}
