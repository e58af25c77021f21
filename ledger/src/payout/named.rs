//! A plan by names instead of numbers: what a job's outputs must be, from its basis and
//! what the ledger says.

use super::basis::Basis;
use super::directory::{Directory, HOST};
use super::identity::{HOST_NAME, Payee};
use super::plan::{Block, Plan, PlanError};
use super::split::Split;
use crate::book::Payment;
use crate::{Balance, MemberId, Work};
use std::collections::HashMap;
use std::sync::Arc;

/// What the ledger says at the point that a basis names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Each identity's work in the window, once each.
    pub work: Vec<(Arc<str>, Work)>,
    /// Each identity's balance in satoshi; [`HOST_NAME`] is the host's.
    pub balances: Vec<(Arc<str>, i64)>,
}

/// A plan, and who its numbers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPlan {
    plan: Plan,
    names: Vec<Arc<str>>,
}

impl NamedPlan {
    /// Divides `value` satoshi. `finder` counts only for a basis that is for a finder.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn new(
        basis: &Basis,
        value: u64,
        standing: &Standing,
        finder: Option<&str>,
    ) -> Result<NamedPlan, PlanError> {
        let mut roster = Roster::new(basis);
        let work: Vec<(MemberId, Work)> =
            standing.work.iter().map(|(name, work)| (roster.number(name), *work)).collect();
        let balance =
            |(name, credit): &(Arc<str>, i64)| Balance { member: roster.number(name), credit: *credit };
        let balances: Vec<Balance> = standing.balances.iter().map(balance).collect();
        let finder = finder.filter(|_| basis.for_finder).map(|name| roster.number(&name.into()));
        let block = Block { value, work: &work, balances: &balances, finder, room: basis.room };
        let plan = Plan::new(&basis.rules, &block, &roster.directory)?;
        Ok(NamedPlan { plan, names: roster.names })
    }

    /// The plan by numbers.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Who a number of the plan is.
    pub fn name(&self, member: MemberId) -> Option<&Arc<str>> {
        self.names.get(usize::try_from(member.0).ok()?)
    }

    /// What the book is to say about the block, in the order of the identities' bytes.
    pub fn payments(&self) -> Vec<Payment> {
        let mut payments: Vec<Payment> = self
            .plan
            .bookings()
            .iter()
            .filter_map(|booking| {
                let member = self.name(booking.member)?.clone();
                Some(Payment { member, due: booking.due, paid: booking.paid })
            })
            .collect();
        payments.sort_by(|a, b| a.member.as_bytes().cmp(b.member.as_bytes()));
        payments
    }
}

/// Numbers for names, for the time of one plan; the host is 0.
struct Roster {
    numbers: HashMap<Arc<str>, MemberId>,
    names: Vec<Arc<str>>,
    directory: Directory,
}

impl Roster {
    fn new(basis: &Basis) -> Roster {
        let host: Arc<str> = HOST_NAME.into();
        let mut directory = Directory::default();
        if !basis.host.is_empty() {
            directory.pay(HOST, basis.host.clone());
        }
        Roster { numbers: HashMap::from([(host.clone(), HOST)]), names: vec![host], directory }
    }

    fn number(&mut self, name: &Arc<str>) -> MemberId {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = MemberId(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.numbers.insert(name.clone(), number);
        self.names.push(name.clone());
        // What cannot be read is paid nowhere, and stays owed.
        match Payee::of(name).unwrap_or(Payee::Nobody) {
            Payee::Script(script) => self.directory.pay(number, script),
            Payee::Split(parts) => {
                let parts =
                    parts.into_iter().map(|(part, share)| (self.number(&part.into()), share)).collect();
                if let Ok(split) = Split::new(parts) {
                    self.directory.split(number, split);
                }
            }
            Payee::Nobody => {}
        }
        number
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::payout::{Ppm, Rules};

    const ANN: &str = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202";
    const BOB: &str = "2MsFDzHRUAMpjHxKyoEHU3aMCMsVtMqs1PV";

    fn basis() -> Basis {
        Basis {
            rules: Rules { finder_bonus: Ppm(100_000), ..Rules::default() },
            slice: 1,
            book: Default::default(),
            nbits: 0x207f_ffff,
            room: 1_000,
            for_finder: true,
            host: Default::default(),
        }
    }

    #[test]
    fn members_are_paid_at_the_addresses_that_they_are_called_by() {
        let split: Arc<str> = format!("{ANN}:1,{BOB}:1").into();
        let standing =
            Standing { work: vec![(split.clone(), Work(10)), (ANN.into(), Work(10))], balances: vec![] };
        let plan = NamedPlan::new(&basis(), 1_000_000, &standing, Some(BOB)).unwrap();
        let payment = |member: &str, amount| Payment { member: member.into(), due: amount, paid: amount };
        assert_eq!(plan.payments(), [payment(BOB, 325_000), payment(ANN, 675_000)]);
        let without = Basis { for_finder: false, ..basis() };
        let plan = NamedPlan::new(&without, 1_000_000, &standing, Some(BOB)).unwrap();
        assert_eq!(plan.payments(), [payment(BOB, 250_000), payment(ANN, 750_000)]);
    }

    #[test]
    fn whoever_calls_themselves_host_is_not_paid_as_the_host() {
        let standing =
            Standing { work: vec![(HOST_NAME.into(), Work(10)), (ANN.into(), Work(10))], balances: vec![] };
        let plan = NamedPlan::new(&basis(), 1_000_000, &standing, None).unwrap();
        let outputs: Vec<_> =
            plan.plan().outputs().iter().map(|output| plan.name(output.member).unwrap().as_ref()).collect();
        assert_eq!(outputs, [ANN]);
    }
}
