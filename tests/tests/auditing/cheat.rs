//! An operator who writes the pool's ledger anew while it is down, and signs it again.

use crate::ledgers::Key;
use anyhow::{Context, Result};
use ledger::audit::Evidence;
use ledger::{Batch, BookEntry, Commitment, Ledger, LedgerConfig, LedgerId, Reader, SliceRules};
use p2p::AuthorityKeypair;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tests::{PoolConfig, Punchbowl};

/// A running pool whose operator cheats.
pub struct CheatingPool(Punchbowl);

/// The key that signs the frauds' ledgers.
pub fn keypair() -> AuthorityKeypair {
    AuthorityKeypair::from_secret_bytes(&[1; 32]).unwrap()
}

impl CheatingPool {
    pub async fn start() -> Result<CheatingPool> {
        Ok(CheatingPool(
            Punchbowl::pool(PoolConfig::embedded("1d00ffff").every_hash_a_share().key(&keypair())).await?,
        ))
    }

    pub fn pool(&self) -> &Punchbowl {
        &self.0
    }

    /// From now on the pool's ledger says this.
    pub async fn tell(&mut self, evidence: &[Evidence]) -> Result<()> {
        self.0.terminate().await?;
        write(&self.0.ledger(), evidence).await?;
        self.0.restart().await
    }
}

/// The last block's book says that each was due what its coinbase paid them, and so leaves nothing
/// to anybody's credit. No head has been signed for what the book said before.
pub fn leave_no_credit(path: &Path) -> Result<()> {
    let book = Reader::open(path)?.book(1, usize::MAX)?;
    let mut file = Connection::open(path)?;
    let lie = file.transaction()?;
    let is_booking = |entry: &BookEntry| matches!(entry, BookEntry::Booked { .. });
    let last = book.iter().rposition(|(_, _, entry)| is_booking(entry)).context("no block is booked")?;
    let mut before = last.checked_sub(1).map_or(Commitment::default(), |before| book[before].1);
    for (number, _, entry) in &book[last..] {
        let mut entry = entry.clone();
        if let BookEntry::Booked { payments, .. } = &mut entry {
            payments.iter_mut().for_each(|payment| payment.due = payment.paid);
        }
        before = entry.hash(before);
        let (bytes, number) = (entry.to_bytes(), *number as i64);
        lie.execute(
            "UPDATE book SET hash = ?1, bytes = ?2 WHERE number = ?3",
            params![before.0, bytes, number],
        )?;
    }
    lie.execute_batch(
        "UPDATE bookings SET due = paid WHERE block = (SELECT MAX(number) FROM blocks); DELETE FROM balances;",
    )?;
    lie.commit().context("writing the lie")
}

/// A ledger's file with this evidence in it, as it stands.
async fn write(path: &Path, evidence: &[Evidence]) -> Result<()> {
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{end}", path.display()));
    }
    let clock = Arc::new(AtomicU32::new(0));
    let mut config = LedgerConfig::new("regtest", LedgerId([9; 16]), Box::new(Key::new(1)));
    config.rules = SliceRules { seconds: u32::MAX, fee_jump: u64::MAX, shares: u64::MAX, edges: [0, 0] };
    config.gather = Duration::ZERO;
    let now = clock.clone();
    config.clock = Box::new(move || now.load(Ordering::Relaxed));
    let ledger = Ledger::open(path, config)?;
    let mut sender = ledger.handle().sender();
    for each in evidence {
        if let Evidence::Share(share) = each {
            clock.store(share.received, Ordering::Relaxed);
            let mut batch = Batch::default();
            batch.push(&share.context, share.share)?;
            let number = sender.send(batch).await?;
            while sender.durable()? < number {
                sender.durable_past(sender.durable()?).await?;
            }
        }
    }
    drop(sender);
    tokio::task::spawn_blocking(|| ledger.close()).await?;

    // What the writer has signed is replaced by what the operator wants to have signed.
    let mut file = Connection::open(path)?;
    let lie = file.transaction()?;
    lie.execute_batch("DELETE FROM slices; DELETE FROM slice_members; DELETE FROM book;")?;
    let mut names = BTreeSet::new();
    for each in evidence {
        let Evidence::Slice { head: signed, members } = each else { continue };
        let head = &signed.head;
        lie.execute(
            "INSERT INTO slices VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                head.slice as i64,
                head.first_share as i64,
                (head.last_share() + 1 - head.first_share) as i64,
                head.closed,
                head.to_bytes(),
                head.hash().0,
                signed.signer,
                signed.signature.to_vec()
            ],
        )?;
        for (name, sum) in members {
            if names.insert(name.clone()) {
                lie.execute("INSERT OR IGNORE INTO members (identity) VALUES (?1)", [&**name])?;
            }
            let id: i64 =
                lie.query_row("SELECT id FROM members WHERE identity = ?1", [&**name], |row| row.get(0))?;
            lie.execute(
                "INSERT INTO slice_members VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    head.slice as i64,
                    id,
                    sum.shares as i64,
                    sum.work.0.to_be_bytes().to_vec(),
                    sum.fee_work.to_be_bytes().to_vec()
                ],
            )?;
        }
    }
    lie.commit().context("writing the lie")
}
