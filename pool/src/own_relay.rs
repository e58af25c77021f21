//! The pool's own relay: whether there is one, where, and for whom.

use crate::config::{P2p, P2pAdmission, P2pRelay, RelayMode, RelayServes};
use crate::reach;
use crate::relay_pages::RelayPages;
use anyhow::{Context, Result};
use p2p::invite::public_address::is_public;
use p2p::iroh::{OwnRelay, Policy, SecretKey};
use p2p::{Host, RelayHint, RelayLimits, RelayServer, RelayServerConfig, RelayTrust};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::num::NonZeroU32;
use tracing::{info, warn};

/// A relay that runs, and what is said of it.
pub struct RunningRelay {
    /// The relay.
    pub server: RelayServer,
    /// Where it is, for others and for the pool itself.
    pub place: OwnRelay,
}

/// Starts the pool's relay, where there is to be one; says why where there is not. Browsers
/// are shown `pages`, where the host wants that.
///
/// # Errors
/// When it is configured as "on" and its ports are not to be had.
pub async fn start(config: &P2p, secret: &SecretKey, pages: &RelayPages) -> Result<Option<RunningRelay>> {
    let relay = &config.relay;
    let Some(public) = public_place(config, reach::address) else {
        match relay.mode {
            RelayMode::Off => {}
            _ => info!(
                "no relay of its own: no public address of this machine is known (p2p.relay.public, p2p.external)"
            ),
        }
        return Ok(None);
    };
    let server = RelayServer::start(RelayServerConfig {
        secret: secret.clone(),
        tcp: (relay.bind, relay.port).into(),
        qad: (relay.qad != 0).then(|| (relay.bind, relay.qad).into()),
        policy: policy(config),
        limits: limits(relay),
        pages: relay.dashboard.then(|| pages.pages()),
    });
    let server = match server.await {
        Ok(server) => server,
        Err(error) if relay.mode == RelayMode::Auto => {
            warn!(%error, "no relay of its own (p2p.relay.mode = \"auto\")");
            return Ok(None);
        }
        Err(error) => return Err(error).context("starting the pool's own relay (p2p.relay.mode = \"on\")"),
    };
    let place = place(&public, server.tcp(), server.qad(), is_of_this_machine);
    info!(address = %server.tcp(), transport = "relay", relay = %place.told, qad = ?server.qad(), "listening");
    Ok(Some(RunningRelay { server, place }))
}

/// Who may use the relay.
fn policy(config: &P2p) -> Policy {
    match (config.relay.serves, config.admission) {
        (RelayServes::Members, P2pAdmission::Members) => {
            Policy::Members(config.members.iter().copied().collect())
        }
        // Where whoever has the invite may mine, there is nobody to keep out.
        (RelayServes::Members, P2pAdmission::Open) | (RelayServes::Anyone, _) => Policy::Open,
    }
}

fn limits(relay: &P2pRelay) -> RelayLimits {
    let defaults = RelayLimits::default();
    RelayLimits {
        clients: usize::try_from(relay.clients).unwrap_or(usize::MAX),
        bytes_per_second: NonZeroU32::new(relay.bytes_per_second).unwrap_or(defaults.bytes_per_second),
        ..defaults
    }
}

/// The host that others are told, and the port where that is not the one listened on;
/// none where there is to be no relay. `dialled` tells where a listener is dialled from
/// this machine's network.
fn public_place(config: &P2p, dialled: impl Fn(SocketAddr) -> SocketAddr) -> Option<(Host, Option<u16>)> {
    let relay = &config.relay;
    let by_itself = || {
        // A public IPv6 address says little: most home routers let nothing in to it.
        let own = config.bind.iter().filter(|bind| bind.is_ipv4()).map(|bind| dialled(*bind).ip());
        config.external.iter().map(SocketAddr::ip).chain(own).find(|ip| is_public(*ip))
    };
    match (relay.mode, &relay.public) {
        (RelayMode::Off, _) => None,
        (_, Some(public)) => Some((public.host.clone(), public.port)),
        (RelayMode::Auto, None) => by_itself().map(|ip| (Host::Ip(ip), None)),
        // Asked for: it serves this machine's network at least.
        (RelayMode::On, None) => {
            let here = || dialled((relay.bind, relay.port).into()).ip();
            Some((Host::Ip(by_itself().unwrap_or_else(here)), None))
        }
    }
}

/// The two places of a relay that listens at `listening` and is known as `public`.
fn place(
    (host, port): &(Host, Option<u16>),
    listening: SocketAddr,
    qad: Option<SocketAddr>,
    is_own: impl Fn(IpAddr) -> bool,
) -> OwnRelay {
    let qad = qad.map_or(0, |listening| listening.port());
    let hint = |host: Host, port| RelayHint { host, port, trust: RelayTrust::Pool, qad };
    let told = hint(host.clone(), port.unwrap_or(listening.port()));
    let reached = match (listening.ip(), host) {
        (ip, _) if !ip.is_unspecified() => hint(Host::Ip(ip), listening.port()),
        // The public place, where it is this machine's own: then it has one name only.
        (_, Host::Ip(ip)) if is_own(*ip) && told.port == listening.port() => told.clone(),
        // Behind a router, which need not let a machine reach itself from outside.
        (IpAddr::V4(_), _) => hint(Host::Ip(Ipv4Addr::LOCALHOST.into()), listening.port()),
        (IpAddr::V6(_), _) => hint(Host::Ip(Ipv6Addr::LOCALHOST.into()), listening.port()),
    };
    OwnRelay { told, reached }
}

/// Whether this machine has the address itself.
fn is_of_this_machine(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    /// A machine whose address is `ip`.
    fn machine(ip: &str) -> impl Fn(SocketAddr) -> SocketAddr {
        let ip: IpAddr = ip.parse().unwrap();
        move |listening| match listening.ip().is_unspecified() {
            true => SocketAddr::new(ip, listening.port()),
            false => listening,
        }
    }

    fn decided(ip: &str, change: impl FnOnce(&mut P2p)) -> Option<String> {
        let mut config = P2p::default();
        change(&mut config);
        let (host, port) = public_place(&config, machine(ip))?;
        Some(format!("{host}{}", port.map_or(String::new(), |port| format!(":{port}"))))
    }

    #[test]
    fn by_itself_a_relay_runs_only_where_a_public_address_is_known() {
        assert_eq!(decided("192.168.1.4", |_| {}), None);
        assert_eq!(decided("8.8.4.4", |_| {}).unwrap(), "8.8.4.4");
        let forwarded = |config: &mut P2p| config.external = vec!["8.8.8.8:34255".parse().unwrap()];
        assert_eq!(decided("192.168.1.4", forwarded).unwrap(), "8.8.8.8");
        let named = |config: &mut P2p| config.relay.public = Some("pool.example:8443".parse().unwrap());
        assert_eq!(decided("192.168.1.4", named).unwrap(), "pool.example:8443");
        // A pool that listens on loopback alone is for this machine alone.
        assert_eq!(decided("8.8.4.4", |config| config.bind = vec!["127.0.0.1:0".parse().unwrap()]), None);
    }

    #[test]
    fn off_is_off_and_on_is_on_for_the_own_network_at_least() {
        let mode = |mode| move |config: &mut P2p| config.relay.mode = mode;
        assert_eq!(decided("8.8.4.4", mode(RelayMode::Off)), None);
        assert_eq!(decided("192.168.1.4", mode(RelayMode::On)).unwrap(), "192.168.1.4");
    }

    #[test]
    fn behind_a_router_the_pool_does_not_go_through_it_to_reach_its_own_relay() {
        let both = |public: &str, listening: &str, own: bool| {
            let host = public.parse::<RelayHint>().unwrap().host;
            let qad = Some("0.0.0.0:7842".parse().unwrap());
            let places = place(&(host, None), listening.parse().unwrap(), qad, |_| own);
            (places.told.to_string(), places.reached.to_string())
        };
        let text = |told: &str, reached: &str| (told.to_owned(), reached.to_owned());
        assert_eq!(both("8.8.8.8", "0.0.0.0:443", false), text("8.8.8.8", "127.0.0.1"));
        assert_eq!(both("8.8.8.8", "0.0.0.0:443", true), text("8.8.8.8", "8.8.8.8"));
        assert_eq!(both("pool.example", "[::]:8443", false), text("pool.example:8443", "[::1]:8443"));
        assert_eq!(both("8.8.8.8", "192.168.1.4:443", false), text("8.8.8.8", "192.168.1.4"));
    }

    #[test]
    fn a_relay_for_members_takes_those_who_may_mine() {
        let mut config = P2p::default();
        assert_eq!(policy(&config), Policy::Open);
        let ann = SecretKey::from_bytes(&[1; 32]).public();
        (config.admission, config.members) = (P2pAdmission::Members, vec![ann]);
        assert_eq!(policy(&config), Policy::Members([ann].into()));
        config.relay.serves = RelayServes::Anyone;
        assert_eq!(policy(&config), Policy::Open);
    }
}
