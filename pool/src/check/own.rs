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

/// Something that the member knows.
#[derive(Debug)]
pub(super) enum Own {
    /// Shares are sent in this member's name.
    Member(String),
    /// The pool has accepted a share.
    Accepted {
        /// Its header's hash.
        hash: Hash256,
        /// The channel's target when its job came.
        target: Target,
        /// When, in seconds since the Unix epoch.
        at: u64,
    },
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

    /// A channel was opened under this user identity (`member.worker`).
    pub fn user(&self, identity: &str) {
        let member = identity.split_once('.').map_or(identity, |(member, _)| member);
        self.tell(Own::Member(member.to_owned()));
    }

    /// The pool has accepted a share with this header hash; `target` was the channel's when
    /// its job came.
    pub fn accepted(&self, hash: Hash256, target: Target) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.tell(Own::Accepted { hash, target, at: now.as_secs() });
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
