//! What a block repays of what earlier blocks left unpaid.
//!
//! Who was paid ahead gives back out of what they earn now; who was left short receives
//! just that. So a block never repays more than its debtors earn in it, nobody who was
//! not paid ahead ever earns less for another's sake, and a debt of somebody who has left
//! waits for them. The cap keeps the greater part of a block for its own work.

use super::divide::within_limits;

/// One account, before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Account {
    /// What it has earned of this block.
    pub(super) earned: u64,
    /// Its balance: positive is owed to it, negative was paid ahead.
    pub(super) credit: i64,
    /// The least that it can be paid. It is repaid nothing that would not reach this.
    pub(super) least: u64,
    /// What this block is to pay it; the sum over all accounts is that of `earned`.
    pub(super) claim: u64,
}

/// Sets the claims. `cap` is the most that is repaid in all, in satoshi. `accounts` are in
/// the order in which ties are broken. Returns how much is repaid.
pub(super) fn set_off(accounts: &mut [Account], cap: u64) -> u64 {
    let owed: Vec<u64> = accounts.iter().map(Account::owed).collect();
    let can_give: Vec<u64> = accounts
        .iter()
        .map(|account| if account.credit < 0 { account.credit.unsigned_abs().min(account.earned) } else { 0 })
        .collect();
    let amount = sum(&owed).min(sum(&can_give)).min(cap);
    let received = within_limits(amount, &owed);
    let given = within_limits(amount, &can_give);
    for ((account, received), given) in accounts.iter_mut().zip(received).zip(given) {
        // Only one of the two is not zero, and `given` is at most what was earned.
        account.claim = account.earned.saturating_add(received).saturating_sub(given);
    }
    amount
}

impl Account {
    /// What it would be repaid if there were enough.
    fn owed(&self) -> u64 {
        let owed = u64::try_from(self.credit).unwrap_or(0);
        if self.earned.saturating_add(owed) >= self.least { owed } else { 0 }
    }
}

fn sum(amounts: &[u64]) -> u64 {
    amounts.iter().fold(0, |sum, amount| sum.saturating_add(*amount))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(each: &[(u64, i64)], cap: u64) -> Vec<u64> {
        let account =
            |(earned, credit): &(u64, i64)| Account { earned: *earned, credit: *credit, least: 20, claim: 0 };
        let mut accounts: Vec<Account> = each.iter().map(account).collect();
        set_off(&mut accounts, cap);
        accounts.iter().map(|account| account.claim).collect()
    }

    #[test]
    fn who_was_paid_ahead_gives_back_to_who_was_left_short() {
        assert_eq!(claims(&[(600, -100), (400, 100)], 1_000), [500, 500]);
    }

    #[test]
    fn a_debtor_gives_back_at_most_what_it_earns_now() {
        assert_eq!(claims(&[(50, -100), (950, 100)], 1_000), [0, 1_000]);
    }

    #[test]
    fn nobody_pays_for_a_debtor_who_has_left() {
        assert_eq!(claims(&[(0, -100), (500, 100), (500, 0)], 1_000), [0, 500, 500]);
    }

    #[test]
    fn a_creditor_who_has_left_is_paid_all_the_same() {
        assert_eq!(claims(&[(1_000, -100), (0, 100)], 1_000), [900, 100]);
    }

    #[test]
    fn nothing_is_moved_for_a_credit_that_cannot_be_paid_yet() {
        assert_eq!(claims(&[(900, -19), (0, 19)], 1_000), [900, 0]);
        assert_eq!(claims(&[(900, -19), (1, 19)], 1_000), [881, 20]);
    }

    #[test]
    fn no_more_than_the_cap_is_repaid() {
        assert_eq!(claims(&[(600, -100), (400, 100)], 30), [570, 430]);
        assert_eq!(claims(&[(600, -100), (400, 100)], 0), [600, 400]);
    }

    #[test]
    fn creditors_and_debtors_take_part_in_proportion() {
        let claims = claims(&[(500, -100), (500, -300), (0, 300), (0, 100)], 200);
        assert_eq!(claims, [450, 350, 150, 50]);
    }
}
