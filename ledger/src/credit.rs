//! What a block did not pay to whom it was due: credits, signed, of sum zero.
//!
//! A member that a block owes more than it pays (dust, no room in the coinbase) is left
//! with a credit; whoever it paid more than was due to them with a debt of the same sum.

use crate::member::MemberId;

/// What one block was to pay a member, and paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Booking {
    /// Who.
    pub member: MemberId,
    /// What was due to them for their work, in sat.
    pub due: u64,
    /// What the coinbase pays them, in sat.
    pub paid: u64,
}

/// What the pool owes a member over all blocks that count, in sat; negative when the
/// member was paid ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Balance {
    /// Who.
    pub member: MemberId,
    /// How much.
    pub credit: i64,
}

impl Booking {
    /// What the block adds to the member's balance, in sat; none when it does not fit.
    pub fn credit(&self) -> Option<i64> {
        i64::try_from(i128::from(self.due) - i128::from(self.paid)).ok()
    }

    /// Whether these bookings take from nobody and make nothing: dues and payments have the
    /// same sum, and so the credits sum to zero.
    pub fn is_balanced(bookings: &[Booking]) -> bool {
        let sum =
            |of: fn(&Booking) -> u64| bookings.iter().map(|booking| u128::from(of(booking))).sum::<u128>();
        sum(|booking| booking.due) == sum(|booking| booking.paid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn booking(member: u32, due: u64, paid: u64) -> Booking {
        Booking { member: MemberId(member), due, paid }
    }

    #[test]
    fn what_is_not_paid_is_a_credit_and_what_is_paid_ahead_a_debt() {
        let bookings = [booking(1, 100, 0), booking(2, 900, 1_000)];
        assert_eq!(bookings.map(|each| each.credit()), [Some(100), Some(-100)]);
        assert!(Booking::is_balanced(&bookings));
    }

    #[test]
    fn bookings_that_pay_more_or_less_than_is_due_are_not_balanced() {
        assert!(!Booking::is_balanced(&[booking(1, 100, 101)]));
        assert!(!Booking::is_balanced(&[booking(1, u64::MAX, 0), booking(2, u64::MAX, 0)]));
        assert_eq!(booking(1, u64::MAX, 0).credit(), None);
    }
}
