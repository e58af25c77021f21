//! A relay as an invite names it: `host[:port][,key|,ca][,qad=port]`.
//!
//! A relay passes on sealed packets between two nodes that do not reach each other. It is
//! spoken to over TLS, and known by a key rather than by a name that somebody sells:
//!
//! | written | the relay's certificate must |
//! |---|---|
//! | `relay=203.0.113.7` | carry the pool's own node key: it is the pool's relay |
//! | `relay=203.0.113.7:8443,<node id>` | carry that node's key: another peer's relay |
//! | `relay=relay.example,ca` | be vouched for by a certificate authority for that name |
//!
//! Each tells others their address too, over UDP at port 7842; where that is another port,
//! `,qad=7843` says so, and `,qad=0` where it does not.

use super::InviteError;
use crate::identity::{NodeId, parse_node_id, shortened};
use crate::uri::{Host, UriError, parse_place};
use iroh_base::RelayUrl;
use std::{fmt, str::FromStr};

/// Where a relay is and how to know it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RelayHint {
    /// The machine.
    pub host: Host,
    /// TCP port of TLS; [`RelayHint::DEFAULT_PORT`] where the text has none.
    pub port: u16,
    /// What its certificate must show.
    pub trust: RelayTrust,
    /// UDP port at which it tells others their address (QUIC address discovery), 0 for not
    /// at all; [`RelayHint::QAD_PORT`] where the text has none.
    pub qad: u16,
}

/// What a relay's certificate must show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelayTrust {
    /// The node key of the pool itself.
    Pool,
    /// The node key of another peer.
    Peer(NodeId),
    /// That a certificate authority which this machine trusts vouches for the host.
    WebPki,
}

impl RelayHint {
    /// HTTPS, which few networks block.
    pub const DEFAULT_PORT: u16 = 443;

    /// The usual UDP port of QUIC address discovery: "QUIC" on the keys of a telephone.
    pub const QAD_PORT: u16 = 7842;

    /// The relay's URL.
    ///
    /// # Errors
    /// When the host is a name that URLs read differently (a number in hexadecimal, say).
    pub fn url(&self) -> Result<RelayUrl, UriError> {
        let wrong = || UriError::Host(self.host.to_string());
        let text = match self.port {
            RelayHint::DEFAULT_PORT => format!("https://{}/", self.host),
            port => format!("https://{}:{port}/", self.host),
        };
        let url: RelayUrl = text.parse().map_err(|_| wrong())?;
        let same = |name: &str| url.host_str() == Some(name);
        match &self.host {
            Host::Name(name) if !same(name) => Err(wrong()),
            _ => Ok(url),
        }
    }

    /// The key that the relay's certificate must carry, when the pool's node is `pool`;
    /// none where a certificate authority decides.
    pub fn pinned_key(&self, pool: NodeId) -> Option<NodeId> {
        match self.trust {
            RelayTrust::Pool => Some(pool),
            RelayTrust::Peer(peer) => Some(peer),
            RelayTrust::WebPki => None,
        }
    }
}

/// The longest name that DNS knows, a colon and five digits; in bytes.
const LONGEST_PLACE: usize = 253 + 1 + 5;

impl FromStr for RelayHint {
    type Err = InviteError;

    fn from_str(text: &str) -> Result<RelayHint, InviteError> {
        let wrong = |source| InviteError::Relay { text: shortened(text), source };
        let mut parts = text.split(',');
        let place = parts.next().unwrap_or_default();
        let (mut trust, mut qad) = (None, None);
        for part in parts {
            match part.strip_prefix("qad=") {
                Some(port) if qad.is_none() => {
                    let wrong = |_| InviteError::RelayQad { text: shortened(text) };
                    qad = Some(port.parse().map_err(wrong)?);
                }
                None if qad.is_none() && trust.is_none() && part == "ca" => trust = Some(RelayTrust::WebPki),
                None if qad.is_none() && trust.is_none() => {
                    let peer = parse_node_id(part)
                        .map_err(|source| InviteError::RelayKey { text: shortened(text), source })?;
                    trust = Some(RelayTrust::Peer(peer));
                }
                _ => return Err(InviteError::RelayExtra { text: shortened(text), part: shortened(part) }),
            }
        }
        let trust = trust.unwrap_or(RelayTrust::Pool);
        if place.len() > LONGEST_PLACE {
            return Err(wrong(UriError::Host(shortened(place))));
        }
        let (host, port) = parse_place(place, RelayHint::DEFAULT_PORT).map_err(wrong)?;
        let relay = RelayHint { host, port, trust, qad: qad.unwrap_or(RelayHint::QAD_PORT) };
        relay.url().map_err(wrong)?;
        Ok(relay)
    }
}

impl fmt::Display for RelayHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.host.fmt(f)?;
        if self.port != RelayHint::DEFAULT_PORT {
            write!(f, ":{}", self.port)?;
        }
        match self.trust {
            RelayTrust::Pool => {}
            RelayTrust::Peer(peer) => write!(f, ",{}", peer.to_z32())?,
            RelayTrust::WebPki => f.write_str(",ca")?,
        }
        match self.qad {
            RelayHint::QAD_PORT => Ok(()),
            port => write!(f, ",qad={port}"),
        }
    }
}
