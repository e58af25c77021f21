//! A way up to a Stratum V2 pool that outlives its connections.
//!
//! A connection dies in many ways: a relay goes, a firewall drops UDP, a router forgets,
//! an address changes, the pool restarts. Whoever mines should notice within seconds, go
//! on hashing, and lose nothing:
//!
//! ```text
//!  Upstream::connect ── Link ──(dead)── Upstream::lost ── wait ── Upstream::connect ...
//!     dial, Noise,      frames,           close it,      Backoff    and resume: the same
//!     set up, resume    pings             keep the token            channels, if they wait
//! ```
//!
//! [`Backoff`], [`Turn`], [`Pulse`] and [`InFlight`] are plain logic; [`Link`] is one connection with
//! its pulse; [`Upstream`] makes them, over TCP or Iroh alike. With a pool that does not
//! know extension 0x5042 (`docs/extensions.md`) there are no pings and nothing is resumed;
//! the rest is the same.

mod backoff;
mod error;
mod greeting;
mod in_flight;
mod link;
mod path;
mod pulse;
mod turn;

pub use backoff::Backoff;
pub use error::UpstreamError;
pub use in_flight::InFlight;
pub use link::{Incoming, Link};
pub use path::Path;
pub use pulse::{Beat, Pulse};
pub use turn::Turn;

use crate::wire::keep_alive::{ChannelResumed, MAX_TOKENS, Token};
use greeting::Greeting;
use p2p::iroh::{IrohConfig, IrohError, LookupConfig, SecretKey};
use p2p::{IrohNode, Target, WireLimits, connect_tcp, noise};
use std::time::Duration;
use tokio_util::either::Either;

/// Which pool, and what it is told of us.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// The pool, by address or by node id.
    pub pool: Target,
    /// What we are known by where a node id is dialled.
    pub identity: SecretKey,
    /// How its node id is looked for, where the invite does not lead to it.
    pub lookup: LookupConfig,
    /// Dial a node id through relays only.
    pub relay_only: bool,
    /// Flags of `SetupConnection` for the mining protocol (SV2 section 5.3.1).
    pub flags: u32,
    /// What we are: the hardware version of `SetupConnection`.
    pub role: &'static str,
    /// Extensions to ask for, besides keep-alive and resume.
    pub extensions: Vec<u16>,
}

/// What became of the channels of the connection before.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// There were none: open channels.
    Fresh,
    /// They go on. Their jobs follow.
    Resumed(Vec<ChannelResumed>),
    /// They are gone, for the reason that the error code of the pool gives: what was in
    /// flight on them is lost. Open new ones.
    Gone(String),
}

/// A pool to connect to, as often as it takes.
#[derive(Debug)]
pub struct Upstream {
    config: UpstreamConfig,
    /// One for all connections, to other pools too: it remembers the ways that it has found.
    node: Option<IrohNode>,
    owns_node: bool,
    /// What our channels may wait under, oldest first.
    tokens: Vec<Token>,
    kept_for: Duration,
}

/// Longest that a dial over TCP, and then Noise, may take. A node id is dialled with
/// deadlines of its own, which leave time to look for it.
const DIAL: Duration = Duration::from_secs(8);
/// Longest that the pool may take for an answer.
pub const PATIENCE: Duration = Duration::from_secs(8);

impl Upstream {
    /// Makes ready to dial the pool of each of `configs`. One node dials them all: two with
    /// one key would steal each other's packets.
    ///
    /// # Errors
    /// When there is no UDP socket to dial a node id with.
    pub async fn bind_all(configs: Vec<UpstreamConfig>) -> Result<Vec<Upstream>, UpstreamError> {
        let node = bind_node(&configs).await?;
        Ok(configs.into_iter().map(|config| Upstream::new(config, node.clone(), true)).collect())
    }

    /// Makes ready to dial one pool, over the node of another upstream to it if there is one,
    /// which it must not outlive: one key cannot be two nodes.
    ///
    /// # Errors
    /// As [`bind_all`](Self::bind_all).
    pub async fn bind_beside(
        config: UpstreamConfig,
        shared: Option<IrohNode>,
    ) -> Result<Upstream, UpstreamError> {
        match shared {
            Some(node) => Ok(Upstream::new(config, Some(node), false)),
            None => {
                let node = bind_node(std::slice::from_ref(&config)).await?;
                Ok(Upstream::new(config, node, true))
            }
        }
    }

    fn new(config: UpstreamConfig, node: Option<IrohNode>, owns_node: bool) -> Upstream {
        Upstream { config, node, owns_node, tokens: Vec::new(), kept_for: Duration::ZERO }
    }

    /// The node that dials, where a node id is dialled.
    pub fn node(&self) -> Option<IrohNode> {
        self.node.clone()
    }

    /// Connects once, negotiates, and takes up the channels of before where the pool still
    /// has them. To be tried again after a [`Backoff`], unless the error
    /// [is final](UpstreamError::is_final). A dropped future leaves nothing behind.
    ///
    /// # Errors
    /// Why there is no connection.
    pub async fn connect(&mut self) -> Result<(Link, Standing), UpstreamError> {
        let mut link = self.dial().await?;
        let connected = self.greet(&mut link).await;
        match connected {
            Ok(standing) => Ok((link, standing)),
            Err(fault) => {
                link.close("it does not answer");
                Err(fault)
            }
        }
    }

    /// Closes a connection that is dead or was ended by the pool. Its channels are asked
    /// for by the next [`connect`](Self::connect).
    pub fn lost(&mut self, link: Link) {
        link.close("it is dead");
    }

    /// Gives the channels of before up: the next connection starts afresh.
    pub fn forget(&mut self) {
        self.tokens.clear();
        self.kept_for = Duration::ZERO;
    }

    /// How long the channels wait for us once their connection has died; zero when they
    /// do not.
    pub fn kept_for(&self) -> Duration {
        if self.tokens.is_empty() { Duration::ZERO } else { self.kept_for }
    }

    /// Ends everything, for all that were bound together; last bytes still arrive where the
    /// pool answers in time.
    pub async fn close(self) {
        if let Some(node) = self.node
            && self.owns_node
        {
            node.close().await;
        }
    }

    async fn dial(&self) -> Result<Link, UpstreamError> {
        let (read, write, path, closer) = match (&self.config.pool, &self.node) {
            (Target::Tcp(uri), _) => {
                let (read, write) = in_time(connect_tcp(uri)).await??.into_split();
                (Either::Left(read), Either::Left(write), Path::tcp(), None)
            }
            (Target::Iroh(invite), Some(node)) => {
                let stream = node.dial(invite).await?;
                let (path, closer) = (Path::iroh(stream.path(), stream.found()), stream.closer());
                let (read, write) = stream.into_split();
                (Either::Right(read), Either::Right(write), path, Some(closer))
            }
            (Target::Iroh(invite), None) => return Err(IrohError::NoAddress(invite.node).into()),
        };
        let authority = Some(self.config.pool.authority());
        let limits = WireLimits::client();
        let (reader, writer) = in_time(noise::connect(read, write, authority, &limits)).await??;
        Ok(Link::new(reader, writer, path, closer))
    }

    async fn greet(&mut self, link: &mut Link) -> Result<Standing, UpstreamError> {
        let mut greeting = Greeting::new(link, &self.config);
        greeting.set_up().await?;
        let offered = greeting.negotiate(!self.tokens.is_empty()).await?;
        if self.tokens.is_empty() {
            let offered = offered.filter(|offered| !offered.kept_for.is_zero());
            self.tokens.extend(offered.map(|offered| offered.token));
            self.kept_for = offered.map_or(Duration::ZERO, |offered| offered.kept_for);
            return Ok(Standing::Fresh);
        }
        let Some(offered) = offered else {
            self.forget();
            return Ok(Standing::Gone("the pool does not resume channels any more".to_owned()));
        };
        // Should the answer not arrive, the channels wait under one of both.
        let presented = self.tokens.clone();
        self.tokens.push(offered.token);
        if self.tokens.len() > MAX_TOKENS {
            self.tokens.remove(0);
        }
        let resumed = greeting.resume(&presented).await?;
        self.tokens = vec![offered.token];
        self.kept_for = offered.kept_for;
        Ok(match resumed {
            Ok(channels) => Standing::Resumed(channels),
            Err(code) => Standing::Gone(code),
        })
    }
}

/// The node that dials those of `configs` that are reached by node id.
async fn bind_node(configs: &[UpstreamConfig]) -> Result<Option<IrohNode>, UpstreamError> {
    let invites = configs.iter().filter_map(|config| match &config.pool {
        Target::Tcp(_) => None,
        Target::Iroh(invite) => Some(invite),
    });
    match configs.first() {
        Some(config) if invites.clone().next().is_some() => {
            let mut dialling = IrohConfig::for_dialling(config.identity.clone(), invites);
            dialling.lookup = config.lookup.clone();
            if config.relay_only {
                (dialling.bind, dialling.port_mapping) = (Vec::new(), false);
            }
            Ok(Some(IrohNode::bind(dialling).await?))
        }
        _ => Ok(None),
    }
}

async fn in_time<T>(step: impl Future<Output = T>) -> Result<T, UpstreamError> {
    tokio::time::timeout(DIAL, step).await.map_err(|_| UpstreamError::Silent(DIAL))
}
