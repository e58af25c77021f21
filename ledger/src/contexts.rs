//! From the numbers of a packed share back to what it was mined under.

use crate::job_record::{JobRecord, TemplateRecord};
use crate::member::{MemberId, Worker, WorkerId};
use crate::pack::PackedContext;
use crate::share::{ShareContext, ShareTerms};
use crate::slice::Place;
use crate::store::{StoreError, shelf};
use rusqlite::Connection;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// What was looked up lately. Bounded: it forgets all when it has grown large.
pub(crate) struct Contexts {
    /// Entries of one kind that are kept.
    kept: usize,
    contexts: HashMap<PackedContext, Resolved>,
    jobs: HashMap<u64, (Arc<JobRecord>, u64)>,
    templates: HashMap<u64, (Arc<TemplateRecord>, u64)>,
    workers: HashMap<WorkerId, (Worker, Arc<str>)>,
}

/// A context with what the ledger knows about it besides.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    pub(crate) context: Arc<ShareContext>,
    pub(crate) member: MemberId,
    pub(crate) place: Place,
}

/// How many entries of one kind are usually kept.
const KEPT: usize = 16_384;

impl Default for Contexts {
    fn default() -> Contexts {
        Contexts::keeping(KEPT)
    }
}

impl Contexts {
    /// Keeps `kept` entries of each kind at most.
    pub(crate) fn keeping(kept: usize) -> Contexts {
        Contexts {
            kept,
            contexts: HashMap::new(),
            jobs: HashMap::new(),
            templates: HashMap::new(),
            workers: HashMap::new(),
        }
    }

    /// What `packed` stands for.
    pub(crate) fn resolve(
        &mut self,
        connection: &Connection,
        packed: &PackedContext,
    ) -> Result<Resolved, StoreError> {
        if let Some(known) = self.contexts.get(packed) {
            return Ok(known.clone());
        }
        let (worker, identity) = self.worker(connection, packed.worker)?;
        let (job, tip) = self.job(connection, packed.job)?;
        let place = Place { tip, fees: job.template.fees };
        let terms = ShareTerms {
            job,
            member: identity,
            worker: worker.name,
            target: packed.target,
            extranonce_prefix: packed.prefix,
        };
        let context = ShareContext::new(terms).map_err(|fault| {
            StoreError::Damaged(format!("a share of worker {}: {fault}", packed.worker.0))
        })?;
        let resolved = Resolved { context: Arc::new(context), member: worker.member, place };
        keep(self.kept, &mut self.contexts, *packed, resolved.clone());
        Ok(resolved)
    }

    fn worker(&mut self, connection: &Connection, id: WorkerId) -> Result<(Worker, Arc<str>), StoreError> {
        if let Some(known) = self.workers.get(&id) {
            return Ok(known.clone());
        }
        let worker = shelf::worker(connection, id)?.ok_or_else(|| missing("worker", id.0.into()))?;
        let member = shelf::member(connection, worker.member)?;
        let member = member.ok_or_else(|| missing("member", worker.member.0.into()))?;
        keep(self.kept, &mut self.workers, id, (worker.clone(), member.identity.clone()));
        Ok((worker, member.identity))
    }

    fn job(&mut self, connection: &Connection, id: u64) -> Result<(Arc<JobRecord>, u64), StoreError> {
        if let Some(known) = self.jobs.get(&id) {
            return Ok(known.clone());
        }
        let (bytes, template) = shelf::job_at(connection, id)?.ok_or_else(|| missing("job", id))?;
        let (template, tip) = self.template(connection, template)?;
        let job = JobRecord::from_bytes(&bytes, template)
            .map_err(|fault| StoreError::Damaged(format!("job {id}: {fault}")))?;
        let job = Arc::new(job);
        keep(self.kept, &mut self.jobs, id, (job.clone(), tip));
        Ok((job, tip))
    }

    fn template(
        &mut self,
        connection: &Connection,
        id: u64,
    ) -> Result<(Arc<TemplateRecord>, u64), StoreError> {
        if let Some(known) = self.templates.get(&id) {
            return Ok(known.clone());
        }
        let (template, tip) = shelf::template_at(connection, id)?.ok_or_else(|| missing("template", id))?;
        let template = Arc::new(template);
        keep(self.kept, &mut self.templates, id, (template.clone(), tip));
        Ok((template, tip))
    }
}

fn keep<K: Eq + Hash, V>(most: usize, kept: &mut HashMap<K, V>, key: K, value: V) {
    if kept.len() >= most {
        kept.clear();
    }
    kept.insert(key, value);
}

fn missing(what: &str, id: u64) -> StoreError {
    StoreError::Damaged(format!("a share names {what} {id}, which is not there"))
}
