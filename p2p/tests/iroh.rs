//! Two nodes on this machine: who gets a stream and who does not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use n0_mainline::Testnet;
use p2p::iroh::lookup::{AddressBook, Place};
use p2p::iroh::{
    DhtUse, GateCounts, GateLimits, IrohAcceptor, IrohConfig, IrohError, IrohNode, LookupConfig, PathKind,
    Policy, SecretKey, Way,
};
use p2p::{Admission, AdmissionLimits, AuthorityKeypair, Invite, NodeId, WireLimits, noise};
use std::{sync::Arc, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A node that others may dial, and what they need to do so.
struct Pool {
    node: IrohNode,
    acceptor: IrohAcceptor,
    admission: Arc<Admission>,
    authority: AuthorityKeypair,
    invite: Invite,
}

async fn node(secret: SecretKey) -> IrohNode {
    let bind = vec!["127.0.0.1:0".parse().unwrap()];
    IrohNode::bind(IrohConfig { bind, port_mapping: false, ..IrohConfig::new(secret) }).await.unwrap()
}

async fn looking(lookup: LookupConfig) -> IrohNode {
    let bind = vec!["127.0.0.1:0".parse().unwrap()];
    let config = IrohConfig { bind, port_mapping: false, lookup, ..IrohConfig::new(SecretKey::generate()) };
    IrohNode::bind(config).await.unwrap()
}

async fn stranger() -> IrohNode {
    node(SecretKey::generate()).await
}

async fn pool(policy: Policy, limits: GateLimits) -> Pool {
    let node = stranger().await;
    let admission = Admission::new(AdmissionLimits { per_node: 2, ..AdmissionLimits::default() });
    let acceptor = node.listen(policy, limits, admission.clone());
    let authority = AuthorityKeypair::from_secret_bytes(&[7; 32]).unwrap();
    let invite = node.invite(authority.public_key());
    Pool { node, acceptor, admission, authority, invite }
}

async fn open_pool() -> Pool {
    pool(Policy::Open, GateLimits::default()).await
}

fn members(ids: &[NodeId]) -> Policy {
    Policy::Members(ids.iter().copied().collect())
}

#[tokio::test]
async fn a_noise_session_runs_over_a_stream_and_both_ends_know_who_is_there() {
    let mut pool = open_pool().await;
    let miner = stranger().await;
    let dialled = miner.dial(&pool.invite).await.unwrap();
    assert_eq!(dialled.peer(), pool.node.id());
    assert_eq!(dialled.path().report().unwrap().kind, PathKind::Lan);
    let serving = async {
        let (stream, permit) = pool.acceptor.accept().await.unwrap();
        assert_eq!(stream.peer(), miner.id());
        let report = stream.path().report().unwrap();
        assert_eq!((report.kind, report.address), (PathKind::Lan, miner.bound().first().copied()));
        let (read, write) = stream.into_split();
        let (mut reader, writer) =
            noise::accept(read, write, &pool.authority, &WireLimits::server()).await.unwrap();
        let frame = reader.next().await.unwrap().unwrap();
        assert_eq!((frame.header.msg_type, &*frame.payload), (0x1b, &b"share"[..]));
        (reader, writer, permit)
    };
    let connecting = async {
        let (read, write) = dialled.into_split();
        let key = Some(pool.invite.authority);
        let (reader, mut writer) = noise::connect(read, write, key, &WireLimits::client()).await.unwrap();
        writer.queue(0, true, 0x1b, &[b"share"]).unwrap();
        writer.flush().await.unwrap();
        (reader, writer)
    };
    let ((_reader, mut writer, _permit), (mut reader, _writer)) = tokio::join!(serving, connecting);

    // What was flushed arrives, even if it is the last thing before the stream is dropped.
    writer.queue(0, true, 0x1c, &[b"accepted"]).unwrap();
    writer.flush().await.unwrap();
    drop((_reader, writer));
    assert_eq!(reader.next().await.unwrap().unwrap().payload, b"accepted");
    assert!(reader.next().await.unwrap().is_none(), "and then the stream ends in order");
    assert_eq!(pool.acceptor.gate().counts(), GateCounts { admitted: 1, ..GateCounts::default() });
}

#[tokio::test]
async fn a_node_with_another_id_than_the_invite_says_is_refused() {
    let pool = open_pool().await;
    let invite = Invite { node: SecretKey::generate().public(), ..pool.invite.clone() };
    let error = stranger().await.dial(&invite).await.unwrap_err();
    assert!(matches!(error, IrohError::Unreachable { node, .. } if node == invite.node), "{error}");
    assert_eq!(pool.acceptor.gate().counts().admitted, 0);
}

#[tokio::test]
async fn an_invite_without_any_place_says_so() {
    let pool = open_pool().await;
    let invite = Invite { addresses: vec![], ..pool.invite.clone() };
    let error = stranger().await.dial(&invite).await.unwrap_err();
    assert!(matches!(error, IrohError::NoAddress(_)), "{error}");
}

#[tokio::test]
async fn a_pool_that_was_met_before_is_found_by_its_node_id_alone() {
    let pool = open_pool().await;
    let folder = tempfile::tempdir().unwrap();
    let lookup = || LookupConfig {
        address_book: Some(AddressBook::open(folder.path().join("address-book"))),
        ..LookupConfig::default()
    };
    let first = lookup();
    let book = first.address_book.clone().unwrap();
    let stream = looking(first).await.dial(&pool.invite).await.unwrap();
    assert_eq!(stream.found(), Some(Way::Invite));
    book.knows(pool.node.id(), &Place::Address(pool.invite.addresses[0])).await;

    let bare = Invite { addresses: vec![], ..pool.invite.clone() };
    let stream = looking(lookup()).await.dial(&bare).await.unwrap();
    assert_eq!((stream.peer(), stream.found()), (pool.node.id(), Some(Way::AddressBook)));

    // An address that has grown old beside it does no harm.
    let unused = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let moved = Invite { addresses: vec![unused.local_addr().unwrap()], ..pool.invite.clone() };
    let stream = looking(lookup()).await.dial(&moved).await.unwrap();
    assert_eq!(stream.found(), Some(Way::AddressBook));
}

#[tokio::test]
async fn a_pool_that_nobody_knows_is_said_to_be_sought_in_vain_and_where() {
    let net = Testnet::new(3).await.unwrap();
    let dht = DhtUse::RelayOnly { bootstrap: net.bootstrap.clone() };
    let miner = looking(LookupConfig { dht, ..LookupConfig::default() }).await;
    let pool = open_pool().await;
    let bare = Invite { addresses: vec![], ..pool.invite.clone() };
    let error = miner.dial(&bare).await.unwrap_err();
    assert!(matches!(error, IrohError::NotFound { .. }), "{error}");
    let text = error.to_string();
    for part in
        ["the mainline DHT: nothing stands there", "not asked: this network (mDNS)", "punchbowl invite"]
    {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn only_members_get_a_stream_and_others_are_told_why() {
    let member = stranger().await;
    let mut pool = pool(members(&[member.id()]), GateLimits::default()).await;
    let outsider = stranger().await;
    let told = refusal(&outsider, &pool.invite).await;
    assert!(told.contains("not a member"), "{told}");

    let mut stream = member.dial(&pool.invite).await.unwrap().into_split().1;
    stream.write_all(b"x").await.unwrap();
    assert_eq!(pool.acceptor.accept().await.unwrap().0.peer(), member.id());
    let counts = pool.acceptor.gate().counts();
    assert_eq!(counts, GateCounts { admitted: 1, not_member: 1, ..GateCounts::default() });
}

#[tokio::test]
async fn a_node_gets_no_more_streams_than_its_share_and_gives_places_back() {
    let mut pool = open_pool().await;
    let miner = stranger().await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut halves = miner.dial(&pool.invite).await.unwrap().into_split();
        halves.1.write_all(b"x").await.unwrap();
        held.push((halves, pool.acceptor.accept().await.unwrap()));
    }
    let told = refusal(&miner, &pool.invite).await;
    assert!(told.contains("same node"), "{told}");
    assert_eq!(pool.admission.counts().refused_per_node, 1);

    held.pop();
    let mut halves = miner.dial(&pool.invite).await.unwrap().into_split();
    halves.1.write_all(b"x").await.unwrap();
    pool.acceptor.accept().await.unwrap();
}

#[tokio::test]
async fn silent_diallers_delay_nobody() {
    // None of the silent ones may be given up in the meantime.
    let patient = Duration::from_secs(3600);
    let mut pool =
        pool(Policy::Open, GateLimits { first_byte: patient, handshakes: 2, ..GateLimits::default() }).await;
    let mut silent = Vec::new();
    for _ in 0..4 {
        let node = stranger().await;
        let stream = node.dial(&pool.invite).await.unwrap();
        silent.push((node, stream));
    }
    let miner = stranger().await;
    let mut halves = miner.dial(&pool.invite).await.unwrap().into_split();
    halves.1.write_all(b"x").await.unwrap();
    let (stream, _permit) = pool.acceptor.accept().await.unwrap();
    assert_eq!(stream.peer(), miner.id());
}

#[tokio::test]
async fn whoever_says_nothing_for_too_long_loses_its_place() {
    let limits = GateLimits { first_byte: Duration::from_millis(1), ..GateLimits::default() };
    let pool = pool(Policy::Open, limits).await;
    let told = refusal(&stranger().await, &pool.invite).await;
    assert!(told.contains("nothing was said in time"), "{told}");
    assert_eq!(pool.acceptor.gate().counts(), GateCounts { failed: 1, ..GateCounts::default() });
}

#[tokio::test]
async fn a_half_that_is_dropped_leaves_the_other_one_at_work() {
    let mut pool = open_pool().await;
    let miner = stranger().await;
    let (mut read, mut write) = miner.dial(&pool.invite).await.unwrap().into_split();
    write.write_all(b"question").await.unwrap();
    drop(write);
    let (stream, _permit) = pool.acceptor.accept().await.unwrap();
    let (mut from_miner, mut to_miner) = stream.into_split();
    let mut question = String::new();
    from_miner.read_to_string(&mut question).await.unwrap();
    assert_eq!(question, "question");
    to_miner.write_all(b"answer").await.unwrap();
    drop((from_miner, to_miner));
    let mut answer = String::new();
    read.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer, "answer");
}

#[tokio::test]
async fn closing_a_node_ends_its_streams_and_its_acceptor() {
    let mut pool = open_pool().await;
    let miner = stranger().await;
    let (mut read, mut write) = miner.dial(&pool.invite).await.unwrap().into_split();
    write.write_all(b"x").await.unwrap();
    let (stream, _permit) = pool.acceptor.accept().await.unwrap();
    let path = stream.path();
    pool.node.close().await;
    assert!(read.read_u8().await.is_err());
    assert!(pool.acceptor.accept().await.is_none());
    assert!(path.becomes(PathKind::Unknown).await);
}

/// What a node that is turned away is told.
async fn refusal(node: &IrohNode, invite: &Invite) -> String {
    match node.dial(invite).await {
        Err(error) => error.to_string(),
        // QUIC lets the dialler believe for a moment that it is in.
        Ok(stream) => stream.into_split().0.read_u8().await.unwrap_err().to_string(),
    }
}
