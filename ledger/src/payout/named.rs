//! A plan by names instead of numbers: what a job's outputs must be, from its basis and
//! what the ledger says.

use super::basis::Basis;
use super::directory::{Directory, HOST};
use super::identity::{HOST_NAME, Payee};
use super::plan::{Block, Plan, PlanError};
use super::split::Split;
use crate::book::Payment;
use crate::{Balance, MemberId, Work};
use bitcoin::Script;
use std::borrow::Cow;
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

impl Standing {
    /// Whether anybody who can be paid has worked. Where nobody has, a block is its finder's.
    pub fn has_workers(&self) -> bool {
        let is_paid = |name: &str| match Payee::of(name) {
            Ok(Payee::Script(_)) => true,
            Ok(Payee::Split(parts)) => {
                parts.iter().any(|(part, _)| matches!(Payee::of(part), Ok(Payee::Script(_))))
            }
            Ok(Payee::Nobody) | Err(_) => false,
        };
        self.work.iter().any(|(name, work)| work.0 > 0 && is_paid(name))
    }
}

/// A standing in which everybody's address has been read: plans are made of it again and
/// again, for other values, other rooms and other finders.
#[derive(Clone, Debug)]
pub struct Payees {
    roster: Roster,
    work: Vec<(MemberId, Work)>,
    balances: Vec<Balance>,
}

/// A plan, and who its numbers are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPlan {
    plan: Plan,
    names: Arc<Vec<Arc<str>>>,
}

impl Payees {
    /// Those of `standing`; the host is paid to `host`, if that is not empty.
    pub fn new(host: &Script, standing: &Standing) -> Payees {
        let mut roster = Roster::new(host);
        let work = standing.work.iter().map(|(name, work)| (roster.number(name), *work)).collect();
        let balance =
            |(name, credit): &(Arc<str>, i64)| Balance { member: roster.number(name), credit: *credit };
        let balances = standing.balances.iter().map(balance).collect();
        Payees { roster, work, balances }
    }

    /// Divides `value` satoshi. `finder` counts only for a basis that is for a finder.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn plan(&self, basis: &Basis, value: u64, finder: Option<&str>) -> Result<NamedPlan, PlanError> {
        let finder = finder.filter(|_| basis.for_finder);
        // Mostly a finder has worked before.
        let known = finder.map(|name| self.roster.numbers.get(name).copied());
        let mut roster = Cow::Borrowed(&self.roster);
        let finder = match (finder, known) {
            (Some(name), Some(None)) => Some(roster.to_mut().number(&name.into())),
            (_, known) => known.flatten(),
        };
        let Payees { work, balances, .. } = self;
        let block = Block { value, work, balances, finder, room: basis.room };
        let plan = Plan::new(&basis.rules, &block, &roster.directory)?;
        Ok(NamedPlan { plan, names: roster.names.clone() })
    }
}

impl NamedPlan {
    /// Divides `value` satoshi by what `standing` says. `finder` counts only for a basis that
    /// is for a finder.
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn new(
        basis: &Basis,
        value: u64,
        standing: &Standing,
        finder: Option<&str>,
    ) -> Result<NamedPlan, PlanError> {
        Payees::new(&basis.host, standing).plan(basis, value, finder)
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

/// Numbers for names; the host is 0.
#[derive(Clone, Debug)]
struct Roster {
    numbers: HashMap<Arc<str>, MemberId>,
    names: Arc<Vec<Arc<str>>>,
    directory: Directory,
}

impl Roster {
    fn new(host_script: &Script) -> Roster {
        let host: Arc<str> = HOST_NAME.into();
        let mut directory = Directory::default();
        if !host_script.is_empty() {
            directory.pay(HOST, host_script.to_owned());
        }
        Roster { numbers: HashMap::from([(host.clone(), HOST)]), names: Arc::new(vec![host]), directory }
    }

    fn number(&mut self, name: &Arc<str>) -> MemberId {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = MemberId(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.numbers.insert(name.clone(), number);
        Arc::make_mut(&mut self.names).push(name.clone());
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
    fn where_only_names_without_an_address_have_worked_a_block_is_its_finders() {
        let standing = Standing { work: vec![("ann".into(), Work(10))], balances: vec![] };
        assert!(!standing.has_workers());
        let plan = NamedPlan::new(&basis(), 1_000_000, &standing, Some(BOB)).unwrap();
        assert_eq!(plan.payments(), [Payment { member: BOB.into(), due: 1_000_000, paid: 1_000_000 }]);
        let without = Basis { for_finder: false, ..basis() };
        assert_eq!(NamedPlan::new(&without, 1_000_000, &standing, None), Err(PlanError::Nobody));
        let split = Standing { work: vec![(format!("{ANN}:1,ann:1").into(), Work(10))], balances: vec![] };
        assert!(split.has_workers());
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
