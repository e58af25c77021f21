//! Whether a share is what it is credited for.
//!
//! What shares have in common is prepared once: the coinbase of a job up to its
//! extranonce, and for a standard channel, whose extranonce is fixed, the merkle root.

use crate::job_record::JobRecord;
use crate::share::{RecordedShare, ShareContext};
use crate::tagged_hash::Commitment;
use std::collections::HashMap;
use std::sync::Arc;
use work::share::{BIP323_MASK, ShareFault, Tip};
use work::{Hash256, JobWork, Judged, SplitCoinbase, Target};

/// Recomputes shares' hashes.
#[derive(Default)]
pub(super) struct Judge {
    jobs: HashMap<Commitment, Arc<Prepared>>,
    /// By address, which is only compared.
    contexts: HashMap<usize, Terms>,
    /// The last one: shares of a channel come in bursts.
    last: Option<(usize, Terms)>,
}

/// A job, ready for its shares.
struct Prepared {
    work: JobWork,
    tip: Tip,
}

/// A context, ready for its shares.
#[derive(Clone)]
struct Terms {
    job: Arc<Prepared>,
    /// Where nothing is rolled.
    root: Option<Hash256>,
    target: Target,
    /// Held, so that the address that names it names nothing else.
    _context: Arc<ShareContext>,
}

/// How far ahead of the pool's clock a header's time may be: what consensus allows.
pub(super) const AHEAD: u32 = 2 * 60 * 60;

impl Judge {
    /// Contexts that are kept at a time.
    const CONTEXTS: usize = 1 << 16;

    /// A share's hash, whether it is a block, and whether it meets its target.
    pub(super) fn judge(&mut self, share: &RecordedShare) -> Result<Judged, ShareFault> {
        let terms = self.terms(&share.context);
        let (job, submission) = (&*terms.job, &share.share.submission);
        let ntime_max = share.received.max(job.tip.min_ntime).saturating_add(AHEAD);
        match &terms.root {
            Some(root) if share.share.rolled.is_empty() => {
                work::judge(&job.work, &job.tip, root, submission, &terms.target, ntime_max, BIP323_MASK)
            }
            _ => {
                let prefix = &share.context.terms().extranonce_prefix;
                let extranonce = [prefix.as_bytes(), share.share.rolled.as_bytes()];
                work::judge_extended(
                    &job.work,
                    &job.tip,
                    &extranonce,
                    submission,
                    &terms.target,
                    ntime_max,
                    BIP323_MASK,
                )
            }
        }
    }

    /// The hash of a share that [`judge`](Self::judge) refused.
    pub(super) fn hash(share: &RecordedShare) -> Hash256 {
        share.header().map(|header| header.hash()).unwrap_or_default()
    }

    fn terms(&mut self, context: &Arc<ShareContext>) -> &Terms {
        let name = Arc::as_ptr(context) as usize;
        let last = match self.last.take() {
            Some(last) if last.0 == name => last,
            _ => (name, self.look_up(name, context)),
        };
        &self.last.insert(last).1
    }

    fn look_up(&mut self, name: usize, context: &Arc<ShareContext>) -> Terms {
        if let Some(terms) = self.contexts.get(&name) {
            return terms.clone();
        }
        if self.contexts.len() >= Self::CONTEXTS {
            self.contexts.clear();
            self.jobs.clear();
        }
        let record = &context.terms().job;
        let job = self.jobs.entry(record.hash()).or_insert_with(|| Arc::new(prepare(record))).clone();
        let prefix = &context.terms().extranonce_prefix;
        let fixed = prefix.len() == usize::from(record.extranonce_size);
        let root = fixed.then(|| job.work.merkle_root(&[prefix.as_bytes()]));
        let terms = Terms { job, root, target: context.terms().target, _context: context.clone() };
        self.contexts.insert(name, terms.clone());
        terms
    }
}

fn prepare(record: &JobRecord) -> Prepared {
    let coinbase = SplitCoinbase {
        prefix: record.coinbase_prefix.clone(),
        suffix: record.coinbase_suffix.clone(),
        extranonce_size: usize::from(record.extranonce_size),
        witness: None,
    };
    let template = &record.template;
    let work = JobWork::new(template.version, record.version_rolling, coinbase, template.merkle_path.clone());
    let tip = Tip {
        prev_hash: template.prev_hash,
        nbits: template.nbits,
        network_target: Target::from_compact(template.nbits),
        min_ntime: template.min_ntime,
    };
    Prepared { work, tip }
}
