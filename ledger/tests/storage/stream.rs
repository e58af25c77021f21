//! A ledger that is told to somebody elsewhere, message by message.

use crate::support::{Home, START, batch, commitment, context, share, store};
use ledger::audit::Evidence;
use ledger::evidence::{Batch, Cursor, Feed, Intake, Received};
use ledger::{FoundBlock, Ledger, Reader, RecordedShare};
use work::Hash256;

/// What somebody elsewhere has been told.
#[derive(Default)]
struct Told {
    shares: Vec<RecordedShare>,
    slices: u64,
    entries: u64,
    whole_from: u64,
}

impl Told {
    fn take(&mut self, intake: &mut Intake, batch: &Batch) {
        let mut bytes = Vec::new();
        batch.messages.iter().for_each(|message| message.write_to(&mut bytes));
        self.take_bytes(intake, &bytes);
        if let Some(last) = batch.messages.last() {
            assert_eq!(last.cursor, intake.cursor(), "both ends know where the stream stands");
        }
    }

    fn take_bytes(&mut self, intake: &mut Intake, bytes: &[u8]) {
        // As a network cuts it.
        for piece in bytes.chunks(1_000) {
            intake.push(piece);
            while let Some(received) = intake.received().unwrap() {
                match received {
                    Received::Shares(shares) => self.shares.extend(shares),
                    Received::Evidence(Evidence::Slice { .. }) => self.slices += 1,
                    Received::Evidence(Evidence::Entry(_)) => self.entries += 1,
                    Received::Ledger { whole_from, network, .. } => {
                        assert_eq!(network, "regtest");
                        self.whole_from = whole_from;
                    }
                    Received::Evidence(_) | Received::Nothing | Received::CaughtUp => {}
                }
            }
        }
    }

    fn leaves(&self) -> Vec<ledger::Commitment> {
        self.shares.iter().map(RecordedShare::leaf).collect()
    }
}

/// Several slices, a block in one of them, an open slice.
async fn day(home: &Home) -> Ledger {
    let ledger = home.open();
    let mut sender = ledger.handle().sender();
    for tip in 1..=5u8 {
        home.set_clock(START + u32::from(tip));
        let members = ["ann", "bob"].map(|member| context(member, tip, 9));
        let mut shares = ledger::Batch::default();
        for number in 0..40 {
            shares.push(&members[number as usize % 2], share(u32::from(tip) * 100 + number)).unwrap();
        }
        if tip == 3 {
            shares.push_block(FoundBlock {
                hash: Hash256([0xb; 32]),
                height: 3,
                found: START,
                job: members[0].terms().job.hash(),
                member: "ann".into(),
                worker: "rig".into(),
                value: 50,
            });
        }
        store(&mut sender, shares).await;
    }
    ledger
}

fn all_of(feed: &mut Feed, intake: &mut Intake, told: &mut Told) {
    loop {
        let batch = feed.next(2_000).unwrap();
        told.take(intake, &batch);
        if batch.caught_up || batch.ended {
            return;
        }
    }
}

fn written(home: &Home) -> Vec<ledger::Commitment> {
    let mut reader = Reader::open(&home.path()).unwrap();
    reader.shares(1, u64::MAX).map(|share| share.unwrap().leaf()).collect()
}

#[tokio::test]
async fn who_listens_is_told_everything_that_is_written_and_then_what_is_new() {
    let home = Home::new();
    let ledger = day(&home).await;
    let (mut feed, mut intake, mut told) =
        (Feed::open(&home.path(), Cursor::START, 1).unwrap(), Intake::default(), Told::default());
    all_of(&mut feed, &mut intake, &mut told);
    assert_eq!(told.leaves(), written(&home));
    let closed = Reader::open(&home.path()).unwrap().last_head().unwrap().unwrap().head.slice;
    assert_eq!((told.slices, told.entries), (closed, 1));

    // Nothing new, and then something.
    assert!(feed.next(2_000).unwrap().messages.is_empty());
    let mut sender = ledger.handle().sender();
    store(&mut sender, batch(&context("ann", 5, 9), [900])).await;
    store(&mut sender, batch(&context("ann", 6, 9), [901])).await;
    all_of(&mut feed, &mut intake, &mut told);
    assert_eq!(told.leaves(), written(&home));
    assert_eq!(told.slices, closed + 1);
}

#[tokio::test]
async fn a_listener_that_is_cut_off_anywhere_goes_on_from_there() {
    let home = Home::new();
    let _ledger = day(&home).await;
    let mut told = Told::default();
    let mut cursor = Cursor::START;
    let closed = Reader::open(&home.path()).unwrap().last_head().unwrap().unwrap().head.slice;
    // One batch a connection, which is a slice and then what is open: each is told once.
    for slice in 1..=closed + 1 {
        assert_eq!(cursor.slice, slice);
        let (mut feed, mut intake) = (Feed::open(&home.path(), cursor, 1).unwrap(), Intake::new(cursor));
        let batch = feed.next(1).unwrap();
        assert_eq!(batch.caught_up, slice > closed);
        told.take(&mut intake, &batch);
        cursor = intake.cursor();
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }
    assert_eq!(told.leaves(), written(&home));
    assert_eq!((told.slices, told.entries), (closed, 1));
    assert_eq!(closed, 4, "three tips were left, and a block ended a slice");
}

#[tokio::test]
async fn a_listener_that_is_cut_off_within_a_message_is_told_it_again_and_nothing_twice() {
    let home = Home::new();
    let _ledger = day(&home).await;
    let batch = |feed: &mut Feed| feed.next(usize::MAX).unwrap();
    let mut bytes = Vec::new();
    let all = batch(&mut Feed::open(&home.path(), Cursor::START, 1).unwrap());
    all.messages.iter().for_each(|message| message.write_to(&mut bytes));
    for cut in (1..bytes.len()).step_by(bytes.len() / 50) {
        let (mut intake, mut told) = (Intake::default(), Told::default());
        told.take_bytes(&mut intake, &bytes[..cut]);
        let mut intake = Intake::new(intake.cursor());
        let rest = batch(&mut Feed::open(&home.path(), intake.cursor(), 1).unwrap());
        told.take(&mut intake, &rest);
        assert_eq!(told.leaves(), written(&home), "cut after {cut} of {} bytes", bytes.len());
        assert_eq!((told.slices, told.entries), (4, 1));
    }
}

#[tokio::test]
async fn a_slice_alone_comes_with_all_that_it_needs() {
    let home = Home::new();
    let _ledger = day(&home).await;
    let mut reader = Reader::open(&home.path()).unwrap();
    let head = reader.head(3).unwrap().unwrap().head;
    let mut feed = Feed::open_slice(&home.path(), 3).unwrap().unwrap();
    let cursor = reader.cursor_at(head.first_share).unwrap();
    assert_eq!((cursor.share, cursor.slice), (head.first_share, 3));
    let (mut intake, mut told) = (Intake::new(cursor), Told::default());
    all_of(&mut feed, &mut intake, &mut told);
    assert_eq!((told.slices, told.entries), (1, 1), "the block was found in it");
    assert_eq!(ledger::merkle::root(told.leaves()), head.shares_root);
    assert_eq!(reader.shares(1, u64::MAX).count() as u64, reader.last_share().unwrap());
    assert!(Feed::open_slice(&home.path(), 99).unwrap().is_none());
}

#[tokio::test]
async fn who_does_not_want_the_past_is_told_what_it_adds_up_to() {
    let home = Home::new();
    let _ledger = day(&home).await;
    let (mut feed, mut intake, mut told) =
        (Feed::open(&home.path(), Cursor::START, u64::MAX).unwrap(), Intake::default(), Told::default());
    all_of(&mut feed, &mut intake, &mut told);
    let last = Reader::open(&home.path()).unwrap().last_head().unwrap().unwrap().head;
    assert_eq!((told.whole_from, told.slices), (last.slice + 1, last.slice));
    assert_eq!(told.shares[0].sequence, last.last_share() + 1, "the open slice is told whole");
    assert_eq!(told.entries, 1);
}

#[test]
fn bytes_that_are_no_stream_are_refused_by_name() {
    let refused = |bytes: &[u8]| {
        let mut intake = Intake::default();
        intake.push(bytes);
        intake.received().unwrap_err().to_string()
    };
    assert!(refused(&[99, 0, 0, 0, 0]).contains("kind 99"));
    assert!(refused(&[5, 255, 255, 255, 255]).contains("longer than any may be"));
    assert!(refused(&[1, 1, 0, 0, 0, 9]).contains("version 9"));
    let mut unknown = vec![4, 32, 0, 0, 0];
    unknown.extend_from_slice(&commitment(7).0);
    assert!(refused(&unknown).contains("was not told"));
}
