//! What a miner is pointed at: a pool's TCP address, or an invite to its node id.

use crate::authority_key::AuthorityKey;
use crate::invite::{self, Invite, InviteError};
use crate::uri::{PoolUri, UriError};
use std::{fmt, str::FromStr};
use thiserror::Error;

/// A pool to connect to, in either form; the scheme of the text tells which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `stratum2+tcp://`: at a host and port.
    Tcp(PoolUri),
    /// `stratum2+iroh://`: by node id, wherever it is.
    Iroh(Invite),
}

/// Why a text is no pool's address in either form.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TargetError {
    /// Wrong as `stratum2+tcp://`, or neither.
    #[error(transparent)]
    Tcp(#[from] UriError),
    /// Wrong as `stratum2+iroh://`.
    #[error(transparent)]
    Iroh(#[from] InviteError),
}

impl Target {
    /// The key that the pool must prove to have.
    pub fn authority(&self) -> AuthorityKey {
        match self {
            Target::Tcp(uri) => uri.authority,
            Target::Iroh(invite) => invite.authority,
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Target, TargetError> {
        let text = text.trim();
        match text.split_once("://") {
            Some((scheme, _)) if scheme.eq_ignore_ascii_case(invite::SCHEME) => {
                Ok(Target::Iroh(text.parse()?))
            }
            _ => Ok(Target::Tcp(text.parse()?)),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Tcp(uri) => uri.fmt(f),
            Target::Iroh(invite) => invite.fmt(f),
        }
    }
}
