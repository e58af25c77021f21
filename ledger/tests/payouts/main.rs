//! What holds for every payout, tried on a million pools and more.
//!
//! `PAYOUT_CASES=10000000 cargo test -p ledger --test payouts` tries more of each. A case
//! is named by its number: `Case::random(number)`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod cases;

use cases::{Case, Dice, count};
use ledger::payout::{Books, Mode, Plan, PlanError, Ppm, space};
use ledger::{Balance, Booking, MemberId, Work};
use std::collections::BTreeMap;
use work::Hash256;

/// The plan, or an answer to "why not" that is right.
fn plan_of(case: &Case, seed: u64) -> Option<Plan> {
    match Plan::new(&case.rules, &case.block(), &case.directory) {
        Ok(plan) => Some(plan),
        Err(PlanError::NoHost) => {
            assert!(case.directory.script(ledger::payout::HOST).is_none(), "case {seed}");
            None
        }
        Err(PlanError::NoRoom { needed, room }) => {
            assert!(room == case.room && needed > room && needed <= 43, "case {seed}");
            None
        }
        Err(PlanError::Nobody) => None,
        Err(other) => panic!("case {seed}: {other}"),
    }
}

fn credits(plan: &Plan) -> i128 {
    plan.bookings().iter().map(|booking| i128::from(booking.credit().unwrap())).sum()
}

#[test]
fn every_plan_pays_the_value_exactly_and_books_nothing_out_of_nothing() {
    let mut planned = 0u64;
    let cases = count(250_000);
    for seed in 0..cases {
        let case = Case::random(seed);
        let Some(plan) = plan_of(&case, seed) else { continue };
        planned += 1;
        let paid: u128 = plan.outputs().iter().map(|output| u128::from(output.amount)).sum();
        assert_eq!(paid, u128::from(case.value), "case {seed}");
        assert_eq!(credits(&plan), 0, "case {seed}");
        assert!(plan.output_bytes() <= case.room, "case {seed}");

        // Nobody below dust or the least payout, but for a block that has no more to give.
        for output in plan.outputs().iter().filter(|_| plan.outputs().len() > 1) {
            let least = space::dust_limit(&output.script).max(case.rules.min_payout);
            assert!(output.amount >= least, "case {seed}: {} sat", output.amount);
        }
        // A block repays no more than its cap, and no more than it takes from debtors.
        assert!(plan.repaid() <= case.rules.repay_cap.of(case.value), "case {seed}");
    }
    assert!(planned * 10 > cases * 7, "only {planned} of {cases} cases had somebody to pay");
}

#[test]
fn the_order_in_which_work_and_balances_are_read_makes_no_difference() {
    for seed in 0..count(150_000) {
        let case = Case::random(seed);
        let shuffled = case.shuffled(seed + 1);
        let plan = Plan::new(&case.rules, &case.block(), &case.directory);
        assert_eq!(plan, Plan::new(&case.rules, &shuffled.block(), &case.directory), "case {seed}");
        // Nor whether a member's work comes as one sum or as many.
        let mut sums: BTreeMap<MemberId, Work> = BTreeMap::new();
        for (member, work) in &case.work {
            sums.entry(*member).or_default().0 += work.0;
        }
        let summed = Case { work: sums.into_iter().collect(), ..case.clone() };
        assert_eq!(plan, Plan::new(&case.rules, &summed.block(), &case.directory), "case {seed}");
    }
}

#[test]
fn who_works_more_is_never_due_less() {
    for seed in 0..count(150_000) {
        let mut case = Case::random(seed);
        if case.work.is_empty() || case.rules.mode != Mode::Shared {
            continue;
        }
        let mut dice = Dice::new(seed + 2);
        let lucky = dice.below(case.work.len() as u64) as usize;
        let member = case.work[lucky].0;
        let is_payable =
            |member| case.directory.script(member).is_some() || case.directory.split_of(member).is_some();
        if !case.work.iter().any(|(member, work)| work.0 > 0 && is_payable(*member)) {
            // The finder earns all then, whoever else works, until work of somebody counts who can
            // be paid.
            if let Some(plan) = plan_of(&case, seed) {
                finder_earns_all(&case, &plan, seed);
            }
            case.work[lucky].1.0 += 1;
        }
        let mut more = case.clone();
        more.work[lucky].1.0 += 1 + dice.of_any_size(80);
        let (Some(before), Some(after)) = (plan_of(&case, seed), plan_of(&more, seed)) else { continue };
        if case.directory.split_of(member).is_some() {
            continue; // its parts are others, and divided with remainders of their own
        }
        let of = |plan: &Plan| {
            let booking = plan.bookings().iter().find(|booking| booking.member == member);
            booking.map_or((0, 0), |booking| (booking.due, booking.paid))
        };
        let (before, after) = (of(&before), of(&after));
        // Splits round by up to a satoshi where the lucky one is a part of one.
        assert!(after.0 + 1 >= before.0, "case {seed}: due {before:?} and then {after:?}");
        let plain = case.balances.is_empty();
        if plain {
            let rounding = case.work.len() as u64 + 1;
            assert!(after.1 + rounding >= before.1, "case {seed}: paid {before:?} and then {after:?}");
        }
    }
}

/// But for the host's fee, every satoshi is due to the finder, or to the parts of their split.
fn finder_earns_all(case: &Case, plan: &Plan, seed: u64) {
    let finder = case.finder.unwrap();
    let parts = case
        .directory
        .split_of(finder)
        .map_or(vec![finder], |split| split.parts().iter().map(|(part, _)| *part).collect());
    let due = |is_wanted: &dyn Fn(MemberId) -> bool| -> u64 {
        plan.bookings().iter().filter(|booking| is_wanted(booking.member)).map(|booking| booking.due).sum()
    };
    let fee = case.rules.host_fee.of(case.value);
    let to_host = due(&|member| member == ledger::payout::HOST);
    assert!(to_host >= fee, "case {seed}: the host is due {to_host} and not {fee}");
    assert_eq!(due(&|member| parts.contains(&member)) + fee, case.value, "case {seed}");
}

#[test]
fn without_old_balances_and_with_room_everybody_is_paid_what_is_due_or_owed_it() {
    for seed in 0..count(150_000) {
        let case = Case { balances: Vec::new(), room: 1_000_000, ..Case::random(seed) };
        let Some(plan) = plan_of(&case, seed) else { continue };
        for Booking { member, due, paid } in plan.bookings() {
            assert!(*paid == 0 || paid >= due, "case {seed}: {member:?} is due {due} and paid {paid}");
            let least = case
                .directory
                .script(*member)
                .map_or(u64::MAX, |script| space::dust_limit(script).max(case.rules.min_payout));
            assert!(*paid > 0 || *due < least, "case {seed}: {member:?} is owed {due} that could be paid");
        }
    }
}

#[test]
fn nobody_but_a_debtor_ever_earns_less_for_the_past() {
    for seed in 0..count(150_000) {
        let case = Case { room: 1_000_000, ..Case::random(seed) };
        let Some(plan) = plan_of(&case, seed) else { continue };
        let mut balances: BTreeMap<MemberId, i64> = BTreeMap::new();
        case.balances.iter().for_each(|b| *balances.entry(b.member).or_default() += b.credit);
        for Booking { member, due, paid } in plan.bookings() {
            let balance = balances.get(member).copied().unwrap_or_default();
            if *paid > 0 {
                let debt = u64::try_from(-i128::from(balance)).unwrap_or(0);
                assert!(*paid >= due.saturating_sub(debt), "case {seed}: {member:?}");
            }
        }
    }
}

/// A pool's life: blocks found by changing members, some of them orphaned, some of those
/// back in the chain.
#[test]
fn over_many_blocks_nothing_is_lost_and_a_replay_ends_with_the_same_balances() {
    for seed in 0..count(150_000) / 30 {
        let mut dice = Dice::new(seed + 3);
        let start = Case { balances: Vec::new(), ..Case::random(seed) };
        let mut books = Books::default();
        let mut log: Vec<(Hash256, Vec<Booking>, bool)> = Vec::new();
        for height in 0..30u8 {
            let next = Case::random(dice.next());
            let case = Case {
                value: next.value,
                work: start.work.iter().filter(|_| dice.below(4) > 0).copied().collect(),
                balances: books.balances(),
                room: if dice.one_in(2) { 1_000_000 } else { 40 + dice.below(400) as u32 },
                ..start.clone()
            };
            let Some(plan) = plan_of(&case, seed) else { continue };
            let hash = Hash256([height; 32]);
            assert_eq!(books.book(hash, plan.bookings()), Ok(true));
            log.push((hash, plan.bookings().to_vec(), true));
            if dice.one_in(8) {
                let orphan = dice.below(log.len() as u64) as usize;
                assert_eq!(books.take_back(log[orphan].0), Ok(log[orphan].2));
                log[orphan].2 = false;
            }
            let sum: i128 = books.balances().iter().map(|balance| i128::from(balance.credit)).sum();
            assert_eq!(sum, 0, "case {seed}");
        }

        let mut replayed = Books::default();
        dice.shuffle(&mut log);
        for (hash, bookings, _) in log.iter().filter(|(_, _, stands)| *stands) {
            replayed.book(*hash, bookings).unwrap();
        }
        assert_eq!(replayed.balances(), books.balances(), "case {seed}");
        // What is owed is what was due and not paid.
        let mut owed: BTreeMap<MemberId, i128> = BTreeMap::new();
        for booking in log.iter().filter(|(_, _, stands)| *stands).flat_map(|(_, bookings, _)| bookings) {
            *owed.entry(booking.member).or_default() += i128::from(booking.credit().unwrap());
        }
        for Balance { member, credit } in books.balances() {
            assert_eq!(owed[&member], i128::from(credit), "case {seed}");
        }
    }
}

#[test]
fn debts_are_repaid_in_full_once_there_is_room_and_the_debtor_still_mines() {
    for seed in 0..count(20_000) {
        let mut case = Case { balances: Vec::new(), value: 312_500_000, ..Case::random(seed) };
        case.rules.mode = Mode::Shared;
        case.rules.repay_cap = Ppm::ALL;
        case.rules.min_payout = 0;
        case.rules.host_fee = Ppm(0);
        case.finder = None;
        case.work = (1..=5).map(|member| (MemberId(member), Work(1_000 + u128::from(member)))).collect();
        case.directory = Default::default();
        (1..=5u8).for_each(|member| case.directory.pay(MemberId(member.into()), vec![member; 22].into()));
        case.room = 31 * (1 + seed as u32 % 4);
        let tight = plan_of(&case, seed).unwrap();
        assert!(tight.bookings().iter().any(|booking| booking.paid == 0), "case {seed}");

        let mut books = Books::default();
        books.book(Hash256([1; 32]), tight.bookings()).unwrap();
        for height in 2..20 {
            let roomy = Case { balances: books.balances(), room: 1_000, ..case.clone() };
            books.book(Hash256([height; 32]), plan_of(&roomy, seed).unwrap().bookings()).unwrap();
        }
        assert_eq!(books.balances(), [], "case {seed}");
    }
}
