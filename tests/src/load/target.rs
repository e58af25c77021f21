//! Where the pool is and what kind of channels to open there.

use anyhow::{Context, Result, ensure};
use p2p::iroh::{IrohConfig, PathKind, SecretKey};
use p2p::{AuthorityKey, Invite, IrohNode, IrohStream, PoolUri, uri::Endpoint};
use std::net::{SocketAddr, ToSocketAddrs};

/// The pool under load.
#[derive(Clone, Debug)]
pub struct Target {
    /// How it is dialled.
    pub dial: Dial,
    /// Whom to expect there.
    pub authority: AuthorityKey,
    /// Channels to open.
    pub kind: Kind,
    /// User identity of every channel.
    pub user: String,
    /// Stated hashrate of every channel, H/s. So low that nearly every hash is a share.
    pub hash_rate: f32,
}

/// How a pool is dialled.
#[derive(Clone, Debug)]
pub enum Dial {
    /// Over TCP.
    Tcp(SocketAddr),
    /// By node id, each connection from a node of its own, as members' are.
    Node {
        /// To the pool.
        invite: Box<Invite>,
        /// Through its relays alone.
        relayed: bool,
    },
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
        let dial = Dial::Tcp(address);
        Ok(Target { dial, authority: uri.authority, kind, user: user.to_owned(), hash_rate })
    }
}

/// A stream to the node of `invite`, from a node that lives as long as what is handed back.
///
/// # Errors
/// When it is not reached in this way.
pub async fn dial_node(invite: &Invite, relayed: bool) -> Result<(IrohNode, IrohStream)> {
    let mut config = IrohConfig::for_dialling(SecretKey::generate(), [invite]);
    let mut invite = invite.clone();
    if relayed {
        (config.bind, config.port_mapping) = (Vec::new(), false);
        invite.addresses.clear();
    } else {
        invite.relays.clear();
    }
    let node = IrohNode::bind(config).await?;
    let stream = node.dial(&invite).await?;
    ensure!(
        (stream.path().kind() == PathKind::Relayed) == relayed,
        "packets go another way than they should"
    );
    Ok((node, stream))
}
