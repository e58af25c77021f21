//! A member's relay for the pool, behind real NATs: offered, named, used, and given up.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use anyhow::Result;
use p2p::Invite;
use serde_json::Value;
use tests::{
    Process, Punchbowl,
    nat::{Lab, Member, Network, Relay, Way, easy_shares, waits_at_its_relays},
};

const NAMED: &str = "the pool waits at this relay and names it in its invite";

#[tokio::test(flavor = "multi_thread")]
async fn a_member_s_relay_is_named_by_the_pool_and_used_when_the_host_s_own_dies() {
    let Some(lab) = Lab::new().await.unwrap() else { return };
    let public = lab.network("dc", Network::Public).await.unwrap();
    let mut hosts = Relay::start(&public.host("relay").await.unwrap()).await.unwrap();
    let site = lab.network("site", Network::Symmetric).await.unwrap();
    let config = easy_shares().at_relay(hosts.hint()).p2p("accept_relays = 1\ndiscovery.dht = \"off\"");
    let pool = Punchbowl::pool_at(&site.host("pool").await.unwrap(), config).await.unwrap();
    waits_at_its_relays(&pool).await.unwrap();
    let invite = pool.printed_invite().await.unwrap();

    // Ann has a machine that everybody reaches, and the invite.
    let mut anns = Relay::offered_to(&public.host("ann").await.unwrap(), &invite).await.unwrap();
    told(anns.process().line(|line| line.contains(NAMED)).await, &[anns.process(), pool.process()]);
    let named = until_invite(&pool, |invite| names(invite, &anns)).await;
    assert_eq!(named.relays.len(), 2, "the host's own comes first: {named}");
    let status = pool.status().await.unwrap();
    let offered = relay_of(&status, &anns).expect("in the status");
    assert_eq!((&offered["offered"], &offered["named"]), (&true.into(), &true.into()), "{status:#}");

    // There is room for one: Bob's is not taken, and he is told.
    let bobs = Relay::offered_to(&public.host("bob").await.unwrap(), &invite).await.unwrap();
    let refused = bobs.process().line(|line| line.contains("it has as many as it takes")).await;
    told(refused, &[bobs.process(), pool.process()]);

    // The host's relay is gone for good. Who has the new invite comes in through Ann's.
    hosts.kill().await.unwrap();
    let home = lab.network("home", Network::Symmetric).await.unwrap();
    let named = Invite { addresses: Vec::new(), ..named };
    let member = Member::start(&home.host("member").await.unwrap(), &named, &["--no-dht"]).unwrap();
    let mines = async {
        member.goes(Way::Relayed).await?;
        member.accepted(20).await
    };
    told(mines.await, &[member.process(), pool.process(), anns.process()]);
    let status = pool.status().await.unwrap();
    let used = status["connections"].as_array().unwrap().iter().find_map(|one| one["iroh"]["relay"].as_str());
    assert!(used.unwrap().contains(&anns.ip().unwrap()), "{status:#}");

    // Ann switches hers off: it is named no longer, and the pool no longer waits there.
    assert!(anns.terminate().await.unwrap().success());
    until_invite(&pool, |invite| !names(invite, &anns)).await;
    pool.until_status(|status| relay_of(status, &anns).is_none()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_others_do_not_reach_is_never_named() {
    let Some(lab) = Lab::new().await.unwrap() else { return };
    let public = lab.network("dc", Network::Public).await.unwrap();
    let host = public.host("pool").await.unwrap();
    let pool = Punchbowl::pool_at(&host, easy_shares().p2p("accept_relays = 1")).await.unwrap();
    let invite = pool.printed_invite().await.unwrap();
    // Behind a router that forwards nothing; its public address is what --public says.
    let home = lab.network("home", Network::Home).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let outside = home.outer_ip().unwrap().to_string();
    let arguments = ["relay", "--data-dir", folder.path().to_str().unwrap(), "--listen", "0.0.0.0:443"];
    let invite = invite.to_string();
    let arguments = [&arguments[..], &["--public", &outside, "--offer", &invite]].concat();
    let relay = Punchbowl::spawn_at(&home.host("carl").await.unwrap(), &arguments).unwrap();
    let warned =
        relay.line(|line| line.contains("does not name this relay") && !line.contains("not reached yet"));
    told(warned.await, &[&relay, pool.process()]);
    let printed = pool.printed_invite().await.unwrap();
    assert!(printed.relays.iter().all(|named| !named.to_string().starts_with(&outside)), "{printed}");
}

fn names(invite: &Invite, relay: &Relay) -> bool {
    invite.relays.iter().any(|named| named.to_string() == relay.hint())
}

fn relay_of<'a>(status: &'a Value, relay: &Relay) -> Option<&'a Value> {
    status["relays"].as_array()?.iter().find(|known| known["relay"] == relay.hint())
}

/// What `punchbowl invite` prints as soon as `wanted` accepts it.
async fn until_invite(pool: &Punchbowl, wanted: impl Fn(&Invite) -> bool) -> Invite {
    let printed = tests::within_deadline("the invite to change", async {
        loop {
            let invite = pool.printed_invite().await.unwrap();
            if wanted(&invite) {
                return invite;
            }
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    });
    match printed.await {
        Ok(invite) => invite,
        Err(error) => panic!("{error:#}\npool:\n{}", pool.process().log().tail(20)),
    }
}

fn told<T>(outcome: Result<T>, processes: &[&Process]) {
    let Err(error) = outcome else { return };
    let logs: Vec<String> =
        processes.iter().map(|process| format!("{}:\n{}", process.name(), process.log().tail(20))).collect();
    panic!("{error:#}\n{}", logs.join(""));
}
