//! Finding the pool without anybody else's servers, in a lab without a way out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use anyhow::Result;
use n0_mainline::{Dht, DhtBuilder};
use p2p::Invite;
use std::{
    net::{SocketAddr, UdpSocket},
    time::Duration,
};
use tests::{
    Process, Punchbowl,
    nat::{Lab, Member, Network, PortMapper, Relay, Way, easy_shares, waits_at_its_relays},
    within_deadline,
};

const NO_DHT: &str = "discovery.dht = \"off\"";

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_who_knows_the_node_id_alone_finds_the_pool_by_mdns() {
    let Some(lab) = Lab::new().await.unwrap() else { return };
    let house = lab.network("house", Network::Symmetric).await.unwrap();
    let pool =
        Punchbowl::pool_at(&house.host("pool").await.unwrap(), easy_shares().p2p(NO_DHT)).await.unwrap();
    let neighbour = house.host("member").await.unwrap();
    let member = Member::start(&neighbour, &node_id_alone(&pool), &["--no-dht"]).unwrap();
    let found = async {
        member.process().line(|line| line == "path: iroh-lan").await?;
        member.accepted(5).await
    };
    told(found.await, &[member.process(), pool.process()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_knows_the_node_id_alone_finds_the_pool_by_the_dht() {
    let Some(lab) = Lab::new().await.unwrap() else { return };
    let public = lab.network("dc", Network::Public).await.unwrap();
    let (nodes, entrance) = dht(&lab).await.unwrap();
    let relay = Relay::start(&public.host("relay").await.unwrap()).await.unwrap();
    let (site, home) = (
        lab.network("site", Network::Home).await.unwrap(),
        lab.network("home", Network::Home).await.unwrap(),
    );
    let config = easy_shares()
        .at_relay(relay.hint())
        .p2p(&format!("discovery.mdns = false\ndiscovery.dht_bootstrap = [{entrance:?}]"));
    let pool = Punchbowl::pool_at(&site.host("pool").await.unwrap(), config).await.unwrap();
    let arguments = ["--no-mdns", "--dht-bootstrap", &entrance];
    let member =
        Member::start(&home.host("member").await.unwrap(), &node_id_alone(&pool), &arguments).unwrap();
    let found = async {
        // The relay that the DHT names is asked for the member's own address too.
        member.goes(Way::Direct).await?;
        member.accepted(5).await
    };
    told(found.await, &[member.process(), pool.process(), relay.process()]);
    drop(nodes);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_ask_for_their_address_at_the_port_that_the_relay_names() {
    let Some(lab) = Lab::new().await.unwrap() else { return };
    let public = lab.network("dc", Network::Public).await.unwrap();
    let relay = Relay::telling_at(&public.host("relay").await.unwrap(), 7900).await.unwrap();
    assert!(relay.hint().ends_with(",qad=7900"), "{}", relay.hint());
    let site = lab.network("site", Network::Home).await.unwrap();
    let home = lab.network("home", Network::Home).await.unwrap();
    let config = easy_shares().at_relay(relay.hint()).p2p(NO_DHT);
    let pool = Punchbowl::pool_at(&site.host("pool").await.unwrap(), config).await.unwrap();
    waits_at_its_relays(&pool).await.unwrap();
    let invite = Invite { addresses: Vec::new(), ..pool.printed_invite().await.unwrap() };
    let member = Member::start(&home.host("member").await.unwrap(), &invite, &["--no-dht"]).unwrap();
    // Two home routers let nobody in whose address is not known beforehand.
    told(member.goes(Way::Direct).await, &[member.process(), pool.process(), relay.process()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_outside_is_asked_for_anything() {
    let Some(lab) = Lab::new().await.unwrap() else { return };
    lab.watch_the_way_out().unwrap();
    let public = lab.network("dc", Network::Public).await.unwrap();
    // Whoever did try would be seen.
    let elsewhere = SocketAddr::from(([192, 0, 2, 1], 53));
    let curious = public.host("curious").await.unwrap();
    let socket = curious.device().run_sync(|| Ok(UdpSocket::bind("0.0.0.0:0")?)).unwrap();
    let seen = within_deadline("a packet to leave", async {
        while lab.tried_to_leave().unwrap().is_empty() {
            socket.send_to(b"?", elsewhere).unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    seen.await.unwrap();
    let relay = Relay::start(&public.host("relay").await.unwrap()).await.unwrap();
    let site = lab.network("site", Network::Home).await.unwrap();
    let config = easy_shares().mapping_ports().at_relay(relay.hint()).p2p(NO_DHT);
    let pool = Punchbowl::pool_at(&site.host("pool").await.unwrap(), config).await.unwrap();
    waits_at_its_relays(&pool).await.unwrap();
    let invite = pool.printed_invite().await.unwrap();
    for (network, way) in [(Network::Home, Way::Direct), (Network::Symmetric, Way::Relayed)] {
        let home = lab.network(network.word(), network).await.unwrap();
        let host = home.host(&format!("member-{}", network.word())).await.unwrap();
        let member = Member::start(&host, &invite, &["--no-dht"]).unwrap();
        let mines = async {
            member.goes(way).await?;
            member.accepted(30).await
        };
        told(mines.await, &[member.process(), pool.process(), relay.process()]);
    }
    assert_eq!(lab.tried_to_leave().unwrap(), ["192.0.2.1"], "somebody else tried to leave the lab");
}

/// Two symmetric NATs stay with the relay, as the matrix shows, unless a router forwards
/// ports when asked to.
#[tokio::test(flavor = "multi_thread")]
async fn routers_that_forward_ports_on_request_rescue_two_symmetric_nats() {
    let Some(lab) = Lab::new().await.unwrap() else { return };
    let public = lab.network("dc", Network::Public).await.unwrap();
    let relay = Relay::start(&public.host("relay").await.unwrap()).await.unwrap();
    let site = lab.network("site", Network::Symmetric).await.unwrap();
    let home = lab.network("home", Network::Symmetric).await.unwrap();
    let mappers = (PortMapper::start(&site).await.unwrap(), PortMapper::start(&home).await.unwrap());
    let config = easy_shares().mapping_ports().at_relay(relay.hint()).p2p(NO_DHT);
    let pool = Punchbowl::pool_at(&site.host("pool").await.unwrap(), config).await.unwrap();
    // The running pool names the forwarded port in its invite; the member does without it.
    let outside = site.outer_ip().unwrap();
    let named = invite_with(&pool, |invite| invite.addresses.iter().any(|address| address.ip() == outside));
    let mut invite = named.await.unwrap();
    invite.addresses.clear();
    let member = Member::start(&home.host("member").await.unwrap(), &invite, &["--no-dht"]).unwrap();
    let found = async {
        member.goes(Way::Direct).await?;
        member.accepted(10).await
    };
    let processes = [member.process(), pool.process(), mappers.0.process(), mappers.1.process()];
    told(found.await, &processes);
}

fn node_id_alone(pool: &Punchbowl) -> Invite {
    Invite { relays: Vec::new(), addresses: Vec::new(), ..pool.invite().clone() }
}

/// What `punchbowl invite` prints as soon as `wanted` accepts it.
async fn invite_with(pool: &Punchbowl, wanted: impl Fn(&Invite) -> bool) -> Result<Invite> {
    const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
    within_deadline("the invite to name what the pool has found out", async {
        loop {
            let invite = pool.printed_invite().await?;
            if wanted(&invite) {
                return Ok(invite);
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    })
    .await?
}

/// A mainline DHT of its own, each node on a public host, and where to enter it.
async fn dht(lab: &Lab) -> Result<(Vec<Dht>, String)> {
    const NODES: usize = 5;
    const PORT: u16 = 6881;
    let mut nodes: Vec<Dht> = Vec::new();
    let mut entrance = None;
    for number in 0..NODES {
        let network = lab.network(&format!("dht{number}"), Network::Public).await?;
        let host = network.host(&format!("dht{number}-host")).await?;
        let ip = host.ip()?;
        let start = entrance.get_or_insert_with(|| format!("{ip}:{PORT}")).clone();
        let node = host.run(async move {
            let mut builder = DhtBuilder::default();
            builder.server_mode().port(PORT).public_ip(ip);
            match number {
                0 => builder.no_bootstrap(),
                _ => builder.bootstrap(&[start]),
            };
            let node = builder.build()?;
            if number > 0 {
                node.bootstrapped().await?;
            }
            anyhow::Ok(node)
        });
        nodes.push(node.await??);
    }
    Ok((nodes, entrance.unwrap_or_default()))
}

fn told(outcome: Result<()>, processes: &[&Process]) {
    let Err(error) = outcome else { return };
    let logs: Vec<String> =
        processes.iter().map(|process| format!("{}:\n{}", process.name(), process.log().tail(15))).collect();
    panic!("{error:#}\n{}", logs.join(""));
}
