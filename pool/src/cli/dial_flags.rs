//! The flags of whoever dials a pool: what to be known by, and how a node id is found.

use clap::Args;
use p2p::iroh::{AddressBook, DhtUse, LookupConfig};
use p2p::{KeyFileError, NodeKey, Target};
use std::path::PathBuf;

/// How a pool's node id is dialled; a pool that is dialled over TCP needs none of it.
#[derive(Debug, Args)]
pub struct DialFlags {
    /// The key to be known by where the pool is dialled by node id; made if need be
    /// [default: another one each time]
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// Do not ask this network (mDNS) where the pool is
    #[arg(long)]
    pub no_mdns: bool,
    /// Do not ask the mainline DHT where the pool is; it is asked when nothing else helps
    #[arg(long)]
    pub no_dht: bool,
    /// Where to enter the DHT [default: the well-known nodes of the mainline DHT]
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "no_dht")]
    pub dht_bootstrap: Vec<String>,
    /// Where to note the addresses at which the pool was reached, for the next time
    /// [default: nowhere]
    #[arg(long, value_name = "FILE")]
    pub address_book: Option<PathBuf>,
    /// Go through relays only, so that the pool does not learn where this machine is
    #[arg(long)]
    pub relay_only: bool,
}

impl DialFlags {
    /// The key to be known by, locked for as long as it is held.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn node_key(&self) -> Result<Option<NodeKey>, KeyFileError> {
        self.identity.as_deref().map(NodeKey::load_or_create).transpose()
    }

    /// How the node ids among `pools` are looked for.
    pub fn lookup(&self, pools: &[Target]) -> LookupConfig {
        let dht = DhtUse::RelayOnly { bootstrap: self.dht_bootstrap.clone() };
        // A pool that is dialled over TCP is not looked for.
        let looked_for = pools.iter().any(|pool| matches!(pool, Target::Iroh(_)));
        let book = self.address_book.as_ref().filter(|_| looked_for);
        LookupConfig {
            mdns: !self.no_mdns,
            dht: if self.no_dht { DhtUse::Off } else { dht },
            address_book: book.cloned().map(AddressBook::open),
        }
    }
}
