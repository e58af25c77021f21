//! mDNS: peers on the same network, who answer without any server.
//!
//! A pool answers for as long as it lets peers in. A member asks only while it dials, and
//! never answers: that it mines, and where, concerns nobody on its network.

use super::Found;
use crate::NodeId;
use iroh::{
    TransportAddr,
    address_lookup::{AddrFilter, AddressLookup, AddressLookupBuilderError},
};
use iroh_mdns_address_lookup::{MdnsAddressLookup, MdnsAddressLookupBuilder};
use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio_stream::StreamExt;

/// The service: `<node id in base32>._punchbowl._udp.local`.
const SERVICE: &str = "punchbowl";
/// How often one who answers looks around by itself. It answers at once all the same.
const ANSWERING_CADENCE: Duration = Duration::from_secs(30);
/// How often one who looks asks.
const ASKING_CADENCE: Duration = Duration::from_millis(300);

/// Answers for `node` from now on; what is published is what it answers.
///
/// # Errors
/// When the port of mDNS (UDP 5353) cannot be had.
pub(super) fn answer(node: NodeId) -> Result<MdnsAddressLookup, AddressLookupBuilderError> {
    builder().discovery_cadence(ANSWERING_CADENCE).addr_filter(for_neighbours()).build(node)
}

/// Asks the network for `wanted`; nothing, when nobody has answered within ten seconds.
///
/// # Errors
/// When the port of mDNS (UDP 5353) cannot be had.
pub(super) async fn find(wanted: NodeId) -> Result<Found, AddressLookupBuilderError> {
    // Under a name of its own: who asks stays unknown.
    let asker = iroh::SecretKey::generate().public();
    let mdns = builder().advertise(false).discovery_cadence(ASKING_CADENCE).build(asker)?;
    let Some(mut answers) = mdns.resolve(wanted) else { return Ok(Found::default()) };
    while let Some(answer) = answers.next().await {
        let Ok(answer) = answer else { continue };
        let addresses: Vec<SocketAddr> =
            answer.ip_addrs().copied().filter(|address| address.port() != 0).collect();
        if !addresses.is_empty() {
            return Ok(Found { addresses, relays: Vec::new() });
        }
    }
    Ok(Found::default())
}

fn builder() -> MdnsAddressLookupBuilder {
    MdnsAddressLookup::builder().service_name(SERVICE)
}

/// Addresses that mean this machine to a neighbour too. Relays are for those who are far.
fn for_neighbours() -> AddrFilter {
    AddrFilter::new(|addresses| {
        Cow::Owned(addresses.iter().filter(|address| is_for_neighbours(address)).cloned().collect())
    })
}

fn is_for_neighbours(address: &TransportAddr) -> bool {
    let TransportAddr::Ip(address) = address else { return false };
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => !ip.is_loopback() && !ip.is_unspecified(),
        // A link-local address lacks the interface at the other end.
        IpAddr::V6(ip) => !ip.is_loopback() && !ip.is_unspecified() && !ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn neighbours_are_told_addresses_that_they_can_dial_and_no_relay() {
        let ip = |text: &str| TransportAddr::Ip(text.parse().unwrap());
        for told in ["192.168.1.4:1", "10.0.0.1:1", "169.254.1.1:1", "203.0.113.7:1", "[fd00::1]:1"] {
            assert!(is_for_neighbours(&ip(told)), "{told}");
        }
        for kept in ["127.0.0.1:1", "[::1]:1", "[fe80::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(!is_for_neighbours(&ip(kept)), "{kept}");
        }
        assert!(!is_for_neighbours(&TransportAddr::Relay("https://relay.example".parse().unwrap())));
    }
}
