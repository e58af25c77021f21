//! What the whole-system tests and the load generator are built with.
//!
//! ```text
//!  bitcoin_node   a real Bitcoin Core on a chain of its own
//!  punchbowl      the built binary in a folder of its own
//!  proxy          outages between a miner and its pool
//!  join           `punchbowl join` in front of a pool
//!  status         what its status page says
//!  hook           a program of a host's that takes webhooks
//!  mosquitto      a real MQTT broker
//!  client         a scripted Stratum V2 miner, as well-behaved or as rude as told
//!  sv1            a Stratum V1 miner that hashes on the CPU, or sends what it is told
//!  load           many miners at once, cheap enough to share the machine with the pool
//!  browser        a headless Chromium that looks at pages
//!  events         what a pool says as it happens
//!  openapi        whether answers are as described
//!  party          a pool with members who mine at it
//!  s9pk           reads a StartOS package, and believes nothing of it unproven
//!  nat            networks behind real NATs, for the programs to meet across (Linux)
//! ```
//!
//! Nothing here sleeps to wait: log lines, RPC long polls and the wire are events, and
//! every wait ends at [`DEADLINE`] with a message that says what did not happen.

pub mod bitcoin_node;
pub mod browser;
pub mod client;
pub mod events;
pub mod hook;
pub mod http;
pub mod join;
pub mod load;
pub mod mosquitto;
#[cfg(target_os = "linux")]
pub mod nat;
pub mod openapi;
pub mod party;
pub mod place;
pub mod process;
pub mod proxy;
pub mod punchbowl;
pub mod rpc;
pub mod s9pk;
pub mod status;
pub mod sv1;
pub mod tls;

pub use bitcoin_node::BitcoinNode;
pub use browser::Browser;
pub use client::Client;
pub use events::Events;
pub use join::Join;
pub use party::Party;
pub use place::Place;
pub use process::Process;
pub use proxy::{Proxy, Weather};
pub use punchbowl::{PoolConfig, Punchbowl};
pub use sv1::Sv1Miner;

use anyhow::{Result, anyhow};
use std::{future::Future, time::Duration};

/// How long a test waits for any one event before it fails. Generous: it passes only
/// when something is broken, however slow the machine.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Awaits `event`, at most for [`DEADLINE`].
///
/// # Errors
/// When the deadline passes; the message names `what`.
pub async fn within_deadline<T>(what: &str, event: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(DEADLINE, event)
        .await
        .map_err(|_| anyhow!("waited {} s in vain for {what}", DEADLINE.as_secs()))
}
