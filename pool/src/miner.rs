//! A CPU miner that speaks Stratum V2: for the demo, for tests and for trying a pool.
//!
//! It keeps at it: when the pool goes away it connects again, for as long as it is
//! asked to.

pub mod client;
pub mod hasher;
pub mod jobs;
mod mining;
mod path;

use client::{ClientError, MinerEvent};
use p2p::iroh::{IrohConfig, LookupConfig, SecretKey};
use p2p::{IrohNode, Target};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What to mine, where and how hard.
#[derive(Clone, Debug)]
pub struct MinerConfig {
    /// The pool, by address or by node id.
    pub pool: Target,
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
}

/// Which channel the miner opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinerKind {
    /// A standard channel: the pool fixes the merkle root.
    Standard,
    /// An extended channel: the miner rolls the extranonce.
    Extended,
}

/// Mines until `stop` is cancelled, over as many connections as it takes. What happens
/// goes to `events`; a full `events` slows the miner down rather than losing any.
///
/// # Errors
/// When the pool refuses this miner for a reason that trying again does not mend, or
/// there is no UDP socket to dial a node id with.
pub async fn run(
    config: MinerConfig,
    events: mpsc::Sender<MinerEvent>,
    stop: CancellationToken,
) -> Result<(), ClientError> {
    // One for all connections: it remembers the ways that it has found.
    let node = match &config.pool {
        Target::Tcp(_) => None,
        Target::Iroh(invite) => {
            let mut dialling = IrohConfig::for_dialling(config.identity.clone(), invite);
            dialling.lookup = config.lookup.clone();
            if config.relay_only {
                (dialling.bind, dialling.port_mapping) = (Vec::new(), false);
            }
            Some(IrohNode::bind(dialling).await?)
        }
    };
    let mined = mine(&config, node.as_ref(), &events, &stop).await;
    if let Some(node) = node {
        node.close().await;
    }
    mined
}

async fn mine(
    config: &MinerConfig,
    node: Option<&IrohNode>,
    events: &mpsc::Sender<MinerEvent>,
    stop: &CancellationToken,
) -> Result<(), ClientError> {
    const FIRST_WAIT: Duration = Duration::from_millis(250);
    const LONGEST_WAIT: Duration = Duration::from_secs(10);
    let mut wait = FIRST_WAIT;
    loop {
        let session = client::Session::new(config, node, events);
        let ended = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            // A pool that was there a moment ago is tried again soon.
            ended = session.run(|| wait = FIRST_WAIT) => ended,
        };
        match ended {
            Err(fault) if fault.is_final() => return Err(fault),
            Err(fault) => {
                let _ =
                    events.send(MinerEvent::Disconnected { reason: fault.to_string(), retry_in: wait }).await;
            }
            Ok(()) => {
                // SV2 `Reconnect`
                let reason = "the pool asked to reconnect".to_owned();
                let _ = events.send(MinerEvent::Disconnected { reason, retry_in: wait }).await;
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
