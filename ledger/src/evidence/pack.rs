//! Shares on the wire: like on disk, with hashes and names in the place of row numbers.

use crate::bytes::{BadBytes, Reading, Writing, unzigzag, zigzag};
use crate::share::{RecordedShare, Share, ShareContext, ShareTerms};
use crate::tagged_hash::Commitment;
use std::collections::HashMap;
use std::sync::Arc;
use work::{Extranonce, Submission, Target};

/// Versions are mostly this, with some of the bits 13 to 28 rolled (BIP320).
const USUAL_VERSION: u32 = 0x2000_0000;
const LOWEST_ROLLED_BIT: u32 = 13;

/// Contexts in a message at most, so that the jobs that it names are few.
pub(super) const MAX_CONTEXTS: usize = 256;
/// Shares in a message at most.
pub(super) const MAX_SHARES: u64 = 4_096;

/// Shares that are being packed: one after the other in the ledger.
#[derive(Default)]
pub(super) struct Packing {
    /// By address, which is only compared, and size of the rolled part.
    places: HashMap<(usize, usize), u64>,
    /// Kept alive, so that no other context gets the same address.
    kept: Vec<Arc<ShareContext>>,
    contexts: Writing,
    first: u64,
    first_received: u32,
    last_received: u32,
    count: u64,
    last: Option<(usize, usize, u64)>,
    shares: Writing,
}

impl Packing {
    /// Whether `share` can be added: it is the next, and there is room.
    pub(super) fn takes(&self, share: &RecordedShare) -> bool {
        self.count == 0
            || (share.sequence == self.first.wrapping_add(self.count)
                && share.received >= self.last_received
                && self.count < MAX_SHARES
                && self.kept.len() < MAX_CONTEXTS)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a share; true when its context is a new one.
    pub(super) fn push(&mut self, share: &RecordedShare) -> bool {
        if self.count == 0 {
            self.first = share.sequence;
            (self.first_received, self.last_received) = (share.received, share.received);
        }
        let (address, rolled) = (Arc::as_ptr(&share.context) as usize, share.share.rolled.len());
        let known = self.last.filter(|(last, size, _)| (*last, *size) == (address, rolled));
        let known = known.map(|(.., place)| place).or_else(|| self.places.get(&(address, rolled)).copied());
        let place = known.unwrap_or(self.places.len() as u64);
        if known.is_none() {
            self.places.insert((address, rolled), place);
            self.kept.push(share.context.clone());
            let terms = share.context.terms();
            self.contexts.raw(&terms.job.hash().0).raw(&terms.target.to_le_bytes());
            self.contexts.short(terms.extranonce_prefix.as_bytes());
            self.contexts.short(terms.member.as_bytes()).short(terms.worker.as_bytes());
            self.contexts.u8(u8::try_from(rolled).unwrap_or(u8::MAX)); // at most 32
        }
        self.last = Some((address, rolled, place));
        let Submission { version, ntime, nonce } = share.share.submission;
        let rolled_bits = (version ^ USUAL_VERSION).rotate_right(LOWEST_ROLLED_BIT);
        self.shares.varint(place).varint(u64::from(share.received.wrapping_sub(self.last_received)));
        self.shares.varint(zigzag(i64::from(ntime) - i64::from(share.received)));
        self.shares.varint(u64::from(rolled_bits)).u32(nonce).raw(share.share.rolled.as_bytes());
        self.last_received = share.received;
        self.count += 1;
        known.is_none()
    }

    /// Sequence number of the share after the last.
    pub(super) fn next(&self) -> u64 {
        self.first.saturating_add(self.count)
    }

    /// The bytes.
    pub(super) fn finish(self) -> Vec<u8> {
        let mut bytes = Writing(Vec::with_capacity(self.contexts.0.len() + self.shares.0.len() + 24));
        bytes.u64(self.first).varint(self.count).varint(self.first_received.into());
        bytes.varint(self.kept.len() as u64).raw(&self.contexts.0).raw(&self.shares.0);
        bytes.0
    }
}

/// Contexts that were told lately, by their bytes.
#[derive(Default)]
pub(super) struct Contexts(HashMap<Box<[u8]>, Arc<ShareContext>>);

impl Contexts {
    const KEPT: usize = 4_096;

    fn keep(&mut self, name: &[u8], context: ShareContext) -> Arc<ShareContext> {
        if self.0.len() >= Self::KEPT {
            self.0.clear();
        }
        let context = Arc::new(context);
        self.0.insert(name.into(), context.clone());
        context
    }
}

/// Why shares cannot be read.
pub(super) enum BadPack {
    /// The bytes are none.
    Bytes(BadBytes),
    /// They name a job that was not told.
    UnknownJob(Commitment),
    /// What they are mined under is nothing that a ledger records.
    Terms(crate::job_record::RecordError),
}

impl From<BadBytes> for BadPack {
    fn from(fault: BadBytes) -> BadPack {
        BadPack::Bytes(fault)
    }
}

/// Reads what [`Packing`] wrote; jobs are asked for by hash.
pub(super) fn unpack(
    bytes: &[u8],
    known: &mut Contexts,
    job: impl Fn(&Commitment) -> Option<Arc<crate::job_record::JobRecord>>,
) -> Result<Vec<RecordedShare>, BadPack> {
    let mut from = Reading(bytes);
    let first = from.u64()?;
    let count = from.varint()?;
    let mut received = number(from.varint()?)?;
    let mut contexts: Vec<(Arc<ShareContext>, usize)> = Vec::new();
    for _ in 0..from.count(68)? {
        let begin = from.0;
        let (hash, target) = (Commitment(from.array()?), Target::from_le_bytes(from.array()?));
        let extranonce_prefix = extranonce(from.short()?)?;
        let (member, worker) = (from.short_text()?, from.short_text()?);
        let name = begin.get(..begin.len() - from.0.len()).unwrap_or_default();
        let context = match known.0.get(name) {
            Some(context) => context.clone(),
            None => {
                let job = job(&hash).ok_or(BadPack::UnknownJob(hash))?;
                let (member, worker) = (member.into(), worker.into());
                let terms = ShareTerms { job, member, worker, target, extranonce_prefix };
                known.keep(name, ShareContext::new(terms).map_err(BadPack::Terms)?)
            }
        };
        contexts.push((context, usize::from(from.u8()?)));
    }
    if count > MAX_SHARES || contexts.len() > MAX_CONTEXTS {
        return Err(BadBytes::Number.into());
    }
    let mut shares = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
    for place in 0..count {
        let context = usize::try_from(from.varint()?).ok().and_then(|at| contexts.get(at));
        let (context, rolled) = context.ok_or(BadBytes::Meaningless("a context past the last"))?;
        received = received.checked_add(number(from.varint()?)?).ok_or(BadBytes::Number)?;
        let ntime = i64::from(received).checked_add(unzigzag(from.varint()?)).ok_or(BadBytes::Number)?;
        let ntime = u32::try_from(ntime).map_err(|_| BadBytes::Number)?;
        let version = number(from.varint()?)?.rotate_left(LOWEST_ROLLED_BIT) ^ USUAL_VERSION;
        let submission = Submission { version, ntime, nonce: from.u32()? };
        let share = Share { submission, rolled: extranonce(from.raw(*rolled)?)? };
        let sequence = first.checked_add(place).ok_or(BadBytes::Number)?;
        shares.push(RecordedShare { sequence, received, share, context: context.clone() });
    }
    from.end()?;
    Ok(shares)
}

fn number(value: u64) -> Result<u32, BadBytes> {
    u32::try_from(value).map_err(|_| BadBytes::Number)
}

fn extranonce(bytes: &[u8]) -> Result<Extranonce, BadBytes> {
    Extranonce::new(bytes).map_err(|_| BadBytes::Meaningless("so long an extranonce"))
}
