//! Shares without an answer, in the order in which they were found.
//!
//! A share stays here from the moment it is found until the pool has judged it, whether
//! it has been sent or not: after an outage what the pool did not judge is sent again,
//! under the same sequence number.

use std::collections::VecDeque;

/// Numbered shares, oldest first; `S` is what is needed to send one again.
#[derive(Clone, Debug)]
pub struct InFlight<S> {
    shares: VecDeque<(u32, S)>,
    next: u32,
    limit: usize,
}

impl<S> InFlight<S> {
    /// None yet; at most `limit` at a time.
    pub fn new(limit: usize) -> InFlight<S> {
        InFlight { shares: VecDeque::new(), next: 1, limit }
    }

    /// Takes a share and gives it its number; hands it back when too many wait already.
    ///
    /// # Errors
    /// The share, for which there is no room.
    pub fn push(&mut self, share: S) -> Result<u32, S> {
        if self.shares.len() >= self.limit {
            return Err(share);
        }
        let sequence = self.next;
        self.next = sequence.wrapping_add(1);
        self.shares.push_back((sequence, share));
        Ok(sequence)
    }

    /// The pool has judged everything up to `sequence`, and accepted what it did not
    /// refuse by name. Hands out what that was.
    pub fn judged_up_to(&mut self, sequence: u32) -> impl Iterator<Item = S> {
        // Numbers go round after four thousand million; those in flight are close together.
        let is_judged = |number: u32| sequence.wrapping_sub(number) < 1 << 31;
        let judged = self.shares.partition_point(|(number, _)| is_judged(*number));
        self.shares.drain(..judged).map(|(_, share)| share)
    }

    /// The pool has refused one.
    pub fn refused(&mut self, sequence: u32) -> Option<S> {
        let at = self.shares.iter().position(|(number, _)| *number == sequence)?;
        self.shares.remove(at).map(|(_, share)| share)
    }

    /// Gives all of them up, and says how many there were.
    pub fn give_up(&mut self) -> usize {
        let lost = self.shares.len();
        self.shares.clear();
        lost
    }

    /// All of them with their numbers, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &S)> {
        self.shares.iter().map(|(sequence, share)| (*sequence, share))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.shares.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.shares.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    fn flying(count: u32) -> InFlight<u32> {
        let mut shares = InFlight::new(100);
        (0..count).for_each(|share| assert_eq!(shares.push(share), Ok(share + 1)));
        shares
    }

    #[test]
    fn an_acknowledgement_answers_all_shares_before_it() {
        let mut shares = flying(5);
        assert_eq!(shares.refused(2), Some(1));
        assert_eq!(shares.judged_up_to(4).collect::<Vec<_>>(), [0, 2, 3]);
        assert_eq!(shares.iter().collect::<Vec<_>>(), [(5, &4)]);
    }

    #[test]
    fn a_number_that_was_answered_before_answers_nothing() {
        let mut shares = flying(3);
        assert_eq!(shares.judged_up_to(1).count(), 1);
        assert_eq!((shares.judged_up_to(1).count(), shares.judged_up_to(0).count()), (0, 0));
        assert_eq!((shares.refused(1), shares.len()), (None, 2));
    }

    #[test]
    fn an_acknowledgement_counts_though_its_own_share_was_answered_before() {
        let mut shares = flying(3);
        shares.refused(3);
        assert_eq!(shares.judged_up_to(3).count(), 2);
    }

    #[test]
    fn numbers_go_round() {
        let mut shares = InFlight { next: u32::MAX, ..InFlight::new(9) };
        assert_eq!([shares.push('a'), shares.push('b'), shares.push('c')], [Ok(u32::MAX), Ok(0), Ok(1)]);
        assert_eq!(shares.judged_up_to(0).collect::<String>(), "ab");
    }

    #[test]
    fn what_there_is_no_room_for_is_handed_back() {
        let mut shares = InFlight::new(1);
        assert_eq!((shares.push('a'), shares.push('b')), (Ok(1), Err('b')));
        assert_eq!(shares.give_up(), 1);
        // It was never sent: its number is still free.
        assert_eq!(shares.push('b'), Ok(2));
    }

    proptest! {
        /// A pool that judges in order, refuses some at once and acknowledges the others at
        /// the end of a burst, and a stream that dies at any point and loses any tail of
        /// what goes either way: every share is judged exactly once.
        #[test]
        fn every_share_is_judged_once_however_often_the_stream_dies(
            rounds in prop::collection::vec((0usize..9, 0usize..9, 0usize..9), 1..30),
        ) {
            let mut shares = InFlight::new(1_000);
            let (mut judged, mut found) = (Vec::new(), 0);
            for (finds, arrive, answers) in rounds {
                // A new stream: the pool says what it has judged, the rest is sent again.
                if let Some(last) = judged.last() {
                    shares.judged_up_to(*last).for_each(drop);
                }
                let mut sent: Vec<u32> = shares.iter().map(|(number, _)| number).collect();
                for _ in 0..finds {
                    sent.push(shares.push(found).unwrap());
                    found += 1;
                }
                // It dies: only the first of what was sent arrives, and only the first of
                // the answers.
                sent.truncate(arrive);
                judged.extend(&sent);
                let (refused, accepted): (Vec<u32>, Vec<u32>) =
                    sent.into_iter().partition(|number| number % 3 == 0);
                for number in refused.iter().take(answers) {
                    shares.refused(*number);
                }
                if let (Some(last), true) = (accepted.last(), answers > refused.len()) {
                    shares.judged_up_to(*last).for_each(drop);
                }
            }
            if let Some(last) = judged.last() {
                shares.judged_up_to(*last).for_each(drop);
            }
            judged.extend(shares.iter().map(|(number, _)| number));
            prop_assert_eq!(judged, (1..=found).collect::<Vec<u32>>());
        }
    }
}
