//! Shares as they lie on disk: a dictionary of what they have in common, and some ten
//! bytes each besides what their miner rolled.
//!
//! Layout in `docs/ledger.md`. Numbers are LEB128 unless said otherwise.

use crate::bytes::{BadBytes, Reading, Writing, unzigzag, zigzag};
use crate::member::WorkerId;
use crate::share::Share;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use work::{Extranonce, Submission, Target};

/// A [`ShareContext`](crate::share::ShareContext) by the numbers that its parts have in this
/// ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PackedContext {
    /// Row of the job.
    pub(crate) job: u64,
    /// The worker, and so the member.
    pub(crate) worker: WorkerId,
    /// The share target.
    pub(crate) target: Target,
    /// The channel's part of the extranonce.
    pub(crate) prefix: Extranonce,
    /// Bytes that the miner rolls.
    pub(crate) rolled: u8,
}

/// Shares that are being packed.
#[derive(Default)]
pub(crate) struct Packer {
    places: HashMap<PackedContext, u32>,
    contexts: Vec<PackedContext>,
    first_received: u32,
    last_received: u32,
    count: u64,
    shares: Writing,
}

/// Packed shares whose dictionary has been read.
pub(crate) struct Unpacked<'a> {
    /// The contexts that the shares name.
    pub(crate) contexts: Vec<PackedContext>,
    rolled: Vec<u8>,
    left: u64,
    received: u32,
    shares: Reading<'a>,
}

/// One share of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PackedShare {
    /// Place of its context in the dictionary.
    pub(crate) context: usize,
    /// When it came, seconds since the Unix epoch.
    pub(crate) received: u32,
    /// What was sent.
    pub(crate) share: Share,
}

const FORMAT: u8 = 1;
const CHECKSUM: usize = 4;
/// Versions are mostly this, with some of the bits 13 to 28 rolled (BIP320).
const USUAL_VERSION: u32 = 0x2000_0000;
const LOWEST_ROLLED_BIT: u32 = 13;

impl Packer {
    /// The place of `context` in the dictionary.
    pub(crate) fn context(&mut self, context: PackedContext) -> u32 {
        *self.places.entry(context).or_insert_with(|| {
            self.contexts.push(context);
            self.contexts.len() as u32 - 1 // fewer than the shares of a pack
        })
    }

    /// Adds a share whose context is at `place`. Its rolled part must have as many bytes as
    /// the context says; `received` must not be less than the share's before.
    pub(crate) fn push(&mut self, place: u32, share: &Share, received: u32) {
        if self.count == 0 {
            (self.first_received, self.last_received) = (received, received);
        }
        let Submission { version, ntime, nonce } = share.submission;
        let rolled_bits = (version ^ USUAL_VERSION).rotate_right(LOWEST_ROLLED_BIT);
        self.shares.varint(u64::from(place)).varint(u64::from(received.wrapping_sub(self.last_received)));
        self.shares.varint(zigzag(i64::from(ntime) - i64::from(received))).varint(u64::from(rolled_bits));
        self.shares.u32(nonce).raw(share.rolled.as_bytes());
        self.last_received = received;
        self.count += 1;
    }

    /// How many shares.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// The packed bytes.
    pub(crate) fn finish(self) -> Vec<u8> {
        let (mut targets, mut prefixes) = (Dictionary::default(), Dictionary::default());
        let mut contexts = Writing::default();
        let mut job = 0u64;
        for context in &self.contexts {
            contexts.varint(zigzag(context.job.wrapping_sub(job) as i64)).varint(context.worker.0.into());
            contexts.varint(targets.place(context.target)).varint(prefixes.place(context.prefix));
            contexts.u8(context.rolled);
            job = context.job;
        }
        let mut bytes = Writing(Vec::with_capacity(contexts.0.len() + self.shares.0.len() + 64));
        bytes.u8(FORMAT).varint(self.count).varint(self.first_received.into());
        bytes.varint(targets.values.len() as u64);
        targets.values.iter().for_each(|target| write_target(&mut bytes, target));
        bytes.varint(prefixes.values.len() as u64);
        prefixes.values.iter().for_each(|prefix| _ = bytes.short(prefix.as_bytes()));
        bytes.varint(self.contexts.len() as u64).raw(&contexts.0).raw(&self.shares.0);
        let checksum = checksum(&bytes.0);
        bytes.raw(&checksum);
        bytes.0
    }
}

impl<'a> Unpacked<'a> {
    /// Reads the dictionary of packed shares.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Unpacked<'a>, BadBytes> {
        let (content, found) = bytes.split_last_chunk::<CHECKSUM>().ok_or(BadBytes::Cut)?;
        if checksum(content) != *found {
            return Err(BadBytes::Checksum);
        }
        let mut from = Reading(content);
        if from.u8()? != FORMAT {
            return Err(BadBytes::Meaningless("a pack of this format"));
        }
        let left = from.varint()?;
        let received = u32::try_from(from.varint()?).map_err(|_| BadBytes::Number)?;
        let targets = (0..from.count(2)?).map(|_| read_target(&mut from)).collect::<Result<Vec<_>, _>>()?;
        let prefix =
            |bytes| Extranonce::new(bytes).map_err(|_| BadBytes::Meaningless("so long an extranonce"));
        let prefixes =
            (0..from.count(1)?).map(|_| from.short().and_then(prefix)).collect::<Result<Vec<_>, _>>()?;
        let mut contexts = Vec::new();
        let mut job = 0u64;
        for _ in 0..from.count(5)? {
            job = job.wrapping_add(unzigzag(from.varint()?) as u64);
            let worker = WorkerId(u32::try_from(from.varint()?).map_err(|_| BadBytes::Number)?);
            let target = *at(&targets, from.varint()?)?;
            let prefix = *at(&prefixes, from.varint()?)?;
            contexts.push(PackedContext { job, worker, target, prefix, rolled: from.u8()? });
        }
        let rolled = contexts.iter().map(|context| context.rolled).collect();
        Ok(Unpacked { contexts, rolled, left, received, shares: from })
    }

    fn read(&mut self) -> Result<PackedShare, BadBytes> {
        let from = &mut self.shares;
        let context = usize::try_from(from.varint()?).map_err(|_| BadBytes::Number)?;
        let rolled = *self.rolled.get(context).ok_or(BadBytes::Meaningless("a context past the last"))?;
        let later = u32::try_from(from.varint()?).map_err(|_| BadBytes::Number)?;
        let received = self.received.checked_add(later).ok_or(BadBytes::Number)?;
        let ntime = i64::from(received).checked_add(unzigzag(from.varint()?)).ok_or(BadBytes::Number)?;
        let ntime = u32::try_from(ntime).map_err(|_| BadBytes::Number)?;
        let rolled_bits = u32::try_from(from.varint()?).map_err(|_| BadBytes::Number)?;
        let version = rolled_bits.rotate_left(LOWEST_ROLLED_BIT) ^ USUAL_VERSION;
        let nonce = from.u32()?;
        let rolled = Extranonce::new(from.raw(rolled.into())?)
            .map_err(|_| BadBytes::Meaningless("so long an extranonce"))?;
        self.received = received;
        let share = Share { submission: Submission { version, ntime, nonce }, rolled };
        Ok(PackedShare { context, received, share })
    }
}

/// The shares in order. Ends after the first that cannot be read.
impl Iterator for Unpacked<'_> {
    type Item = Result<PackedShare, BadBytes>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            let rest = std::mem::replace(&mut self.shares, Reading(&[]));
            return rest.end().err().map(Err);
        }
        let share = self.read();
        self.left = if share.is_ok() { self.left - 1 } else { 0 };
        if share.is_err() {
            self.shares = Reading(&[]);
        }
        Some(share)
    }
}

/// Distinct values in the order in which they first come.
struct Dictionary<T> {
    places: HashMap<T, u64>,
    values: Vec<T>,
}

impl<T> Default for Dictionary<T> {
    fn default() -> Self {
        Dictionary { places: HashMap::new(), values: Vec::new() }
    }
}

impl<T: Copy + Eq + std::hash::Hash> Dictionary<T> {
    fn place(&mut self, value: T) -> u64 {
        *self.places.entry(value).or_insert_with(|| {
            self.values.push(value);
            self.values.len() as u64 - 1
        })
    }
}

fn at<T>(values: &[T], place: u64) -> Result<&T, BadBytes> {
    usize::try_from(place)
        .ok()
        .and_then(|place| values.get(place))
        .ok_or(BadBytes::Meaningless("a place past the end"))
}

/// Little-endian without the zeros at both ends; most targets are some 7 bytes and zeros.
fn write_target(bytes: &mut Writing, target: &Target) {
    let all = target.to_le_bytes();
    let start = all.iter().position(|byte| *byte != 0).unwrap_or(all.len());
    let end = all.iter().rposition(|byte| *byte != 0).map_or(start, |last| last + 1);
    bytes.u8(start as u8).short(all.get(start..end).unwrap_or_default()); // at most 32
}

fn read_target(from: &mut Reading<'_>) -> Result<Target, BadBytes> {
    let start = usize::from(from.u8()?);
    let middle = from.short()?;
    let mut all = [0u8; 32];
    let room = all.get_mut(start..start.saturating_add(middle.len()));
    room.ok_or(BadBytes::Meaningless("so long a target"))?.copy_from_slice(middle);
    Ok(Target::from_le_bytes(all))
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    digest.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;
    use work::Difficulty;

    type Entry = (PackedContext, Share, u32);

    fn pack(entries: &[Entry]) -> Vec<u8> {
        let mut packer = Packer::default();
        for (context, share, received) in entries {
            let place = packer.context(*context);
            packer.push(place, share, *received);
        }
        packer.finish()
    }

    fn unpack(bytes: &[u8]) -> Result<Vec<Entry>, BadBytes> {
        let unpacked = Unpacked::open(bytes)?;
        let contexts = unpacked.contexts.clone();
        unpacked
            .map(|share| share.map(|share| (contexts[share.context], share.share, share.received)))
            .collect()
    }

    /// Ten minutes of twenty miners with extended channels, six shares a minute each.
    fn meetup() -> Vec<Entry> {
        (0..1_200u32)
            .map(|number| {
                let miner = number % 20;
                let context = PackedContext {
                    job: u64::from(5_000 + number / 60),
                    worker: WorkerId(miner),
                    target: Target::from_difficulty(Difficulty(1_000.7 + f64::from(miner))),
                    prefix: Extranonce::new(&[1, 0, 0, miner as u8]).unwrap(),
                    rolled: 12,
                };
                let received = 1_790_000_000 + number / 2;
                let version = USUAL_VERSION ^ (number.wrapping_mul(2_654_435_761) & 0x1fff_e000);
                let submission = Submission { version, ntime: received - number % 40, nonce: number << 12 };
                (context, Share { submission, rolled: Extranonce::new(&[9; 12]).unwrap() }, received)
            })
            .collect()
    }

    #[test]
    fn a_share_of_a_meetup_takes_less_than_thirty_bytes() {
        let bytes = pack(&meetup());
        assert_eq!(unpack(&bytes).unwrap(), meetup());
        let each = bytes.len() as f64 / 1_200.0;
        assert!(each < 30.0, "{each} bytes");
    }

    #[test]
    fn a_bit_that_has_fallen_over_is_noticed() {
        let bytes = pack(&meetup()[..20]);
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unpack(&damaged), Err(BadBytes::Checksum), "bit {bit}");
        }
    }

    fn any_entry() -> impl Strategy<Value = Entry> {
        let context = (0u64..1 << 40, 0u32.., any::<[u8; 32]>(), prop::collection::vec(any::<u8>(), 0..=16));
        let rolled = prop::collection::vec(any::<u8>(), 0..=16);
        (context, rolled, any::<[u32; 4]>()).prop_map(|((job, worker, target, prefix), rolled, numbers)| {
            let context = PackedContext {
                job,
                worker: WorkerId(worker),
                target: Target::from_le_bytes(target),
                prefix: Extranonce::new(&prefix).unwrap(),
                rolled: rolled.len() as u8,
            };
            let [version, ntime, nonce, received] = numbers;
            let rolled = Extranonce::new(&rolled).unwrap();
            (context, Share { submission: Submission { version, ntime, nonce }, rolled }, received)
        })
    }

    proptest! {
        #[test]
        fn shares_come_back_as_they_were_packed(mut entries in prop::collection::vec(any_entry(), 0..40)) {
            entries.sort_by_key(|(_, _, received)| *received);
            prop_assert_eq!(unpack(&pack(&entries)).unwrap(), entries);
        }

        #[test]
        fn no_bytes_make_the_reader_panic_or_run_on(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let sum = checksum(&bytes);
            bytes.extend_from_slice(&sum);
            if let Ok(shares) = unpack(&bytes) {
                prop_assert!(shares.len() <= bytes.len());
            }
        }
    }
}
