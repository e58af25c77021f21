//! The lab's own negative control: if its NATs were none, all that passes there would say
//! little.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::{
    net::{SocketAddr, UdpSocket},
    time::Duration,
};
use tests::nat::{Host, Lab, Network};

const PORT: u16 = 9000;

#[tokio::test(flavor = "multi_thread")]
async fn the_labs_networks_map_ports_and_let_packets_in_as_they_are_called() {
    let Some(lab) = Lab::new().await.unwrap() else { return };
    let public = lab.network("dc", Network::Public).await.unwrap();
    let mut hosts = Vec::new();
    for name in ["friend", "other", "stranger"] {
        hosts.push(public.host(name).await.unwrap());
    }
    let [friend, other, stranger] = [0, 1, 2].map(|host| socket(&hosts[host], PORT));
    let friends_second = socket(&hosts[0], PORT + 1);

    for network in Network::ALL {
        let site = lab.network(network.word(), network).await.unwrap();
        let host = site.host(&format!("{}-host", network.word())).await.unwrap();
        let inside = socket(&host, 0);
        let Some(mapped) = seen_from(&inside, &friend, address(&hosts[0]), network.word()) else {
            assert_eq!(network, Network::Dorm, "{network} lets no UDP out");
            continue;
        };
        assert_ne!(network, Network::Dorm, "a dorm lets UDP out");
        assert_eq!(mapped.ip() == host.ip().unwrap(), network == Network::Public, "{network}: {mapped}");
        let mapped_again = seen_from(&inside, &other, address(&hosts[1]), network.word()).unwrap();
        let symmetric = matches!(network, Network::Symmetric | Network::CarrierSymmetric);
        assert_eq!(mapped != mapped_again, symmetric, "{network}: {mapped}, then {mapped_again}");

        // The last one is let in by all, so that nobody has to wait for what is not.
        for (from, words) in [
            (&stranger, "from a stranger"),
            (&friends_second, "from another port"),
            (&friend, "from a friend"),
        ] {
            from.send_to(words.as_bytes(), mapped).unwrap();
        }
        let mut heard = Vec::new();
        while heard.last().is_none_or(|words| words != "from a friend") {
            heard.push(received(&inside).unwrap().0);
        }
        let let_in: &[&str] = match network {
            Network::Public | Network::FullCone => &["from a stranger", "from another port", "from a friend"],
            Network::Restricted => &["from another port", "from a friend"],
            _ => &["from a friend"],
        };
        assert_eq!(heard, let_in, "{network}");
    }
}

fn address(host: &Host) -> SocketAddr {
    SocketAddr::from((host.ip().unwrap(), PORT))
}

/// From which address the socket `to` at `address` hears `inside` say `words`, if it does.
fn seen_from(inside: &UdpSocket, to: &UdpSocket, address: SocketAddr, words: &str) -> Option<SocketAddr> {
    const ATTEMPTS: usize = 3;
    (0..ATTEMPTS).find_map(|_| {
        inside.send_to(words.as_bytes(), address).unwrap();
        // Something of the network before may be late.
        std::iter::from_fn(|| received(to)).find(|(heard, _)| heard == words).map(|(_, from)| from)
    })
}

/// A socket on `host`, which works from anywhere.
fn socket(host: &Host, port: u16) -> UdpSocket {
    const PATIENCE: Duration = Duration::from_secs(1);
    let socket = host.device().run_sync(move || Ok(UdpSocket::bind(("0.0.0.0", port))?)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// What comes next and from where; `None` if nothing does for a while.
fn received(socket: &UdpSocket) -> Option<(String, SocketAddr)> {
    let mut buffer = [0; 64];
    let (length, from) = socket.recv_from(&mut buffer).ok()?;
    Some((String::from_utf8_lossy(&buffer[..length]).into_owned(), from))
}
