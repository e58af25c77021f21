//! Between miners' tasks and the uplink: two bounded queues.

use super::news::{Mailbox, News};
use super::status::{HeatGauge, JoinStatus};
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
    /// What it wants.
    pub(super) command: Command,
    /// Which of its workers sent the share, if it says so.
    pub(super) worker: Option<Arc<str>>,
    /// Where it is told what happens.
    pub(super) mailbox: Mailbox,
}

/// Where miners' channels come from. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Miners {
    requests: mpsc::Sender<Request>,
    next: Arc<AtomicU64>,
    status: Arc<JoinStatus>,
}

/// Requests of all miners that may wait for the uplink: a miner waits when they do.
const WAITING_REQUESTS: usize = 1_024;
/// What may wait for one miner. One that lets so much pile up does not read; it is left
/// without, and its connection ends by itself.
const WAITING_NEWS: usize = 512;

impl Miners {
    pub(super) fn new(status: Arc<JoinStatus>) -> (Miners, mpsc::Receiver<Request>) {
        let (requests, received) = mpsc::channel(WAITING_REQUESTS);
        (Miners { requests, next: Arc::default(), status }, received)
    }

    /// What is shown of everything.
    pub(super) fn status(&self) -> &Arc<JoinStatus> {
        &self.status
    }

    /// A number that no miner has had.
    pub(super) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Tells the uplink what a miner wants; waits while too many others do.
    pub(super) async fn ask(&self, request: Request) {
        // Fails only when the uplink has ended, and everything with it.
        let _ = self.requests.send(request).await;
    }

    /// A channel for an SV1 miner that has just connected; it is not open yet.
    pub(super) fn newcomer(&self) -> RemoteChannel {
        let (mailbox, news) = mpsc::channel(WAITING_NEWS);
        let heat = HeatGauge::new(self.status.clone());
        RemoteChannel { miner: self.number(), miners: self.clone(), mailbox, news, heat }
    }
}

/// An SV1 miner's channel at a pool elsewhere, as what lies above its session.
#[derive(Debug)]
pub(super) struct RemoteChannel {
    miner: u64,
    miners: Miners,
    mailbox: Mailbox,
    news: mpsc::Receiver<(u64, News)>,
    heat: HeatGauge,
}

impl RemoteChannel {
    /// The miner has gone.
    pub(super) async fn close(self) {
        self.send(Command::Close).await;
    }

    async fn send(&self, command: Command) {
        let mailbox = self.mailbox.clone();
        self.miners.ask(Request { miner: self.miner, command, worker: None, mailbox }).await;
    }
}

impl Above for RemoteChannel {
    async fn command(&mut self, command: Command, _: Instant) -> Vec<Event> {
        match command {
            // What was refused here is nothing to the pool.
            Command::Refused(_) => self.miners.status().refused_here(),
            command => self.send(command).await,
        }
        Vec::new()
    }

    async fn next(&mut self) -> Option<Vec<Event>> {
        self.news.recv().await.map(|(_, news)| news.into_events())
    }

    fn look(&mut self, _: Instant, _: bool) -> Vec<Event> {
        Vec::new()
    }

    fn heat(&mut self, shares: Option<u64>) {
        self.heat.set(shares);
    }
}
