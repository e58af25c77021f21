//! What the ledger said at each point that a job's payouts may be based on.

use crate::book::Payment;
use crate::head::Head;
use crate::payout::{Basis, Books, BooksError, HOST, HOST_NAME, Standing};
use crate::tagged_hash::Commitment;
use crate::window::{Moment, SliceWork, Window};
use crate::{BlockState, Booking, MemberId, Work, WorkSum};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use work::{Hash256, Target};

/// Slices and the book, as far as they have been read.
pub(super) struct History {
    numbers: HashMap<Arc<str>, MemberId>,
    names: Vec<Arc<str>>,
    /// The first is slice 1.
    slices: Vec<ClosedSlice>,
    /// Sums of members in all of them.
    sums: usize,
    books: Books,
    blocks: HashMap<Hash256, Round>,
    /// The state after each entry; the first is before any.
    states: Vec<BookState>,
    entries: HashMap<Commitment, usize>,
    since_block: Option<Sum>,
}

struct ClosedSlice {
    work: SliceWork,
    closed: u32,
    /// The entry of the book that its head names.
    entry: usize,
}

struct BookState {
    hash: Commitment,
    balances: Arc<[(Arc<str>, i64)]>,
    /// The first slice that no block has paid.
    unpaid: u64,
}

/// A block in the book.
struct Round {
    bookings: Option<Vec<Booking>>,
    state: BlockState,
    /// The last slice that its job pays by.
    paid: u64,
    /// When it was found, seconds since the Unix epoch.
    found: u32,
    /// The first state that had its bookings.
    since: Option<usize>,
}

/// Work from a slice on to another, so that the next window need not begin anew.
struct Sum {
    from: u64,
    to: u64,
    work: BTreeMap<MemberId, Work>,
}

impl Default for History {
    fn default() -> History {
        let host: Arc<str> = HOST_NAME.into();
        let before = BookState { hash: Commitment::default(), balances: Arc::new([]), unpaid: 1 };
        History {
            numbers: HashMap::from([(host.clone(), HOST)]),
            names: vec![host],
            slices: Vec::new(),
            sums: 0,
            books: Books::default(),
            blocks: HashMap::new(),
            entries: HashMap::from([(before.hash, 0)]),
            states: vec![before],
            since_block: None,
        }
    }
}

impl History {
    /// Number of the last closed slice.
    pub(super) fn last_slice(&self) -> u64 {
        self.slices.len() as u64
    }

    /// How many sums of members in slices are kept.
    pub(super) fn sums(&self) -> usize {
        self.sums
    }

    /// Seconds from the end of slice `first` to that of slice `last`; 0 if there is not each.
    pub(super) fn time_between(&self, first: u64, last: u64) -> u32 {
        let closed = |slice: u64| {
            let index = usize::try_from(slice.checked_sub(1)?).ok()?;
            self.slices.get(index).map(|slice| slice.closed)
        };
        closed(first).zip(closed(last)).map_or(0, |(first, last)| last.saturating_sub(first))
    }

    /// Hash of the book's last entry.
    pub(super) fn book(&self) -> Commitment {
        self.states.last().map_or_else(Commitment::default, |state| state.hash)
    }

    /// Everybody's balance that is not zero.
    pub(super) fn balances(&self) -> &[(Arc<str>, i64)] {
        self.states.last().map_or(&[], |state| &state.balances)
    }

    /// Adds a slice.
    pub(super) fn close<'a>(
        &mut self,
        head: &Head,
        members: impl IntoIterator<Item = (&'a Arc<str>, &'a WorkSum)>,
    ) {
        let members: Vec<_> = members.into_iter().map(|(name, sum)| (self.number(name), sum.work)).collect();
        self.sums += members.len();
        let work = SliceWork { sequence: self.last_slice() + 1, opened: head.opened.into(), members };
        let entry = self.states.len() - 1;
        self.slices.push(ClosedSlice { work, closed: head.closed, entry });
    }

    /// A block was found at `found`, whose job pays by the slices up to `paid`.
    pub(super) fn found(&mut self, block: Hash256, paid: u64, found: u32) {
        let state = BlockState::Candidate;
        self.blocks.entry(block).or_insert(Round { bookings: None, state, paid, found, since: None });
    }

    /// A block's payments were booked.
    pub(super) fn booked(&mut self, block: Hash256, payments: &[Payment]) -> Result<(), BooksError> {
        let bookings: Vec<Booking> = payments
            .iter()
            .map(|payment| Booking {
                member: self.number(&payment.member),
                due: payment.due,
                paid: payment.paid,
            })
            .collect();
        if !Booking::is_balanced(&bookings) {
            return Err(BooksError::Unbalanced(block));
        }
        if let Some(round) = self.blocks.get_mut(&block) {
            round.bookings = Some(bookings);
        }
        self.settle(block)
    }

    /// A block's state has changed.
    pub(super) fn state(&mut self, block: Hash256, state: BlockState) -> Result<(), BooksError> {
        if let Some(round) = self.blocks.get_mut(&block) {
            round.state = state;
        }
        self.settle(block)
    }

    /// An entry has been read and told by one of the above: its hash.
    pub(super) fn entered(&mut self, hash: Commitment) {
        let name = |member: MemberId| self.names.get(member.0 as usize).cloned().unwrap_or_else(|| "".into());
        let balances = self.books.balances();
        let balances = balances.into_iter().map(|balance| (name(balance.member), balance.credit)).collect();
        let counting = self.blocks.values().filter(|round| round.state.counts());
        let unpaid = counting.map(|round| round.paid.saturating_add(1)).max().unwrap_or(1);
        self.entries.insert(hash, self.states.len());
        self.states.push(BookState { hash, balances, unpaid });
    }

    /// What a job's payouts must be computed from.
    ///
    /// # Errors
    /// What is wrong with the basis.
    pub(super) fn standing(&mut self, basis: &Basis) -> Result<Standing, String> {
        let entry = *self.entries.get(&basis.book).ok_or("pays by an entry of the book that there is not")?;
        let closed = match basis.slice.checked_sub(1) {
            None => None,
            Some(index) => {
                let slice = usize::try_from(index).ok().and_then(|index| self.slices.get(index));
                Some(slice.ok_or_else(|| format!("pays by slice {}, which is not closed", basis.slice))?)
            }
        };
        if closed.is_some_and(|slice| slice.entry > entry) {
            return Err("leaves out entries of the book that its slice was signed with".to_owned());
        }
        let state = self.states.get(entry).ok_or("pays by an entry of the book that there is not")?;
        let (balances, unpaid) = (state.balances.to_vec(), state.unpaid);
        let moment = Moment {
            time: closed.map_or(0, |slice| slice.closed.into()),
            network: Work::of_target(Target::from_compact(basis.nbits)),
            since_block: unpaid,
        };
        let work = match basis.rules.window {
            Window::SinceLastBlock => self.since(unpaid, basis.slice),
            window => {
                let counted = usize::try_from(basis.slice).unwrap_or(usize::MAX);
                let slices = self.slices.get(..counted).unwrap_or(&self.slices);
                window.work(slices.iter().map(|slice| &slice.work), &moment).members
            }
        };
        let name = |member: MemberId| self.names.get(member.0 as usize).cloned().unwrap_or_else(|| "".into());
        let work = work.into_iter().map(|(member, work)| (name(member), work)).collect();
        Ok(Standing { work, balances })
    }

    /// Whether a job on the block `tip`, mined on at `now`, pays by a state without the bookings of
    /// that block, long after there were such.
    pub(super) fn pays_again(&self, basis: &Basis, tip: &Hash256, now: u32) -> bool {
        // A pool whose disk hangs does not wait for ever, and a miner may be late.
        const SECONDS: u32 = 60;
        let Some(Round { since: Some(since), found, state, .. }) = self.blocks.get(tip) else { return false };
        let is_before = self.entries.get(&basis.book).is_none_or(|entry| entry < since);
        is_before && state.counts() && now > found.saturating_add(SECONDS)
    }

    /// The work of the slices `from` to `to`.
    fn since(&mut self, from: u64, to: u64) -> BTreeMap<MemberId, Work> {
        let kept = self.since_block.take().filter(|sum| sum.from == from && sum.to <= to);
        let mut sum = kept.unwrap_or(Sum { from, to: from.saturating_sub(1), work: BTreeMap::new() });
        let index = |slice: u64| usize::try_from(slice).unwrap_or(usize::MAX);
        let range = index(sum.to)..index(to.max(sum.to));
        for (member, work) in self.slices.get(range).unwrap_or_default().iter().flat_map(|s| &s.work.members)
        {
            let before = sum.work.entry(*member).or_default();
            *before = Work(before.0.saturating_add(work.0));
        }
        sum.to = to.max(sum.to);
        let work = sum.work.clone();
        self.since_block = Some(sum);
        work
    }

    /// Books a block that counts, and takes back one that does not.
    fn settle(&mut self, block: Hash256) -> Result<(), BooksError> {
        let Some(round) = self.blocks.get_mut(&block) else { return Ok(()) };
        match (&round.bookings, round.state.counts()) {
            (Some(bookings), true) => {
                // The entry that says so makes the next state.
                round.since.get_or_insert(self.states.len());
                self.books.book(block, bookings).map(drop)
            }
            _ => self.books.take_back(block).map(drop),
        }
    }

    fn number(&mut self, name: &Arc<str>) -> MemberId {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = MemberId(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.numbers.insert(name.clone(), number);
        self.names.push(name.clone());
        number
    }
}
