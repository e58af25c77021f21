//! Split identities: one miner, several addresses, as in `bc1q...:60,bc1p...:40`.
//!
//! What such an identity works for is divided among its parts before anything else is
//! computed: from there on there are only plain members with one address each, and
//! somebody who mines alone and in a split has one account and one output.

use super::divide;
use crate::{MemberId, Work};
use thiserror::Error;

/// The most parts of a split.
pub const MAX_PARTS: usize = 8;

/// Members and their parts in what one identity earns, in any unit that they share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split(Vec<(MemberId, u32)>);

/// Why a split cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SplitError {
    /// No colon, or something else than a number behind it.
    #[error("`{0}` has no part behind its address, as in `address:60,address:40`")]
    NoPart(String),
    /// A part of nothing.
    #[error("a part of a split is 0; leave that address out")]
    Zero,
    /// Too few or too many.
    #[error("a split has 2 to {MAX_PARTS} parts, not {0}")]
    Count(usize),
    /// The same address twice.
    #[error("a split names the same address twice")]
    Twice,
}

/// Reads `a:60,b:40` as names and parts; None when the text is no split but a plain
/// name, which has no comma and no colon.
///
/// # Errors
/// When it looks like a split but is none that can be paid.
pub fn parse(text: &str) -> Result<Option<Vec<(&str, u32)>>, SplitError> {
    if !text.contains([',', ':']) {
        return Ok(None);
    }
    let count = text.split(',').count();
    if !(2..=MAX_PARTS).contains(&count) {
        return Err(SplitError::Count(count));
    }
    let mut parts: Vec<(&str, u32)> = Vec::with_capacity(count);
    for piece in text.split(',') {
        let no_part = || SplitError::NoPart(piece.chars().take(100).collect());
        let (name, part) = piece.rsplit_once(':').ok_or_else(no_part)?;
        // `parse` would take a plus sign too, and then two texts were one split.
        let digits = part.bytes().all(|byte| byte.is_ascii_digit());
        let part: u32 = part.parse().ok().filter(|_| digits).ok_or_else(no_part)?;
        parts.push((name, part));
    }
    check(&parts)?;
    Ok(Some(parts))
}

impl Split {
    /// The members of a split with their parts, in the order of the identity.
    ///
    /// # Errors
    /// When there are too few or too many, one is named twice or has no part.
    pub fn new(parts: Vec<(MemberId, u32)>) -> Result<Split, SplitError> {
        check(&parts)?;
        Ok(Split(parts))
    }

    /// Members and parts, in the order of the identity.
    pub fn parts(&self) -> &[(MemberId, u32)] {
        &self.0
    }

    /// `work` divided: each the floor of its part, the first also what is left over.
    pub fn work(&self, work: Work) -> impl Iterator<Item = (MemberId, Work)> {
        let whole = self.whole();
        // part / whole of the quotient and of the rest: exact, and no product overflows.
        let (quotient, rest) = (work.0 / whole, work.0 % whole);
        let floor = move |part: u32| quotient * u128::from(part) + rest * u128::from(part) / whole;
        let floors: u128 = self.0.iter().map(|(_, part)| floor(*part)).sum();
        let left_over = work.0 - floors;
        self.0.iter().enumerate().map(move |(place, (member, part))| {
            (*member, Work(floor(*part) + if place == 0 { left_over } else { 0 }))
        })
    }

    /// `amount` satoshi divided: each the floor of its part, the first also what is left
    /// over.
    pub fn amount(&self, amount: u64) -> impl Iterator<Item = (MemberId, u64)> {
        let whole = self.whole();
        let floor = move |part: u32| divide::share_of(amount, u128::from(part), whole).unwrap_or_default();
        let floors: u64 = self.0.iter().map(|(_, part)| floor(*part)).sum();
        self.0.iter().enumerate().map(move |(place, (member, part))| {
            (*member, floor(*part) + if place == 0 { amount - floors } else { 0 })
        })
    }

    fn whole(&self) -> u128 {
        self.0.iter().map(|(_, part)| u128::from(*part)).sum()
    }
}

fn check<T: PartialEq>(parts: &[(T, u32)]) -> Result<(), SplitError> {
    if !(2..=MAX_PARTS).contains(&parts.len()) {
        return Err(SplitError::Count(parts.len()));
    }
    for (place, (name, part)) in parts.iter().enumerate() {
        if *part == 0 {
            return Err(SplitError::Zero);
        }
        if parts.iter().take(place).any(|(earlier, _)| earlier == name) {
            return Err(SplitError::Twice);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_split_is_read_as_it_is_written() {
        assert_eq!(parse("bc1qa:60,bc1qb:40"), Ok(Some(vec![("bc1qa", 60), ("bc1qb", 40)])));
        assert_eq!(parse("bc1qa"), Ok(None));
        assert_eq!(parse(""), Ok(None));
    }

    #[test]
    fn what_is_wrong_with_a_split_is_said() {
        assert_eq!(parse("a:60"), Err(SplitError::Count(1)));
        assert_eq!(parse("a,b"), Err(SplitError::NoPart("a".into())));
        assert_eq!(parse("a:1,b:+1"), Err(SplitError::NoPart("b:+1".into())));
        assert_eq!(parse("a:1,b:99999999999"), Err(SplitError::NoPart("b:99999999999".into())));
        assert_eq!(parse("a:1,b:0"), Err(SplitError::Zero));
        assert_eq!(parse("a:1,a:2"), Err(SplitError::Twice));
        assert_eq!(parse("a:1,b:1,c:1,d:1,e:1,f:1,g:1,h:1,i:1"), Err(SplitError::Count(9)));
    }

    #[test]
    fn the_first_takes_what_the_floors_leave_over() {
        let split = Split::new(vec![(MemberId(7), 1), (MemberId(3), 2)]).unwrap();
        let work: Vec<_> = split.work(Work(100)).collect();
        assert_eq!(work, [(MemberId(7), Work(34)), (MemberId(3), Work(66))]);
        let amounts: Vec<_> = split.amount(100).collect();
        assert_eq!(amounts, [(MemberId(7), 34), (MemberId(3), 66)]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_in_a_split(work: u128, amount: u64, parts in prop::collection::vec(1u32.., 2..=MAX_PARTS)) {
            let split = Split::new((0..).map(MemberId).zip(parts).collect()).unwrap();
            prop_assert_eq!(split.work(Work(work)).map(|(_, work)| work.0).sum::<u128>(), work);
            prop_assert_eq!(split.amount(amount).map(|(_, amount)| amount).sum::<u64>(), amount);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "[a-c:,0-9+é]{0,20}") {
            let _ = parse(&text);
        }
    }
}
