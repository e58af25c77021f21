//! Where slices end, and what their heads say.

use crate::replay::{replay, sums};
use crate::support::{Home, START, batch, context, store};
use ledger::{Batch, CloseReason, Reader};

fn reasons(home: &Home) -> Vec<(CloseReason, u64)> {
    replay(&home.path()).heads.iter().map(|signed| (signed.head.reason, signed.head.sum.shares)).collect()
}

#[tokio::test]
async fn a_slice_ends_at_a_new_prev_hash_and_at_a_fee_jump() {
    let home = Home::new();
    let ledger = home.open();
    let mut sender = ledger.handle().sender();
    let (old, new, rich) =
        (context("ann", 1, 0), context("ann", 2, 0), context("ann", 2, home.rules.fee_jump));
    let mut all = Batch::default();
    for (context, number) in [(&old, 1), (&old, 2), (&new, 3), (&old, 4), (&new, 5), (&rich, 6)] {
        all.push(context, crate::support::share(number)).unwrap();
    }
    store(&mut sender, all).await;
    // The fourth came late on the old prev-hash: it ends nothing.
    assert_eq!(reasons(&home), [(CloseReason::NewPrevHash, 2), (CloseReason::FeeJump, 3)]);
    store(&mut sender, batch(&context("ann", 3, 0), [7])).await;
    assert_eq!(reasons(&home).last(), Some(&(CloseReason::NewPrevHash, 1)));
}

#[tokio::test]
async fn a_slice_ends_when_its_time_is_over_even_if_no_share_comes() {
    let home = Home::new();
    let ledger = home.open();
    let mut sender = ledger.handle().sender();
    store(&mut sender, batch(&context("ann", 1, 0), [1, 2])).await;
    let mut progress = ledger.handle().progress();
    home.set_clock(START + 600);
    progress.wait_for(|at| at.last_slice == 1).await.unwrap();
    assert_eq!(reasons(&home), [(CloseReason::Time, 2)]);
    assert_eq!(replay(&home.path()).heads[0].head.closed, START + 600);
}

#[tokio::test]
async fn a_clock_that_is_set_back_neither_stops_the_ledger_nor_its_time() {
    let home = Home::new();
    let ledger = home.open();
    let mut sender = ledger.handle().sender();
    let ann = context("ann", 1, 0);
    for (number, clock) in [(1, START), (2, START - 100_000), (3, 0), (4, START + 5)] {
        home.set_clock(clock);
        store(&mut sender, batch(&ann, [number])).await;
    }
    let received: Vec<u32> = replay(&home.path()).shares.iter().map(|share| share.received).collect();
    assert_eq!(received, [START, START, START, START + 5]);
    ledger.close();

    home.set_clock(START - 1_000);
    let ledger = home.open();
    store(&mut ledger.handle().sender(), batch(&ann, [5])).await;
    assert_eq!(replay(&home.path()).shares[4].received, START + 5);
}

#[tokio::test]
async fn what_members_did_is_kept_by_slice_and_by_round() {
    let mut home = Home::new();
    home.rules.shares = 5;
    let ledger = home.open();
    let mut sender = ledger.handle().sender();
    let (ann, bob) = (context("ann", 1, 10), context("bob", 1, 20));
    for number in 0..23 {
        store(&mut sender, batch(if number % 3 == 0 { &ann } else { &bob }, [number])).await;
    }
    let replayed = replay(&home.path());
    let mut reader = Reader::open(&home.path()).unwrap();
    let by_name = |reader: &Reader, parts: Vec<ledger::MemberWork>| {
        let named =
            parts.iter().map(|part| (reader.member(part.member).unwrap().unwrap().identity, part.sum));
        named.collect::<std::collections::BTreeMap<_, _>>()
    };
    let round = reader.round_work(1).unwrap();
    assert_eq!(by_name(&reader, round), sums(&replayed.shares[..20]));
    let slice = reader.slices_work(2, 3).unwrap();
    assert_eq!(by_name(&reader, slice), sums(&replayed.shares[5..15]));
    for (first, last) in [(1, 23), (1, 20), (3, 22), (6, 10), (7, 9), (21, 23), (23, 23)] {
        let between = reader.work_between(first, last).unwrap();
        let expected = sums(&replayed.shares[first as usize - 1..last as usize]);
        assert_eq!(by_name(&reader, between), expected, "{first} to {last}");
    }
}
