//! Members that reach the pool through a relay only: the built binary as relay, pool and
//! miner, over loopback. The miners have no UDP socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use p2p::relay_trust::Pins;
use p2p::{Invite, RelayHint};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tests::{PoolConfig, Process, Punchbowl};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

#[tokio::test]
async fn a_member_mines_through_a_relay_that_runs_alone_knowing_nothing_but_the_invite() {
    let folder = tempfile::tempdir().unwrap();
    let (mut relay, line) = relay(folder.path(), "127.0.0.1:0", &["--for", "anyone"]).await;
    let pool = Punchbowl::pool(config().at_relay(&line)).await.unwrap();
    pool.process().line(|line| line.contains("waiting for members at a relay")).await.unwrap();

    let invite = invite(&pool);
    assert_eq!(invite.relays.iter().map(ToString::to_string).collect::<Vec<_>>(), [line]);
    let miner = miner(&invite);
    miner.line(|line| line == "path: iroh-relayed").await.unwrap();
    miner.line(|line| line.contains("shares accepted")).await.unwrap();

    let status = pool.status().await.unwrap();
    assert_eq!(status["relays"][0]["state"], "connected", "{status}");
    assert_eq!(status["connections"][0]["path"], "iroh-relayed", "{status}");
    let metrics = pool.get("/metrics").await.unwrap().1;
    assert!(metrics.contains("punchbowl_relays{state=\"connected\"} 1"), "{metrics}");
    assert!(relay.terminate().await.unwrap().success());
}

#[tokio::test]
async fn a_member_mines_through_the_pools_own_relay() {
    let own = "[p2p.relay]\nmode = \"on\"\nbind = \"127.0.0.1\"\nport = 0\nqad = 0";
    let pool = Punchbowl::pool(config().section(own)).await.unwrap();
    pool.process().line(|line| line.contains("waiting for members at a relay")).await.unwrap();
    let miner = miner(&invite(&pool));
    miner.line(|line| line == "path: iroh-relayed").await.unwrap();
    miner.line(|line| line.contains("shares accepted")).await.unwrap();

    let status = pool.status().await.unwrap();
    assert_eq!(
        (&status["relays"][0]["own"], &status["relays"][0]["state"]),
        (&true.into(), &"connected".into())
    );
    assert!(status["own_relay"]["bytes"].as_u64().unwrap() > 0, "{status}");
}

#[tokio::test]
async fn the_pools_pages_and_its_relay_share_a_port_where_the_host_wants_that() {
    let own = "[p2p.relay]\nmode = \"on\"\nbind = \"127.0.0.1\"\nport = 0\nqad = 0\ndashboard = true";
    let pool = Punchbowl::pool(config().section(own)).await.unwrap();
    pool.process().line(|line| line.contains("waiting for members at a relay")).await.unwrap();
    let status = pool.status().await.unwrap();
    let relay: RelayHint = status["relays"][0]["relay"].as_str().unwrap().parse().unwrap();

    // The certificate carries the node key, which is what the invite says of it.
    let pins = Pins::default();
    assert!(pins.expect(&relay.host, relay.pinned_key(pool.invite().node)));
    let tls = TlsConnector::from(Arc::new(pins.client_config().unwrap()));
    let socket = TcpStream::connect((relay.host.to_string(), relay.port)).await.unwrap();
    let mut page = tls.connect("127.0.0.1".try_into().unwrap(), socket).await.unwrap();
    page.write_all(b"GET /api/v1/status HTTP/1.1\r\nHost: pool\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    page.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("\"network\":\"regtest\""), "{answer}");

    let miner = miner(&invite(&pool));
    miner.line(|line| line == "path: iroh-relayed").await.unwrap();
    miner.line(|line| line.contains("shares accepted")).await.unwrap();
}

#[tokio::test]
async fn a_relay_that_is_offered_where_none_is_wanted_hears_why() {
    let folder = tempfile::tempdir().unwrap();
    for (taken, reason) in
        [(0, "its host allows some with accept_relays"), (1, "no address which the whole internet")]
    {
        let pool = Punchbowl::pool(config().p2p(&format!("accept_relays = {taken}"))).await.unwrap();
        let offer = ["--offer", &pool.invite().to_string()];
        let (mut relay, _) = relay(&folder.path().join(taken.to_string()), "127.0.0.1:0", &offer).await;
        relay
            .line(|line| line.contains("the pool does not take the relay") && line.contains(reason))
            .await
            .unwrap();
        assert_eq!(pool.status().await.unwrap()["relays"].as_array().unwrap().len(), 0);
        assert!(relay.terminate().await.unwrap().success());
    }
}

#[tokio::test]
async fn a_pool_is_told_why_a_relay_for_others_does_not_take_it_until_it_is_on_the_list() {
    let folder = tempfile::tempdir().unwrap();
    let members = folder.path().join("members.txt");
    fs::write(&members, "# nobody yet\n").unwrap();
    let (_relay, line) = relay(folder.path(), "127.0.0.1:0", &["--members", members.to_str().unwrap()]).await;
    let pool = Punchbowl::pool(config().at_relay(&line)).await.unwrap();
    pool.process().line(|line| line.contains("not a member of this pool")).await.unwrap();
    assert_eq!(pool.status().await.unwrap()["relays"][0]["state"], "denied");

    fs::write(&members, format!("{}\n", pool.invite().node.to_z32())).unwrap();
    pool.process().line(|line| line.contains("waiting for members at a relay")).await.unwrap();
}

#[tokio::test]
async fn a_relay_that_restarts_on_its_port_has_its_members_mining_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, line) = relay(folder.path(), "127.0.0.1:0", &["--for", "anyone"]).await;
    let pool = Punchbowl::pool(config().at_relay(&line)).await.unwrap();
    pool.process().line(|line| line.contains("waiting for members at a relay")).await.unwrap();
    let invite = invite(&pool);
    let miner = miner(&invite);
    miner.line(|line| line.contains("shares accepted")).await.unwrap();

    first.kill().await.unwrap();
    pool.process().line(|line| line.contains("a relay is not to be had")).await.unwrap();
    let address = line.split_once(',').unwrap().0;
    let (_again, same) = relay(folder.path(), address, &["--for", "anyone"]).await;
    assert_eq!(same, line, "the key is kept");
    // Old or new, the connection gets through again.
    let mark = miner.log().mark();
    miner.line_after(mark, |line| line.contains("shares accepted")).await.unwrap();
}

/// A relay that listens at `address`, and the line that it prints.
async fn relay(folder: &Path, address: &str, who: &[&str]) -> (Process, String) {
    let data_dir = folder.join("relay");
    let arguments = ["relay", "--data-dir", data_dir.to_str().unwrap(), "--listen", address, "--qad", "off"];
    let relay = Punchbowl::spawn(&[&arguments, who].concat()).unwrap();
    // The line alone is on standard output; log lines are JSON or begin with a time.
    let line = relay.line(|line| line.starts_with("127.0.0.1:")).await.unwrap();
    (relay, line)
}

/// What the pool itself writes down, without any address.
fn invite(pool: &Punchbowl) -> Invite {
    let text = fs::read_to_string(pool.data_dir().join("invite")).unwrap();
    Invite { addresses: vec![], ..text.parse().unwrap() }
}

fn miner(invite: &Invite) -> Process {
    Punchbowl::spawn(&["miner", &invite.to_string(), "--relay-only", "--max-hash-rate", "100"]).unwrap()
}

/// Shares come quickly, and none of them is a block.
fn config() -> PoolConfig {
    PoolConfig::embedded("1d00ffff").every_hash_a_share()
}
