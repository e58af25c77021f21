//! "Did you mean ...": the known name nearest to a misspelt one.

/// The name nearest to `wrong`, if any is near enough to be meant.
pub fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let wrong_last = last(wrong);
    known
        .into_iter()
        .map(|name| {
            // The right key in the wrong section is as good as a small slip.
            let moved = if last(name) == wrong_last { 1 } else { usize::MAX };
            (distance(wrong, name).min(moved), name)
        })
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (to, above) in b.iter().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(from != *to)).min(above + 1).min(left + 1);
            next.push(left);
            diagonal = *above;
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn distance_counts_single_edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }

    #[test]
    fn a_slip_or_a_wrong_section_is_recognised_and_nonsense_is_not() {
        let known = ["payout.address", "payout.mode", "vardiff.shares_per_minute"];
        assert_eq!(nearest("payout.adress", known), Some("payout.address"));
        assert_eq!(nearest("address", known), Some("payout.address"));
        assert_eq!(nearest("vardiff.shares_per_min", known), Some("vardiff.shares_per_minute"));
        assert_eq!(nearest("zzz.quux", known), None);
    }
}
