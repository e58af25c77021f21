//! What breaks while a member mines, behind real NATs: the miner mines again by itself.
//!
//! How long it was without an accepted share goes into the build folder (`nat-faults/`);
//! no time is asserted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use p2p::Invite;
use tests::{
    Punchbowl,
    nat::{Host, Lab, Member, Network, Relay, Site, Way, easy_shares, report, waits_at_its_relays},
};

/// Shares after a fault that show that the miner is back and stays.
const BACK: u32 = 30;

#[tokio::test(flavor = "multi_thread")]
async fn udp_is_blocked_while_a_member_mines_straight_and_the_relay_takes_over() {
    let Some(bed) = Bed::new(Network::Home, Network::Home, 1).await else { return };
    let member = bed.mining(Way::Direct).await;
    let mark = member.process().log().mark();
    bed.home.block_udp().unwrap();
    member.goes_after(mark, Way::Relayed).await.unwrap();
    bed.back(&member, mark, "UDP is blocked at the member's router").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_relay_in_use_dies_for_good_and_the_other_one_takes_over() {
    let Some(mut bed) = Bed::new(Network::Symmetric, Network::Symmetric, 2).await else { return };
    let member = bed.mining(Way::Relayed).await;
    let status = bed.pool.status().await.unwrap();
    let used = status["connections"][0]["iroh"]["relay"].as_str().unwrap().to_owned();
    let mark = member.process().log().mark();
    let dying = bed.relays.iter_mut().find(|relay| used.contains(&relay.ip().unwrap())).unwrap();
    dying.kill().await.unwrap();
    bed.back(&member, mark, "the relay in use dies, another one is there").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_relay_starts_anew() {
    let Some(mut bed) = Bed::new(Network::Symmetric, Network::Symmetric, 1).await else { return };
    let member = bed.mining(Way::Relayed).await;
    let mark = member.process().log().mark();
    bed.relays[0].kill().await.unwrap();
    bed.relays[0].restart().await.unwrap();
    bed.back(&member, mark, "the only relay is killed and started again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_only_relay_stays_away_for_a_while_and_comes_back() {
    let Some(mut bed) = Bed::new(Network::Symmetric, Network::Symmetric, 1).await else { return };
    let member = bed.mining(Way::Relayed).await;
    let mark = member.process().log().mark();
    bed.relays[0].kill().await.unwrap();
    // The connection is given up, and dials fail one after the other.
    let mut lost = mark;
    for _ in 0..3 {
        let said = member.process().line_after(lost, |line| line.contains("; trying again in ")).await;
        bed.told(&member, said.map(drop));
        lost = member.process().log().mark();
    }
    bed.relays[0].restart().await.unwrap();
    bed.back(&member, mark, "the only relay is away until three dials have failed").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_routers_forget_their_mappings() {
    let Some(bed) = Bed::new(Network::Home, Network::Home, 1).await else { return };
    let member = bed.mining(Way::Direct).await;
    let mark = member.process().log().mark();
    bed.site.router().flush_nat_state().await.unwrap();
    bed.home.router().flush_nat_state().await.unwrap();
    bed.back(&member, mark, "both home routers forget their mappings").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_symmetric_router_forgets_its_mappings_and_chooses_other_ports() {
    let Some(bed) = Bed::new(Network::Public, Network::Symmetric, 1).await else { return };
    let member = bed.mining(Way::Direct).await;
    let mark = member.process().log().mark();
    bed.home.router().flush_nat_state().await.unwrap();
    bed.back(&member, mark, "the member's symmetric router forgets its mappings").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pool_moves_to_another_network() {
    let Some(bed) = Bed::new(Network::Home, Network::Home, 1).await else { return };
    let member = bed.mining(Way::Direct).await;
    let elsewhere = bed.lab.network("elsewhere", Network::Home).await.unwrap();
    let mark = member.process().log().mark();
    let cable = bed.host.device().default_iface().unwrap();
    cable.replug(elsewhere.router().id()).await.unwrap();
    bed.back(&member, mark, "the pool's machine moves to another home").await;
    member.goes_after(mark, Way::Direct).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pool_is_killed_and_started_again() {
    let Some(mut bed) = Bed::new(Network::Home, Network::Home, 1).await else { return };
    let member = bed.mining(Way::Direct).await;
    let mark = member.process().log().mark();
    bed.pool.kill().await.unwrap();
    bed.pool.restart().await.unwrap();
    bed.back(&member, mark, "the pool is killed and started again").await;
    member.goes_after(mark, Way::Direct).await.unwrap();
}

/// A pool and a member's home, and relays that both know.
struct Bed {
    // Programs end before their hosts go.
    pool: Punchbowl,
    relays: Vec<Relay>,
    invite: Invite,
    host: Host,
    member: Host,
    site: Site,
    home: Site,
    lab: Lab,
}

impl Bed {
    async fn new(pool: Network, member: Network, relays: usize) -> Option<Bed> {
        let lab = Lab::new().await.unwrap()?;
        let public = lab.network("dc", Network::Public).await.unwrap();
        let mut running = Vec::new();
        for number in 0..relays {
            let host = public.host(&format!("relay{number}")).await.unwrap();
            running.push(Relay::start(&host).await.unwrap());
        }
        let (site, home) =
            (lab.network("site", pool).await.unwrap(), lab.network("home", member).await.unwrap());
        let (host, member) = (site.host("pool").await.unwrap(), home.host("member").await.unwrap());
        let hints: Vec<&str> = running.iter().map(Relay::hint).collect();
        let pool = Punchbowl::pool_at(&host, easy_shares().at_relays(&hints)).await.unwrap();
        waits_at_its_relays(&pool).await.unwrap();
        let invite = pool.printed_invite().await.unwrap();
        Some(Bed { pool, relays: running, invite, host, member, site, home, lab })
    }

    /// A member that mines this way.
    async fn mining(&self, way: Way) -> Member {
        let member = Member::start(&self.member, &self.invite, &[]).unwrap();
        let mining = async {
            member.goes(way).await?;
            let mark = member.process().log().mark();
            member.accepted_after(mark, 10).await
        };
        self.told(&member, mining.await);
        member
    }

    /// Waits until the member mines again, and notes how long it was without.
    async fn back(&self, member: &Member, mark: usize, fault: &str) {
        self.told(member, member.accepted_after(mark, BACK).await);
        let seconds = format!("{:.1} s", member.longest_wait(mark).as_secs_f64());
        report::row(env!("CARGO_TARGET_TMPDIR"), "nat-faults", fault, &[seconds]).unwrap();
    }

    fn told(&self, member: &Member, outcome: anyhow::Result<()>) {
        let Err(error) = outcome else { return };
        let pool = self.pool.process().log().tail(15);
        let relays: String = self.relays.iter().map(|relay| relay.process().log().tail(15)).collect();
        panic!("{error:#}\nminer:\n{}pool:\n{pool}relays:\n{relays}", member.story());
    }
}
