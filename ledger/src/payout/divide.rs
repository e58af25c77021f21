//! Dividing satoshi: floors, exact sums, one answer whatever the order.
//!
//! Every division of the payout arithmetic is one of the two functions here, so that
//! there is one place to check and one place to copy.

/// The largest sum of weights that [`in_proportion`] divides by. Bitcoin's whole chain
/// holds some 2^96 hashes of work.
pub const MAX_WEIGHT: u128 = 1 << 126;

/// `amount * part / whole`, rounded down, exact whatever the size of the product.
///
/// None when `part > whole` (the answer might not fit), `whole` is zero or `whole` is
/// above [`MAX_WEIGHT`].
pub fn share_of(amount: u64, part: u128, whole: u128) -> Option<u64> {
    if part > whole || whole == 0 || whole > MAX_WEIGHT {
        return None;
    }
    if part == whole {
        return Some(amount);
    }
    if let Some(product) = u128::from(amount).checked_mul(part) {
        return u64::try_from(product / whole).ok();
    }
    // Long division, one bit of `amount` at a time. The remainder stays below `whole`,
    // so that twice it and `part` are below 2^128.
    let (mut quotient, mut remainder) = (0u64, 0u128);
    for bit in (0..u64::BITS).rev() {
        remainder *= 2;
        if amount >> bit & 1 == 1 {
            remainder += part;
        }
        quotient <<= 1;
        // At most twice: the remainder was below whole, and part is.
        while remainder >= whole {
            remainder -= whole;
            quotient += 1;
        }
    }
    Some(quotient)
}

/// Divides `amount` in proportion to `weights`: each the floor of its part, and what the
/// floors leave over to the largest weight, of equal ones to the first.
///
/// The answer has the order of `weights`, and its sum is `amount`. None when all weights
/// are zero or they add up to more than [`MAX_WEIGHT`].
pub fn in_proportion(amount: u64, weights: &[u128]) -> Option<Vec<u64>> {
    let whole = weights.iter().try_fold(0u128, |sum, weight| sum.checked_add(*weight))?;
    let mut parts: Vec<u64> =
        weights.iter().map(|weight| share_of(amount, *weight, whole)).collect::<Option<_>>()?;
    let left_over = amount.checked_sub(parts.iter().sum())?;
    let (largest, _) = first_largest(weights)?;
    *parts.get_mut(largest)? += left_over;
    Some(parts)
}

/// Divides `amount` in proportion to `limits` so that nobody's part exceeds its limit:
/// each the floor of its part, and what the floors leave over one satoshi each to the
/// largest limits, of equal ones to the first.
///
/// The answer has the order of `limits`. Its sum is `amount`, or that of the limits if
/// they have less room.
pub fn within_limits(amount: u64, limits: &[u64]) -> Vec<u64> {
    let room: u128 = limits.iter().map(|limit| u128::from(*limit)).sum();
    if u128::from(amount) >= room {
        return limits.to_vec();
    }
    // Some limit is above zero, and each floor is below its limit unless that is zero.
    let mut parts: Vec<u64> =
        limits.iter().map(|limit| share_of(amount, u128::from(*limit), room).unwrap_or_default()).collect();
    let left_over = amount.saturating_sub(parts.iter().sum());
    let mut largest_first: Vec<usize> = (0..limits.len()).collect();
    largest_first.sort_by_key(|place| std::cmp::Reverse(limits.get(*place)));
    for place in largest_first.into_iter().take(usize::try_from(left_over).unwrap_or(usize::MAX)) {
        if let Some(part) = parts.get_mut(place) {
            *part += 1;
        }
    }
    parts
}

fn first_largest(weights: &[u128]) -> Option<(usize, u128)> {
    let largest = weights.iter().copied().max()?;
    weights.iter().position(|weight| *weight == largest).map(|place| (place, largest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_floors_leave_over_goes_to_the_largest_and_of_equals_to_the_first() {
        assert_eq!(in_proportion(100, &[1, 1, 1]), Some(vec![34, 33, 33]));
        assert_eq!(in_proportion(100, &[1, 2, 2]), Some(vec![20, 40, 40]));
        assert_eq!(in_proportion(101, &[1, 2, 2]), Some(vec![20, 41, 40]));
        assert_eq!(in_proportion(5, &[0, 7]), Some(vec![0, 5]));
    }

    #[test]
    fn nothing_can_be_divided_among_nobody() {
        assert_eq!(in_proportion(1, &[]), None);
        assert_eq!(in_proportion(1, &[0, 0]), None);
        assert_eq!(in_proportion(1, &[u128::MAX, 1]), None);
        assert_eq!(in_proportion(1, &[MAX_WEIGHT, 1]), None);
    }

    #[test]
    fn limits_are_kept_and_one_satoshi_each_goes_to_the_largest() {
        assert_eq!(within_limits(5, &[3, 3, 3]), [2, 2, 1]);
        assert_eq!(within_limits(2, &[1, 9, 9]), [0, 1, 1]);
        assert_eq!(within_limits(9, &[3, 3, 3]), [3, 3, 3]);
        assert_eq!(within_limits(10, &[3, 3, 3]), [3, 3, 3]);
        assert_eq!(within_limits(0, &[]), [0u64; 0]);
        assert_eq!(within_limits(1, &[0, 1, 0, 1]), [0, 1, 0, 0]);
    }

    /// Numbers of every size.
    fn of_any_size() -> impl Strategy<Value = u128> {
        (any::<u128>(), 2u32..128).prop_map(|(number, zeros)| number >> zeros)
    }

    /// `a * b` as (high, low) halves of 256 bits: the schoolbook way, as an oracle.
    fn wide_product(a: u128, b: u128) -> (u128, u128) {
        let split = |n: u128| (n >> 64, n & u128::from(u64::MAX));
        let ((a1, a0), (b1, b0)) = (split(a), split(b));
        let (low, mid1, mid2, high) = (a0 * b0, a0 * b1, a1 * b0, a1 * b1);
        let carry = (low >> 64) + split(mid1).1 + split(mid2).1;
        (high + (mid1 >> 64) + (mid2 >> 64) + (carry >> 64), carry << 64 | split(low).1)
    }

    proptest! {
        #[test]
        fn a_share_is_the_floor_of_the_exact_quotient(amount: u64, a in of_any_size(), b in of_any_size()) {
            let (part, whole) = (a.min(b), a.max(b));
            prop_assume!(whole > 0);
            let share = share_of(amount, part, whole).unwrap();
            // share * whole <= amount * part < (share + 1) * whole
            let product = wide_product(u128::from(amount), part);
            prop_assert!(wide_product(u128::from(share), whole) <= product);
            prop_assert!(product < wide_product(u128::from(share) + 1, whole));
        }

        #[test]
        fn parts_add_up_and_none_but_the_largest_is_off_its_floor(
            amount: u64,
            weights in prop::collection::vec(of_any_size().prop_map(|w| w >> 6), 1..60),
        ) {
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            let parts = in_proportion(amount, &weights).unwrap();
            prop_assert_eq!(parts.iter().map(|part| u128::from(*part)).sum::<u128>(), u128::from(amount));
            let whole = weights.iter().sum();
            let off = |place: &usize| Some(parts[*place]) != share_of(amount, weights[*place], whole);
            let off: Vec<usize> = (0..parts.len()).filter(off).collect();
            prop_assert!(off.is_empty() || off == [first_largest(&weights).unwrap().0]);
        }

        #[test]
        fn limits_hold_and_the_sum_is_exact(amount: u64, limits in prop::collection::vec(any::<u64>(), 0..40)) {
            let room: u128 = limits.iter().map(|limit| u128::from(*limit)).sum();
            let parts = within_limits(amount, &limits);
            let sum: u128 = parts.iter().map(|part| u128::from(*part)).sum();
            prop_assert_eq!(sum, room.min(u128::from(amount)));
            prop_assert!(parts.iter().zip(&limits).all(|(part, limit)| part <= limit));
        }
    }
}
