//! Invites: all that a member needs to mine at a pool whose address nobody knows.
//!
//! ```text
//! stratum2+iroh://<node id>/<authority key>?relay=host[:port][,key|,ca][,qad=port]&a=ip:port
//! ```
//!
//! The node id (52 characters of z-base-32) says whom to dial, the authority key (base58,
//! where `stratum2+tcp://` has it too) which pool to expect there. The rest are hints on
//! the way: relays at which the pool waits ([`RelayHint`]) and addresses at which it may
//! be reached directly. Keys that are not known are passed over, so that later versions
//! can say more.
//!
//! An invite holds no secret, but tells where the pool is: who has it learns the relays
//! and addresses in it. [`Invite::public`] keeps what the whole internet can use.

pub mod public_address;
pub mod relay_hint;

pub use relay_hint::{RelayHint, RelayTrust};

use crate::authority_key::{AuthorityKey, KeyError};
use crate::identity::{NodeId, NodeIdError, parse_node_id, shortened};
use crate::uri::{Host, UriError};
use std::{fmt, net::SocketAddr, str::FromStr};
use thiserror::Error;

/// How to reach a pool by its node id, and how to know it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Invite {
    /// Whom to dial.
    pub node: NodeId,
    /// Which pool to expect there.
    pub authority: AuthorityKey,
    /// Relays at which it waits; best first, no more than [`MAX_RELAYS`].
    pub relays: Vec<RelayHint>,
    /// Where it may be reached directly; no more than [`MAX_ADDRESSES`].
    pub addresses: Vec<SocketAddr>,
}

/// What the text of an invite starts with, before `://`.
pub const SCHEME: &str = "stratum2+iroh";
/// Most relays in one invite.
pub const MAX_RELAYS: usize = 8;
/// Most direct addresses in one invite.
pub const MAX_ADDRESSES: usize = 16;
/// Longest text of an invite, in bytes: no invite that keeps the other limits is longer.
pub const MAX_LENGTH: usize = 4096;

/// Why a text is not an invite.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum InviteError {
    /// Longer than any.
    #[error(
        "the invite is {0} bytes long, but none is longer than {MAX_LENGTH}; has something been pasted after it?"
    )]
    TooLong(usize),
    /// Another scheme, or none.
    #[error("an invite looks like {SCHEME}://<node id>/<authority key>; {0:?} does not")]
    Scheme(String),
    /// The node id is wrong.
    #[error("the node id in the invite is wrong: {0}")]
    Node(#[from] NodeIdError),
    /// Nothing after the node id.
    #[error(
        "the authority key is missing after the node id; without it nobody can tell whether the pool is the one you \
         mean, so ask the pool for its whole invite"
    )]
    NoKey,
    /// The authority key is wrong.
    #[error("the authority key in the invite is wrong: {0}")]
    Key(#[from] KeyError),
    /// A relay's host or port is wrong.
    #[error("the relay {text:?} is wrong: {source}; a relay looks like host, host:port or host:port,key")]
    Relay {
        /// What stood there.
        text: String,
        /// What is wrong with it.
        source: UriError,
    },
    /// What stands after a relay's comma.
    #[error(
        "the key of the relay {text:?} is wrong: {source}; leave it out for the pool's own relay, or write ,ca"
    )]
    RelayKey {
        /// What stood there.
        text: String,
        /// What is wrong with it.
        source: NodeIdError,
    },
    /// What stands after `qad=`.
    #[error("the relay {text:?} is wrong: after qad= stands a UDP port, or 0 where the relay has none")]
    RelayQad {
        /// What stood there.
        text: String,
    },
    /// More than a key and a `qad=` after a relay.
    #[error(
        "the relay {text:?} is wrong: {part:?} does not belong there; it looks like host:port,key,qad=port"
    )]
    RelayExtra {
        /// What stood there.
        text: String,
        /// What is too much.
        part: String,
    },
    /// Not an address and a port.
    #[error(
        "{0:?} is not an address that can be dialled; it looks like 203.0.113.7:34255 or [2001:db8::7]:34255"
    )]
    Address(String),
    /// More than [`MAX_RELAYS`].
    #[error("the invite names more than {MAX_RELAYS} relays; leave some out")]
    TooManyRelays,
    /// More than [`MAX_ADDRESSES`].
    #[error("the invite names more than {MAX_ADDRESSES} addresses; leave some out")]
    TooManyAddresses,
}

impl Invite {
    /// The same invite without what only a neighbour could use, and others need not know:
    /// addresses and relays on private networks
    /// (see [`is_public`](public_address::is_public)).
    #[must_use]
    pub fn public(mut self) -> Invite {
        self.addresses.retain(|address| public_address::is_public(address.ip()));
        self.relays.retain(|relay| match &relay.host {
            Host::Ip(ip) => public_address::is_public(*ip),
            Host::Name(_) => true,
        });
        self
    }
}

impl FromStr for Invite {
    type Err = InviteError;

    fn from_str(text: &str) -> Result<Invite, InviteError> {
        let text = text.trim();
        if text.len() > MAX_LENGTH {
            return Err(InviteError::TooLong(text.len()));
        }
        let rest = match text.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
            _ => return Err(InviteError::Scheme(shortened(text))),
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (node, authority) = path.split_once('/').unwrap_or((path, ""));
        let node = parse_node_id(node)?;
        if authority.is_empty() {
            return Err(InviteError::NoKey);
        }
        let mut invite = Invite { node, authority: authority.parse()?, relays: vec![], addresses: vec![] };
        for hint in query.split('&') {
            match hint.split_once('=') {
                Some(("relay", _)) if invite.relays.len() == MAX_RELAYS => {
                    return Err(InviteError::TooManyRelays);
                }
                Some(("relay", relay)) => invite.relays.push(relay.parse()?),
                Some(("a", _)) if invite.addresses.len() == MAX_ADDRESSES => {
                    return Err(InviteError::TooManyAddresses);
                }
                Some(("a", address)) => invite.addresses.push(parse_address(address)?),
                _ => {} // what later versions say
            }
        }
        Ok(invite)
    }
}

impl fmt::Display for Invite {
    /// Prints what can be read back: hints beyond the limits are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}://{}/{}", self.node.to_z32(), self.authority)?;
        let mut separator = '?';
        for relay in self.relays.iter().take(MAX_RELAYS) {
            write!(f, "{separator}relay={relay}")?;
            separator = '&';
        }
        for address in self.addresses.iter().take(MAX_ADDRESSES) {
            // Not `SocketAddr` as a whole: a zone (`%eth0`) means nothing elsewhere.
            write!(f, "{separator}a={}:{}", Host::Ip(address.ip()), address.port())?;
            separator = '&';
        }
        Ok(())
    }
}

/// Reads an address at which a node can be dialled, as in an invite: `ip:port`, with IPv6
/// in brackets.
///
/// # Errors
/// [`InviteError::Address`], for a zone, no port and "every address" (`0.0.0.0`) too.
pub fn parse_address(text: &str) -> Result<SocketAddr, InviteError> {
    let address = text.parse::<SocketAddr>().ok();
    address
        .filter(|address| address.port() != 0 && !address.ip().is_unspecified() && !text.contains('%'))
        .ok_or_else(|| InviteError::Address(shortened(text)))
}

#[cfg(test)]
mod tests;
