//! The ledger for those who check it: each listener has a [`Feed`] of its own, over HTTP or
//! over the connection that members have, and none of them gets in the way of mining.
//!
//! Listeners are bounded in number, each in what it holds, and all together in what they may
//! do: one reads at a time, and after each piece all rest for as long as it took, so that they
//! never take more than half of a core. They read from connections of their own to the
//! ledger's file and never hold up its writer.

use crate::server::parking::Peer;
use ledger::evidence::{Batch, Cursor, Feed};
use ledger::{LedgerHandle, OpenError, Progress, StoreError};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

/// Where listeners come. Cheap to share.
#[derive(Debug)]
pub struct Listeners {
    path: PathBuf,
    progress: watch::Receiver<Progress>,
    places: Arc<Semaphore>,
    most: usize,
    per_peer: usize,
    peers: Mutex<HashMap<Peer, usize>>,
    /// Held while somebody reads; from when on the next may.
    turn: tokio::sync::Mutex<Instant>,
}

/// One listener.
pub struct Listener {
    listeners: Arc<Listeners>,
    /// None while it is read from, and after a read that failed.
    feed: Option<Feed>,
    progress: watch::Receiver<Progress>,
    _place: OwnedSemaphorePermit,
    _of_peer: Option<OfPeer>,
}

/// Why nobody can listen, or not any more.
#[derive(Debug, Error)]
pub enum ListenError {
    /// There are as many as there may be.
    #[error("{0} others read the ledger already; try again later, from where you stopped")]
    Busy(usize),
    /// This peer has as many as one may have.
    #[error("you read the ledger over {0} connections already")]
    TooMany(usize),
    /// The file cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] StoreError),
    /// The reading thread has ended.
    #[error("reading the ledger was broken off")]
    Ended,
}

/// New shares are told this often at most.
const PACE: Duration = Duration::from_millis(250);
/// What is new and is no share (a block's state) is looked for this often.
const LOOK: Duration = Duration::from_secs(5);

impl Listeners {
    /// At most `most` at a time, and `per_peer` of one IP address or node.
    pub fn new(ledger: &LedgerHandle, most: usize, per_peer: usize) -> Arc<Listeners> {
        Arc::new(Listeners {
            path: ledger.path(),
            progress: ledger.progress(),
            places: Arc::new(Semaphore::new(most)),
            most,
            per_peer,
            peers: Mutex::default(),
            turn: tokio::sync::Mutex::new(Instant::now()),
        })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.most.saturating_sub(self.places.available_permits())
    }

    /// One more, from `cursor` on; slices before `whole_from` are told without their shares.
    ///
    /// # Errors
    /// [`ListenError`].
    pub async fn listen(
        self: &Arc<Self>,
        peer: Option<Peer>,
        cursor: Cursor,
        whole_from: u64,
    ) -> Result<Listener, ListenError> {
        let path = self.path.clone();
        let open = move || Feed::open(&path, cursor, whole_from);
        let (place, of_peer) = self.place(peer)?;
        let feed = self.work(open).await??;
        Ok(self.listener(feed, place, of_peer))
    }

    /// One that is told of the closed slice `number` only; none if there is none.
    ///
    /// # Errors
    /// [`ListenError`].
    pub async fn listen_to_slice(self: &Arc<Self>, number: u64) -> Result<Option<Listener>, ListenError> {
        let path = self.path.clone();
        let (place, of_peer) = self.place(None)?;
        let feed = self.work(move || Feed::open_slice(&path, number)).await??;
        Ok(feed.map(|feed| self.listener(feed, place, of_peer)))
    }

    /// Reads something, when it is its turn. `read` may block.
    ///
    /// # Errors
    /// [`ListenError::Ended`].
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&std::path::Path) -> T + Send + 'static,
    ) -> Result<T, ListenError> {
        let _place = self.places.clone().try_acquire_owned().map_err(|_| ListenError::Busy(self.most))?;
        let path = self.path.clone();
        self.work(move || read(&path)).await
    }

    fn listener(
        self: &Arc<Self>,
        feed: Feed,
        place: OwnedSemaphorePermit,
        of_peer: Option<OfPeer>,
    ) -> Listener {
        Listener {
            listeners: self.clone(),
            feed: Some(feed),
            progress: self.progress.clone(),
            _place: place,
            _of_peer: of_peer,
        }
    }

    fn place(
        self: &Arc<Self>,
        peer: Option<Peer>,
    ) -> Result<(OwnedSemaphorePermit, Option<OfPeer>), ListenError> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| ListenError::Busy(self.most))?;
        let Some(peer) = peer else { return Ok((place, None)) };
        let mut peers = self.peers();
        let count = peers.entry(peer).or_default();
        if *count >= self.per_peer {
            return Err(ListenError::TooMany(self.per_peer));
        }
        *count += 1;
        drop(peers);
        Ok((place, Some(OfPeer { listeners: self.clone(), peer })))
    }

    fn peers(&self) -> MutexGuard<'_, HashMap<Peer, usize>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ListenError> {
        let mut turn = self.turn.lock().await;
        tokio::time::sleep_until(*turn).await;
        let began = Instant::now();
        let done = tokio::task::spawn_blocking(work).await.map_err(|_| ListenError::Ended);
        let now = Instant::now();
        *turn = now + now.saturating_duration_since(began);
        done
    }
}

impl Listener {
    /// What comes next, some `most_bytes` or all there is; empty when nothing is new. Dropped
    /// before it is done, it ends the listener.
    ///
    /// # Errors
    /// [`ListenError`]; nothing more comes.
    pub async fn next(&mut self, most_bytes: usize) -> Result<Batch, ListenError> {
        self.progress.mark_unchanged();
        let mut feed = self.feed.take().ok_or(ListenError::Ended)?;
        let (feed, batch) = self
            .listeners
            .work(move || {
                let batch = feed.next(most_bytes);
                (feed, batch)
            })
            .await?;
        let batch = batch?;
        self.feed = Some(feed);
        Ok(batch)
    }

    /// Waits until there may be something new.
    pub async fn news(&mut self) {
        tokio::time::sleep(PACE).await;
        // Whether it is news or the time is up: it is looked at.
        let _ = tokio::time::timeout(LOOK, self.progress.changed()).await;
    }
}

/// Counts a peer's listener for as long as there is one.
struct OfPeer {
    listeners: Arc<Listeners>,
    peer: Peer,
}

impl Drop for OfPeer {
    fn drop(&mut self) {
        let mut peers = self.listeners.peers();
        if let Some(count) = peers.get_mut(&self.peer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                peers.remove(&self.peer);
            }
        }
    }
}
