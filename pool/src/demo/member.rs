//! A member of the demo: a name, an address and a small miner.

use crate::miner::{self, MinerConfig, MinerEvent, MinerKind};
use bitcoin::hashes::{Hash, hash160};
use bitcoin::{Address, Network, ScriptBuf, WPubkeyHash};
use p2p::iroh::{LookupConfig, SecretKey};
use p2p::{Invite, Target};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::error;

/// A member.
#[derive(Clone, Debug)]
pub struct Member {
    /// What they are called.
    pub name: String,
    /// Where their blocks pay. Made from the name; nobody has a key to it.
    pub address: String,
    /// Which kind of channel their miner opens.
    pub kind: MinerKind,
}

const NAMES: [&str; 8] = ["ann", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"];

impl Member {
    /// The `index`-th member; every other one rolls its own extranonce.
    pub fn new(index: usize, network: Network) -> Member {
        let round = index / NAMES.len();
        let name = NAMES.get(index % NAMES.len()).copied().unwrap_or("member");
        let name = if round == 0 { name.to_owned() } else { format!("{name}{}", round + 1) };
        let program = WPubkeyHash::from_raw_hash(hash160::Hash::hash(name.as_bytes()));
        let script = ScriptBuf::new_p2wpkh(&program);
        let address =
            Address::from_script(&script, network).map_or_else(|_| script.to_hex_string(), |a| a.to_string());
        let kind = if index.is_multiple_of(2) { MinerKind::Standard } else { MinerKind::Extended };
        Member { name, address, kind }
    }

    /// Their miner, at `pace` hashes a second.
    pub fn miner(&self, invite: &Invite, pace: f64) -> MinerConfig {
        MinerConfig {
            check: None,
            pools: vec![Target::Iroh(invite.clone())],
            identity: SecretKey::generate(),
            lookup: LookupConfig::default(),
            relay_only: false,
            user: format!("{}.{}", self.address, self.name),
            kind: self.kind,
            threads: 1,
            max_hash_rate: Some(pace),
            nominal_hash_rate: pace as f32,
        }
    }
}

/// Runs a member's miner, from `start` on until `stop` is cancelled; what happens goes
/// to `events`, with the member's number.
pub async fn mine(
    config: MinerConfig,
    member: usize,
    start: Duration,
    events: mpsc::Sender<(usize, MinerEvent)>,
    stop: CancellationToken,
) {
    const WAITING: usize = 16;
    tokio::select! {
        () = stop.cancelled() => return,
        () = tokio::time::sleep(start) => {}
    }
    let (own, mut happened) = mpsc::channel(WAITING);
    let forward = async {
        while let Some(event) = happened.recv().await {
            if events.send((member, event)).await.is_err() {
                return;
            }
        }
    };
    let (ended, ()) = tokio::join!(miner::run(config, own, stop), forward);
    if let Err(fault) = ended {
        error!(member, %fault, "a member stopped mining");
    }
}
