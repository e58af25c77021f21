//! Sending shares, and when they are acknowledged.

use crate::replay::replay;
use crate::support::{Home, batch, context, share, store};
use ledger::batch::NotTaken;
use ledger::{Batch, Ledger, OpenError, ShareSender};

#[tokio::test]
async fn a_share_that_is_acknowledged_can_be_read_as_it_was_sent() {
    let home = Home::new();
    let ledger = home.open();
    let context = context("ann", 1, 100);
    let mut sender = ledger.handle().sender();
    store(&mut sender, batch(&context, [1, 2, 3])).await;

    let replayed = replay(&home.path());
    assert_eq!(replayed.numbers(), [1, 2, 3]);
    let read = &replayed.shares[1];
    assert_eq!(read.context.terms(), context.terms());
    assert_eq!(read.share, share(2));
    assert_eq!(read.leaf(), context.leaf(&share(2), read.received));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shares_of_many_connections_are_all_there_each_connections_in_its_order() {
    let home = Home::new();
    let ledger = home.open();
    let mut sending = tokio::task::JoinSet::new();
    for connection in 0..20u32 {
        let mut sender = ledger.handle().sender();
        sending.spawn(async move {
            let context = context(&format!("member-{connection}"), 1, 0);
            for burst in 0..30 {
                let first = connection * 1_000 + burst * 10;
                sender.send(batch(&context, first..first + 10)).await.unwrap();
            }
            while sender.durable().unwrap() < sender.sent() {
                sender.durable_past(sender.durable().unwrap()).await.unwrap();
            }
        });
    }
    sending.join_all().await;
    let numbers = replay(&home.path()).numbers();
    assert_eq!(numbers.len(), 6_000);
    for connection in 0..20 {
        let own: Vec<u32> = numbers.iter().copied().filter(|number| number / 1_000 == connection).collect();
        assert_eq!(own, (connection * 1_000..connection * 1_000 + 300).collect::<Vec<_>>());
    }
    assert!(ledger.handle().stats().commits() > 0);
    assert_eq!(ledger.handle().stats().shares(), 6_000);
}

#[tokio::test]
async fn a_ledger_goes_on_where_it_was_closed() {
    let mut home = Home::new();
    home.rules.shares = 7;
    for start in 0..5u32 {
        let ledger = home.open();
        let mut sender: ShareSender = ledger.handle().sender();
        for number in start * 10..start * 10 + 10 {
            store(&mut sender, batch(&context("ann", 1, 0), [number])).await;
        }
        ledger.close();
    }
    let replayed = replay(&home.path());
    assert_eq!(replayed.numbers(), (0..50).collect::<Vec<_>>());
    assert_eq!(replayed.heads.len(), 7);
}

#[tokio::test]
async fn what_was_sent_before_closing_is_written() {
    let home = Home::new();
    let ledger = home.open();
    let mut sender = ledger.handle().sender();
    for number in 0..100 {
        sender.send(batch(&context("ann", 1, 0), [number])).await.unwrap();
    }
    ledger.close();
    assert_eq!(sender.durable(), Ok(100));
    assert!(sender.send(Batch::default()).await.is_err());
    assert_eq!(replay(&home.path()).numbers().len(), 100);
}

#[tokio::test]
async fn many_small_commits_become_few_rows() {
    let home = Home::new();
    let ledger = home.open();
    let mut sender = ledger.handle().sender();
    let context = context("ann", 1, 0);
    for number in 0..600 {
        store(&mut sender, batch(&context, [number])).await;
    }
    let rows = rusqlite::Connection::open(home.path()).unwrap();
    let packs: u32 = rows.query_row("SELECT COUNT(*) FROM packs", [], |row| row.get(0)).unwrap();
    assert!(packs < 300, "{packs} rows");
    assert_eq!(replay(&home.path()).numbers(), (0..600).collect::<Vec<_>>());
}

#[test]
fn a_second_process_on_the_same_ledger_is_told_so() {
    let home = Home::new();
    let ledger = home.open();
    let refused = Ledger::open(&home.path(), home.config()).unwrap_err();
    assert!(matches!(refused, OpenError::Lock(_)), "{refused}");
    assert!(refused.to_string().contains("is being written by another Punchbowl (process "), "{refused}");
    drop(ledger);
    home.open();
}

#[test]
fn a_ledger_of_another_chain_or_a_newer_version_or_another_program_is_refused() {
    let home = Home::new();
    drop(home.open());
    let mut config = home.config();
    config.network = "bitcoin".to_owned();
    let refused = Ledger::open(&home.path(), config).unwrap_err();
    assert!(matches!(refused, OpenError::OtherNetwork { .. }), "{refused}");

    let file = rusqlite::Connection::open(home.path()).unwrap();
    file.pragma_update(None, "user_version", 99).unwrap();
    let refused = Ledger::open(&home.path(), home.config()).unwrap_err();
    assert!(matches!(refused, OpenError::Newer { found: 99, .. }), "{refused}");

    file.pragma_update(None, "application_id", 1).unwrap();
    let refused = Ledger::open(&home.path(), home.config()).unwrap_err();
    assert!(matches!(refused, OpenError::NotALedger(_)), "{refused}");
    drop(file);
    std::fs::write(home.path(), "no database at all, but long enough to be looked at as one".repeat(20))
        .unwrap();
    let refused = Ledger::open(&home.path(), home.config()).unwrap_err();
    assert!(matches!(refused, OpenError::NotALedger(_)), "{refused}");
}

#[test]
fn a_share_of_the_wrong_size_and_a_share_too_many_are_not_taken() {
    let context = context("ann", 1, 0);
    let mut full = batch(&context, 0..Batch::MAX_SHARES as u32);
    assert_eq!(full.push(&context, share(0)), Err(NotTaken::Full));
    let short = ledger::Share { rolled: work::Extranonce::EMPTY, ..share(0) };
    assert_eq!(Batch::default().push(&context, short), Err(NotTaken::ExtranonceSize));
    assert_eq!(full.len(), Batch::MAX_SHARES);
}
