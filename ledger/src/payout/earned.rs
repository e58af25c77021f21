//! What a block's value is due to whom, before anything of the past is considered.

use super::directory::{Directory, HOST};
use super::divide;
use super::plan::{Block, PlanError};
use super::rules::{Mode, Ppm, Rules};
use crate::{MemberId, Work};
use std::collections::BTreeMap;

/// What each account has earned of `block`, in satoshi; the sum is the block's value.
pub(super) fn earned(
    rules: &Rules,
    block: &Block<'_>,
    directory: &Directory,
) -> Result<BTreeMap<MemberId, u64>, PlanError> {
    let mut earned = BTreeMap::new();
    let fee = match rules.mode {
        Mode::Shared | Mode::Solo => rules.host_fee.of(block.value),
        Mode::Fixed => block.value,
    };
    if rules.host_fee > Ppm(0) || rules.mode == Mode::Fixed {
        directory.script(HOST).ok_or(PlanError::NoHost)?;
        add(&mut earned, HOST, fee);
    }
    let rest = block.value.saturating_sub(fee);
    match rules.mode {
        Mode::Fixed => {}
        Mode::Solo => to_finder(&mut earned, block.finder.ok_or(PlanError::Nobody)?, rest, directory),
        Mode::Shared => {
            let work = divided_work(block.work, directory)?;
            // Those without a script come last.
            if work.first().is_none_or(|(member, _)| directory.script(*member).is_none()) {
                // Nobody who can be paid has worked yet: who finds the block did.
                to_finder(&mut earned, block.finder.ok_or(PlanError::Nobody)?, rest, directory);
                return Ok(earned);
            }
            let bonus = block.finder.map_or(0, |_| rules.finder_bonus.of(rest));
            let weights: Vec<u128> = work.iter().map(|(_, work)| work.0).collect();
            let parts =
                divide::in_proportion(rest.saturating_sub(bonus), &weights).ok_or(PlanError::TooMuchWork)?;
            for ((member, _), part) in work.iter().zip(parts) {
                add(&mut earned, *member, part);
            }
            if let Some(finder) = block.finder {
                to_finder(&mut earned, finder, bonus, directory);
            }
        }
    }
    Ok(earned)
}

/// The work of plain members, splits divided, sums of the same member added up, in the
/// order in which ties are broken; nobody is in here with nothing.
fn divided_work(
    work: &[(MemberId, Work)],
    directory: &Directory,
) -> Result<Vec<(MemberId, Work)>, PlanError> {
    let mut sums: BTreeMap<MemberId, Work> = BTreeMap::new();
    let mut add = |member: MemberId, work: Work| {
        let sum = sums.entry(member).or_default();
        *sum = sum.checked_add(work).ok_or(PlanError::TooMuchWork)?;
        Ok(())
    };
    // First the sum of each identity, so that it makes no difference how often it is named.
    let mut of_splits: BTreeMap<MemberId, Work> = BTreeMap::new();
    for (member, work) in work {
        if directory.split_of(*member).is_none() {
            add(*member, *work)?;
        } else {
            let sum = of_splits.entry(*member).or_default();
            *sum = sum.checked_add(*work).ok_or(PlanError::TooMuchWork)?;
        }
    }
    for (member, work) in of_splits {
        for (part, work) in directory.split_of(member).into_iter().flat_map(|split| split.work(work)) {
            add(part, work)?;
        }
    }
    let mut ordered: Vec<(MemberId, Work)> = sums.into_iter().filter(|(_, work)| work.0 > 0).collect();
    ordered.sort_by_cached_key(|(member, _)| directory.rank(*member));
    Ok(ordered)
}

fn to_finder(earned: &mut BTreeMap<MemberId, u64>, finder: MemberId, amount: u64, directory: &Directory) {
    match directory.split_of(finder) {
        Some(split) => split.amount(amount).for_each(|(member, amount)| add(earned, member, amount)),
        None => add(earned, finder, amount),
    }
}

/// All amounts together are a block's value, so that no sum overflows.
fn add(earned: &mut BTreeMap<MemberId, u64>, member: MemberId, amount: u64) {
    let sum = earned.entry(member).or_default();
    *sum = sum.saturating_add(amount);
}
