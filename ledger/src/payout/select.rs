//! Whom a block pays: the largest claims first, as far as there is room.

use super::directory::Directory;
use super::rules::Rules;
use super::space;
use crate::MemberId;
use bitcoin::Script;

/// Who is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selection {
    /// Their places among the claims, largest claim first. At least one.
    pub(super) paid: Vec<usize>,
    /// How many more would be paid if there were room.
    pub(super) left_out: usize,
}

/// Why nobody can be selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotSelected {
    /// No account has a script.
    NoScript,
    /// The largest claim's output does not fit alone.
    NoRoom {
        /// Bytes that it takes.
        needed: u32,
    },
}

/// Who of `claims` is paid. Claims are in the order in which ties are broken.
///
/// A claim below the least payout, or below what is worth spending, is not paid, unless
/// there is no other: some output there must be. The first claim that does not fit ends
/// the selection, so that a smaller one is never paid in place of a larger one.
pub(super) fn select(
    claims: &[(MemberId, u64)],
    directory: &Directory,
    rules: &Rules,
    room: u32,
) -> Result<Selection, NotSelected> {
    let mut with_script: Vec<(usize, u64, &Script)> = claims
        .iter()
        .enumerate()
        .filter_map(|(place, (member, claim))| Some((place, *claim, directory.script(*member)?)))
        .collect();
    with_script.sort_by_key(|(_, claim, _)| std::cmp::Reverse(*claim));

    let largest = *with_script.first().ok_or(NotSelected::NoScript)?;
    with_script.retain(|(_, claim, script)| *claim >= least(script, rules));
    if with_script.is_empty() {
        with_script.push(largest);
    }

    let payable = with_script.len();
    let mut paid = Vec::with_capacity(payable);
    let mut left = room;
    for (place, _, script) in with_script {
        let needed = space::output_bytes(script);
        match left.checked_sub(needed) {
            Some(rest) => left = rest,
            None if paid.is_empty() => return Err(NotSelected::NoRoom { needed }),
            None => break,
        }
        paid.push(place);
    }
    let left_out = payable - paid.len();
    Ok(Selection { paid, left_out })
}

/// The least that is paid to `script` in satoshi.
pub(super) fn least(script: &Script, rules: &Rules) -> u64 {
    space::dust_limit(script).max(rules.min_payout)
}
