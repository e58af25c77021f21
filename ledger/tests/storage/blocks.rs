//! Blocks: their states, their rounds and their credits.

use crate::replay::{replay, sums};
use crate::support::{Home, START, batch, commitment, context, store};
use ledger::{
    Batch, BlockError, BlockState, CloseReason, FoundBlock, Ledger, Payment, Reader, ShareSender, WorkSum,
};
use work::Hash256;

fn block(number: u8) -> FoundBlock {
    FoundBlock {
        hash: Hash256([number; 32]),
        height: number.into(),
        found: START,
        job: commitment(number),
        member: "ann".into(),
        worker: "rig".into(),
        value: 5_000_000_000,
    }
}

/// Ten shares of two members, the last of which is a block.
async fn mine_block(sender: &mut ShareSender, number: u8) -> Hash256 {
    let mut found = shares_of(number);
    found.push_block(block(number));
    store(sender, found).await;
    block(number).hash
}

fn shares_of(number: u8) -> Batch {
    let (ann, bob) = (context("ann", number, 10), context("bob", number, 10));
    let mut shares = batch(&ann, (0..6).map(|nonce| u32::from(number) * 100 + nonce));
    (6..10)
        .for_each(|nonce| shares.push(&bob, crate::support::share(u32::from(number) * 100 + nonce)).unwrap());
    shares
}

/// First and last slice of each round, and the shares in it.
fn rounds(home: &Home) -> Vec<(u64, Option<u64>, u64)> {
    let reader = Reader::open(&home.path()).unwrap();
    let shares =
        |first| WorkSum::total(reader.round_work(first).unwrap().iter().map(|part| part.sum)).unwrap().shares;
    reader.rounds().unwrap().iter().map(|round| (round.first, round.last, shares(round.first))).collect()
}

fn credits(home: &Home) -> Vec<(String, i64)> {
    let reader = Reader::open(&home.path()).unwrap();
    let name = |member| reader.member(member).unwrap().unwrap().identity.to_string();
    reader.balances().unwrap().iter().map(|balance| (name(balance.member), balance.credit)).collect()
}

fn payments(of: &[(&str, u64, u64)]) -> Vec<Payment> {
    of.iter()
        .map(|(member, due, paid)| Payment { member: (*member).into(), due: *due, paid: *paid })
        .collect()
}

async fn state(ledger: &Ledger, hash: Hash256, state: BlockState) -> bool {
    ledger.handle().block_state(hash, state).await.unwrap()
}

#[tokio::test]
async fn a_block_ends_its_slice_and_once_in_the_chain_its_round() {
    let home = Home::new();
    let ledger = home.open();
    let mut sender = ledger.handle().sender();
    let first = mine_block(&mut sender, 1).await;
    store(&mut sender, shares_of(2)).await;
    let second = mine_block(&mut sender, 3).await;
    let replayed = replay(&home.path());
    let reasons: Vec<_> = replayed.heads.iter().map(|signed| signed.head.reason).collect();
    assert_eq!(reasons, [CloseReason::Block, CloseReason::NewPrevHash, CloseReason::Block]);
    // Candidates end nothing.
    assert_eq!(rounds(&home), [(1, None, 30)]);

    assert!(state(&ledger, first, BlockState::Submitted).await);
    assert!(state(&ledger, first, BlockState::InChain).await);
    assert_eq!(rounds(&home), [(1, Some(1), 10), (2, None, 20)]);
    assert!(state(&ledger, second, BlockState::InChain).await);
    assert_eq!(rounds(&home), [(1, Some(1), 10), (2, Some(3), 20)]);
    store(&mut sender, shares_of(4)).await;
    mine_block(&mut sender, 5).await;
    assert_eq!(rounds(&home), [(1, Some(1), 10), (2, Some(3), 20), (4, None, 20)]);

    // Said again, it changes nothing.
    assert!(!state(&ledger, second, BlockState::InChain).await);
    let reader = Reader::open(&home.path()).unwrap();
    let states: Vec<_> = reader.blocks().unwrap().iter().map(|block| block.state).collect();
    assert_eq!(states, [BlockState::InChain, BlockState::InChain, BlockState::Candidate]);
}

#[tokio::test]
async fn a_reorganisation_reopens_the_round_and_takes_the_credits_back() {
    let home = Home::new();
    let ledger = home.open();
    let mut sender = ledger.handle().sender();
    let first = mine_block(&mut sender, 1).await;
    let second = mine_block(&mut sender, 2).await;
    for hash in [first, second] {
        state(&ledger, hash, BlockState::InChain).await;
    }
    let booked = payments(&[("ann", 600, 0), ("bob", 400, 1_000)]);
    assert!(ledger.handle().book(first, booked.clone()).await.unwrap());
    let booked_again = payments(&[("ann", 500, 1_000), ("bob", 500, 0)]);
    assert!(ledger.handle().book(second, booked_again).await.unwrap());
    assert_eq!(credits(&home), [("ann".to_owned(), 100), ("bob".to_owned(), -100)]);
    assert_eq!(rounds(&home), [(1, Some(1), 10), (2, Some(2), 10)]);

    state(&ledger, second, BlockState::Orphaned).await;
    assert_eq!(rounds(&home), [(1, Some(1), 10), (2, None, 10)]);
    state(&ledger, first, BlockState::Orphaned).await;
    assert_eq!((rounds(&home), credits(&home)), (vec![(1, None, 20)], vec![]));
    // A reorganisation back, the other way round, with the ledger restarted in between.
    drop(ledger);
    let ledger = home.open();
    state(&ledger, second, BlockState::InChain).await;
    assert_eq!(rounds(&home), [(1, Some(2), 20)]);
    state(&ledger, first, BlockState::Settled).await;
    assert_eq!(rounds(&home), [(1, Some(1), 10), (2, Some(2), 10)]);
    assert_eq!(credits(&home), [("ann".to_owned(), 100), ("bob".to_owned(), -100)]);
    // Booked again, it is the same booking; booked otherwise, it is refused.
    assert!(!ledger.handle().book(first, booked).await.unwrap());
    let otherwise = ledger.handle().book(first, payments(&[("ann", 1, 1)])).await;
    assert_eq!(otherwise, Err(BlockError::BookedOtherwise(first)));
    replay(&home.path());
}

#[tokio::test]
async fn what_makes_no_sense_about_a_block_is_refused_and_not_written() {
    let home = Home::new();
    let ledger = home.open();
    let mut sender = ledger.handle().sender();
    let hash = mine_block(&mut sender, 1).await;
    let unknown = Hash256([99; 32]);
    let refused = ledger.handle().block_state(unknown, BlockState::InChain).await;
    assert_eq!(refused, Err(BlockError::Unknown(unknown)));
    let invented = ledger.handle().book(hash, payments(&[("ann", 1, 2)])).await;
    assert_eq!(invented, Err(BlockError::Unbalanced(hash)));
    let twice = ledger.handle().book(hash, payments(&[("ann", 1, 1), ("ann", 1, 1)])).await;
    assert_eq!(twice, Err(BlockError::Unbalanced(hash)));
    state(&ledger, hash, BlockState::Settled).await;
    let back = ledger.handle().block_state(hash, BlockState::Submitted).await;
    assert!(matches!(back, Err(BlockError::Transition { .. })));
    assert_eq!(Reader::open(&home.path()).unwrap().book(1, 100).unwrap().len(), 2);
}

#[tokio::test]
async fn a_block_that_is_found_twice_is_one_block() {
    let home = Home::new();
    let ledger = home.open();
    let mut sender = ledger.handle().sender();
    // In one commit, in the next, and after a restart.
    let mut found = shares_of(1);
    found.push_block(block(1));
    found.push_block(block(1));
    store(&mut sender, found).await;
    mine_block(&mut sender, 1).await;
    drop(ledger);
    let ledger = home.open();
    mine_block(&mut ledger.handle().sender(), 1).await;
    assert_eq!(Reader::open(&home.path()).unwrap().blocks().unwrap().len(), 1);
    replay(&home.path());
}

#[tokio::test]
async fn a_block_that_is_no_share_ends_the_slice_of_the_shares_before_it() {
    let home = Home::new();
    let ledger = home.open();
    let mut sender = ledger.handle().sender();
    let mut alone = Batch::default();
    alone.push_block(block(1));
    store(&mut sender, alone).await;
    let mut between = batch(&context("ann", 1, 0), [1]);
    between.push_block(block(2));
    between.push(&context("ann", 1, 0), crate::support::share(2)).unwrap();
    store(&mut sender, between).await;
    let blocks = Reader::open(&home.path()).unwrap().blocks().unwrap();
    assert_eq!(blocks.iter().map(|block| block.slice).collect::<Vec<_>>(), [0, 1]);
    state(&ledger, block(1).hash, BlockState::InChain).await;
    state(&ledger, block(2).hash, BlockState::InChain).await;
    assert_eq!(rounds(&home), [(1, Some(1), 1)]);
    assert_eq!(sums(&replay(&home.path()).shares).len(), 1);
}
