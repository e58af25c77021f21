//! Where channels wait for a client whose connection died.
//!
//! A session that has given its client a token has a place here. When its connection
//! dies it moves its channels into that place, and the session of the client's next
//! connection moves them out: at any time one task owns them. A client that comes back
//! before its old connection is known to be dead has the old session asked for them.
//!
//! Touched when connections come and go, never for a share.

mod places;

pub use places::{Handover, Limits, Peer};

use crate::channel::Channel;
use crate::channel::group::Group;
use crate::channel::history::Moment;
use crate::server::share_log::ShareLog;
use crate::status::Status;
use crate::wire::keep_alive::Token;
use places::{Claim, Places, Refusal};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use tracing::info;

/// What a session leaves behind: everything that its next one needs to go on as if
/// nothing had happened.
pub struct Parked {
    /// Its shares that are not on disk yet.
    pub log: ShareLog,
    /// The client took `NewMiningJob` only.
    pub standard_jobs: bool,
    /// Its groups.
    pub groups: Vec<Group>,
    /// Its channels, sorted by id.
    pub channels: Vec<Channel>,
    /// The next id of a channel or group.
    pub next_id: u32,
    /// How far the order of what was sent has come.
    pub moment: Moment,
    /// The largest id of a job that was sent.
    pub newest_job: u32,
}

/// How the old session is asked for its channels. Every session has one, used or not.
pub type Asker = oneshot::Sender<Handover<Parked>>;

/// The pool's places.
pub struct ParkingLot {
    places: Mutex<Places<Parked>>,
    kept_for: Duration,
    status: Arc<Status>,
    /// Something was parked.
    filled: Notify,
}

/// How often it is looked for channels that have waited too long.
const SWEEP: Duration = Duration::from_secs(1);

impl ParkingLot {
    /// A lot whose channels wait for `kept_for` at most; looks after them until
    /// `shutdown` is cancelled.
    pub fn start(
        limits: Limits,
        kept_for: Duration,
        status: Arc<Status>,
        shutdown: CancellationToken,
    ) -> Arc<ParkingLot> {
        let places = Mutex::new(Places::new(limits));
        let lot = Arc::new(ParkingLot { places, kept_for, status, filled: Notify::new() });
        let sweeper = lot.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = sweeper.sweep() => {}
            }
        });
        lot
    }

    /// How long channels wait; zero when they do not.
    pub fn kept_for(&self) -> Duration {
        self.kept_for
    }

    /// Sessions whose clients hold a token now.
    pub fn sessions(&self) -> usize {
        self.lock().sessions()
    }

    /// A place for a session, which is asked for its channels through `asker` when its
    /// client comes back by another connection.
    pub fn enter(self: &Arc<Self>, asker: Asker) -> Ticket {
        let token = Token::random(&mut rand::thread_rng());
        self.lock().enter(token, asker);
        Ticket { lot: self.clone(), token }
    }

    /// The channels that wait under the first of `tokens` under which any do. Waits for
    /// their session where that still lives, which costs it no more than a turn.
    pub async fn claim(&self, tokens: &[Token]) -> Option<Parked> {
        for token in tokens {
            let claimed = self.lock().claim(token, Instant::now());
            self.publish();
            match claimed {
                Claim::Parked(parked) => return Some(parked),
                Claim::Living(asker) => {
                    let (reply, answer) = oneshot::channel();
                    // Both fail only when the session ends at this moment, or has no
                    // channels to hand over.
                    if asker.send(Handover { reply }).is_ok()
                        && let Ok(parked) = answer.await
                    {
                        self.status.outages.taken_over.add(1);
                        return Some(parked);
                    }
                }
                Claim::Unknown => {}
            }
        }
        None
    }

    async fn sweep(&self) {
        loop {
            self.filled.notified().await;
            while self.lock().channels() > 0 {
                tokio::time::sleep(SWEEP.min(self.kept_for)).await;
                let expired = self.lock().expire(Instant::now());
                // Their search space goes back only here, outside the lock.
                let channels: usize = expired.iter().map(|parked| parked.channels.len()).sum();
                if channels > 0 {
                    info!(channels, "clients did not come back for their channels");
                    self.status.outages.expired.add(channels as u64);
                }
                self.publish();
            }
        }
    }

    fn publish(&self) {
        let channels = self.lock().channels();
        self.status.outages.set_parked_now(channels);
    }

    fn lock(&self) -> MutexGuard<'_, Places<Parked>> {
        // Nothing in there panics half-way.
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session's place, given up when it is dropped.
pub struct Ticket {
    lot: Arc<ParkingLot>,
    token: Token,
}

impl Ticket {
    /// What the client presents.
    pub fn token(&self) -> Token {
        self.token
    }

    /// Leaves channels behind, if there is room for them. Hands them back when they have
    /// been asked for meanwhile.
    pub fn park(self, parked: Parked, peer: Peer) -> Option<Parked> {
        let (lot, channels) = (&self.lot, parked.channels.len());
        if lot.kept_for.is_zero() || channels == 0 {
            return None;
        }
        let until = Instant::now() + lot.kept_for;
        let done = lot.lock().park(self.token, parked, channels, peer, until);
        match done {
            Ok(()) => {
                lot.status.outages.parked.add(channels as u64);
                lot.publish();
                lot.filled.notify_one();
                None
            }
            Err(Refusal::Full) => {
                info!(channels, "no room for the channels of a connection that died");
                lot.status.outages.no_room.add(channels as u64);
                None
            }
            Err(Refusal::Asked(parked)) => Some(parked),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.lot.lock().leave(&self.token);
    }
}
