//! Where a pool is and how to know it: `stratum2+tcp://host:port/<authority key>`
//! (SV2 section 4.7).
//!
//! What is common to every way of reaching a pool (the key) is in [`PoolUri`]; the
//! way itself is an [`Endpoint`].

use crate::authority_key::{AuthorityKey, KeyError};
use crate::invite::SCHEME as IROH_SCHEME;
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};
use thiserror::Error;

/// Address of a pool together with the key that it must prove to have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PoolUri {
    /// How to reach it.
    pub endpoint: Endpoint,
    /// Whom to expect there.
    pub authority: AuthorityKey,
}

/// A way to reach a pool.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `stratum2+tcp://`: Noise over TCP.
    Tcp {
        /// The machine.
        host: Host,
        /// The port; [`DEFAULT_PORT`] where the text has none.
        port: u16,
    },
}

/// A machine on an IP network.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// An address; IPv6 stands in brackets in the text.
    Ip(IpAddr),
    /// A name to be looked up: ASCII letters, digits, `-`, `_` and dots, in lower case.
    Name(String),
}

/// The port of the examples in the specification and in SRI.
pub const DEFAULT_PORT: u16 = 34254;

/// Why a text is not a pool's address.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UriError {
    /// No `://`.
    #[error("a pool's address looks like {TCP_SCHEME}://host:port/<authority key>; {0:?} does not")]
    NoScheme(String),
    /// A Stratum V1 address.
    #[error("{0}:// is a Stratum V1 address; this needs the pool's Stratum V2 address, {TCP_SCHEME}://...")]
    StratumV1(String),
    /// An invite, where only an address will do.
    #[error(
        "{IROH_SCHEME}:// is an invite by node id; this needs the pool's address on the network, {TCP_SCHEME}://..."
    )]
    Invite,
    /// Another protocol.
    #[error(
        "{0}:// is not known; a pool's address starts with {TCP_SCHEME}://, an invite with {IROH_SCHEME}://"
    )]
    UnknownScheme(String),
    /// Nothing, or nonsense, before the port.
    #[error("{0:?} is not a host name or an IP address")]
    Host(String),
    /// An IPv6 address without brackets.
    #[error("write the IPv6 address in brackets, as in [::1]:{DEFAULT_PORT}, not {0:?}")]
    Brackets(String),
    /// Not 1 to 65535.
    #[error("{0:?} is not a port; use 1 to 65535")]
    Port(String),
    /// Nothing after the port.
    #[error(
        "the authority key is missing after the port; without it nobody can tell whether the pool is the one you \
         mean, so ask the pool for its full address"
    )]
    NoKey,
    /// The key is wrong.
    #[error("the authority key in the address is wrong: {0}")]
    Key(#[from] KeyError),
}

const TCP_SCHEME: &str = "stratum2+tcp";
const STRATUM_V1_SCHEMES: [&str; 4] = ["stratum+tcp", "stratum+ssl", "stratum+tls", "stratum"];

impl FromStr for PoolUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<PoolUri, UriError> {
        let text = text.trim();
        let (scheme, rest) = text.split_once("://").ok_or_else(|| UriError::NoScheme(text.into()))?;
        let scheme = scheme.to_ascii_lowercase();
        if STRATUM_V1_SCHEMES.contains(&scheme.as_str()) {
            return Err(UriError::StratumV1(scheme));
        }
        if scheme == IROH_SCHEME {
            return Err(UriError::Invite);
        }
        if scheme != TCP_SCHEME {
            return Err(UriError::UnknownScheme(scheme));
        }
        let (place, key) = rest.split_once('/').unwrap_or((rest, ""));
        let (host, port) = parse_place(place, DEFAULT_PORT)?;
        if key.is_empty() {
            return Err(UriError::NoKey);
        }
        Ok(PoolUri { endpoint: Endpoint::Tcp { host, port }, authority: key.parse()? })
    }
}

impl fmt::Display for PoolUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.endpoint, self.authority)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp { host, port } => write!(f, "{TCP_SCHEME}://{host}:{port}"),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Ip(IpAddr::V4(address)) => write!(f, "{address}"),
            Host::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Host::Name(name) => f.write_str(name),
        }
    }
}

/// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
pub(crate) fn parse_place(place: &str, default_port: u16) -> Result<(Host, u16), UriError> {
    if let Some(bracketed) = place.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']').ok_or_else(|| UriError::Host(place.into()))?;
        let address: Ipv6Addr = address.parse().map_err(|_| UriError::Host(address.into()))?;
        let port = match port.strip_prefix(':') {
            Some(port) => parse_port(port)?,
            None if port.is_empty() => default_port,
            None => return Err(UriError::Port(port.into())),
        };
        return Ok((Host::Ip(address.into()), port));
    }
    match place.split_once(':') {
        Some((_, port)) if port.contains(':') => Err(UriError::Brackets(place.into())),
        Some((host, port)) => Ok((host.parse()?, parse_port(port)?)),
        None => Ok((place.parse()?, default_port)),
    }
}

fn parse_port(text: &str) -> Result<u16, UriError> {
    let digits_only = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if digits_only && port != 0 => Ok(port),
        _ => Err(UriError::Port(text.into())),
    }
}

impl FromStr for Host {
    type Err = UriError;

    /// An IPv4 address, an IPv6 address without brackets, or a name.
    fn from_str(text: &str) -> Result<Host, UriError> {
        if let Ok(address) = text.parse() {
            return Ok(Host::Ip(address));
        }
        let label = |label: &str| {
            let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            (1..=63).contains(&label.len()) && label.bytes().all(known)
        };
        // A last label of digits only is a mistyped IPv4 address (WHATWG URL, section 3.5).
        let numeric =
            text.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
        if text.len() > 253 || numeric || !text.split('.').all(label) {
            return Err(UriError::Host(text.into()));
        }
        Ok(Host::Name(text.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh";

    fn parse(place: &str) -> Result<PoolUri, UriError> {
        format!("stratum2+tcp://{place}/{KEY}").parse()
    }

    #[test]
    fn the_specs_example_is_read_and_printed() {
        let text = format!("stratum2+tcp://thepool.com:34254/{KEY}");
        let uri: PoolUri = text.parse().unwrap();
        assert_eq!(uri.endpoint, Endpoint::Tcp { host: Host::Name("thepool.com".into()), port: 34254 });
        assert_eq!(uri.authority.to_bytes()[..4], [118, 99, 112, 0]);
        assert_eq!(uri.to_string(), text);
    }

    #[test]
    fn addresses_of_both_families_and_a_missing_port_are_understood() {
        let place = |text| match parse(text).unwrap().endpoint {
            Endpoint::Tcp { host, port } => (host, port),
        };
        assert_eq!(place("192.0.2.7:3333"), (Host::Ip("192.0.2.7".parse().unwrap()), 3333));
        assert_eq!(place("[2001:db8::1]:3333"), (Host::Ip("2001:db8::1".parse().unwrap()), 3333));
        assert_eq!(place("[::1]"), (Host::Ip("::1".parse().unwrap()), DEFAULT_PORT));
        assert_eq!(place("Pool.Local"), (Host::Name("pool.local".into()), DEFAULT_PORT));
    }

    #[test]
    fn every_mistake_has_its_own_answer() {
        let error = |text: &str| text.parse::<PoolUri>().unwrap_err();
        assert_eq!(error("thepool.com:3333"), UriError::NoScheme("thepool.com:3333".into()));
        assert_eq!(error("stratum+tcp://thepool.com:3333"), UriError::StratumV1("stratum+tcp".into()));
        assert_eq!(error("https://thepool.com/"), UriError::UnknownScheme("https".into()));
        assert_eq!(error("stratum2+tcp://thepool.com:3333"), UriError::NoKey);
        assert_eq!(error("stratum2+tcp://thepool.com:3333/9abc"), UriError::Key(KeyError::Base58));
        assert_eq!(parse("2001:db8::1").unwrap_err(), UriError::Brackets("2001:db8::1".into()));
        for port in ["", "0", "65536", "+80", "http"] {
            assert_eq!(parse(&format!("host:{port}")).unwrap_err(), UriError::Port(port.into()));
        }
        for host in ["", "a..b", "192.0.2.256", "user@host", "h\u{f6}st", "a b"] {
            assert_eq!(parse(&format!("{host}:3333")).unwrap_err(), UriError::Host(host.into()));
        }
    }

    prop_compose! {
        fn any_key()(secret in prop::array::uniform32(1u8..=254)) -> AuthorityKey {
            crate::AuthorityKeypair::from_secret_bytes(&secret).unwrap().public_key()
        }
    }

    fn any_host() -> impl Strategy<Value = Host> {
        prop_oneof![
            any::<std::net::Ipv4Addr>().prop_map(|address| Host::Ip(address.into())),
            any::<Ipv6Addr>().prop_map(|address| Host::Ip(address.into())),
            "([a-z0-9_-]{1,20}\\.){0,3}[a-z][a-z0-9-]{0,20}".prop_map(Host::Name),
        ]
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(host in any_host(), port in 1u16.., authority in any_key()) {
            let uri = PoolUri { endpoint: Endpoint::Tcp { host, port }, authority };
            prop_assert_eq!(uri.to_string().parse::<PoolUri>(), Ok(uri));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in any::<String>()) {
            let _ = text.parse::<PoolUri>();
        }

        #[test]
        fn no_text_after_the_scheme_makes_the_parser_panic(text in "[\\[\\]:/.a-z0-9\u{e9}]{0,40}") {
            let _ = format!("stratum2+tcp://{text}").parse::<PoolUri>();
        }
    }
}
