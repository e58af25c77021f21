//! A pool at its own relay, a member with its node id and nothing else, and a mainline DHT
//! of five nodes on this machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use n0_mainline::Testnet;
use p2p::iroh::{
    DhtUse, GateLimits, IrohConfig, IrohError, IrohNode, LookupConfig, OwnRelay, PathKind, Policy, SecretKey,
    Way,
};
use p2p::{
    Admission, AdmissionLimits, AuthorityKeypair, Host, Invite, RelayHint, RelayLimits, RelayServer,
    RelayServerConfig, RelayTrust,
};
use std::{net::SocketAddr, time::Duration};

fn loopback() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

/// Sees the DHT alone, and has no socket for packets that come straight to it.
async fn member(dht: DhtUse) -> IrohNode {
    let lookup = LookupConfig { dht, ..LookupConfig::default() };
    let config =
        IrohConfig { bind: vec![], port_mapping: false, lookup, ..IrohConfig::new(SecretKey::generate()) };
    IrohNode::bind(config).await.unwrap()
}

#[tokio::test]
async fn a_pool_is_found_by_its_node_id_at_the_relay_that_it_published() {
    let net = Testnet::new(5).await.unwrap();
    let dht = DhtUse::RelayOnly { bootstrap: net.bootstrap.clone() };
    let secret = SecretKey::generate();
    let relay = RelayServer::start(RelayServerConfig {
        secret: secret.clone(),
        tcp: loopback(),
        qad: None,
        policy: Policy::Open,
        limits: RelayLimits::default(),
        pages: None,
    });
    let relay = relay.await.unwrap();
    let (host, port) = (Host::Ip(relay.tcp().ip()), relay.tcp().port());
    let hint = RelayHint { host, port, trust: RelayTrust::Pool, qad: 0 };
    let pool = IrohNode::bind(IrohConfig {
        bind: vec![loopback()],
        port_mapping: false,
        own_relay: Some(OwnRelay { told: hint.clone(), reached: hint }),
        lookup: LookupConfig { dht: dht.clone(), ..LookupConfig::default() },
        ..IrohConfig::new(secret)
    });
    let pool = pool.await.unwrap();
    let admission = Admission::new(AdmissionLimits::default());
    let _acceptor = pool.listen(Policy::Open, GateLimits::default(), admission);
    let authority = AuthorityKeypair::from_secret_bytes(&[7; 32]).unwrap().public_key();
    let bare = Invite { addresses: vec![], relays: vec![], ..pool.invite(authority) };

    // Publishing takes a moment, and says nothing when it is done.
    let finding = async {
        loop {
            match member(dht.clone()).await.dial(&bare).await {
                Ok(stream) => return stream,
                Err(error) => assert!(matches!(error, IrohError::NotFound { .. }), "{error}"),
            }
        }
    };
    let stream = tokio::time::timeout(Duration::from_secs(60), finding).await.expect("found in time");
    assert_eq!((stream.peer(), stream.found()), (pool.id(), Some(Way::Dht)));
    assert_eq!(stream.path().report().unwrap().kind, PathKind::Relayed);

    let error = member(DhtUse::Off).await.dial(&bare).await.unwrap_err();
    assert!(matches!(error, IrohError::NoAddress(_)), "without the DHT there is no way: {error}");
}
