//! A disk that is full, locked or torn.

use crate::replay::replay;
use crate::support::{Home, batch, context, copy_to, log_of, store};
use ledger::{DiskState, Trouble};
use rusqlite::Connection;

#[tokio::test]
async fn while_another_program_locks_the_ledger_nothing_is_acknowledged_and_then_all_is() {
    let home = Home::new();
    let ledger = home.open();
    let mut sender = ledger.handle().sender();
    let ann = context("ann", 1, 0);
    store(&mut sender, batch(&ann, [1])).await;

    let other = Connection::open(home.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let number = sender.send(batch(&ann, [2, 3])).await.unwrap();
    let mut state = ledger.handle().state();
    state.wait_for(|state| *state == DiskState::Stalled(Trouble::Busy)).await.unwrap();
    assert_eq!(sender.durable(), Ok(number - 1));

    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(sender.durable_past(number - 1).await, Ok(number));
    state.wait_for(|state| *state == DiskState::Working).await.unwrap();
    assert_eq!(replay(&home.path()).numbers(), [1, 2, 3]);
}

#[tokio::test]
async fn a_ledger_that_is_closed_while_the_disk_takes_nothing_acknowledges_nothing() {
    let home = Home::new();
    let ledger = home.open();
    let mut sender = ledger.handle().sender();
    store(&mut sender, batch(&context("ann", 1, 0), [1])).await;
    let other = Connection::open(home.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    sender.send(batch(&context("ann", 1, 0), [2])).await.unwrap();
    let mut state = ledger.handle().state();
    state.wait_for(|state| *state != DiskState::Working).await.unwrap();
    tokio::task::spawn_blocking(|| ledger.close()).await.unwrap();
    assert!(sender.durable().is_err());
    drop(other);
    assert_eq!(replay(&home.path()).numbers(), [1]);
}

/// Any end of the log may be missing or garbled after a loss of power: what was not synced, and
/// so not acknowledged. What is before it must be there, and the ledger must go on.
#[tokio::test]
async fn a_log_that_is_torn_loses_only_what_was_torn_off() {
    let mut home = Home::new();
    home.rules.shares = 10;
    let ledger = home.open();
    let mut sender = ledger.handle().sender();
    let mut ends = Vec::new();
    for number in 0..40 {
        store(&mut sender, batch(&context("ann", 1, 0), [number])).await;
        ends.push(std::fs::metadata(log_of(&home.path())).unwrap().len());
    }
    let whole = ends[39];
    for (step, garbled) in (0..60).map(|step| (step, step % 2 == 0)) {
        let mut torn = Home::new();
        torn.rules = home.rules;
        copy_to(&home.path(), &torn);
        let cut = whole - whole * step / 60;
        let mut log = std::fs::read(log_of(&torn.path())).unwrap();
        if garbled {
            log[cut as usize - 1..].iter_mut().for_each(|byte| *byte ^= 0x5a);
        } else {
            log.truncate(cut as usize);
        }
        std::fs::write(log_of(&torn.path()), log).unwrap();

        let kept = ends.iter().filter(|end| **end < cut).count() as u32;
        // Before the first commit there is the making of the tables, torn or not.
        let ledger = torn.open();
        let numbers = replay(&torn.path()).numbers();
        assert!(numbers.len() >= kept as usize, "{} of {kept} at {cut}", numbers.len());
        assert_eq!(numbers, (0..numbers.len() as u32).collect::<Vec<_>>());
        store(&mut ledger.handle().sender(), batch(&context("ann", 1, 0), [1_000])).await;
        assert_eq!(replay(&torn.path()).numbers().last(), Some(&1_000));
    }
}

#[tokio::test]
async fn a_pack_that_is_damaged_in_the_file_is_named_and_not_built_upon() {
    let home = Home::new();
    let ledger = home.open();
    store(&mut ledger.handle().sender(), batch(&context("ann", 1, 0), [1, 2])).await;
    drop(ledger);
    let file = Connection::open(home.path()).unwrap();
    let mut bytes: Vec<u8> = file.query_row("SELECT bytes FROM packs", [], |row| row.get(0)).unwrap();
    let last = bytes.len() - 10;
    bytes[last] ^= 1;
    file.execute("UPDATE packs SET bytes = ?1", [bytes]).unwrap();
    let refused = ledger::Ledger::open(&home.path(), home.config()).unwrap_err().to_string();
    assert!(refused.contains("is damaged: shares from 1: the checksum does not fit"), "{refused}");
}
