//! Every kind of network to every kind: the built binary behind real NATs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use anyhow::{Context, Result, ensure};
use p2p::Invite;
use std::sync::Arc;
use tests::{
    Punchbowl,
    nat::{Host, Lab, Member, Network, Relay, Site, Times, Way, easy_shares, report, waits_at_its_relays},
};
use tokio::task::JoinSet;

/// The relay starts every pair; the two NATs decide whether it stays with it.
#[tokio::test(flavor = "multi_thread")]
async fn every_network_mines_at_every_other_straight_where_theory_allows_it_and_relayed_where_not() {
    let Some(lab) = Lab::new().await.unwrap() else { return };
    let public = lab.network("dc", Network::Public).await.unwrap();
    let relay = Arc::new(Relay::start(&public.host("relay").await.unwrap()).await.unwrap());
    let pools = pools(&lab, &relay).await.unwrap();
    let homes = homes(&lab).await.unwrap();

    let mut results = Vec::new();
    for pool in &pools {
        // The members of one pool all at once: as many processes as the machine bears.
        let mut row = JoinSet::new();
        for (column, (network, host)) in homes.iter().enumerate() {
            let (pool, host, network, relay) = (pool.clone(), host.clone(), *network, relay.clone());
            row.spawn(async move { (column, pair(&pool, &host, network, &relay).await) });
        }
        let mut row = row.join_all().await;
        row.sort_by_key(|(column, _)| *column);
        results.push(row.into_iter().map(|(_, result)| result).collect::<Vec<_>>());
    }
    report::write(env!("CARGO_TARGET_TMPDIR"), "nat-matrix.md", &tables(&results)).unwrap();

    let failed: Vec<String> =
        results.into_iter().flatten().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    assert!(failed.is_empty(), "{} of 64 pairs failed:\n{}", failed.len(), failed.join("\n"));
}

/// A pool in one kind of network.
struct Pool {
    network: Network,
    pool: Punchbowl,
    invite: Invite,
    _site: Site,
}

async fn pools(lab: &Lab, relay: &Relay) -> Result<Vec<Arc<Pool>>> {
    let mut pools = Vec::new();
    for network in Network::ALL {
        let site = lab.network(&format!("p-{}", network.word()), network).await?;
        let host = site.host(&format!("pool-{}", network.word())).await?;
        let pool = Punchbowl::pool_at(&host, easy_shares().at_relay(relay.hint())).await?;
        waits_at_its_relays(&pool).await?;
        // A host sends out what is printed. That it names the relay is asked for here; the
        // addresses in it are what the pool may know of itself.
        let mut invite = pool.printed_invite().await?;
        ensure!(!invite.relays.is_empty(), "the invite names no relay: {invite}");
        invite.addresses.clear();
        pools.push(Arc::new(Pool { network, pool, invite, _site: site }));
    }
    Ok(pools)
}

async fn homes(lab: &Lab) -> Result<Vec<(Network, Host)>> {
    let mut homes = Vec::new();
    for network in Network::ALL {
        let site = lab.network(&format!("m-{}", network.word()), network).await?;
        homes.push((network, site.host(&format!("member-{}", network.word())).await?));
    }
    Ok(homes)
}

async fn pair(pool: &Pool, host: &Host, network: Network, relay: &Relay) -> Result<Times> {
    let result = times(pool, host, network, relay).await;
    println!("pool {}, member {network}: {result:?}", pool.network);
    result
}

async fn times(pool: &Pool, host: &Host, network: Network, relay: &Relay) -> Result<Times> {
    let member = Member::start(host, &pool.invite, &["--user", &format!("ann.{}", network.word())])?;
    let met = meet(pool, &member, network).await;
    met.with_context(|| {
        format!(
            "pool {}, member {network}\nminer:\n{}pool:\n{}relay:\n{}",
            pool.network,
            member.story(),
            pool.pool.process().log().tail(12),
            relay.process().log().tail(12)
        )
    })?;
    Ok(member.times())
}

async fn meet(pool: &Pool, member: &Member, network: Network) -> Result<()> {
    /// Some four seconds in which a way that theory forbids would have been found.
    const SHARES: u32 = 40;
    member.accepted(1).await?;
    match pool.network.way_to(network) {
        Way::Direct => member.goes(Way::Direct).await?,
        Way::Relayed => {
            member.accepted(SHARES).await?;
            ensure!(member.has_gone(Way::Relayed), "it mines, and not through the relay");
            ensure!(!member.has_gone(Way::Direct), "theory allows no direct way here");
        }
    }
    let wanted = match pool.network.way_to(network) {
        Way::Direct => "iroh-direct",
        Way::Relayed => "iroh-relayed",
    };
    // The pool sees it too, and counts shares on this way.
    let ours = |status: &serde_json::Value| {
        let connections = status["connections"].as_array().cloned().unwrap_or_default();
        connections.into_iter().find(|one| one["channels"][0]["worker"] == network.word())
    };
    let before =
        ours(&pool.pool.status().await?).map_or(0, |one| one["shares"]["accepted"].as_u64().unwrap_or(0));
    let mines = |status: &serde_json::Value| {
        ours(status).is_some_and(|one| {
            one["path"] == wanted && one["shares"]["accepted"].as_u64().is_some_and(|now| now > before)
        })
    };
    pool.pool.until_status(mines).await.map(drop)
}

/// How it went and how long it took, as Markdown.
fn tables(results: &[Vec<Result<Times>>]) -> String {
    let heading = || {
        std::iter::once("pool ↓ member →".to_owned())
            .chain(Network::ALL.iter().map(ToString::to_string))
            .collect::<Vec<_>>()
    };
    let rows = |cell: &dyn Fn(&Times) -> String| {
        let named = Network::ALL.iter().zip(results);
        let rows = named.map(|(network, row)| {
            let cells = row.iter().map(|result| result.as_ref().map_or("FAILED".to_owned(), cell));
            std::iter::once(network.to_string()).chain(cells).collect::<Vec<_>>()
        });
        report::table(&heading(), &rows.collect::<Vec<_>>())
    };
    let direct = rows(&|times| times.direct.map_or("relay".to_owned(), report::milliseconds));
    let share = rows(&|times| times.share.map_or("none".to_owned(), report::milliseconds));
    format!(
        "# Every network to every other\n\nFrom the start of the miner's program, in a debug build, eight miners at a time.\n\n\
         ## Straight after\n\n{direct}\n## First share accepted after\n\n{share}"
    )
}
