//! The sending end: a ledger's file as messages.

use super::message::{Kind, Message};
use super::pack::Packing;
use super::recent::Recent;
use super::{Cursor, Source, Step, Taker};
use crate::audit::Evidence;
use crate::bytes::Writing;
use crate::job_record::JobRecord;
use crate::reader::Reader;
use crate::share::RecordedShare;
use crate::store::{OpenError, StoreError};
use std::path::Path;
use std::sync::Arc;

/// One listener's place in a ledger. Blocks its thread while it reads; has a connection of its
/// own to the file and never keeps the writer waiting.
pub struct Feed {
    reader: Reader,
    source: Source,
    encoder: Encoder,
    /// The last slice that is told, if not all are.
    last_slice: Option<u64>,
}

/// Some messages.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The messages, in order.
    pub messages: Vec<Message>,
    /// Whether that was all there was when it was asked for.
    pub caught_up: bool,
    /// Whether nothing more will come, because only a slice was asked for.
    pub ended: bool,
}

/// The version of the stream.
pub(super) const VERSION: u8 = 1;

/// Shares that are read at a time.
const STEP: u64 = 4_096;

impl Feed {
    /// Opens the ledger at `path` for reading from `cursor` on. Of slices before number
    /// `whole_from` only the sums are told; at most those that are closed by now.
    ///
    /// # Errors
    /// [`OpenError`] when there is no ledger.
    pub fn open(path: &Path, cursor: Cursor, whole_from: u64) -> Result<Feed, OpenError> {
        let store = |source| OpenError::Store { path: path.to_owned(), source };
        let reader = Reader::open_small(path)?;
        let open_slice =
            reader.last_head().map_err(store)?.map_or(1, |head| head.head.slice.saturating_add(1));
        let whole_from = whole_from.clamp(1, open_slice);
        let identity = reader.identity().map_err(store)?;
        let mut hello = Writing::default();
        hello.u8(VERSION).raw(&identity.ledger.0).short(identity.network.as_bytes());
        hello.u64(cursor.share).u64(cursor.slice).u64(cursor.entry).u64(whole_from);
        let mut encoder = Encoder { cursor, ..Encoder::default() };
        encoder.out(Kind::Ledger, hello.0);
        Ok(Feed { reader, source: Source::new(cursor, whole_from), encoder, last_slice: None })
    }

    /// Opens the ledger at `path` for reading the closed slice `number`; none if there is no
    /// such slice.
    ///
    /// # Errors
    /// [`OpenError`] when there is no ledger.
    pub fn open_slice(path: &Path, number: u64) -> Result<Option<Feed>, OpenError> {
        let store = |source| OpenError::Store { path: path.to_owned(), source };
        let reader = Reader::open_small(path)?;
        let Some(head) = reader.head(number).map_err(store)? else { return Ok(None) };
        let cursor = reader.cursor_at(head.head.first_share.max(1)).map_err(store)?;
        let cursor = Cursor { slice: number, ..cursor };
        let mut feed = Feed::open(path, cursor, 1)?;
        feed.last_slice = Some(number);
        Ok(Some(feed))
    }

    /// What comes next: some `most_bytes` but at least one step, or all there is. Empty when nothing is new.
    ///
    /// # Errors
    /// [`StoreError`] when the file cannot be read.
    pub fn next(&mut self, most_bytes: usize) -> Result<Batch, StoreError> {
        let mut batch = Batch::default();
        loop {
            batch.caught_up = self.source.step(&mut self.reader, STEP, &mut self.encoder)? == Step::CaughtUp;
            batch.ended = self.last_slice.is_some_and(|last| self.source.cursor().slice > last);
            if batch.caught_up || batch.ended || self.encoder.bytes >= most_bytes {
                break;
            }
        }
        self.encoder.flush();
        self.encoder.bytes = 0;
        batch.messages = std::mem::take(&mut self.encoder.messages);
        Ok(batch)
    }
}

/// Makes messages of evidence.
#[derive(Default)]
struct Encoder {
    messages: Vec<Message>,
    bytes: usize,
    packing: Packing,
    templates: Recent<()>,
    jobs: Recent<()>,
    cursor: Cursor,
}

impl Encoder {
    fn out(&mut self, kind: Kind, body: Vec<u8>) {
        self.bytes += body.len() + 5;
        self.messages.push(Message { kind, body, cursor: self.cursor });
    }

    fn flush(&mut self) {
        if self.packing.is_empty() {
            return;
        }
        let packing = std::mem::take(&mut self.packing);
        self.cursor.share = packing.next();
        let body = packing.finish();
        self.out(Kind::Shares, body);
        self.templates.trim();
        self.jobs.trim();
    }

    /// Tells a job and its template, unless that was done lately.
    fn tell(&mut self, job: &Arc<JobRecord>) {
        let hash = job.hash();
        if self.jobs.get(&hash).is_some() {
            return;
        }
        let template = job.template.hash();
        if self.templates.get(&template).is_none() {
            let body = job.template.to_bytes();
            self.templates.put(template, body.len(), ());
            self.out(Kind::Template, body);
        }
        let body = job.to_bytes();
        self.jobs.put(hash, body.len(), ());
        self.out(Kind::Job, body);
    }
}

impl Taker for Encoder {
    fn share(&mut self, share: &RecordedShare) {
        if !self.packing.takes(share) {
            self.flush();
        }
        if self.packing.push(share) {
            // Goes out before the shares do.
            self.tell(&share.context.terms().job);
        }
    }

    fn other(&mut self, evidence: Evidence) {
        self.flush();
        match evidence {
            Evidence::Share(share) => self.share(&share),
            Evidence::Job(job) => {
                self.tell(&job);
                self.out(Kind::BlockJob, job.hash().0.to_vec());
            }
            Evidence::Entry(entry) => {
                self.cursor.entry = self.cursor.entry.saturating_add(1);
                self.out(Kind::Entry, entry.to_bytes());
            }
            Evidence::Slice { head, members } => {
                self.cursor.share = self.cursor.share.max(head.head.last_share().saturating_add(1));
                self.cursor.slice = head.head.slice.saturating_add(1);
                let mut body = Writing::default();
                body.raw(&head.head.to_bytes()).raw(&head.signer).raw(&head.signature);
                body.varint(members.len() as u64);
                for (member, sum) in members {
                    body.short(member.as_bytes()).u64(sum.shares).u128(sum.work.0).u128(sum.fee_work);
                }
                self.out(Kind::Slice, body.0);
            }
        }
    }
}
