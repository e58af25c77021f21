//! Kinds of networks that people have, and what theory says of two of them.

use super::{Host, Lab, nft};
use anyhow::{Context, Result};
use patchbay::{Firewall, Nat, NatConfig, NatFiltering, NatMapping, Router};
use std::{fmt, net::Ipv4Addr};

/// A kind of network. Mapping is how a NAT chooses outer ports, filtering whose packets
/// it lets in (RFC 4787).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Public addresses, no NAT.
    Public,
    /// One outer port for all destinations; everybody is let in at it.
    FullCone,
    /// One outer port; addresses that were sent to are let in.
    Restricted,
    /// One outer port; only an address and port that was sent to is let in: most home
    /// routers.
    Home,
    /// Another outer port, at random, for each destination.
    Symmetric,
    /// A home router behind a carrier's NAT of the home kind.
    Carrier,
    /// A home router behind a carrier's symmetric NAT.
    CarrierSymmetric,
    /// A home NAT and a firewall that lets out TCP 80 and 443 and UDP 53 alone.
    Dorm,
}

/// How packets go between two networks once all is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Straight.
    Direct,
    /// Through the relay.
    Relayed,
}

impl Network {
    /// Every kind.
    pub const ALL: [Network; 8] = [
        Network::Public,
        Network::FullCone,
        Network::Restricted,
        Network::Home,
        Network::Symmetric,
        Network::Carrier,
        Network::CarrierSymmetric,
        Network::Dorm,
    ];

    /// What theory says: a NAT whose ports cannot be known beforehand is reached only by
    /// those who let in any port, and without UDP there is no direct way.
    pub fn way_to(self, other: Network) -> Way {
        let blocked = self == Network::Dorm || other == Network::Dorm;
        let hidden = |end: Network| end.hides_its_ports();
        let strict = |end: Network| end.lets_in_known_ports_only();
        match blocked || hidden(self) && strict(other) || hidden(other) && strict(self) {
            true => Way::Relayed,
            false => Way::Direct,
        }
    }

    fn hides_its_ports(self) -> bool {
        matches!(self, Network::Symmetric | Network::CarrierSymmetric)
    }

    fn lets_in_known_ports_only(self) -> bool {
        !matches!(self, Network::Public | Network::FullCone | Network::Restricted)
    }

    /// A short word for it, for names.
    pub fn word(self) -> &'static str {
        match self {
            Network::Public => "public",
            Network::FullCone => "fullcone",
            Network::Restricted => "restricted",
            Network::Home => "home",
            Network::Symmetric => "symmetric",
            Network::Carrier => "carrier",
            Network::CarrierSymmetric => "carriersym",
            Network::Dorm => "dorm",
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Network::Public => "public",
            Network::FullCone => "full cone",
            Network::Restricted => "restricted",
            Network::Home => "home",
            Network::Symmetric => "symmetric",
            Network::Carrier => "carrier",
            Network::CarrierSymmetric => "carrier symmetric",
            Network::Dorm => "dorm",
        })
    }
}

/// A network in the lab.
pub struct Site {
    lab: patchbay::Lab,
    /// What its hosts are connected to.
    router: Router,
}

impl Site {
    /// One more host in this network. `name` is short and its own.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn host(&self, name: &str) -> Result<Host> {
        let device = self.lab.add_device(name).uplink(self.router.id()).build().await;
        Ok(Host::new(device.with_context(|| format!("host {name}"))?))
    }

    /// What its hosts are connected to.
    pub fn router(&self) -> &Router {
        &self.router
    }

    /// The router's address on the outside.
    ///
    /// # Errors
    /// When it has none.
    pub fn outer_ip(&self) -> Result<Ipv4Addr> {
        self.router.uplink_ip().context("a router without an outer address")
    }

    /// Lets no UDP packet through any more.
    ///
    /// # Errors
    /// When the router does not take the rule.
    pub fn block_udp(&self) -> Result<()> {
        nft(&self.router, "add table inet blocked")?;
        let chain = "{ type filter hook forward priority -50; policy accept; }";
        nft(&self.router, &format!("add chain inet blocked packets {chain}"))?;
        nft(&self.router, "add rule inet blocked packets meta l4proto udp drop").map(drop)
    }
}

pub(super) async fn build(lab: &Lab, name: &str, network: Network) -> Result<Site> {
    let behind = |upstream: &Router, name: &str| lab.lab.add_router(name).upstream(upstream.id());
    let outside = behind(&lab.internet, name);
    let router = match network {
        Network::Public => outside.downstream_cidr(lab.public_addresses().parse()?).build().await,
        Network::FullCone => outside.nat(Nat::Open).build().await,
        Network::Restricted => {
            let nat = NatConfig::builder()
                .mapping(NatMapping::EndpointIndependent)
                .filtering(NatFiltering::AddressDependent)
                .build()?;
            outside.nat(nat).build().await
        }
        Network::Home => outside.nat(Nat::Moderate).build().await,
        Network::Symmetric => outside.nat(Nat::Strict).build().await,
        Network::Carrier | Network::CarrierSymmetric => {
            let nat = if network == Network::Carrier { Nat::Moderate } else { Nat::Strict };
            let carrier = behind(&lab.internet, &format!("{name}-isp")).nat(nat);
            // RFC 6598
            let carrier = carrier.downstream_cidr("100.64.0.0/24".parse()?).build().await?;
            behind(&carrier, name).nat(Nat::Moderate).build().await
        }
        Network::Dorm => outside.nat(Nat::Moderate).firewall(Firewall::Corporate).build().await,
    };
    let router = router.with_context(|| format!("network {name} ({network})"))?;
    Ok(Site { lab: lab.lab.clone(), router })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn theory_knows_37_direct_pairs_of_64_and_is_symmetric() {
        let pairs = || Network::ALL.into_iter().flat_map(|a| Network::ALL.map(|b| (a, b)));
        assert_eq!(pairs().filter(|(a, b)| a.way_to(*b) == Way::Direct).count(), 37);
        assert!(pairs().all(|(a, b)| a.way_to(b) == b.way_to(a)));
        assert_eq!(Network::Symmetric.way_to(Network::Home), Way::Relayed);
        assert_eq!(Network::Symmetric.way_to(Network::Restricted), Way::Direct);
    }
}
