//! What the miner's side tells the check: a bounded queue, and never a wait.

use super::{Check, CheckConfig, CheckStatus, status::Reporter};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use work::{Hash256, Target};

/// The pool has accepted a share.
#[derive(Debug)]
pub(super) struct Own {
    /// Whom it was sent as.
    pub(super) member: String,
    /// Its header's hash.
    pub(super) hash: Hash256,
    /// The channel's target when its job came.
    pub(super) target: Target,
    /// When, in seconds since the Unix epoch.
    pub(super) at: u64,
}

/// The way to a check that runs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Checker {
    told: mpsc::Sender<Own>,
    unwatched: Arc<AtomicU64>,
    status: watch::Receiver<CheckStatus>,
}

/// What may wait for the check.
const WAITING: usize = 16_384;

impl Checker {
    /// Starts a check; it ends when `stop` is cancelled or the last [`Checker`] is dropped.
    pub fn start(config: CheckConfig, stop: CancellationToken) -> (Checker, JoinHandle<()>) {
        let (told, taken) = mpsc::channel(WAITING);
        let (reporter, status) = Reporter::new();
        let check = tokio::spawn(Check::new(config, taken, reporter).run(stop));
        (Checker { told, unwatched: Arc::default(), status }, check)
    }

    /// The pool has accepted a share with this header hash, on a channel of this user identity
    /// (`member.worker`); `target` was the channel's when its job came. A block that misses
    /// it is accepted, but is no share.
    pub fn accepted(&self, user: &str, hash: Hash256, target: Target) {
        if !target.is_met_by(&hash) {
            return;
        }
        let member = user.split_once('.').map_or(user, |(member, _)| member).to_owned();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.tell(Own { member, hash, target, at: now.as_secs() });
    }

    /// How it stands.
    pub fn status(&self) -> watch::Receiver<CheckStatus> {
        self.status.clone()
    }

    /// Mining never waits for the check; what there is no room for is not watched.
    fn tell(&self, own: Own) {
        if self.told.try_send(own).is_err() && self.unwatched.fetch_add(1, Ordering::Relaxed) == 0 {
            warn!(
                "shares come faster than they can be checked: not all are watched for in the pool's ledger"
            );
        }
    }
}
