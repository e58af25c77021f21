#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;
use proptest::prelude::*;

fn slice(sequence: u64, opened: u64, work: &[(u32, u128)]) -> SliceWork {
    let members = work.iter().map(|(member, work)| (MemberId(*member), Work(*work))).collect();
    SliceWork { sequence, opened, members }
}

fn three_slices() -> Vec<SliceWork> {
    vec![
        slice(0, 1_000, &[(1, 100), (2, 300)]),
        slice(1, 1_600, &[(1, 100)]),
        slice(2, 2_200, &[(2, 50), (3, 50)]),
    ]
}

const MOMENT: Moment = Moment { time: 2_800, network: Work(1_000), since_block: 0 };

fn members(window: &WindowWork) -> Vec<(u32, u128)> {
    window.members.iter().map(|(member, work)| (member.0, work.0)).collect()
}

#[test]
fn since_the_last_block_counts_whatever_no_block_has_paid() {
    let window = Window::SinceLastBlock.work(three_slices().iter(), &MOMENT);
    assert_eq!(members(&window), [(1, 200), (2, 350), (3, 50)]);
    assert_eq!((window.total, window.first_slice, window.prorated), (Work(600), Some(0), false));

    let after_block = Moment { since_block: 2, ..MOMENT };
    let window = Window::SinceLastBlock.work(three_slices().iter(), &after_block);
    assert_eq!(members(&window), [(2, 50), (3, 50)]);
}

#[test]
fn the_oldest_slice_of_a_window_limited_in_work_is_prorated() {
    // 0.4 D = 400: slices 2 and 1 hold 200, so half of slice 0 counts.
    let rule = Window::Recent { difficulties_milli: Some(400), seconds: None };
    let window = rule.work(three_slices().iter(), &MOMENT);
    assert_eq!(members(&window), [(1, 150), (2, 200), (3, 50)]);
    assert_eq!((window.total, window.prorated), (Work(400), true));
    assert_eq!(window.fullness.ppm, 1_000_000);
}

#[test]
fn a_limit_below_one_difficulty_is_kept_and_not_rounded_to_nothing() {
    let rule = Window::Recent { difficulties_milli: Some(100), seconds: None };
    let window = rule.work(three_slices().iter(), &MOMENT);
    assert_eq!(members(&window), [(2, 50), (3, 50)]);
    assert!(!window.prorated);
}

#[test]
fn of_work_and_time_the_smaller_window_counts() {
    let by_time = Window::Recent { difficulties_milli: Some(400), seconds: Some(1_200) };
    assert_eq!(members(&by_time.work(three_slices().iter(), &MOMENT)), [(1, 100), (2, 50), (3, 50)]);
    let by_work = Window::Recent { difficulties_milli: Some(50), seconds: Some(1_200) };
    assert_eq!(members(&by_work.work(three_slices().iter(), &MOMENT)), [(2, 25), (3, 25)]);
}

#[test]
fn a_pause_of_the_pool_does_not_make_a_window_forget() {
    let slices = [slice(0, 1_000, &[(1, 10)]), slice(1, 9_000_000, &[(2, 10)])];
    let rule = Window::Recent { difficulties_milli: Some(2_000), seconds: None };
    let window = rule.work(slices.iter(), &Moment { time: 9_000_600, ..MOMENT });
    assert_eq!(members(&window), [(1, 10), (2, 10)]);
}

#[test]
fn an_event_counts_slices_opened_from_its_start_to_its_end() {
    let rule = Window::Event { from: 1_600, to: 2_200 };
    assert_eq!(members(&rule.work(three_slices().iter(), &MOMENT)), [(1, 100)]);
    let before = Window::Event { from: 5_000, to: 6_000 };
    assert_eq!(before.work(three_slices().iter(), &MOMENT).total, Work(0));
}

#[test]
fn a_window_that_is_nearly_empty_says_so() {
    let rule = Window::Recent { difficulties_milli: Some(2_000), seconds: None };
    let moment = Moment { network: Work(1_000_000), ..MOMENT };
    let warning = rule.work(three_slices().iter(), &moment).fullness.warning().unwrap();
    assert!(warning.starts_with("the window holds 0.0300 % of the work it has room for"), "{warning}");
    let full = rule.work(three_slices().iter(), &MOMENT).fullness;
    assert_eq!((full.warning(), full.to_string()), (None, "30.0000 %".into()));
    let nothing = Window::SinceLastBlock.work([].iter(), &moment).fullness;
    assert!(nothing.warning().unwrap().contains("less than 0.0001 % of what a block takes"));
}

#[test]
fn windows_that_can_never_hold_anything_are_refused() {
    let recent = |difficulties_milli, seconds| Window::Recent { difficulties_milli, seconds };
    for window in [
        recent(None, None),
        recent(Some(0), None),
        recent(Some(1), Some(0)),
        Window::Event { from: 2, to: 2 },
    ] {
        assert!(window.check().is_err(), "{window:?}");
    }
    assert_eq!(recent(Some(1), None).check(), Ok(()));
}

prop_compose! {
    fn slices()(each in prop::collection::vec(prop::collection::vec((0u32..6, any::<u128>(), 38u32..128), 0..6), 0..12))
        -> Vec<SliceWork> {
        each.into_iter().enumerate().map(|(n, members)| SliceWork {
            sequence: n as u64,
            opened: n as u64 * 600,
            members: members.into_iter().map(|(m, work, zeros)| (MemberId(m), Work(work >> zeros))).collect(),
        }).collect()
    }
}

proptest! {
    #[test]
    fn a_window_holds_what_it_says_and_never_more_than_its_limit(
        slices in slices(),
        milli in 1u32..10_000,
        network in (any::<u128>(), 38u32..128).prop_map(|(work, zeros)| Work(work >> zeros)),
    ) {
        let rule = Window::Recent { difficulties_milli: Some(milli), seconds: None };
        let moment = Moment { time: 600 * slices.len() as u64, network, since_block: 0 };
        let window = rule.work(slices.iter(), &moment);
        prop_assert_eq!(window.members.values().map(|work| work.0).sum::<u128>(), window.total.0);
        prop_assert!(window.total <= rule.work_limit(network).unwrap());
        let all = Window::SinceLastBlock.work(slices.iter(), &moment);
        prop_assert!(window.members.iter().all(|(member, work)| *work <= all.members[member]));
    }

    #[test]
    fn more_work_is_never_a_smaller_part_of_the_window(
        slices in slices(),
        limit in 1u128..1_000_000,
        more in 1u128..1_000_000,
    ) {
        prop_assume!(!slices.is_empty());
        let rule = Window::Recent { difficulties_milli: Some(1_000), seconds: None };
        let moment = Moment { time: 600 * slices.len() as u64, network: Work(limit), since_block: 0 };
        let before = rule.work(slices.iter(), &moment);
        let mut after = slices.clone();
        after.last_mut().unwrap().members.push((MemberId(0), Work(more)));
        let after = rule.work(after.iter(), &moment);
        let of = |window: &WindowWork| window.members.get(&MemberId(0)).copied().unwrap_or_default().0;
        // Prorating rounds each member of a slice down, by less than one hash.
        prop_assert!(of(&after) + 1 >= of(&before));
    }

    #[test]
    fn prorating_is_the_exact_floor(a: u128, b: u128, c: u128) {
        let mut sorted = [a, b, c];
        sorted.sort_unstable();
        let [x, y, whole] = sorted;
        prop_assume!(whole > 0 && y < whole);
        // By the sum of quotients of halves: exact floors agree with 128-bit division
        // where that does not overflow.
        let (small_x, small_y, small_whole) = (x >> 64, y >> 64, (whole >> 64).max(1));
        prop_assert_eq!(prorate(small_x, small_y, small_whole), small_x * small_y / small_whole);
        let quotient = prorate(x, y, whole);
        prop_assert!(quotient <= x.min(y));
        // Symmetric in its factors, as multiplication is.
        prop_assert_eq!(quotient, prorate(y, x, whole));
    }
}
