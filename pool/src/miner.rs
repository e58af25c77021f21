//! A CPU miner that speaks Stratum V2: for the demo, for tests and for trying a pool.
//!
//! It keeps at it: when the pool goes away it connects again, for as long as it is asked
//! to. Over an outage it goes on hashing as long as the pool may still have its channel,
//! and afterwards sends what it found meanwhile.

pub mod event;
pub mod hasher;
pub mod jobs;
mod mining;

pub use event::MinerEvent;

use crate::check::{CheckConfig, Checker};
use crate::known_heads::KnownHeads;
use crate::server::setup::{REQUIRES_STANDARD_JOBS, REQUIRES_VERSION_ROLLING};
use crate::upstream::{Backoff, Link, Standing, Turn, Upstream, UpstreamConfig, UpstreamError};
use mining::{Mining, Served};
use p2p::Target;
use p2p::iroh::{LookupConfig, SecretKey};
use std::time::Instant;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What to mine, where and how hard.
#[derive(Clone, Debug)]
pub struct MinerConfig {
    /// The pools, by address or by node id; each is tried when those before it are away.
    pub pools: Vec<Target>,
    /// What the miner is known by where it dials a node id.
    pub identity: SecretKey,
    /// How its node id is looked for, where the invite does not lead to it.
    pub lookup: LookupConfig,
    /// Dial a node id through relays only.
    pub relay_only: bool,
    /// User identity, `member.worker`.
    pub user: String,
    /// Header-only or with an extranonce of its own.
    pub kind: MinerKind,
    /// Hashing threads.
    pub threads: usize,
    /// No more than this many hashes a second in all; `None` for as many as it can.
    pub max_hash_rate: Option<f64>,
    /// What the pool is told, in hashes a second.
    pub nominal_hash_rate: f32,
    /// The heads that pools have shown before, if the pool's ledger is to be checked all the
    /// time.
    pub check: Option<KnownHeads>,
}

/// Which channel the miner opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinerKind {
    /// A standard channel: the pool fixes the merkle root.
    Standard,
    /// An extended channel: the miner rolls the extranonce.
    Extended,
}

/// Why a miner gave up.
#[derive(Debug, Error)]
pub enum MinerError {
    /// The pool does not want it, and would not the next time.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The hash threads could not be started.
    #[error("could not start a hash thread: {0}")]
    Threads(std::io::Error),
}

/// Mines until `stop` is cancelled, over as many connections as it takes. What happens
/// goes to `events`; a full `events` slows the miner down rather than losing any.
///
/// # Errors
/// When every pool refuses this miner for a reason that trying again does not mend, or
/// there is no UDP socket to dial a node id with.
pub async fn run(
    config: MinerConfig,
    events: mpsc::Sender<MinerEvent>,
    stop: CancellationToken,
) -> Result<(), MinerError> {
    let mut upstreams = Upstream::bind_all(config.upstreams()).await?;
    let checking = stop.child_token();
    let checks = config.checks(&upstreams);
    let (checkers, checks): (Vec<_>, Vec<_>) =
        checks.into_iter().map(|check| Checker::start(check, checking.clone())).unzip();
    let mining = Mining::start(&config, &events).map_err(MinerError::Threads)?;
    let turn = Turn::new(upstreams.len());
    let mut miner =
        Miner { turn, backoff: Backoff::default(), mining, served: false, checkers, checked: None };
    let mined = miner.mine(&mut upstreams, &stop).await;
    checking.cancel();
    for check in checks {
        // A check that panicked has said so.
        let _ = check.await;
    }
    miner.mining.finish().await;
    for upstream in upstreams {
        upstream.close().await;
    }
    Ok(mined?)
}

struct Miner<'a> {
    turn: Turn,
    backoff: Backoff,
    mining: Mining<'a>,
    /// The pool whose turn it is has served, and may still have our channel.
    served: bool,
    /// One for each pool, if they are checked.
    checkers: Vec<Checker>,
    /// The pool whose check is told of shares.
    checked: Option<usize>,
}

impl Miner<'_> {
    async fn mine(
        &mut self,
        upstreams: &mut [Upstream],
        stop: &CancellationToken,
    ) -> Result<(), UpstreamError> {
        while let Some(upstream) = upstreams.get_mut(self.turn.current()) {
            self.check_current();
            let mut refused = false;
            let reason = match self.connection(upstream, stop).await {
                Ok(Served::Stopped) => return Ok(()),
                Ok(Served::Dismissed) => {
                    // The pool has closed its channels with that.
                    upstream.forget();
                    "the pool asked to reconnect".to_owned()
                }
                Err(fault) if fault.is_final() => {
                    upstream.forget();
                    (self.served, refused) = (false, true);
                    if !self.turn.refused() {
                        return Err(fault);
                    }
                    fault.to_string()
                }
                Err(fault) => fault.to_string(),
            };
            self.mining.disconnected(upstream.kept_for()).await;
            let retry_in = self.backoff.lost(Instant::now(), rand::random());
            self.mining.tell(MinerEvent::Disconnected { reason, retry_in }).await;
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.mining.meanwhile(tokio::time::sleep(retry_in)) => {}
            }
            if !refused && !self.mining.has_channel() {
                upstream.forget();
                match std::mem::take(&mut self.served) {
                    true => self.turn.served(),
                    false => self.turn.failed(),
                }
            }
        }
        Ok(())
    }

    /// Has the check of the pool whose turn it is told of shares.
    fn check_current(&mut self) {
        let current = self.turn.current();
        if self.checked.replace(current) != Some(current) {
            self.mining.check_with(self.checkers.get(current).cloned());
        }
    }

    /// One connection from dial to end.
    async fn connection(
        &mut self,
        upstream: &mut Upstream,
        stop: &CancellationToken,
    ) -> Result<Served, UpstreamError> {
        let Miner { backoff, mining, served: has_served, .. } = self;
        let connected = tokio::select! {
            () = stop.cancelled() => return Ok(Served::Stopped),
            connected = mining.meanwhile(upstream.connect()) => connected,
        };
        let (mut link, standing) = connected?;
        if let Some(way) = link.found() {
            mining.tell(MinerEvent::Found(way)).await;
        }
        let ready = tokio::select! {
            () = stop.cancelled() => return Ok(Served::Stopped),
            ready = take_up(mining, &mut link, standing) => ready,
        };
        let served = match ready {
            Ok(()) => {
                backoff.serving(Instant::now());
                *has_served = true;
                mining.serve(&mut link, stop).await
            }
            Err(fault) => Err(fault),
        };
        match &served {
            // Last words may still be under way: it closes by itself.
            Ok(Served::Stopped) => drop(link),
            _ => upstream.lost(link),
        }
        served
    }
}

/// Goes on with the channel of before, or opens one.
async fn take_up(mining: &mut Mining<'_>, link: &mut Link, standing: Standing) -> Result<(), UpstreamError> {
    match standing {
        Standing::Resumed(channels) => {
            if mining.resume(link, &channels).await? {
                return Ok(());
            }
        }
        Standing::Gone(code) => {
            mining.lose(&format!("the pool does not have the channel any more ({code})")).await;
        }
        Standing::Fresh => {}
    }
    mining.open(link).await
}

impl MinerConfig {
    /// A check of each pool, if they are to be checked.
    fn checks(&self, upstreams: &[Upstream]) -> Vec<CheckConfig> {
        let Some(heads) = &self.check else { return Vec::new() };
        let check = |(pool, upstream): (&Target, &Upstream)| CheckConfig {
            pool: pool.clone(),
            node: upstream.node(),
            identity: self.identity.clone(),
            lookup: self.lookup.clone(),
            relay_only: self.relay_only,
            heads: heads.clone(),
        };
        self.pools.iter().zip(upstreams).map(check).collect()
    }

    fn upstreams(&self) -> Vec<UpstreamConfig> {
        let standard = match self.kind {
            MinerKind::Standard => REQUIRES_STANDARD_JOBS,
            MinerKind::Extended => 0,
        };
        let upstream = |pool: &Target| UpstreamConfig {
            pool: pool.clone(),
            identity: self.identity.clone(),
            lookup: self.lookup.clone(),
            relay_only: self.relay_only,
            flags: standard | REQUIRES_VERSION_ROLLING,
            role: "cpu",
            extensions: Vec::new(),
        };
        self.pools.iter().map(upstream).collect()
    }
}
