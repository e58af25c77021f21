//! What goes into the invites: what the host names, what is configured, and what the
//! machine and the running pool know, unless that is for neighbours only.

use crate::cli::public_keys::PublicKeys;
use crate::config::Config;
use anyhow::{Context, Result};
use p2p::invite::{MAX_ADDRESSES, MAX_RELAYS, parse_address};
use p2p::{AuthorityKey, Invite, PoolUri, RelayHint};
use std::net::SocketAddr;

/// What the host asks for on the command line.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Only TCP.
    pub tcp_only: bool,
    /// Addresses of private networks too.
    pub private: bool,
    /// Addresses for the invite by node id.
    pub addresses: Vec<SocketAddr>,
    /// Relays for it.
    pub relays: Vec<RelayHint>,
    /// Addresses for TCP.
    pub tcp: Vec<PoolUri>,
}

impl Wanted {
    /// Reads `addresses`, which are host and port for TCP, else IP address and port.
    ///
    /// # Errors
    /// When one is neither.
    pub fn new(
        addresses: &[String],
        relays: &[RelayHint],
        tcp_only: bool,
        private: bool,
        authority: AuthorityKey,
    ) -> Result<Wanted> {
        let mut wanted =
            Wanted { tcp_only, private, addresses: vec![], relays: relays.to_vec(), tcp: vec![] };
        for text in addresses {
            let wrong = || format!("--address {text}");
            if tcp_only {
                let uri = format!("stratum2+tcp://{text}/{authority}").parse();
                wanted.tcp.push(uri.with_context(wrong)?);
            } else {
                wanted.addresses.push(parse_address(text).with_context(wrong)?);
            }
        }
        Ok(wanted)
    }
}

/// The invites to a pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Invites {
    /// By node id.
    pub iroh: Option<Invite>,
    /// By address, for miners that dial over TCP.
    pub tcp: Vec<PoolUri>,
}

impl Invites {
    /// The one to show as a QR code.
    pub fn main(&self) -> Option<String> {
        let tcp = || self.tcp.first().map(PoolUri::to_string);
        self.iroh.as_ref().map(Invite::to_string).or_else(tcp)
    }

    /// Relays in the invite by node id.
    pub fn relays(&self) -> Vec<String> {
        self.iroh.iter().flat_map(|invite| &invite.relays).map(RelayHint::to_string).collect()
    }

    /// Addresses in the invite by node id.
    pub fn addresses(&self) -> Vec<String> {
        self.iroh.iter().flat_map(|invite| &invite.addresses).map(SocketAddr::to_string).collect()
    }

    /// The invites for TCP.
    pub fn tcp_texts(&self) -> Vec<String> {
        self.tcp.iter().map(PoolUri::to_string).collect()
    }
}

/// Puts the invites together. `known` is the running pool's own; `dialled` tells where a
/// listener is dialled from this machine's network.
pub fn invites(
    config: &Config,
    keys: &PublicKeys,
    wanted: &Wanted,
    known: Option<Invite>,
    dialled: impl Fn(SocketAddr) -> SocketAddr,
) -> Invites {
    let iroh = keys.node.filter(|_| !wanted.tcp_only).map(|node| {
        let bare = Invite { node, authority: keys.authority, relays: vec![], addresses: vec![] };
        // An earlier pool of this folder may have had other keys.
        let known = known.filter(|known| (known.node, known.authority) == (node, keys.authority));
        let mut found = known.unwrap_or_else(|| bare.clone());
        found.addresses.extend(own_addresses(&config.p2p.bind, &dialled));
        if !wanted.private {
            found = found.public();
        }
        // What the host says goes first, and is kept whatever it is.
        let said = wanted.addresses.iter().chain(&config.p2p.external).copied();
        let relays = wanted.relays.iter().chain(&config.p2p.relays).cloned();
        Invite {
            relays: distinct(relays.chain(found.relays), MAX_RELAYS),
            addresses: distinct(said.chain(found.addresses), MAX_ADDRESSES),
            ..bare
        }
    });
    let listeners = config.listen.tcp.iter().filter(|address| address.port() != 0);
    let listening = listeners.map(|address| crate::reach::uri(dialled(*address), keys.authority));
    let tcp = if wanted.tcp.is_empty() { listening.collect() } else { wanted.tcp.clone() };
    Invites { iroh, tcp }
}

/// Where this machine is dialled by what it listens at; not where only the running pool
/// knows the port, nor loopback in place of a network that is not there.
fn own_addresses(
    bind: &[SocketAddr],
    dialled: impl Fn(SocketAddr) -> SocketAddr,
) -> impl Iterator<Item = SocketAddr> {
    bind.iter().filter(|bind| bind.port() != 0).filter_map(move |bind| {
        let address = dialled(*bind);
        (!address.ip().is_loopback() || bind.ip().is_loopback()).then_some(address)
    })
}

fn distinct<T: PartialEq>(items: impl Iterator<Item = T>, most: usize) -> Vec<T> {
    let mut kept = Vec::new();
    for item in items {
        if kept.len() < most && !kept.contains(&item) {
            kept.push(item);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    const BARE: &str = "stratum2+iroh://47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy/\
                        9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh";

    fn known(hints: &str) -> Invite {
        format!("{BARE}{hints}").parse().unwrap()
    }

    fn keys() -> PublicKeys {
        let invite = known("");
        PublicKeys { node: Some(invite.node), authority: invite.authority }
    }

    fn wanted(addresses: &[&str], relays: &[&str], tcp_only: bool, private: bool) -> Result<Wanted> {
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        let relays: Vec<RelayHint> = relays.iter().map(|relay| relay.parse().unwrap()).collect();
        Wanted::new(&addresses, &relays, tcp_only, private, keys().authority)
    }

    /// A machine at home: its addresses are 192.168.1.4 and 2a00:1::4.
    fn at_home(listening: SocketAddr) -> SocketAddr {
        let ip = match listening.ip() {
            ip if !ip.is_unspecified() => ip,
            ip if ip.is_ipv4() => "192.168.1.4".parse().unwrap(),
            _ => "2a00:1::4".parse().unwrap(),
        };
        SocketAddr::new(ip, listening.port())
    }

    fn hints(wanted: &Wanted, known: Option<Invite>, config: &Config) -> String {
        let text = invites(config, &keys(), wanted, known, at_home).iroh.unwrap().to_string();
        text.strip_prefix(BARE).unwrap().to_owned()
    }

    #[test]
    fn private_addresses_are_named_only_when_asked() {
        let config = Config::default();
        let running = known("?a=8.8.4.4:40000&a=10.0.0.1:34255&relay=192.168.1.9&relay=8.8.4.4");
        let plain = wanted(&[], &[], false, false).unwrap();
        assert_eq!(hints(&plain, None, &config), "?a=[2a00:1::4]:34255");
        assert_eq!(
            hints(&plain, Some(running.clone()), &config),
            "?relay=8.8.4.4&a=8.8.4.4:40000&a=[2a00:1::4]:34255"
        );
        let private = wanted(&[], &[], false, true).unwrap();
        assert_eq!(
            hints(&private, Some(running), &config),
            "?relay=192.168.1.9&relay=8.8.4.4&a=8.8.4.4:40000&a=10.0.0.1:34255&a=192.168.1.4:34255&a=[2a00:1::4]:34255"
        );
    }

    #[test]
    fn what_the_host_says_comes_first_and_is_kept_whatever_it_is() {
        let mut config = Config::default();
        config.p2p.external = vec!["203.0.113.7:34255".parse().unwrap()];
        config.p2p.bind = vec!["0.0.0.0:0".parse().unwrap()];
        let wanted =
            wanted(&["192.168.1.4:1", "203.0.113.7:34255"], &["relay.example,ca"], false, false).unwrap();
        assert_eq!(
            hints(&wanted, None, &config),
            "?relay=relay.example,ca&a=192.168.1.4:1&a=203.0.113.7:34255"
        );
    }

    #[test]
    fn configured_relays_are_named_whether_or_not_the_pool_runs() {
        let mut config = Config::default();
        config.p2p.bind = vec!["0.0.0.0:0".parse().unwrap()];
        config.p2p.relays = vec!["192.168.1.9,ca".parse().unwrap()];
        let plain = wanted(&[], &[], false, false).unwrap();
        assert_eq!(hints(&plain, None, &config), "?relay=192.168.1.9,ca");
        let running = known("?relay=8.8.4.4&relay=192.168.1.9,ca");
        assert_eq!(hints(&plain, Some(running), &config), "?relay=192.168.1.9,ca&relay=8.8.4.4");
    }

    #[test]
    fn what_an_earlier_pool_of_other_keys_knew_is_passed_over() {
        let config = Config::default();
        let plain = wanted(&[], &[], false, false).unwrap();
        let other = p2p::AuthorityKeypair::generate(&mut rand::rngs::OsRng).public_key();
        let stranger = Invite { authority: other, ..known("?a=8.8.4.4:1") };
        assert_eq!(hints(&plain, Some(stranger), &config), "?a=[2a00:1::4]:34255");
    }

    #[test]
    fn no_more_is_named_than_an_invite_may_hold() {
        let many: Vec<String> = (1..=40).map(|port| format!("8.8.8.8:{port}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let relays: Vec<String> = (1..=20).map(|index| format!("r{index}.example")).collect();
        let relays: Vec<&str> = relays.iter().map(String::as_str).collect();
        let wanted = wanted(&many, &relays, false, false).unwrap();
        let invite = invites(&Config::default(), &keys(), &wanted, None, at_home).iroh.unwrap();
        assert_eq!((invite.relays.len(), invite.addresses.len()), (MAX_RELAYS, MAX_ADDRESSES));
        assert_eq!(invite.to_string().parse(), Ok(invite));
    }

    #[test]
    fn a_machine_without_a_network_does_not_name_loopback_as_its_address() {
        let private = wanted(&[], &[], false, true).unwrap();
        let alone = |listening: SocketAddr| SocketAddr::new("127.0.0.1".parse().unwrap(), listening.port());
        let mut config = Config::default();
        let invite = |config: &Config| invites(config, &keys(), &private, None, alone).iroh.unwrap();
        assert!(invite(&config).addresses.is_empty());
        config.p2p.bind = vec!["127.0.0.1:5".parse().unwrap()];
        assert_eq!(invite(&config).addresses, config.p2p.bind);
    }

    #[test]
    fn the_tcp_invite_names_the_address_given_else_where_the_pool_listens() {
        let mut config = Config::default();
        let tcp = |config: &Config, wanted: &Wanted| {
            let invites = invites(config, &keys(), wanted, None, at_home);
            assert_eq!(invites.iroh.is_none(), wanted.tcp_only);
            invites.tcp_texts()
        };
        let authority = keys().authority;
        let plain = wanted(&[], &[], false, false).unwrap();
        assert_eq!(tcp(&config, &plain), [format!("stratum2+tcp://192.168.1.4:34254/{authority}")]);
        let named = wanted(&["Pool.example:3333"], &[], true, false).unwrap();
        assert_eq!(tcp(&config, &named), [format!("stratum2+tcp://pool.example:3333/{authority}")]);
        config.listen.tcp = vec!["127.0.0.1:0".parse().unwrap()];
        assert!(tcp(&config, &plain).is_empty(), "the port is not known beforehand");
    }

    #[test]
    fn an_address_that_is_none_is_named_in_the_complaint() {
        for (text, tcp_only) in
            [("8.8.8.8", false), ("pool.example:34255", false), ("a b:1", true), ("::1", true)]
        {
            let error = wanted(&[text], &[], tcp_only, false).unwrap_err();
            assert_eq!(error.to_string(), format!("--address {text}"));
        }
    }
}
