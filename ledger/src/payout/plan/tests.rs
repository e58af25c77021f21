#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use crate::payout::{HOST, Mode, Ppm, Split};

const BTC: u64 = 100_000_000;
const PLENTY: u32 = 100_000;

/// A P2WPKH script that sorts by its number.
fn script(number: u8) -> ScriptBuf {
    ScriptBuf::from([&[0x00, 0x14][..], &[number; 20]].concat())
}

/// Members 1 to 9 and no host.
fn directory() -> Directory {
    let mut directory = Directory::default();
    (1..10).for_each(|number| directory.pay(MemberId(number.into()), script(number)));
    directory
}

fn work(each: &[(u32, u128)]) -> Vec<(MemberId, Work)> {
    each.iter().map(|(member, work)| (MemberId(*member), Work(*work))).collect()
}

fn paid(plan: &Plan) -> Vec<(u32, u64)> {
    plan.outputs().iter().map(|output| (output.member.0, output.amount)).collect()
}

fn booked(plan: &Plan) -> Vec<(u32, i64)> {
    let credits = plan.bookings().iter().map(|booking| (booking.member.0, booking.credit().unwrap()));
    credits.filter(|(_, credit)| *credit != 0).collect()
}

fn balances(each: &[(u32, i64)]) -> Vec<Balance> {
    each.iter().map(|(member, credit)| Balance { member: MemberId(*member), credit: *credit }).collect()
}

fn block<'a>(value: u64, work: &'a [(MemberId, Work)]) -> Block<'a> {
    Block { value, work, balances: &[], finder: None, room: PLENTY }
}

#[test]
fn members_are_paid_in_proportion_to_their_work_and_the_largest_takes_the_odd_satoshi() {
    let work = work(&[(1, 1), (2, 1), (3, 1)]);
    let plan = Plan::new(&Rules::default(), &block(3_125 * BTC / 1_000, &work), &directory()).unwrap();
    assert_eq!(paid(&plan), [(1, 104_166_668), (2, 104_166_666), (3, 104_166_666)]);
    assert_eq!(booked(&plan), []);
}

#[test]
fn ties_are_broken_by_the_script_and_not_by_who_came_first() {
    let mut directory = Directory::default();
    directory.pay(MemberId(1), script(9));
    directory.pay(MemberId(2), script(3));
    let work = work(&[(1, 5), (2, 5)]);
    let plan = Plan::new(&Rules::default(), &block(100_001, &work), &directory).unwrap();
    assert_eq!(paid(&plan), [(2, 50_001), (1, 50_000)]);
}

#[test]
fn fee_and_bonus_are_taken_only_if_they_are_set() {
    let work = work(&[(1, 3), (2, 1)]);
    let rules =
        Rules { host_fee: Ppm(20_000), finder_bonus: Ppm(100_000), min_payout: 0, ..Rules::default() };
    let found_by_2 = Block { finder: Some(MemberId(2)), ..block(1_000_000, &work) };
    assert_eq!(Plan::new(&rules, &found_by_2, &directory()), Err(PlanError::NoHost));

    let mut with_host = directory();
    with_host.pay(HOST, script(0xff));
    let plan = Plan::new(&rules, &found_by_2, &with_host).unwrap();
    // 20 000 to the host; 10 % of 980 000 to the finder; the rest 3 to 1.
    assert_eq!(paid(&plan), [(1, 661_500), (2, 220_500 + 98_000), (0, 20_000)]);

    let plan = Plan::new(&Rules::default(), &found_by_2, &with_host).unwrap();
    assert_eq!(paid(&plan), [(1, 750_000), (2, 250_000)]);
}

#[test]
fn what_is_below_the_least_payout_stays_a_credit_and_is_paid_once_it_is_enough() {
    let rules = Rules::default();
    let work = work(&[(1, 9_970), (2, 30)]);
    let first = Plan::new(&rules, &block(1_000_000, &work), &directory()).unwrap();
    assert_eq!(paid(&first), [(1, 1_000_000)]);
    assert_eq!(booked(&first), [(1, -3_000), (2, 3_000)]);

    let left = balances(&[(1, -3_000), (2, 3_000)]);
    let second = Block { balances: &left, ..block(1_000_000, &work) };
    let second = Plan::new(&rules, &second, &directory()).unwrap();
    assert_eq!(paid(&second), [(1, 994_000), (2, 6_000)]);
    assert_eq!((booked(&second), second.repaid()), (vec![(1, 3_000), (2, -3_000)], 3_000));
}

#[test]
fn without_room_the_largest_are_paid_and_the_rest_are_owed() {
    let work = work(&[(1, 10), (2, 20), (3, 30), (4, 40)]);
    let tight = Block { room: 2 * 31 + 30, ..block(1_000_000, &work) };
    let plan = Plan::new(&Rules::default(), &tight, &directory()).unwrap();
    assert_eq!(plan.left_out(), 2);
    assert_eq!(paid(&plan), [(4, 571_429), (3, 428_571)]);
    assert_eq!(booked(&plan), [(1, 100_000), (2, 200_000), (3, -128_571), (4, -171_429)]);

    let none = Block { room: 30, ..tight };
    let refused = Plan::new(&Rules::default(), &none, &directory());
    assert_eq!(refused, Err(PlanError::NoRoom { needed: 31, room: 30 }));
}

#[test]
fn a_block_worth_less_than_dust_still_pays_somebody() {
    let work = work(&[(1, 1), (2, 2)]);
    for value in [0, 1, 293] {
        let plan = Plan::new(&Rules::default(), &block(value, &work), &directory()).unwrap();
        assert_eq!(plan.outputs().len(), 1, "{value}");
        assert_eq!(plan.outputs()[0].amount, value);
    }
}

#[test]
fn before_anybody_has_worked_a_block_is_its_finders() {
    let empty = block(BTC, &[]);
    assert_eq!(Plan::new(&Rules::default(), &empty, &directory()), Err(PlanError::Nobody));
    let found = Block { finder: Some(MemberId(3)), ..empty };
    assert_eq!(paid(&Plan::new(&Rules::default(), &found, &directory()).unwrap()), [(3, BTC)]);
}

#[test]
fn solo_pays_the_finder_and_fixed_the_host() {
    let mut directory = directory();
    directory.pay(HOST, script(0xff));
    let work = work(&[(1, 9)]);
    let found = Block { finder: Some(MemberId(3)), ..block(BTC, &work) };
    let solo = Rules { mode: Mode::Solo, host_fee: Ppm(10_000), ..Rules::default() };
    assert_eq!(paid(&Plan::new(&solo, &found, &directory).unwrap()), [(3, 99_000_000), (0, 1_000_000)]);
    let fixed = Rules { mode: Mode::Fixed, ..Rules::default() };
    assert_eq!(paid(&Plan::new(&fixed, &found, &directory).unwrap()), [(0, BTC)]);
}

#[test]
fn a_split_is_paid_by_its_parts_and_added_to_what_they_mine_alone() {
    let mut directory = directory();
    directory.split(MemberId(20), Split::new(vec![(MemberId(1), 60), (MemberId(2), 40)]).unwrap());
    let work = work(&[(20, 100), (1, 100)]);
    let rules = Rules { finder_bonus: Ppm(100_000), ..Rules::default() };
    let found = Block { finder: Some(MemberId(20)), ..block(1_000_000, &work) };
    let plan = Plan::new(&rules, &found, &directory).unwrap();
    assert_eq!(paid(&plan), [(1, 720_000 + 60_000), (2, 180_000 + 40_000)]);
}

#[test]
fn a_member_without_an_address_is_owed_its_part() {
    let work = work(&[(1, 1), (77, 1)]);
    let plan = Plan::new(&Rules::default(), &block(100_000, &work), &directory()).unwrap();
    assert_eq!(paid(&plan), [(1, 100_000)]);
    assert_eq!(booked(&plan), [(1, -50_000), (77, 50_000)]);
}

#[test]
fn balances_that_do_not_add_up_to_zero_stop_the_pool() {
    let (work, wrong) = (work(&[(1, 1)]), balances(&[(1, 5), (2, -4)]));
    let refused =
        Plan::new(&Rules::default(), &Block { balances: &wrong, ..block(BTC, &work) }, &directory());
    assert_eq!(refused, Err(PlanError::Unbalanced(1)));
}

#[test]
fn impossible_work_is_an_error_and_not_a_wrong_payout() {
    let work = work(&[(1, u128::MAX), (2, 1)]);
    let refused = Plan::new(&Rules::default(), &block(BTC, &work), &directory());
    assert_eq!(refused, Err(PlanError::TooMuchWork));
}
