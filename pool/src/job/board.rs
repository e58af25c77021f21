//! Where connections find the jobs for their payouts.
//!
//! The [job maker](super::maker) owns all jobs; a connection subscribes once when it
//! opens a channel and afterwards only reads. [`News`] wakes all of them.

use super::limit::CoinbaseLimit;
use super::news::News;
use super::wave::TipWave;
use super::{JobError, JobSet};
use crate::payout::{Identity, PayoutMode};
use bitcoin::ScriptBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

/// Whom a job's coinbase pays. Jobs are built once for each distinct value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PayTo {
    /// The pool's configured payout set, whatever it is at the time.
    Pool,
    /// One member alone.
    Script(ScriptBuf),
    /// By the ledger, for somebody who mines as this member. Where it makes no difference who
    /// mines, all members with the same limit are given the same job.
    Member {
        /// The member, as the ledger knows it.
        name: Arc<str>,
        /// How large a coinbase their miner takes.
        limit: CoinbaseLimit,
    },
}

impl PayTo {
    /// How large a coinbase its miners take.
    pub fn limit(&self) -> CoinbaseLimit {
        match self {
            // One output, which is within every limit.
            PayTo::Pool | PayTo::Script(_) => CoinbaseLimit::NONE,
            PayTo::Member { limit, .. } => *limit,
        }
    }

    /// The jobs that `identity` mines on at a pool that pays by `payouts`, in a coinbase within
    /// `limit`. A coinbase that pays one alone is within every limit.
    pub fn of(payouts: &PayoutMode, identity: &Identity, limit: CoinbaseLimit) -> PayTo {
        match (payouts, &identity.script) {
            (PayoutMode::Ruled(_), _) => PayTo::Member { name: identity.member.as_str().into(), limit },
            (_, Some(script)) => PayTo::Script(script.clone()),
            (_, None) => PayTo::Pool,
        }
    }
}

/// The jobs of one [`PayTo`]; `None` until the first template has arrived.
pub type Jobs = watch::Receiver<Option<Arc<JobSet>>>;

/// Why jobs cannot be subscribed to.
#[derive(Clone, Debug, Error)]
pub enum SubscribeError {
    /// No job can be built for these payouts on the present template.
    #[error(transparent)]
    Job(#[from] JobError),
    /// As many different payouts as the pool serves are in use.
    #[error("the pool already mines for {0} different payout scripts, which is its limit")]
    TooManyVariants(usize),
    /// The pool is stopping.
    #[error("the pool is stopping")]
    Stopped,
}

/// Handle to the job maker. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JobBoard {
    pub(super) requests: mpsc::Sender<Subscription>,
    pub(super) generation: watch::Receiver<u64>,
    pub(super) news: News,
    pub(super) ids: JobIds,
    pub(super) wave: TipWave,
}

/// Job ids, from one sequence for the whole process, so that no two jobs of a
/// connection, of whatever channel or group, share one (SV2 section 5.3.15).
#[derive(Clone, Debug, Default)]
pub(super) struct JobIds(Arc<AtomicU32>);

impl JobIds {
    /// An id that no job has had. Never zero.
    pub(super) fn next(&self) -> u32 {
        // Wraps after four thousand million jobs; by then the first are long stale.
        self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1).max(1)
    }
}

/// A request to be given the jobs for a payout.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) pay_to: PayTo,
    pub(super) answer: oneshot::Sender<Result<Jobs, SubscribeError>>,
}

impl JobBoard {
    /// The jobs that pay `pay_to`, built if nobody has asked for them before.
    ///
    /// # Errors
    /// [`SubscribeError`] when no job can be built or the pool is stopping.
    pub async fn subscribe(&self, pay_to: PayTo) -> Result<Jobs, SubscribeError> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(Subscription { pay_to, answer }).await.map_err(|_| SubscribeError::Stopped)?;
        answered.await.map_err(|_| SubscribeError::Stopped)?
    }

    /// An id for a job that is sent a second time to one channel.
    pub fn fresh_id(&self) -> u32 {
        self.ids.next()
    }

    /// Where connections hear that any jobs changed.
    pub fn news(&self) -> &News {
        &self.news
    }

    /// Counts the changes of jobs, for those few who only watch.
    pub fn generation(&self) -> watch::Receiver<u64> {
        self.generation.clone()
    }

    /// Where connections report that they have sent a new tip on.
    pub fn wave(&self) -> &TipWave {
        &self.wave
    }
}
