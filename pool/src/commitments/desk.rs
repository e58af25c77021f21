//! The one task that knows what is committed to.

use super::{Budget, Extras, Payload};
use crate::described;
use ledger::{Commitment, LedgerHandle, Progress, Reader};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// What the desk is started with.
pub struct CommitmentDesk {
    /// How much room there is.
    pub budget: Budget,
    /// What always is committed to.
    pub fixed: Vec<Payload>,
    /// Whose newest head is committed to, where the budget says so.
    pub ledger: LedgerHandle,
}

/// The way to the desk. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Commitments {
    budget: Budget,
    orders: mpsc::Sender<Order>,
    extras: watch::Receiver<Arc<Extras>>,
    standing: watch::Receiver<Standing>,
}

described! {
    /// What is committed to, for people and JSON.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
    pub struct Standing {
        /// Bytes of outputs that the host may add in all.
        pub allowed_bytes: u32,
        /// Bytes that are taken.
        pub used_bytes: u32,
        /// What is committed to.
        pub commitments: Vec<Shown>,
        /// Hash of the ledger's head in the coinbase; none where that is off, or before the first.
        pub ledger_root: Option<String>,
    }
}

described! {
    /// One commitment.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct Shown {
        /// Its name; none for those of the configuration.
        pub name: Option<String>,
        /// Its bytes, in hexadecimal.
        pub data: String,
        /// When it ends, seconds since the Unix epoch; none for those of the configuration.
        pub expires_at: Option<u64>,
    }
}

/// Why a commitment is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SetError {
    /// Too much in all.
    #[error(
        "it takes {wanted} bytes of the coinbase, and {free} of {allowed} are free (coinbase.commitment_bytes)"
    )]
    NoRoom {
        /// Bytes of its output.
        wanted: u32,
        /// What is left of the budget.
        free: u32,
        /// The budget.
        allowed: u32,
    },
    /// A name that is none.
    #[error("a commitment's name has from 1 to {} of the characters a-z, 0-9, - and _", Commitments::NAME)]
    Name,
    /// It would end at once or never.
    #[error("a commitment is for 1 to {} seconds; set it again before it ends", Commitments::LONGEST.as_secs())]
    Lifetime,
    /// The pool is stopping.
    #[error("the pool is stopping")]
    Stopping,
}

enum Order {
    Set {
        name: String,
        payload: Payload,
        lifetime: Duration,
        answer: oneshot::Sender<Result<Standing, SetError>>,
    },
    Remove {
        name: String,
        answer: oneshot::Sender<bool>,
    },
}

impl Commitments {
    /// Longest name.
    pub const NAME: usize = 32;
    /// Longest time: whoever wants more says so again, and what is forgotten ends.
    pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

    /// Commits to `payload` under `name` for as long as `lifetime`, in place of what was under
    /// that name. Jobs have it when this returns or very soon after.
    ///
    /// # Errors
    /// [`SetError`].
    pub async fn set(&self, name: &str, payload: Payload, lifetime: Duration) -> Result<Standing, SetError> {
        let is_plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'_';
        if !(1..=Self::NAME).contains(&name.len()) || !name.bytes().all(is_plain) {
            return Err(SetError::Name);
        }
        if lifetime < Duration::from_secs(1) || lifetime > Self::LONGEST {
            return Err(SetError::Lifetime);
        }
        let (answer, answered) = oneshot::channel();
        let order = Order::Set { name: name.to_owned(), payload, lifetime, answer };
        self.orders.send(order).await.map_err(|_| SetError::Stopping)?;
        answered.await.map_err(|_| SetError::Stopping)?
    }

    /// Ends a commitment before its time; whether there was one.
    pub async fn remove(&self, name: &str) -> bool {
        let (answer, answered) = oneshot::channel();
        let order = Order::Remove { name: name.to_owned(), answer };
        self.orders.send(order).await.is_ok() && answered.await.unwrap_or(false)
    }

    /// What is committed to.
    pub fn standing(&self) -> Standing {
        self.standing.borrow().clone()
    }

    /// The outputs for new jobs, as they change.
    pub fn extras(&self) -> watch::Receiver<Arc<Extras>> {
        self.extras.clone()
    }

    /// How much room there is.
    pub fn budget(&self) -> Budget {
        self.budget
    }
}

impl CommitmentDesk {
    /// Starts the desk; it runs until `shutdown` is cancelled.
    pub async fn start(self, shutdown: CancellationToken) -> Commitments {
        const WAITING_ORDERS: usize = 16;
        let (orders, waiting) = mpsc::channel(WAITING_ORDERS);
        let (extras, extras_out) = watch::channel(Arc::default());
        let (standing, standing_out) = watch::channel(Standing::default());
        let budget = self.budget;
        let mut keeper =
            Keeper { root: newest_head(&self).await, desk: self, set: BTreeMap::new(), extras, standing };
        keeper.publish();
        tokio::spawn(keeper.run(waiting, shutdown));
        Commitments { budget, orders, extras: extras_out, standing: standing_out }
    }
}

struct Keeper {
    desk: CommitmentDesk,
    set: BTreeMap<String, Set>,
    root: Option<Commitment>,
    extras: watch::Sender<Arc<Extras>>,
    standing: watch::Sender<Standing>,
}

struct Set {
    payload: Payload,
    ends: Instant,
    /// The same for people.
    expires_at: u64,
}

impl Keeper {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>, shutdown: CancellationToken) {
        let mut progress = self.desk.ledger.progress();
        let mut last_slice = progress.borrow().last_slice;
        let anchors = self.desk.budget.ledger_root;
        loop {
            let next_end = self.set.values().map(|set| set.ends).min();
            tokio::select! {
                () = shutdown.cancelled() => return,
                order = orders.recv() => match order {
                    Some(order) => self.obey(order),
                    None => return,
                },
                () = at(next_end) => self.end_what_is_over(),
                slice = slice_after(&mut progress, last_slice), if anchors => {
                    let Some(slice) = slice else { return };
                    last_slice = slice;
                    self.root = newest_head(&self.desk).await;
                    self.publish();
                }
            }
        }
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Set { name, payload, lifetime, answer } => {
                let outcome = self.set(name, payload, lifetime);
                // Who asked may have left.
                let _ = answer.send(outcome);
            }
            Order::Remove { name, answer } => {
                let was_there = self.set.remove(&name).is_some();
                if was_there {
                    info!(name, "commitment ended, as was asked");
                    self.publish();
                }
                let _ = answer.send(was_there);
            }
        }
    }

    fn set(&mut self, name: String, payload: Payload, lifetime: Duration) -> Result<Standing, SetError> {
        let allowed = self.desk.budget.output_bytes;
        let wanted = payload.output_bytes();
        let free = allowed.saturating_sub(self.used_without(Some(&name)));
        if wanted > free {
            return Err(SetError::NoRoom { wanted, free, allowed });
        }
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let expires_at = since_epoch.saturating_add(lifetime).as_secs();
        info!(name, data = %payload, expires_at, "commitment set");
        self.set.insert(name, Set { payload, ends: Instant::now() + lifetime, expires_at });
        self.publish();
        Ok(self.standing.borrow().clone())
    }

    fn end_what_is_over(&mut self) {
        let now = Instant::now();
        self.set.retain(|name, set| {
            let goes_on = set.ends > now;
            if !goes_on {
                info!(name, "commitment ended: its time is over");
            }
            goes_on
        });
        self.publish();
    }

    fn used_without(&self, name: Option<&str>) -> u32 {
        let others =
            self.set.iter().filter(|(other, _)| Some(other.as_str()) != name).map(|(_, set)| &set.payload);
        self.desk.fixed.iter().chain(others).map(Payload::output_bytes).fold(0, u32::saturating_add)
    }

    fn publish(&mut self) {
        let payloads = self.desk.fixed.iter().chain(self.set.values().map(|set| &set.payload));
        let extras = Arc::new(Extras::new(payloads, self.root));
        let fixed = self.desk.fixed.iter().map(|payload| Shown {
            name: None,
            data: payload.to_string(),
            expires_at: None,
        });
        let set = self.set.iter().map(|(name, set)| Shown {
            name: Some(name.clone()),
            data: set.payload.to_string(),
            expires_at: Some(set.expires_at),
        });
        self.standing.send_replace(Standing {
            allowed_bytes: self.desk.budget.output_bytes,
            used_bytes: self.used_without(None),
            commitments: fixed.chain(set).collect(),
            ledger_root: self.root.map(|root| root.to_string()),
        });
        self.extras.send_if_modified(|now| {
            let changed = *now != extras;
            *now = extras;
            changed
        });
    }
}

/// The newest closed slice, once it is another than `last`; none when the ledger has ended.
async fn slice_after(progress: &mut watch::Receiver<Progress>, last: u64) -> Option<u64> {
    progress.wait_for(|at| at.last_slice != last).await.ok().map(|at| at.last_slice)
}

async fn newest_head(desk: &CommitmentDesk) -> Option<Commitment> {
    if !desk.budget.ledger_root {
        return None;
    }
    let path = desk.ledger.path();
    let read = move || -> anyhow::Result<Option<Commitment>> {
        Ok(Reader::open(&path)?.last_head()?.map(|head| head.head.hash()))
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(head)) => head,
        Ok(Err(fault)) => {
            error!(%fault, "the ledger's newest head cannot be read, so no job commits to it");
            None
        }
        Err(fault) => {
            error!(%fault, "the ledger's newest head cannot be read, so no job commits to it");
            None
        }
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
