//! Made-up pools: from one member to five thousand, from one hash to 2^90, from no
//! satoshi to all there will ever be.

use bitcoin::ScriptBuf;
use ledger::payout::{Block, Directory, HOST, Mode, Ppm, Rules, Split};
use ledger::{Balance, MemberId, Work};

/// All satoshi that there will ever be.
const ALL_SATOSHI: u64 = 2_100_000_000_000_000;

/// How many cases a test tries: `PAYOUT_CASES`, or what suits a test run.
pub fn count(usual: u64) -> u64 {
    std::env::var("PAYOUT_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A small random generator (splitmix64), so that a case is named by its number.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// Below `limit`, which is not zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Of any size up to `bits` bits, small ones as often as large ones.
    pub fn of_any_size(&mut self, bits: u32) -> u128 {
        let size = self.below(u64::from(bits) + 1) as u32;
        let random = u128::from(self.next()) << 64 | u128::from(self.next());
        if size == 0 { 0 } else { random >> (128 - size) }
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for place in (1..items.len()).rev() {
            items.swap(place, self.below(place as u64 + 1) as usize);
        }
    }
}

/// A pool at the moment at which a block is found.
#[derive(Clone, Debug)]
pub struct Case {
    pub rules: Rules,
    pub value: u64,
    pub work: Vec<(MemberId, Work)>,
    pub balances: Vec<Balance>,
    pub directory: Directory,
    pub finder: Option<MemberId>,
    pub room: u32,
}

impl Case {
    pub fn block(&self) -> Block<'_> {
        Block {
            value: self.value,
            work: &self.work,
            balances: &self.balances,
            finder: self.finder,
            room: self.room,
        }
    }

    /// Any case at all.
    pub fn random(seed: u64) -> Case {
        let mut dice = Dice::new(seed);
        let members = match dice.below(20_000) {
            0 => 5_000,
            1..=60 => 1 + dice.below(400),
            61..=1_500 => 1 + dice.below(40),
            _ => 1 + dice.below(6),
        } as u32;
        let rules = random_rules(&mut dice);
        let directory = random_directory(&mut dice, members);
        let mut work = random_work(&mut dice, members);
        if dice.one_in(50) {
            work.clear();
        }
        let value = dice.of_any_size(51) as u64;
        Case {
            rules,
            value: value.min(ALL_SATOSHI),
            work,
            balances: random_balances(&mut dice, members),
            directory,
            finder: (!dice.one_in(3)).then(|| MemberId(1 + dice.below(u64::from(members)) as u32)),
            room: if dice.one_in(2) { 1_000_000 } else { dice.below(300 + u64::from(members) * 40) as u32 },
        }
    }

    /// The same numbers in another order.
    pub fn shuffled(&self, seed: u64) -> Case {
        let mut dice = Dice::new(seed);
        let mut case = self.clone();
        dice.shuffle(&mut case.work);
        dice.shuffle(&mut case.balances);
        case
    }
}

fn random_rules(dice: &mut Dice) -> Rules {
    let ppm = |dice: &mut Dice| match dice.below(4) {
        0 | 1 => Ppm(0),
        2 => Ppm(dice.below(1_000_001) as u32),
        _ => Ppm(dice.below(30_000) as u32),
    };
    Rules {
        mode: match dice.below(20) {
            0 => Mode::Solo,
            1 => Mode::Fixed,
            _ => Mode::Shared,
        },
        host_fee: ppm(dice),
        finder_bonus: ppm(dice),
        min_payout: if dice.one_in(3) { dice.of_any_size(40) as u64 } else { 5_000 },
        repay_cap: if dice.one_in(2) { Ppm(500_000) } else { ppm(dice) },
        ..Rules::default()
    }
}

/// Scripts of all kinds; a few members without one, a few splits.
fn random_directory(dice: &mut Dice, members: u32) -> Directory {
    let mut directory = Directory::default();
    if !dice.one_in(10) {
        directory.pay(HOST, random_script(dice));
    }
    for member in (1..=members).map(MemberId) {
        match dice.below(40) {
            0 => {}
            1 if members > 2 => {
                let others = [1, 2].map(|step| MemberId((member.0 - 1 + step) % members + 1));
                let parts = others.map(|other| (other, 1 + dice.below(99) as u32));
                directory.split(member, Split::new(parts.to_vec()).unwrap());
            }
            _ => directory.pay(member, random_script(dice)),
        }
    }
    directory
}

fn random_script(dice: &mut Dice) -> ScriptBuf {
    let number: Vec<u8> = (0..4).flat_map(|_| dice.next().to_le_bytes()).collect();
    ScriptBuf::from(match dice.below(4) {
        0 => [&[0x51, 0x20], &number[..]].concat(),
        1 => [&[0x76, 0xa9, 0x14], &number[..20], &[0x88, 0xac]].concat(),
        2 => [&[0xa9, 0x14], &number[..20], &[0x87]].concat(),
        _ => [&[0x00, 0x14], &number[..20]].concat(),
    })
}

fn random_work(dice: &mut Dice, members: u32) -> Vec<(MemberId, Work)> {
    let all_equal = dice.one_in(10).then(|| Work(dice.of_any_size(90)));
    let mut work = Vec::with_capacity(members as usize);
    for member in (1..=members).map(MemberId) {
        work.push((member, all_equal.unwrap_or_else(|| Work(dice.of_any_size(90)))));
        if dice.one_in(20) {
            // The same member again: another slice.
            work.push((member, Work(dice.of_any_size(90))));
        }
    }
    work
}

/// Of sum zero. Somebody who has left may have one too.
fn random_balances(dice: &mut Dice, members: u32) -> Vec<Balance> {
    let mut balances = Vec::new();
    if dice.one_in(3) {
        return balances;
    }
    for _ in 0..dice.below(1 + u64::from(members.min(50))) {
        let credit = dice.of_any_size(44) as i64;
        let mut anybody = || MemberId(dice.below(u64::from(members) + 2) as u32);
        balances.push(Balance { member: anybody(), credit });
        balances.push(Balance { member: anybody(), credit: -credit });
    }
    balances
}
