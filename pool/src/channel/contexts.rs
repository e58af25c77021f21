//! What a channel's shares are mined under, as the ledger keeps it: made once a job and
//! worker, and shared by all their shares.

use super::workers::OTHERS;
use ledger::{RecordError, ShareContext};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The contexts of the newest few jobs. Empty, it owns no memory.
#[derive(Debug)]
pub struct ContextCache {
    jobs: Vec<(u32, ByWorker)>,
    limit: usize,
}

type ByWorker = BTreeMap<Box<str>, Arc<ShareContext>>;

/// Shares are almost always for the newest job or the one before.
const KEPT: usize = 4;

impl ContextCache {
    /// None yet; at most `limit` workers are told apart.
    pub fn new(limit: usize) -> ContextCache {
        ContextCache { jobs: Vec::new(), limit }
    }

    /// The context of `worker` on the job sent as `id`; `make` makes it, of the worker's name,
    /// the first time. Workers past the limit are one.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn get_or_make(
        &mut self,
        id: u32,
        worker: &str,
        make: impl FnOnce(&str) -> Result<ShareContext, RecordError>,
    ) -> Result<Arc<ShareContext>, RecordError> {
        let known = self.jobs.iter().rposition(|(known, _)| *known == id);
        let place = known.unwrap_or_else(|| {
            if self.jobs.len() >= KEPT {
                self.jobs.remove(0);
            }
            self.jobs.push((id, BTreeMap::new()));
            self.jobs.len() - 1
        });
        let Some((_, workers)) = self.jobs.get_mut(place) else { return make(worker).map(Arc::new) };
        // A known name costs no allocation.
        if let Some(context) = workers.get(worker) {
            return Ok(context.clone());
        }
        let worker = if workers.len() < self.limit { worker } else { OTHERS };
        if let Some(context) = workers.get(worker) {
            return Ok(context.clone());
        }
        let context = Arc::new(make(worker)?);
        workers.insert(worker.into(), context.clone());
        Ok(context)
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.jobs = Vec::new();
    }
}
