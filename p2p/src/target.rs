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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh";
    const NODE: &str = "47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy";

    #[test]
    fn the_scheme_tells_an_address_from_an_invite() {
        let tcp = format!("stratum2+tcp://pool.example:34254/{KEY}");
        let iroh = format!("stratum2+iroh://{NODE}/{KEY}?a=198.51.100.7:34255");
        for text in [&tcp, &iroh] {
            let target: Target = text.parse().unwrap();
            assert_eq!(target.to_string(), *text);
            assert_eq!(target.authority(), KEY.parse().unwrap());
            assert_eq!(matches!(target, Target::Iroh(_)), *text == iroh);
        }
        let shouted = iroh.replace("stratum2+iroh", "  STRATUM2+IROH");
        assert_eq!(shouted.parse::<Target>(), iroh.parse());
    }

    #[test]
    fn a_wrong_text_is_answered_in_the_words_of_its_own_kind() {
        let error = |text: &str| text.parse::<Target>().unwrap_err().to_string();
        assert!(error("stratum2+iroh://abc/def").contains("node id"));
        assert!(error("stratum2+tcp://host:1").contains("authority key is missing after the port"));
        let unknown = error("http://host/");
        assert!(unknown.contains("stratum2+tcp://") && unknown.contains("stratum2+iroh://"), "{unknown}");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in "(stratum2\\+(tcp|iroh)://)?.{0,200}") {
            let _ = text.parse::<Target>();
        }
    }
}
