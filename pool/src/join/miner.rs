//! Between a miner's task and the uplink: two bounded queues.

use crate::sv1::connection::Above;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::mpsc;
use translator::upstream::{Command, Event};

/// What a miner wants of the uplink.
#[derive(Debug)]
pub(super) struct Request {
    /// Which miner.
    pub(super) miner: u64,
    /// What it wants; nothing when it has just come.
    pub(super) command: Option<Command>,
    /// Where it is told what happens.
    pub(super) mailbox: mpsc::Sender<Event>,
}

/// Where miners' channels come from. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Miners {
    requests: mpsc::Sender<Request>,
    next: Arc<AtomicU64>,
}

/// Requests of all miners that may wait for the uplink: a miner waits when they do.
const WAITING_REQUESTS: usize = 1_024;
/// What may wait for one miner. One that lets so much pile up does not read; it is left
/// without, and its connection ends by itself.
const WAITING_EVENTS: usize = 512;

impl Miners {
    pub(super) fn new() -> (Miners, mpsc::Receiver<Request>) {
        let (requests, received) = mpsc::channel(WAITING_REQUESTS);
        (Miners { requests, next: Arc::default() }, received)
    }

    /// A channel for a miner that has just connected; it is not open yet.
    pub(super) fn newcomer(&self) -> RemoteChannel {
        let (mailbox, events) = mpsc::channel(WAITING_EVENTS);
        let miner = self.next.fetch_add(1, Ordering::Relaxed);
        RemoteChannel { miner, requests: self.requests.clone(), mailbox, events }
    }
}

/// A miner's channel at a pool elsewhere, as what lies above its session.
#[derive(Debug)]
pub(super) struct RemoteChannel {
    miner: u64,
    requests: mpsc::Sender<Request>,
    mailbox: mpsc::Sender<Event>,
    events: mpsc::Receiver<Event>,
}

impl RemoteChannel {
    /// The miner has gone.
    pub(super) async fn close(self) {
        self.send(Command::Close).await;
    }

    async fn send(&self, command: Command) {
        let request = Request { miner: self.miner, command: Some(command), mailbox: self.mailbox.clone() };
        // Fails only when the uplink has ended, and everything with it.
        let _ = self.requests.send(request).await;
    }
}

impl Above for RemoteChannel {
    async fn command(&mut self, command: Command, _: Instant) -> Vec<Event> {
        match command {
            // What was refused here is nothing to the pool.
            Command::Refused(_) => {}
            command => self.send(command).await,
        }
        Vec::new()
    }

    async fn next(&mut self) -> Option<Vec<Event>> {
        self.events.recv().await.map(|event| vec![event])
    }

    fn look(&mut self, _: Instant, _: bool) -> Vec<Event> {
        Vec::new()
    }
}
