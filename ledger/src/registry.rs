//! The numbers that members, workers, prev-hashes, templates and jobs have in a ledger.
//!
//! A share on disk names its context by numbers. The newest are kept in memory; what was
//! forgotten is looked up on the [`Shelf`].

use crate::job_record::{JobRecord, TemplateRecord};
use crate::member::{MemberId, WorkerId};
use crate::pack::PackedContext;
use crate::share::ShareContext;
use crate::slice::Place;
use crate::tagged_hash::Commitment;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use work::Hash256;

/// A context with its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filed {
    /// Which ledger's numbers these are.
    pub(crate) registry: u64,
    pub(crate) packed: PackedContext,
    pub(crate) member: MemberId,
    pub(crate) place: Place,
}

/// Something that was given a number and is to be written down.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Member { id: MemberId, identity: Arc<str> },
    Worker { id: WorkerId, member: MemberId, name: Arc<str> },
    Tip { number: u64, prev_hash: Hash256 },
    Template { id: u64, tip: u64, record: Arc<TemplateRecord> },
    Job { id: u64, template: u64, record: Arc<JobRecord> },
}

/// What was written down before.
pub(crate) trait Shelf {
    type Error;
    fn member(&self, identity: &str) -> Result<Option<MemberId>, Self::Error>;
    fn worker(&self, member: MemberId, name: &str) -> Result<Option<WorkerId>, Self::Error>;
    fn tip(&self, prev_hash: &Hash256) -> Result<Option<u64>, Self::Error>;
    fn template(&self, hash: &Commitment) -> Result<Option<u64>, Self::Error>;
    fn job(&self, hash: &Commitment) -> Result<Option<u64>, Self::Error>;
    fn has_block(&self, hash: &Hash256) -> Result<bool, Self::Error>;
}

/// The highest numbers that are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) member: u32,
    pub(crate) worker: u32,
    pub(crate) tip: u64,
    pub(crate) template: u64,
    pub(crate) job: u64,
}

/// Gives numbers.
pub(crate) struct Registry {
    /// Unique in this process.
    id: u64,
    taken: Taken,
    members: HashMap<Arc<str>, MemberId>,
    workers: HashMap<(MemberId, Arc<str>), WorkerId>,
    tips: HashMap<Hash256, u64>,
    templates: HashMap<Commitment, u64>,
    jobs: HashMap<Commitment, u64>,
}

/// Numbers of one kind that are kept in memory.
const KEPT: usize = if cfg!(test) { 4 } else { 16_384 };

impl Registry {
    pub(crate) fn new(taken: Taken) -> Registry {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Registry {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            taken,
            members: HashMap::new(),
            workers: HashMap::new(),
            tips: HashMap::new(),
            templates: HashMap::new(),
            jobs: HashMap::new(),
        }
    }

    /// Forgets numbers if there are many in memory. Only while every number given is on the
    /// shelf.
    pub(crate) fn make_room(&mut self) {
        fn trim<K: Eq + Hash, V>(kept: &mut HashMap<K, V>) {
            if kept.len() > KEPT {
                *kept = HashMap::new();
            }
        }
        trim(&mut self.members);
        trim(&mut self.workers);
        trim(&mut self.tips);
        trim(&mut self.templates);
        trim(&mut self.jobs);
    }

    /// The number of the member `identity`, as [`file`](Self::file) gives it.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn member<S: Shelf>(
        &mut self,
        identity: &Arc<str>,
        shelf: &S,
        new: &mut Vec<Entry>,
    ) -> Result<MemberId, S::Error> {
        let taken = &mut self.taken;
        number(
            &mut self.members,
            identity.clone(),
            || shelf.member(identity),
            || {
                taken.member += 1;
                let id = MemberId(taken.member);
                new.push(Entry::Member { id, identity: identity.clone() });
                id
            },
        )
    }

    /// The numbers of `context`. Those that are new are added to `new`.
    ///
    /// # Errors
    /// When the shelf cannot be read. Nothing is lost by trying again with the same `new`.
    pub(crate) fn file<S: Shelf>(
        &mut self,
        context: &ShareContext,
        shelf: &S,
        new: &mut Vec<Entry>,
    ) -> Result<Filed, S::Error> {
        if let Some(filed) = context.filed.get().filter(|filed| filed.registry == self.id) {
            return Ok(*filed);
        }
        let terms = context.terms();
        let member = self.member(&terms.member, shelf, new)?;
        let taken = &mut self.taken;
        let known = || shelf.worker(member, &terms.worker);
        let worker = number(&mut self.workers, (member, terms.worker.clone()), known, || {
            taken.worker += 1;
            let id = WorkerId(taken.worker);
            new.push(Entry::Worker { id, member, name: terms.worker.clone() });
            id
        })?;
        let template = &terms.job.template;
        let prev_hash = template.prev_hash;
        let tip = number(
            &mut self.tips,
            prev_hash,
            || shelf.tip(&prev_hash),
            || {
                taken.tip += 1;
                new.push(Entry::Tip { number: taken.tip, prev_hash });
                taken.tip
            },
        )?;
        let known = || shelf.template(&template.hash());
        let template_id = number(&mut self.templates, template.hash(), known, || {
            taken.template += 1;
            new.push(Entry::Template { id: taken.template, tip, record: template.clone() });
            taken.template
        })?;
        let known = || shelf.job(&terms.job.hash());
        let job = number(&mut self.jobs, terms.job.hash(), known, || {
            taken.job += 1;
            new.push(Entry::Job { id: taken.job, template: template_id, record: terms.job.clone() });
            taken.job
        })?;
        let rolled = u8::try_from(context.rolled_size()).unwrap_or(u8::MAX);
        let packed =
            PackedContext { job, worker, target: terms.target, prefix: terms.extranonce_prefix, rolled };
        let filed = Filed { registry: self.id, packed, member, place: Place { tip, fees: template.fees } };
        // Set already if the context was made for another ledger; then it is looked up each time.
        let _ = context.filed.set(filed);
        Ok(filed)
    }
}

fn number<K: Eq + Hash, V: Copy, E>(
    kept: &mut HashMap<K, V>,
    key: K,
    on_shelf: impl FnOnce() -> Result<Option<V>, E>,
    new: impl FnOnce() -> V,
) -> Result<V, E> {
    if let Some(known) = kept.get(&key) {
        return Ok(*known);
    }
    let number = on_shelf()?.unwrap_or_else(new);
    kept.insert(key, number);
    Ok(number)
}
