//! Relays that others run for everybody, by the name of who runs them.
//!
//! None is used unless a host names it. Where they are is known to Iroh, which names those
//! of its makers; nothing is written down here that could grow old apart from it.

use crate::{Host, RelayHint, RelayTrust};
use iroh::RelayMode;
use std::{fmt, str::FromStr};
use thiserror::Error;

/// A set of public relays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PublicRelays {
    /// Those of number 0, the makers of Iroh.
    N0,
}

/// A name that no set of public relays has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no public relays go by the name {0:?}; there is: n0 (run by number 0, the makers of Iroh)")]
pub struct UnknownRelays(String);

impl PublicRelays {
    /// Every set.
    pub const ALL: [PublicRelays; 1] = [PublicRelays::N0];

    /// What a configuration calls it.
    pub fn name(self) -> &'static str {
        match self {
            PublicRelays::N0 => "n0",
        }
    }

    /// What its use reveals, and to whom.
    pub fn reveals(self) -> &'static str {
        match self {
            PublicRelays::N0 => {
                "number 0 (n0.computer) learns this machine's address, the node ids and addresses of members who come \
                 through its relays, and when and how much is sent; not what is sent, nor the authority key"
            }
        }
    }

    /// The relays, as an invite names them; ordinary certificates vouch for them.
    pub fn hints(self) -> Vec<RelayHint> {
        let map = match self {
            PublicRelays::N0 => RelayMode::Default.relay_map(),
        };
        let urls: Vec<iroh::RelayUrl> = map.urls();
        let hints = urls.iter().filter_map(|url| {
            // With its closing dot it would be another URL than the one in the invite.
            let host: Host = url.host_str()?.trim_end_matches('.').parse().ok()?;
            let port = url.port_or_known_default()?;
            Some(RelayHint { host, port, trust: RelayTrust::WebPki, qad: RelayHint::QAD_PORT })
        });
        hints.collect()
    }
}

impl fmt::Display for PublicRelays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for PublicRelays {
    type Err = UnknownRelays;

    fn from_str(text: &str) -> Result<PublicRelays, UnknownRelays> {
        let known = PublicRelays::ALL.into_iter().find(|relays| relays.name() == text);
        known.ok_or_else(|| UnknownRelays(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::invite::MAX_RELAYS;

    #[test]
    fn every_set_has_relays_that_an_invite_can_name() {
        for set in PublicRelays::ALL {
            let hints = set.hints();
            assert!((1..=MAX_RELAYS).contains(&hints.len()), "{set}: {hints:?}");
            for hint in hints {
                let text = hint.to_string();
                assert!(text.ends_with(",ca"), "{text}");
                assert_eq!(text.parse(), Ok(hint.clone()));
                assert!(!hint.url().unwrap().as_str().contains("./"), "{text}");
            }
        }
    }

    #[test]
    fn a_name_is_read_back_and_another_one_is_refused_with_those_there_are() {
        for set in PublicRelays::ALL {
            assert_eq!(set.to_string().parse(), Ok(set));
        }
        let error = "cloudflare".parse::<PublicRelays>().unwrap_err().to_string();
        assert!(error.contains("\"cloudflare\"") && error.contains("n0"), "{error}");
    }
}
