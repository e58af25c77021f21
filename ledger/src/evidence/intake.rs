//! The receiving end: messages become evidence again. Believes nothing but the layout, and
//! keeps a bounded amount.

use super::Cursor;
use super::feed::VERSION;
use super::message::Kind;
use super::pack::{BadPack, Contexts, unpack};
use super::recent::Recent;
use crate::WorkSum;
use crate::audit::Evidence;
use crate::book::BookEntry;
use crate::bytes::{BadBytes, Reading};
use crate::head::{Head, LedgerId, SignedHead};
use crate::job_record::{JobRecord, RecordError, TemplateRecord};
use crate::share::RecordedShare;
use crate::share_work::Work;
use crate::tagged_hash::Commitment;
use std::sync::Arc;
use thiserror::Error;

/// What a message came to.
#[derive(Clone, Debug)]
pub enum Received {
    /// Something that later messages need.
    Nothing,
    /// The ledger that the rest is of.
    Ledger {
        /// Tells it from others.
        id: LedgerId,
        /// The chain that its pool mines on.
        network: String,
        /// Slices before this one come without their shares.
        whole_from: u64,
    },
    /// Shares, one after the other.
    Shares(Vec<RecordedShare>),
    /// Something else for the auditor.
    Evidence(Evidence),
    /// Nothing is newer at present.
    CaughtUp,
}

/// Why a message cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IntakeError {
    /// It is none that this version knows.
    #[error("the stream has a message of kind {0}, which this version does not know")]
    UnknownKind(u8),
    /// It is of a later version.
    #[error("the stream is of version {0}, which this program does not know: use a newer one")]
    Version(u8),
    /// It is longer than any may be.
    #[error("a message of {0} bytes is longer than any may be")]
    TooLong(usize),
    /// Its bytes are not those of its kind.
    #[error("a message ({kind}) cannot be read: {fault}")]
    Bytes {
        /// What it should be.
        kind: &'static str,
        /// What is wrong.
        fault: BadBytes,
    },
    /// It holds what no ledger records.
    #[error("a message ({kind}) cannot be read: {fault}")]
    Record {
        /// What it should be.
        kind: &'static str,
        /// What is wrong.
        fault: RecordError,
    },
    /// It names what was not told.
    #[error("a message ({kind}) names {hash}, which was not told")]
    Unknown {
        /// What it is.
        kind: &'static str,
        /// What it names.
        hash: Commitment,
    },
    /// More jobs than anybody honest sends.
    #[error("the stream names more jobs at once than there can be")]
    TooMuch,
}

/// One stream's receiving end.
#[derive(Default)]
pub struct Intake {
    buffer: Vec<u8>,
    /// Bytes of the buffer that were taken already.
    taken: usize,
    templates: Recent<Arc<TemplateRecord>>,
    jobs: Recent<Arc<JobRecord>>,
    contexts: Contexts,
    cursor: Cursor,
}

/// The longest message: a slice or a booking of some 100 000 members.
const MAX_MESSAGE: usize = 8 << 20;

impl Intake {
    /// A stream that was asked for from `cursor` on.
    pub fn new(cursor: Cursor) -> Intake {
        Intake { cursor, ..Intake::default() }
    }

    /// From where to go on over another stream.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Adds bytes as they come; then [`received`](Self::received) until there is nothing.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// What the next whole message among the bytes comes to.
    ///
    /// # Errors
    /// [`IntakeError`]; the stream is of no use any more.
    pub fn received(&mut self) -> Result<Option<Received>, IntakeError> {
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        let Some((kind, rest)) = rest.split_first() else { return Ok(None) };
        let Some((length, rest)) = rest.split_first_chunk() else { return Ok(None) };
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if length > MAX_MESSAGE {
            return Err(IntakeError::TooLong(length));
        }
        let Some(body) = rest.get(..length) else { return Ok(None) };
        let kind = Kind::from_code(*kind).ok_or(IntakeError::UnknownKind(*kind))?;
        let body = body.to_vec();
        self.taken += 5 + length;
        self.take(kind, &body).map(Some)
    }

    /// What one message comes to.
    ///
    /// # Errors
    /// [`IntakeError`]; the stream is of no use any more.
    pub fn take(&mut self, kind: Kind, body: &[u8]) -> Result<Received, IntakeError> {
        let name = kind.name();
        let bytes = |fault| IntakeError::Bytes { kind: name, fault };
        let record = |fault| IntakeError::Record { kind: name, fault };
        match kind {
            Kind::Ledger => {
                let mut from = Reading(body);
                let version = from.u8().map_err(bytes)?;
                if version != VERSION {
                    return Err(IntakeError::Version(version));
                }
                hello(from).map_err(bytes)
            }
            Kind::Template => {
                let template = TemplateRecord::from_bytes(body).map_err(record)?;
                self.templates.put(template.hash(), body.len(), Arc::new(template));
                self.bounded()
            }
            Kind::Job => {
                let hash = JobRecord::template_hash(body).map_err(record)?;
                let template = self.templates.get(&hash).cloned();
                let template = template.ok_or(IntakeError::Unknown { kind: name, hash })?;
                let job = JobRecord::from_bytes(body, template).map_err(record)?;
                self.jobs.put(job.hash(), body.len(), Arc::new(job));
                self.bounded()
            }
            Kind::BlockJob => {
                let hash = Commitment(body.try_into().map_err(|_| bytes(BadBytes::Cut))?);
                let job = self.jobs.get(&hash).cloned();
                Ok(Received::Evidence(Evidence::Job(job.ok_or(IntakeError::Unknown { kind: name, hash })?)))
            }
            Kind::Shares => {
                let jobs = &self.jobs;
                let shares = unpack(body, &mut self.contexts, |hash| jobs.get(hash).cloned()).map_err(
                    |bad| match bad {
                        BadPack::Bytes(fault) => bytes(fault),
                        BadPack::Terms(fault) => record(fault),
                        BadPack::UnknownJob(hash) => IntakeError::Unknown { kind: name, hash },
                    },
                )?;
                self.templates.trim();
                self.jobs.trim();
                if let Some(last) = shares.last() {
                    self.cursor.share = last.sequence.saturating_add(1);
                }
                Ok(Received::Shares(shares))
            }
            Kind::Entry => {
                let entry = BookEntry::from_bytes(body).map_err(bytes)?;
                self.cursor.entry = self.cursor.entry.saturating_add(1);
                Ok(Received::Evidence(Evidence::Entry(entry)))
            }
            Kind::Slice => {
                let (head, members) = slice(body).map_err(bytes)?;
                self.cursor.share = self.cursor.share.max(head.head.last_share().saturating_add(1));
                self.cursor.slice = head.head.slice.saturating_add(1);
                Ok(Received::Evidence(Evidence::Slice { head: Box::new(head), members }))
            }
            Kind::CaughtUp => Ok(Received::CaughtUp),
        }
    }

    fn bounded(&self) -> Result<Received, IntakeError> {
        let over = self.templates.overflows() || self.jobs.overflows();
        if over { Err(IntakeError::TooMuch) } else { Ok(Received::Nothing) }
    }
}

fn hello(mut from: Reading<'_>) -> Result<Received, BadBytes> {
    let (id, network) = (LedgerId(from.array()?), from.short_text()?.to_owned());
    // Where it was asked to begin.
    let _: [u64; 3] = [from.u64()?, from.u64()?, from.u64()?];
    let whole_from = from.u64()?;
    from.end()?;
    Ok(Received::Ledger { id, network, whole_from })
}

type Members = Vec<(Arc<str>, WorkSum)>;

fn slice(body: &[u8]) -> Result<(SignedHead, Members), BadBytes> {
    let mut from = Reading(body);
    let head = Head::from_bytes(from.raw(Head::BYTES)?)?;
    let (signer, signature) = (from.array()?, from.array()?);
    let mut members = Vec::new();
    for _ in 0..from.count(41)? {
        let member = from.short_text()?.into();
        let sum = WorkSum { shares: from.u64()?, work: Work(from.u128()?), fee_work: from.u128()? };
        members.push((member, sum));
    }
    from.end()?;
    Ok((SignedHead { head, signer, signature }, members))
}
