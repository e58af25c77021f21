//! Who may look: this machine and its networks, or everybody.

use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who may look at pages and the API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Readers {
    /// This machine, and addresses that only exist in private networks.
    #[default]
    Lan,
    /// Everybody who gets through to it.
    Anyone,
}

impl Readers {
    /// Whether somebody at `address` may look.
    pub fn admits(self, address: IpAddr) -> bool {
        self == Readers::Anyone || is_near(address)
    }
}

/// Whether `address` is this machine's, or one of a private network: at home, in a VPN.
pub fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => {
            // 100.64.0.0/10: carriers' own, and that of mesh VPNs.
            let shared = (u32::from(ip) ^ u32::from(Ipv4Addr::new(100, 64, 0, 0))) >> 22 == 0;
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || shared
        }
        IpAddr::V6(ip) => ip == Ipv6Addr::LOCALHOST || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn private_networks_may_look_and_the_internet_may_only_if_told() {
        for near in [
            "127.0.0.1",
            "192.168.1.9",
            "10.1.2.3",
            "172.31.0.1",
            "169.254.1.1",
            "100.64.0.1",
            "100.127.1.1",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:192.168.1.1",
        ] {
            assert!(Readers::Lan.admits(near.parse().unwrap()), "{near}");
        }
        for far in ["8.8.8.8", "100.128.0.1", "100.63.0.1", "172.32.0.1", "2001:db8::1", "::ffff:8.8.8.8"] {
            assert!(!Readers::Lan.admits(far.parse().unwrap()), "{far}");
            assert!(Readers::Anyone.admits(far.parse().unwrap()), "{far}");
        }
    }
}
