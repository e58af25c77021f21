//! What blocks must pay, reckoned from nothing but a ledger's shares and where its slices end, as
//! `docs/payouts.md` says it.

use bitcoin::{Address, ScriptBuf, Target};
use ledger::payout::Basis;
use ledger::{Reader, RecordedBlock};
use std::collections::BTreeMap;
use tests::Punchbowl;

/// Work in expected hashes, by where it is paid.
pub type Work = BTreeMap<ScriptBuf, u128>;

/// A closed slice.
pub struct Slice {
    pub opened: u64,
    pub closed: u64,
    pub work: Work,
}

/// The closed slices of a pool's ledger; the first is slice 1.
pub fn slices(pool: &Punchbowl) -> Vec<Slice> {
    let mut reader = Reader::open(&pool.ledger()).unwrap();
    let heads = reader.heads(1, usize::MAX).unwrap();
    let mut slices = Vec::new();
    for head in heads.iter().map(|signed| &signed.head) {
        let mut work = Work::new();
        for share in reader.shares(head.first_share, head.last_share()) {
            let share = share.unwrap();
            let terms = share.context.terms();
            let target = Target::from_le_bytes(terms.target.to_le_bytes());
            // 2^256 / (target + 1)
            let expected = u128::from_be_bytes(target.to_work().to_be_bytes()[16..].try_into().unwrap());
            let address: Address<_> = terms.member.parse().unwrap();
            *work.entry(address.assume_checked().script_pubkey()).or_default() += expected;
        }
        slices.push(Slice { opened: head.opened.into(), closed: head.closed.into(), work });
    }
    slices
}

/// All work of these slices.
pub fn all<'a>(slices: impl IntoIterator<Item = &'a Slice>) -> Work {
    let mut sum = Work::new();
    for (script, work) in slices.into_iter().flat_map(|slice| &slice.work) {
        *sum.entry(script.clone()).or_default() += work;
    }
    sum
}

/// The newest work of these slices: so much of it, and none of slices that were opened more than
/// `seconds` before the last was closed.
pub fn recent(slices: &[Slice], limit: u128, seconds: u64) -> Work {
    let since = slices.last().unwrap().closed.saturating_sub(seconds);
    let mut window = Work::new();
    let mut left = limit;
    for slice in slices.iter().rev().filter(|slice| slice.opened >= since) {
        let in_slice: u128 = slice.work.values().sum();
        let counted = in_slice.min(left);
        for (script, work) in &slice.work {
            *window.entry(script.clone()).or_default() += work * counted / in_slice;
        }
        left -= counted;
    }
    window.retain(|_, work| *work > 0);
    window
}

/// `value` satoshi in proportion to work, as the outputs stand in the coinbase.
pub fn divided(value: u64, work: &Work) -> Vec<(ScriptBuf, u64)> {
    let all: u128 = work.values().sum();
    let mut paid: Vec<(ScriptBuf, u64)> =
        work.iter().map(|(script, work)| (script.clone(), (u128::from(value) * work / all) as u64)).collect();
    // In the order of the scripts, and so is who has worked most, of equals the first.
    let left_over = value - paid.iter().map(|(_, sat)| sat).sum::<u64>();
    let most = work.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0))).unwrap().0;
    paid.iter_mut().find(|(script, _)| script == most).unwrap().1 += left_over;
    paid.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    paid
}

/// The blocks of a pool's ledger, each with the last slice that its job says it pays by.
pub fn blocks(pool: &Punchbowl) -> Vec<(RecordedBlock, u64)> {
    let reader = Reader::open(&pool.ledger()).unwrap();
    let basis = |block: &RecordedBlock| {
        let job = reader.job(&block.block.job).unwrap().unwrap();
        Basis::from_bytes(&job.basis).unwrap().slice
    };
    reader.blocks().unwrap().into_iter().map(|block| (block.clone(), basis(&block))).collect()
}
