//! Where the pool is and what kind of channels to open there.

use anyhow::{Context, Result};
use p2p::{AuthorityKey, PoolUri, uri::Endpoint};
use std::net::{SocketAddr, ToSocketAddrs};

/// The pool under load.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whom to expect there.
    pub authority: AuthorityKey,
    /// Channels to open.
    pub kind: Kind,
    /// User identity of every channel.
    pub user: String,
    /// Stated hashrate of every channel, H/s. So low that nearly every hash is a share.
    pub hash_rate: f32,
}

/// Kind of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// The pool sends merkle roots.
    Standard,
    /// The miner rolls the extranonce.
    Extended,
}

impl Target {
    /// The pool at `uri`, its name looked up.
    ///
    /// # Errors
    /// When the name does not resolve.
    pub fn new(uri: &PoolUri, kind: Kind, user: &str, hash_rate: f32) -> Result<Target> {
        let Endpoint::Tcp { host, port } = &uri.endpoint;
        // IPv6 addresses stand in brackets in a URI only.
        let name = host.to_string();
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let address = (name, *port)
            .to_socket_addrs()
            .with_context(|| format!("cannot look up {name}"))?
            .next()
            .with_context(|| format!("{name} has no address"))?;
        Ok(Target { address, authority: uri.authority, kind, user: user.to_owned(), hash_rate })
    }
}
