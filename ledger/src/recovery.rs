//! Where a ledger stands when it is opened: from its last head, and from the packs of the
//! slice that was open. Nothing older is read, however long the ledger is.

use crate::contexts::Contexts;
use crate::head::{Head, LedgerId};
use crate::pack::Unpacked;
use crate::plan::{Standing, Tail};
use crate::registry::{Registry, Taken};
use crate::share_work::WorkSum;
use crate::slice::{OpenSlice, SliceRules};
use crate::store::columns::unsigned;
use crate::store::{StoreError, packs, shelf};
use crate::tagged_hash::Commitment;
use rusqlite::{Connection, OptionalExtension};

/// Packs of this size are not made one with others.
const LARGE: usize = 64 << 10;

/// Reads where the ledger stands.
pub(crate) fn recover(
    connection: &Connection,
    ledger: LedgerId,
    rules: &SliceRules,
) -> Result<(Standing, Registry), StoreError> {
    let head = last_head(connection)?;
    let (entries, book) = last_entry(connection)?;
    let mut standing = Standing {
        ledger,
        last_share: head.as_ref().map_or(0, |(head, _)| head.last_share()),
        received: head.as_ref().map_or(0, |(head, _)| head.closed),
        slice: None,
        last_slice: head.as_ref().map_or(0, |(head, _)| head.slice),
        head: head.map_or(Commitment::default(), |(_, hash)| hash),
        entries,
        book,
        tail: Tail::default(),
    };
    reopen(connection, &mut standing, rules)?;
    let taken: Taken = shelf::taken(connection)?;
    Ok((standing, Registry::new(taken)))
}

/// Reads the shares after the last head again.
fn reopen(connection: &Connection, standing: &mut Standing, rules: &SliceRules) -> Result<(), StoreError> {
    let mut contexts = Contexts::default();
    let number = standing.last_slice + 1;
    while let Some(pack) = packs::at_or_after(connection, standing.last_share + 1)? {
        let damaged = |what: String| StoreError::Damaged(format!("shares from {}: {what}", pack.first));
        if (pack.first, pack.slice) != (standing.last_share + 1, number) {
            let expected = format!("expected shares from {} of slice {number}", standing.last_share + 1);
            return Err(damaged(expected));
        }
        let mut shares = Unpacked::open(&pack.bytes).map_err(|fault| damaged(fault.to_string()))?;
        let under = shares.contexts.iter().map(|packed| contexts.resolve(connection, packed));
        let under = under.collect::<Result<Vec<_>, _>>()?;
        let mut counts = vec![0u64; under.len()];
        for share in &mut shares {
            let share = share.map_err(|fault| damaged(fault.to_string()))?;
            let (Some(resolved), Some(count)) = (under.get(share.context), counts.get_mut(share.context))
            else {
                return Err(damaged("a share without a context".to_owned()));
            };
            *count += 1;
            standing.last_share += 1;
            standing.received = standing.received.max(share.received);
            let slice = standing.slice.get_or_insert_with(|| {
                let prev_hash = resolved.context.terms().job.template.prev_hash;
                let first = standing.last_share;
                OpenSlice::open(number, first, share.received, resolved.place, prev_hash, rules)
            });
            slice.push(resolved.context.leaf(&share.share, share.received));
        }
        if standing.last_share + 1 != pack.first + pack.count {
            return Err(damaged(format!("there should be {}", pack.count)));
        }
        for (resolved, count) in under.iter().zip(counts).filter(|(_, count)| *count > 0) {
            let weight = WorkSum::of_shares(count, resolved.context.work(), resolved.place.fees);
            let weight = weight.ok_or_else(|| damaged("more work than there can be".to_owned()))?;
            if let Some(slice) = &mut standing.slice {
                slice.credit(resolved.member, &resolved.context.terms().member, weight);
            }
        }
        if pack.bytes.len() >= LARGE {
            standing.tail = Tail::default();
        } else {
            standing.tail.add(pack.first, pack.bytes.len());
        }
    }
    Ok(())
}

fn last_head(connection: &Connection) -> Result<Option<(Head, Commitment)>, StoreError> {
    let query = "SELECT head, hash FROM slices ORDER BY number DESC LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, Commitment(row.get(1)?)));
    let Some((bytes, hash)) = connection.query_row(query, [], read).optional()? else { return Ok(None) };
    let head =
        Head::from_bytes(&bytes).map_err(|fault| StoreError::Damaged(format!("the last head: {fault}")))?;
    if head.hash() != hash {
        return Err(StoreError::Damaged(format!("the head of slice {} has another hash", head.slice)));
    }
    Ok(Some((head, hash)))
}

fn last_entry(connection: &Connection) -> Result<(u64, Commitment), StoreError> {
    let query = "SELECT number, hash FROM book ORDER BY number DESC LIMIT 1";
    let read = |row: &rusqlite::Row<'_>| Ok((unsigned(row, 0)?, Commitment(row.get(1)?)));
    Ok(connection.query_row(query, [], read).optional()?.unwrap_or_default())
}
