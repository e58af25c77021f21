//! Gives a whole ledger's file to an [`Auditor`].

use super::{Auditor, Evidence};
use crate::WorkSum;
use crate::evidence::{Cursor, Source, Step, Taker};
use crate::member::MemberId;
use crate::reader::Reader;
use crate::share::RecordedShare;
use crate::store::StoreError;
use std::collections::HashMap;
use std::sync::Arc;

/// Gives all of the ledger that `reader` has open to `auditor`, and tells `progress` now and
/// then how many shares there were so far.
///
/// # Errors
/// [`StoreError`] when the file cannot be read to its end.
pub fn audit_ledger(
    reader: &mut Reader,
    auditor: &mut Auditor,
    progress: impl FnMut(u64),
) -> Result<(), StoreError> {
    audit_further(&mut Source::new(Cursor::START, 1), reader, auditor, progress)
}

/// Gives to `auditor` what the ledger that `reader` has open holds from where `source` stands
/// on: it may have grown since it was last asked.
///
/// # Errors
/// [`StoreError`] when the file cannot be read to its end.
pub fn audit_further(
    source: &mut Source,
    reader: &mut Reader,
    auditor: &mut Auditor,
    mut progress: impl FnMut(u64),
) -> Result<(), StoreError> {
    const AT_A_TIME: u64 = 65_536;
    loop {
        let more = audit_piece(source, reader, auditor, AT_A_TIME)?;
        progress(source.cursor().share.saturating_sub(1));
        if !more {
            return Ok(());
        }
    }
}

/// Gives to `auditor` the next piece of what the ledger that `reader` has open holds from where
/// `source` stands on: at most `most` shares, or a slice's end. Whether there is more.
///
/// # Errors
/// [`StoreError`] when the file cannot be read.
pub fn audit_piece(
    source: &mut Source,
    reader: &mut Reader,
    auditor: &mut Auditor,
    most: u64,
) -> Result<bool, StoreError> {
    Ok(source.step(reader, most, auditor)? == Step::More)
}

impl Taker for Auditor {
    fn share(&mut self, share: &RecordedShare) {
        Auditor::share(self, share);
    }

    fn other(&mut self, evidence: Evidence) {
        self.add(&evidence);
    }
}

/// What members did in a slice, by their names; `names` keeps those that were looked up.
pub(crate) fn members(
    reader: &Reader,
    slice: u64,
    names: &mut HashMap<MemberId, Arc<str>>,
) -> Result<Vec<(Arc<str>, WorkSum)>, StoreError> {
    let mut members = Vec::new();
    for part in reader.slices_work(slice, slice)? {
        let name = match names.get(&part.member) {
            Some(name) => name.clone(),
            None => {
                let member = reader.member(part.member)?;
                let name = member.map_or_else(|| format!("member {}", part.member.0).into(), |m| m.identity);
                names.entry(part.member).or_insert(name).clone()
            }
        };
        members.push((name, part.sum));
    }
    Ok(members)
}
