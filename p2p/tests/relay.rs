//! Relays on this machine. Members have no UDP socket, so that all they say goes through a
//! relay, and the path is asserted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use http_body_util::{BodyExt, Full};
use hyper::Response;
use p2p::iroh::{
    GateLimits, IrohAcceptor, IrohConfig, IrohNode, OwnRelay, PathKind, Policy, RelayReport, RelayState,
    SecretKey,
};
use p2p::relay_trust::Pins;
use p2p::{
    Admission, AdmissionLimits, AuthorityKeypair, Host, Invite, IrohStream, NodeId, Permit, RelayHint,
    RelayLimits, RelayServer, RelayServerConfig, RelayTrust,
};
use rustls::pki_types::ServerName;
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_stream::StreamExt;

const LOOPBACK: &str = "127.0.0.1:0";

fn config(secret: &SecretKey, policy: Policy) -> RelayServerConfig {
    RelayServerConfig {
        secret: secret.clone(),
        tcp: LOOPBACK.parse().unwrap(),
        qad: Some(LOOPBACK.parse().unwrap()),
        policy,
        limits: RelayLimits::default(),
        pages: None,
    }
}

async fn relay(policy: Policy) -> RelayServer {
    RelayServer::start(config(&SecretKey::generate(), policy)).await.unwrap()
}

fn hint(relay: &RelayServer) -> RelayHint {
    let (host, port) = (Host::Ip(relay.tcp().ip()), relay.tcp().port());
    RelayHint { host, port, trust: RelayTrust::Peer(relay.id()), qad: relay.qad().map_or(0, |at| at.port()) }
}

/// A pool that waits at relays.
struct Pool {
    node: IrohNode,
    acceptor: IrohAcceptor,
    invite: Invite,
}

impl Pool {
    async fn at(relays: &[&RelayServer], own: Option<OwnRelay>, secret: SecretKey) -> Pool {
        let node = IrohNode::bind(IrohConfig {
            bind: vec![LOOPBACK.parse().unwrap()],
            port_mapping: false,
            relays: relays.iter().map(|relay| hint(relay)).collect(),
            own_relay: own,
            ..IrohConfig::new(secret)
        });
        let node = node.await.unwrap();
        let admission = Admission::new(AdmissionLimits::default());
        let acceptor = node.listen(Policy::Open, GateLimits::default(), admission);
        let authority = AuthorityKeypair::from_secret_bytes(&[7; 32]).unwrap().public_key();
        // Nothing but the relays: a member behind another router could use nothing else.
        let invite = Invite { addresses: vec![], ..node.invite(authority) };
        Pool { node, acceptor, invite }
    }

    async fn waiting_at(relays: &[&RelayServer]) -> Pool {
        let pool = Pool::at(relays, None, SecretKey::generate()).await;
        pool.settled(|reports| {
            reports.len() == relays.len()
                && reports.iter().all(|report| report.state == RelayState::Connected)
        })
        .await;
        pool
    }

    async fn settled(&self, wanted: impl Fn(&[RelayReport]) -> bool) -> Arc<[RelayReport]> {
        settled(&self.node, wanted).await
    }

    /// What the member sends is sent back.
    async fn echo(&mut self) -> (NodeId, Permit) {
        let (stream, permit) = self.acceptor.accept().await.unwrap();
        let peer = stream.peer();
        let (mut read, mut write) = stream.into_split();
        tokio::spawn(async move { tokio::io::copy(&mut read, &mut write).await });
        (peer, permit)
    }
}

async fn settled(node: &IrohNode, wanted: impl Fn(&[RelayReport]) -> bool) -> Arc<[RelayReport]> {
    let mut reports = node.watch_relays();
    let waiting = reports.wait_for(|reports| wanted(reports));
    let Ok(settled) = tokio::time::timeout(Duration::from_secs(60), waiting).await else {
        panic!("it stays at {:#?}", node.relays())
    };
    settled.unwrap().clone()
}

/// A member without a UDP socket.
async fn member() -> IrohNode {
    let config = IrohConfig { bind: vec![], port_mapping: false, ..IrohConfig::new(SecretKey::generate()) };
    IrohNode::bind(config).await.unwrap()
}

/// Whether what is sent comes back.
async fn ping(stream: IrohStream) -> IrohStreamHalves {
    let (mut read, mut write) = stream.into_split();
    write.write_all(b"ping").await.unwrap();
    let mut back = [0; 4];
    read.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"ping");
    (read, write)
}

type IrohStreamHalves = (p2p::iroh::IrohRead, p2p::iroh::IrohWrite);

#[tokio::test]
async fn a_member_that_knows_nothing_but_the_invite_gets_through_by_the_relay() {
    let relay = relay(Policy::Open).await;
    let mut pool = Pool::waiting_at(&[&relay]).await;
    let member = member().await;
    let invite: Invite = pool.invite.to_string().parse().unwrap();
    let (stream, (peer, _permit)) = tokio::join!(
        async {
            let stream = member.dial(&invite).await.unwrap();
            let report = stream.path().report().unwrap();
            assert_eq!((report.kind, report.address), (PathKind::Relayed, None));
            assert!(report.relay.unwrap().contains(&relay.tcp().port().to_string()));
            ping(stream).await
        },
        pool.echo(),
    );
    assert_eq!(peer, member.id());
    drop(stream);
    assert!(relay.watch().counts().bytes_sent > 0);
}

#[tokio::test]
async fn the_pools_own_relay_is_known_by_the_pools_own_key() {
    let secret = SecretKey::generate();
    let relay = RelayServer::start(config(&secret, Policy::Open)).await.unwrap();
    let place = RelayHint { trust: RelayTrust::Pool, ..hint(&relay) };
    let own = OwnRelay { told: place.clone(), reached: place.clone() };
    let mut pool = Pool::at(&[], Some(own), secret).await;
    let reports =
        pool.settled(|reports| reports.iter().any(|report| report.state == RelayState::Connected)).await;
    assert!(reports[0].own);
    assert_eq!(pool.invite.relays, [place]);
    let (member, invite) = (member().await, pool.invite.clone());
    let (_stream, _) = tokio::join!(async { ping(member.dial(&invite).await.unwrap()).await }, pool.echo());
}

#[tokio::test]
async fn a_relay_that_shows_another_key_than_the_invite_says_is_not_used() {
    let relay = relay(Policy::Open).await;
    let pool = Pool::waiting_at(&[&relay]).await;
    let forged = RelayHint { trust: RelayTrust::Peer(SecretKey::generate().public()), ..hint(&relay) };
    let before = relay.watch().counts();
    let invite = Invite { relays: vec![forged], ..pool.invite.clone() };
    member().await.dial(&invite).await.unwrap_err();
    let after = relay.watch().counts();
    assert_eq!((after.clients, after.denied), (before.clients, before.denied), "TLS came first");

    member().await.dial(&pool.invite).await.unwrap();
}

#[tokio::test]
async fn a_relay_for_members_takes_members_and_their_helpers_and_tells_others_why_not() {
    let (ann, bob) = (SecretKey::generate(), SecretKey::generate());
    let relay = relay(Policy::Members([ann.public()].into())).await;
    let ann = Pool::at(&[&relay], None, ann).await;
    ann.settled(|reports| reports.iter().any(|report| report.state == RelayState::Connected)).await;
    let bob = Pool::at(&[&relay], None, bob).await;
    let reports =
        bob.settled(|reports| reports.iter().any(|report| report.state == RelayState::Denied)).await;
    assert_eq!(reports[0].reason.as_deref(), Some("not a member of this pool"));
    assert!(relay.watch().counts().denied > 0);

    // Who becomes one is let in without another start.
    relay.watch().set_policy(Policy::Members([ann.node.id(), bob.node.id()].into()));
    bob.settled(|reports| reports.iter().any(|report| report.state == RelayState::Connected)).await;
}

#[tokio::test]
async fn a_flood_of_silent_connections_does_not_keep_a_member_out() {
    let mut flooded = config(&SecretKey::generate(), Policy::Open);
    flooded.limits = RelayLimits {
        waiting: 16,
        waiting_per_address: 8,
        patience: Duration::from_secs(600),
        ..flooded.limits
    };
    let relay = RelayServer::start(flooded).await.unwrap();
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(relay.tcp()).await.unwrap());
    }
    let mut pool = Pool::waiting_at(&[&relay]).await;
    let member = member().await;
    let invite = pool.invite.clone();
    let (_stream, _) = tokio::join!(async { ping(member.dial(&invite).await.unwrap()).await }, pool.echo());
    let counts = relay.watch().counts();
    assert!(counts.put_out >= 190 && counts.waiting <= 8, "{counts:?}");
}

#[tokio::test]
async fn who_never_says_who_it_is_is_put_out_even_after_the_web_socket_is_open() {
    let mut impatient = config(&SecretKey::generate(), Policy::Open);
    impatient.limits.patience = Duration::from_millis(300);
    let relay = RelayServer::start(impatient).await.unwrap();
    let mut tls = tls(&relay).await;
    let upgrade = "GET /relay HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Protocol: iroh-relay-v2\r\n\r\n";
    tls.write_all(upgrade.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // Ends because the relay ends it; an abrupt end is one too.
    let _ = tls.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&answer));
    let counts = relay.watch().counts();
    assert_eq!((counts.waiting, counts.clients, counts.late), (0, 0, 1));
}

async fn tls(relay: &RelayServer) -> TlsStream<TcpStream> {
    let pins = Pins::default();
    pins.expect(&Host::Ip(relay.tcp().ip()), Some(relay.id()));
    let tcp = TcpStream::connect(relay.tcp()).await.unwrap();
    let name = ServerName::IpAddress(relay.tcp().ip().into());
    TlsConnector::from(Arc::new(pins.client_config().unwrap())).connect(name, tcp).await.unwrap()
}

async fn page(relay: &RelayServer, path: &str) -> String {
    let mut tls = tls(relay).await;
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    tls.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = tls.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn people_with_a_browser_are_told_what_it_is_or_shown_the_pages_passed_in() {
    let plain = relay(Policy::Open).await;
    let told = page(&plain, "/").await;
    assert!(told.starts_with("HTTP/1.1 200 ") && told.contains("relay of a Punchbowl mining pool"), "{told}");
    assert!(page(&plain, "/admin").await.starts_with("HTTP/1.1 404 "));

    let mut with_pages = config(&SecretKey::generate(), Policy::Open);
    with_pages.pages = Some(Arc::new(|request: hyper::Request<hyper::body::Incoming>| {
        let text = format!("you asked for {}", request.uri().path());
        let body = Full::new(text.into()).map_err(|never| match never {}).boxed_unsync();
        Box::pin(async { Response::new(body) })
    }));
    let shared = RelayServer::start(with_pages).await.unwrap();
    assert!(page(&shared, "/dashboard").await.ends_with("you asked for /dashboard"));
    // And the relay is on the same port.
    Pool::waiting_at(&[&shared]).await;
}

#[tokio::test]
async fn when_a_relay_dies_its_members_come_back_by_the_other_one() {
    let (first, second) = (relay(Policy::Open).await, relay(Policy::Open).await);
    let mut pool = Pool::waiting_at(&[&first, &second]).await;
    let member = member().await;
    let invite = pool.invite.clone();
    let stream = member.dial(&invite).await.unwrap();
    let used = stream.path().report().unwrap().relay.unwrap();
    let (halves, _) = tokio::join!(ping(stream), pool.echo());
    let (dead, alive) = match used.contains(&first.tcp().port().to_string()) {
        true => (first, second),
        false => (second, first),
    };
    dead.close().await;
    // As the miner does when its pings are not answered any more.
    drop(halves);
    let gone = hint(&dead);
    pool.settled(|reports| {
        reports.iter().any(|report| report.relay == gone && report.state == RelayState::Unreachable)
    })
    .await;

    let (stream, _) = tokio::join!(
        async {
            let stream = member.dial(&invite).await.unwrap();
            let path = stream.path();
            let halves = ping(stream).await;
            let used = path.report().unwrap();
            assert_eq!(used.kind, PathKind::Relayed);
            assert!(used.relay.unwrap().contains(&alive.tcp().port().to_string()));
            halves
        },
        pool.echo(),
    );
    drop(stream);
}

#[tokio::test]
async fn a_relay_that_restarts_has_its_pool_back() {
    let secret = SecretKey::generate();
    let relay = RelayServer::start(config(&secret, Policy::Open)).await.unwrap();
    let mut pool = Pool::waiting_at(&[&relay]).await;
    let address = relay.tcp();
    relay.close().await;
    pool.settled(|reports| reports[0].state == RelayState::Unreachable).await;
    let again = RelayServerConfig { tcp: address, ..config(&secret, Policy::Open) };
    let relay = RelayServer::start(again).await.unwrap();
    pool.settled(|reports| reports[0].state == RelayState::Connected).await;
    let member = member().await;
    let invite = pool.invite.clone();
    let (_stream, _) = tokio::join!(async { ping(member.dial(&invite).await.unwrap()).await }, pool.echo());
    drop(relay);
}

#[tokio::test]
async fn whoever_asks_is_told_the_address_it_comes_from() {
    let relay = relay(Policy::Open).await;
    let pins = Pins::default();
    pins.expect(&Host::Ip(relay.tcp().ip()), Some(relay.id()));
    let mut tls = pins.client_config().unwrap();
    tls.alpn_protocols = vec![b"/iroh-qad/0".to_vec()];
    let crypto = noq::crypto::rustls::QuicClientConfig::try_from(tls).unwrap();
    let mut config = noq::ClientConfig::new(Arc::new(crypto));
    let mut transport = noq::TransportConfig::default();
    transport.receive_observed_address_reports(true);
    config.transport_config(Arc::new(transport));
    let asker = noq::Endpoint::client(LOOPBACK.parse().unwrap()).unwrap();
    let own: SocketAddr = asker.local_addr().unwrap();
    let connection = asker.connect_with(config, relay.qad().unwrap(), "127.0.0.1").unwrap().await.unwrap();
    let mut told = connection.observed_external_addr();
    let told = tokio::time::timeout(Duration::from_secs(20), told.next()).await.unwrap();
    assert_eq!(told, Some(own));
}

#[tokio::test]
async fn a_port_in_use_is_named_with_what_to_do() {
    let first = relay(Policy::Open).await;
    let taken = RelayServerConfig { tcp: first.tcp(), ..config(&SecretKey::generate(), Policy::Open) };
    let error = RelayServer::start(taken).await.unwrap_err().to_string();
    assert!(error.contains(&first.tcp().to_string()) && error.contains("choose another port"), "{error}");
}
