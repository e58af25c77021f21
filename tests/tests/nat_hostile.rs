//! Peers that mean no good, while a member behind a home router keeps mining.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use iroh::{
    Endpoint, EndpointAddr, RelayMode, SecretKey, TransportAddr,
    endpoint::{Connection, PortmapperConfig, presets},
};
use p2p::{Invite, NodeKey};
use serde_json::Value;
use std::time::Duration;
use tests::{
    PoolConfig, Punchbowl,
    nat::{Host, Lab, Member, Network, Way, easy_shares, report},
};
use tokio::task::JoinSet;

/// What the pool speaks.
const MINING: &[u8] = b"sv2/mining/1";
/// Longer than a dial may take that the pool answers at all.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_with_another_protocol_is_turned_away_and_a_member_mines_on() {
    let Some(bed) = Bed::new(easy_shares()).await else { return };
    let member = bed.member().await;
    let mark = member.process().log().mark();
    let to = bed.address();
    let dialled =
        bed.stranger.run(async move { dial(&endpoint().await, to, b"sv2/other/1").await.map(drop) });
    assert!(dialled.await.unwrap().is_err(), "another protocol was let in");
    bed.pool.until_status(|status| refused(status, "iroh-handshake") >= 1).await.unwrap();
    member.accepted_after(mark, 20).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_are_silent_after_the_handshake_are_closed_and_hold_up_nobody() {
    const SILENT: usize = 40;
    let Some(bed) = Bed::new(easy_shares()).await else { return };
    let member = bed.member().await;
    let mark = member.process().log().mark();
    let to = bed.address();
    let silence = bed.stranger.run(async move {
        let mut connected = Vec::new();
        for _ in 0..SILENT {
            let endpoint = endpoint().await;
            let connection =
                dial(&endpoint, to.clone(), MINING).await.expect("whoever is new may shake hands");
            connected.push((endpoint, connection));
        }
        connected
    });
    let connected = silence.await.unwrap();
    // A newcomer does not wait for any of them.
    let newcomer = Member::start(&bed.home, &bed.invite, &["--user", "ben.new"]).unwrap();
    newcomer.accepted(5).await.unwrap();
    member.accepted_after(mark, 20).await.unwrap();
    // They are closed by the pool, and not by an idle timeout of theirs.
    let closed = bed.stranger.run(async move {
        for (_endpoint, connection) in connected {
            let why = connection.closed().await.to_string();
            assert!(why.contains("nothing was said in time"), "{why}");
        }
    });
    closed.await.unwrap();
    bed.pool.until_status(|status| refused(status, "iroh-handshake") >= SILENT as u64).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_dials_from_one_address_cost_a_member_nothing() {
    const ENDPOINTS: usize = 20;
    const DIALS: usize = 50;
    let Some(bed) = Bed::new(easy_shares()).await else { return };
    let member = bed.member().await;
    let mark = member.process().log().mark();
    let to = bed.address();
    let flood = bed.stranger.run(async move {
        let mut dials = JoinSet::new();
        for _ in 0..ENDPOINTS {
            let endpoint = endpoint().await;
            for _ in 0..DIALS {
                let (endpoint, to) = (endpoint.clone(), to.clone());
                dials.spawn(async move { tokio::time::timeout(PATIENCE, dial(&endpoint, to, MINING)).await });
            }
        }
        let let_in = dials.join_all().await.into_iter().filter(|dialled| matches!(dialled, Ok(Ok(_))));
        let_in.count()
    });
    let let_in = flood.await.unwrap();
    assert!(let_in < ENDPOINTS * DIALS, "all were let in");
    // It went on mining meanwhile and goes on now; so does whoever comes from elsewhere.
    member.accepted_after(mark, 20).await.unwrap();
    assert!(!member.process().log().contains("trying again"), "the member was thrown out");
    let wait = format!("{:.1} s", member.longest_wait(mark).as_secs_f64());
    report::row(env!("CARGO_TARGET_TMPDIR"), "nat-faults", "a thousand dials from one address", &[wait])
        .unwrap();
    let newcomer = Member::start(&bed.home, &bed.invite, &["--user", "ben.new"]).unwrap();
    newcomer.accepted(5).await.unwrap();
    let status = bed.pool.status().await.unwrap();
    assert!(refused(&status, "iroh-hurried") > 0, "nobody was in a hurry: {status:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_who_has_the_invite_is_not_let_in_and_a_member_mines_on() {
    let keys = tempfile::tempdir().unwrap();
    let file = keys.path().join("ann.key");
    let ann = NodeKey::load_or_create(&file).unwrap().id().to_z32();
    let Some(bed) = Bed::new(easy_shares().with_member(&ann)).await else { return };
    let member = Member::start(&bed.home, &bed.invite, &["--identity", file.to_str().unwrap()]).unwrap();
    member.accepted(5).await.unwrap();
    let mark = member.process().log().mark();
    let stranger = Member::start(&bed.stranger, &bed.invite, &[]).unwrap();
    stranger.process().line(|line| line.contains("not a member")).await.unwrap();
    member.accepted_after(mark, 20).await.unwrap();
    let status = bed.pool.until_status(|status| refused(status, "not-member") > 0).await.unwrap();
    assert_eq!(status["connection_counts"]["opened"], 1, "{status:#}");
}

/// A pool with a public address, a home, and somebody elsewhere.
struct Bed {
    pool: Punchbowl,
    invite: Invite,
    home: Host,
    stranger: Host,
    _lab: Lab,
}

impl Bed {
    async fn new(config: PoolConfig) -> Option<Bed> {
        let lab = Lab::new().await.unwrap()?;
        let site = lab.network("site", Network::Public).await.unwrap();
        let pool = Punchbowl::pool_at(&site.host("pool").await.unwrap(), config).await.unwrap();
        let invite = pool.printed_invite().await.unwrap();
        let home = lab.network("home", Network::Home).await.unwrap().host("member").await.unwrap();
        let elsewhere = lab.network("elsewhere", Network::Public).await.unwrap();
        let stranger = elsewhere.host("stranger").await.unwrap();
        Some(Bed { pool, invite, home, stranger, _lab: lab })
    }

    async fn member(&self) -> Member {
        let member = Member::start(&self.home, &self.invite, &[]).unwrap();
        member.goes(Way::Direct).await.unwrap();
        member.accepted(5).await.unwrap();
        member
    }

    fn address(&self) -> EndpointAddr {
        let ways = self.invite.addresses.iter().map(|address| TransportAddr::Ip(*address));
        EndpointAddr::from_parts(self.invite.node, ways)
    }
}

async fn endpoint() -> Endpoint {
    let builder = Endpoint::builder(presets::Minimal).secret_key(SecretKey::generate());
    let builder = builder.relay_mode(RelayMode::Disabled).portmapper_config(PortmapperConfig::Disabled);
    builder.bind().await.unwrap()
}

async fn dial(endpoint: &Endpoint, to: EndpointAddr, protocol: &[u8]) -> Result<Connection, String> {
    endpoint.connect(to, protocol).await.map_err(|error| format!("{error:#}"))
}

fn refused(status: &Value, reason: &str) -> u64 {
    status["connection_counts"]["refused"][reason]
        .as_u64()
        .unwrap_or_else(|| panic!("no {reason} in {status:#}"))
}
