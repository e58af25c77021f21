//! What a commit is to write: shares in, rows out. Decides where slices end.
//!
//! A plan changes only memory. It is written afterwards, as often as it takes, and so a disk
//! that fails for a while never leaves memory and file apart.

use crate::batch::Batch;
use crate::block::FoundBlock;
use crate::book::BookEntry;
use crate::head::{CloseReason, LedgerId, Signer};
use crate::pack::Packer;
use crate::registry::{Entry, Filed, Registry, Shelf};
use crate::share::{Share, ShareContext};
use crate::share_work::WorkSum;
use crate::slice::{OpenSlice, SliceRules, Surroundings};
use crate::store::{NewBlock, Numbered, Op, Pack};
use crate::tagged_hash::Commitment;
use std::sync::Arc;

/// Where the ledger stands.
pub(crate) struct Standing {
    /// The ledger.
    pub(crate) ledger: LedgerId,
    /// Sequence number of the last share.
    pub(crate) last_share: u64,
    /// When it came.
    pub(crate) received: u32,
    /// The slice that is being filled.
    pub(crate) slice: Option<OpenSlice>,
    /// Number of the last slice that has ended, and its head's hash.
    pub(crate) last_slice: u64,
    pub(crate) head: Commitment,
    /// The book's last entry.
    pub(crate) entries: u64,
    pub(crate) book: Commitment,
    /// Small packs at the end of the open slice.
    pub(crate) tail: Tail,
}

/// The newest packs, which are small and will be made one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tail {
    first: u64,
    last: u64,
    packs: usize,
    bytes: usize,
}

/// Makes plans.
pub(crate) struct Planner {
    rules: SliceRules,
    signer: Box<dyn Signer>,
    registry: Registry,
    standing: Standing,
    packer: Packer,
    new: Vec<Entry>,
    ops: Vec<Op>,
}

/// A batch's contexts with their numbers, and which of its blocks are news.
pub(crate) struct FiledBatch {
    contexts: Vec<Filed>,
    news: Vec<bool>,
}

/// Shares in one row at most: what a reader unpacks at a time.
const PACK_SHARES: u64 = 8_192;
/// Packs that are made one, and bytes at which that is no longer worth it.
const TAIL_PACKS: usize = 256;
const TAIL_BYTES: usize = 128 << 10;

impl Tail {
    pub(crate) fn add(&mut self, first: u64, bytes: usize) {
        if self.packs == 0 {
            self.first = first;
        }
        self.last = first;
        self.packs += 1;
        self.bytes += bytes;
    }

    pub(crate) fn is_long(&self) -> bool {
        self.packs >= TAIL_PACKS || self.bytes >= TAIL_BYTES
    }
}

impl Planner {
    pub(crate) fn new(
        rules: SliceRules,
        signer: Box<dyn Signer>,
        registry: Registry,
        standing: Standing,
    ) -> Planner {
        let packer = Packer::default();
        Planner { rules, signer, registry, standing, packer, new: Vec::new(), ops: Vec::new() }
    }

    /// Begins a plan at `now`, seconds since the Unix epoch. The ledger's time never goes back:
    /// while the clock is behind the last share it stands still.
    pub(crate) fn begin(&mut self, now: u32) {
        self.standing.received = self.standing.received.max(now);
        self.registry.make_room();
    }

    /// Ends the open slice if its time is over, or `anyway`.
    pub(crate) fn end_due(&mut self, anyway: bool) {
        let now = self.standing.received;
        if self.standing.slice.as_ref().is_some_and(|slice| anyway || slice.is_due(now, &self.rules)) {
            self.close(CloseReason::Time);
        }
    }

    /// Gives numbers to what `batch` names.
    ///
    /// # Errors
    /// When the shelf cannot be read; trying again loses nothing.
    pub(crate) fn file<S: Shelf>(&mut self, batch: &Batch, shelf: &S) -> Result<FiledBatch, S::Error> {
        let contexts = batch.contexts.iter().map(|context| self.registry.file(context, shelf, &mut self.new));
        let contexts = contexts.collect::<Result<_, _>>()?;
        let news = batch.blocks.iter().map(|(_, block)| Ok(!shelf.has_block(&block.hash)?));
        Ok(FiledBatch { contexts, news: news.collect::<Result<_, _>>()? })
    }

    /// Adds the shares and blocks of `batch`.
    pub(crate) fn add(&mut self, batch: &Batch, filed: &FiledBatch) {
        let rows = batch.contexts.iter().zip(&filed.contexts);
        let mut rows: Vec<Row<'_>> =
            rows.map(|(context, filed)| Row { context, filed, place: None, count: 0 }).collect();
        let mut blocks = batch.blocks.iter().zip(&filed.news).peekable();
        for (index, (row, share)) in batch.shares.iter().enumerate() {
            while let Some(((_, block), news)) = blocks.next_if(|((after, _), _)| *after <= index) {
                self.found(block, *news, &mut rows);
            }
            let row = usize::from(*row);
            let Some(place) = rows.get(row).map(|row| row.filed.place) else { continue };
            let slice = self.standing.slice.as_ref();
            if let Some(reason) = slice.and_then(|slice| slice.ends_before(place, &self.rules)) {
                self.credit(&mut rows);
                self.close(reason);
            } else if self.packer.count() >= PACK_SHARES {
                self.credit(&mut rows);
                self.flush_pack();
            }
            let Some(row) = rows.get_mut(row) else { continue };
            self.push(row, share);
        }
        for ((_, block), news) in blocks {
            self.found(block, *news, &mut rows);
        }
        self.credit(&mut rows);
    }

    /// All that is to be written. Call [`written`](Self::written) once it is.
    pub(crate) fn finish(&mut self) -> &[Op] {
        self.flush_pack();
        // First of all, what the rest names.
        let named = self.new.drain(..).map(Op::Register);
        self.ops.splice(0..0, named);
        &self.ops
    }

    /// What was planned is on disk.
    pub(crate) fn written(&mut self) {
        self.ops.clear();
    }

    /// Where the ledger stands once all that is planned is written.
    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The entry that would be the book's next.
    pub(crate) fn next_entry(&self, entry: BookEntry) -> Numbered {
        Numbered { number: self.standing.entries + 1, hash: entry.hash(self.standing.book), entry }
    }

    /// `entry` is in the book.
    pub(crate) fn entered(&mut self, entry: &Numbered) {
        (self.standing.entries, self.standing.book) = (entry.number, entry.hash);
    }

    /// The numbers of members, for bookings.
    pub(crate) fn registry(&mut self) -> (&mut Registry, &mut Vec<Entry>) {
        (&mut self.registry, &mut self.new)
    }

    fn push(&mut self, row: &mut Row<'_>, share: &Share) {
        let standing = &mut self.standing;
        standing.last_share += 1;
        let (sequence, received) = (standing.last_share, standing.received);
        let slice = standing.slice.get_or_insert_with(|| {
            let prev_hash = row.context.terms().job.template.prev_hash;
            let number = standing.last_slice + 1;
            OpenSlice::open(number, sequence, received, row.filed.place, prev_hash, &self.rules)
        });
        let packer = &mut self.packer;
        let place = *row.place.get_or_insert_with(|| packer.context(row.filed.packed));
        packer.push(place, share, received);
        slice.push(row.context.leaf(share, received));
        row.count += 1;
    }

    /// Tells the open slice what the shares since the last time weigh, and forgets where their
    /// contexts are in the pack.
    fn credit(&mut self, rows: &mut [Row<'_>]) {
        for row in rows {
            row.place = None;
            let count = std::mem::take(&mut row.count);
            let weight = WorkSum::of_shares(count, row.context.work(), row.filed.place.fees);
            // A batch of the heaviest shares that there may be still fits; see `ShareContext::new`.
            if let (Some(slice), Some(weight), 1..) = (&mut self.standing.slice, weight, count) {
                slice.credit(row.filed.member, &row.context.terms().member, weight);
            }
        }
    }

    /// A block ends its slice, so that rounds end where slices do.
    fn found(&mut self, block: &FoundBlock, news: bool, rows: &mut [Row<'_>]) {
        let planned =
            self.ops.iter().any(|op| matches!(op, Op::Found(other) if other.block.hash == block.hash));
        if !news || planned {
            return;
        }
        self.credit(rows);
        let entry = self.next_entry(BookEntry::Found(block.clone()));
        self.entered(&entry);
        self.close(CloseReason::Block);
        let slice = self.standing.last_slice;
        self.ops.push(Op::Found(Box::new(NewBlock { block: block.clone(), slice, entry })));
    }

    fn close(&mut self, reason: CloseReason) {
        self.flush_pack();
        self.merge_tail();
        let standing = &mut self.standing;
        let Some(slice) = standing.slice.take() else { return };
        let around = Surroundings {
            ledger: standing.ledger,
            previous: standing.head,
            book: standing.book,
            now: standing.received,
        };
        let head = slice.head(reason, around).sign(&*self.signer);
        (standing.last_slice, standing.head) = (slice.number(), head.head.hash());
        self.ops.push(Op::Close { head: Box::new(head), members: slice.members() });
    }

    fn flush_pack(&mut self) {
        let count = self.packer.count();
        let Some(slice) = self.standing.slice.as_ref().filter(|_| count > 0) else { return };
        let first = self.standing.last_share + 1 - count;
        let bytes = std::mem::take(&mut self.packer).finish();
        self.standing.tail.add(first, bytes.len());
        self.ops.push(Op::Pack(Pack { first, count, slice: slice.number(), bytes }));
        if self.standing.tail.is_long() {
            self.merge_tail();
        }
    }

    fn merge_tail(&mut self) {
        let Tail { first, last, packs, .. } = std::mem::take(&mut self.standing.tail);
        if packs > 1 {
            self.ops.push(Op::Merge { first, last });
        }
    }
}

/// One of a batch's contexts while the batch is added.
struct Row<'a> {
    context: &'a Arc<ShareContext>,
    filed: &'a Filed,
    /// Where it is in the pack's dictionary, once it is.
    place: Option<u32>,
    /// Shares that the slice has not been told the weight of.
    count: u64,
}
