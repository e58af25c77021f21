//! The address to tell miners, for one that the pool listens at.

use p2p::{AuthorityKey, Endpoint, Host, PoolUri};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The pool's URI for a listener at `listening`. "Every interface" becomes the address
/// by which this machine is known on its local network.
pub fn uri(listening: SocketAddr, authority: AuthorityKey) -> PoolUri {
    let address = address(listening);
    PoolUri { endpoint: Endpoint::Tcp { host: Host::Ip(address.ip()), port: address.port() }, authority }
}

/// Where `listening` is dialled from this machine's local network; loopback where there
/// is none.
pub fn address(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => own_address(Ipv4Addr::UNSPECIFIED.into(), DOCUMENTATION_V4),
        IpAddr::V6(ip) if ip.is_unspecified() => own_address(Ipv6Addr::UNSPECIFIED.into(), DOCUMENTATION_V6),
        ip => ip,
    };
    SocketAddr::new(ip, listening.port())
}

/// Addresses that nobody has (RFC 5737, RFC 3849), to ask the system which way out it
/// would take.
const DOCUMENTATION_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const DOCUMENTATION_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// This machine's address on the way to `outside`; loopback where there is no way.
fn own_address(any: IpAddr, outside: IpAddr) -> IpAddr {
    const DISCARD: u16 = 9;
    // Connecting a UDP socket sends nothing; it only makes the system choose a route.
    let chosen = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((outside, DISCARD))?;
        socket.local_addr()
    });
    let loopback = if any.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() };
    chosen.map(|address| address.ip()).ok().filter(|ip| !ip.is_unspecified()).unwrap_or(loopback)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use p2p::AuthorityKeypair;

    #[test]
    fn a_listener_on_every_interface_is_named_by_an_address_that_can_be_dialled() {
        let key = AuthorityKeypair::generate(&mut rand::rngs::OsRng).public_key();
        for listening in ["0.0.0.0:34254", "[::]:34254"] {
            let uri = uri(listening.parse().unwrap(), key);
            let Endpoint::Tcp { host: Host::Ip(ip), port } = uri.endpoint else { unreachable!() };
            assert!(!ip.is_unspecified());
            assert_eq!(port, 34254);
        }
        let named = uri("127.0.0.1:5".parse().unwrap(), key).to_string();
        assert!(named.starts_with("stratum2+tcp://127.0.0.1:5/"), "{named}");
    }
}
