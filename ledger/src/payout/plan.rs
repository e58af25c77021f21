//! What a block pays to whom, and what it books.

use super::directory::Directory;
use super::earned::earned;
use super::repay::{self, Account};
use super::rules::Rules;
use super::select::{self, NotSelected, select};
use super::{divide, space};
use crate::{Balance, Booking, MemberId, Work};
use bitcoin::{Amount, ScriptBuf, TxOut};
use std::collections::BTreeMap;
use thiserror::Error;

/// A block to be paid out: what it is worth and what is known when its job is made.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// What the payout outputs must add up to, in satoshi.
    pub value: u64,
    /// Each member's work in the window, in any order.
    pub work: &'a [(MemberId, Work)],
    /// What earlier blocks left, in any order.
    pub balances: &'a [Balance],
    /// Whose job this is, where the rules or an empty window make that matter.
    pub finder: Option<MemberId>,
    /// Bytes that the serialised payout outputs may take.
    pub room: u32,
}

/// Who is paid what by a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    value: u64,
    outputs: Vec<Output>,
    bookings: Vec<Booking>,
    repaid: u64,
    left_out: usize,
}

/// One output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Who ([`HOST`](super::HOST) for the host).
    pub member: MemberId,
    /// Where.
    pub script: ScriptBuf,
    /// How much, in satoshi.
    pub amount: u64,
}

/// Why a block cannot be paid out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PlanError {
    /// No work in the window, no finder, or nobody with an address.
    #[error("nobody can be paid: no work counts and no finder with an address is known")]
    Nobody,
    /// The rules pay the host.
    #[error("the payout rules pay the host, but the host has no address: set one or take the fee away")]
    NoHost,
    /// Sums of work that no miner has ever done.
    #[error("the window holds more than 2^126 hashes; its ledger cannot be right")]
    TooMuchWork,
    /// Not even one output.
    #[error("an output takes {needed} bytes, but there is room for {room} only")]
    NoRoom {
        /// Bytes of the largest claim's output.
        needed: u32,
        /// Bytes that there are.
        room: u32,
    },
    /// The balances say that more is owed than was ever paid ahead, or less.
    #[error("the credits of all members add up to {0} sat instead of 0; the ledger is damaged")]
    Unbalanced(i128),
    /// The arithmetic is wrong: a bug, which must not become a block.
    #[error("payouts add up to {paid} sat of {value} sat; this is a bug in Punchbowl, please report it")]
    Mismatch {
        /// Sum of the outputs in satoshi.
        paid: u128,
        /// What was to be paid in satoshi.
        value: u64,
    },
}

impl Plan {
    /// Divides `block` by `rules`; `docs/payouts.md` specifies every step. The order of
    /// work and balances makes no difference.
    ///
    /// # Errors
    /// [`PlanError`]; never a plan of another sum than the block's value.
    pub fn new(rules: &Rules, block: &Block<'_>, directory: &Directory) -> Result<Plan, PlanError> {
        let balances = sum_balances(block.balances)?;
        let earned = earned(rules, block, directory)?;
        let (members, mut accounts) = open_accounts(rules, &earned, &balances, directory);
        let repaid = repay::set_off(&mut accounts, rules.repay_cap.of(block.value));

        let claims: Vec<(MemberId, u64)> =
            members.iter().copied().zip(accounts.iter().map(|account| account.claim)).collect();
        let selected = select(&claims, directory, rules, block.room).map_err(|reason| match reason {
            NotSelected::NoScript => PlanError::Nobody,
            NotSelected::NoRoom { needed } => PlanError::NoRoom { needed, room: block.room },
        })?;
        let outputs = pay(&selected.paid, &claims, block.value, directory)?;

        let paid_to: BTreeMap<MemberId, u64> =
            outputs.iter().map(|output| (output.member, output.amount)).collect();
        let mut bookings: Vec<Booking> = members
            .iter()
            .zip(&accounts)
            .map(|(member, account)| Booking {
                member: *member,
                due: account.earned,
                paid: paid_to.get(member).copied().unwrap_or_default(),
            })
            .filter(|booking| booking.due > 0 || booking.paid > 0)
            .collect();
        bookings.sort_by_key(|booking| booking.member);
        let plan = Plan { value: block.value, outputs, bookings, repaid, left_out: selected.left_out };
        plan.checked()
    }

    /// What the outputs add up to.
    pub fn value(&self) -> u64 {
        self.value
    }

    /// Who is paid, largest claim first, as the outputs stand in the coinbase.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// The outputs as a coinbase carries them.
    pub fn tx_outputs(&self) -> Vec<TxOut> {
        let tx_out = |output: &Output| TxOut {
            value: Amount::from_sat(output.amount),
            script_pubkey: output.script.clone(),
        };
        self.outputs.iter().map(tx_out).collect()
    }

    /// What the block books if it is found: for each account what was due to it for this
    /// block and what it is paid, in the order of their numbers. The sums are equal.
    pub fn bookings(&self) -> &[Booking] {
        &self.bookings
    }

    /// Credits that the block repays, in satoshi.
    pub fn repaid(&self) -> u64 {
        self.repaid
    }

    /// How many accounts are not paid only because there is no room for their outputs.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// Bytes of the serialised outputs.
    pub fn output_bytes(&self) -> u32 {
        self.outputs.iter().map(|output| space::output_bytes(&output.script)).fold(0, u32::saturating_add)
    }

    /// Legacy signature operations in the outputs.
    pub fn sigops(&self) -> u32 {
        let sigops = |output: &Output| u32::try_from(output.script.count_sigops_legacy()).unwrap_or(u32::MAX);
        self.outputs.iter().map(sigops).fold(0, u32::saturating_add)
    }

    /// The last gate before a job: what is paid and what is due are the block's value.
    fn checked(self) -> Result<Plan, PlanError> {
        let paid: u128 = self.outputs.iter().map(|output| u128::from(output.amount)).sum();
        let booked: u128 = self.bookings.iter().map(|booking| u128::from(booking.paid)).sum();
        if paid != u128::from(self.value) || booked != paid || !Booking::is_balanced(&self.bookings) {
            return Err(PlanError::Mismatch { paid, value: self.value });
        }
        Ok(self)
    }
}

/// The balance of each account that has one.
fn sum_balances(balances: &[Balance]) -> Result<BTreeMap<MemberId, i64>, PlanError> {
    let total: i128 = balances.iter().map(|balance| i128::from(balance.credit)).sum();
    if total != 0 {
        return Err(PlanError::Unbalanced(total));
    }
    let mut sums: BTreeMap<MemberId, i64> = BTreeMap::new();
    for balance in balances {
        let sum = sums.entry(balance.member).or_default();
        *sum = sum.saturating_add(balance.credit);
    }
    Ok(sums)
}

/// Everybody with something earned or a balance, in the order in which ties are broken.
fn open_accounts(
    rules: &Rules,
    earned: &BTreeMap<MemberId, u64>,
    balances: &BTreeMap<MemberId, i64>,
    directory: &Directory,
) -> (Vec<MemberId>, Vec<Account>) {
    let mut members: Vec<MemberId> = earned.keys().chain(balances.keys()).copied().collect();
    members.sort_by_cached_key(|member| directory.rank(*member));
    members.dedup();
    let account = |member: &MemberId| Account {
        earned: earned.get(member).copied().unwrap_or_default(),
        credit: balances.get(member).copied().unwrap_or_default(),
        least: directory.script(*member).map_or(u64::MAX, |script| select::least(script, rules)),
        claim: 0,
    };
    let accounts = members.iter().map(account).collect();
    (members, accounts)
}

/// The outputs of those selected: their claims, and in proportion to these what the others
/// are not paid.
fn pay(
    selected: &[usize],
    claims: &[(MemberId, u64)],
    value: u64,
    directory: &Directory,
) -> Result<Vec<Output>, PlanError> {
    let selected: Vec<(MemberId, u64)> =
        selected.iter().filter_map(|place| claims.get(*place)).copied().collect();
    let claimed: u128 = selected.iter().map(|(_, claim)| u128::from(*claim)).sum();
    let mismatch = || PlanError::Mismatch { paid: claimed, value };
    let surplus = u64::try_from(u128::from(value).checked_sub(claimed).ok_or_else(mismatch)?)
        .map_err(|_| mismatch())?;
    let weights: Vec<u128> = selected.iter().map(|(_, claim)| u128::from(*claim)).collect();
    let extra = match divide::in_proportion(surplus, &weights) {
        Some(extra) => extra,
        // All claims are zero: the first takes what there is.
        None => (0..selected.len()).map(|place| if place == 0 { surplus } else { 0 }).collect(),
    };
    let output = |((member, claim), extra): ((MemberId, u64), u64)| {
        let script = directory.script(member).ok_or(PlanError::Nobody)?;
        Ok(Output { member, script: script.to_owned(), amount: claim.saturating_add(extra) })
    };
    selected.into_iter().zip(extra).map(output).collect()
}

#[cfg(test)]
mod tests;
