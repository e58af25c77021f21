//! What a pool tells those who start and watch it: service managers, scripts, monitors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};
use tests::{
    BitcoinNode, PoolConfig, Process, Punchbowl,
    client::{Message, SLOW, Wanted},
    http,
    process::Signal,
    within_deadline,
};
use tokio::net::TcpStream;

#[tokio::test]
async fn pool_logs_each_listener_with_its_real_port_in_json_and_makes_its_ready_file() {
    let folder = tempfile::tempdir().unwrap();
    let ready_file = folder.path().join("ready");
    let more = ["--listen", "127.0.0.1:0", "--log-format", "json", "--ready-file", text(&ready_file)];
    let mut pool = embedded_pool(&folder.path().join("data"), &more);
    within_deadline("the ready file", async {
        while !ready_file.exists() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(fs::read_to_string(&ready_file).unwrap(), "ready\n");

    assert_eq!(pool.terminate().await.unwrap().code(), Some(0));
    let lines: Vec<Value> =
        pool.log().all().iter().map(|line| serde_json::from_str(line).expect(line)).collect();
    let listening: Vec<&Value> = lines.iter().filter(|line| line["message"] == "listening").collect();
    let transports: Vec<&Value> = listening.iter().map(|line| &line["transport"]).collect();
    assert_eq!(transports, ["tcp", "tcp", "iroh", "http"]);
    let addresses: BTreeSet<SocketAddr> =
        listening.iter().map(|line| line["address"].as_str().unwrap().parse().unwrap()).collect();
    assert_eq!(addresses.len(), 4);
    assert!(addresses.iter().all(|address| address.port() != 0), "{addresses:?}");
    for line in &listening[..2] {
        let key: p2p::AuthorityKey = line["authority_key"].as_str().unwrap().parse().unwrap();
        assert_eq!(line["authority_key"], key.to_string());
    }
}

#[tokio::test]
async fn every_listener_serves_and_the_key_files_are_made_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let more = ["--listen", "127.0.0.1:0", "--log-format", "json", "--ready-fd", "1"];
    let pool = embedded_pool(&data_dir, &more);
    pool.line(|line| line == "ready").await.unwrap();
    let mut authority: Option<p2p::AuthorityKey> = None;
    for line in pool.log().all().iter().filter(|line| line.contains("\"listening\"")) {
        let line: Value = serde_json::from_str(line).unwrap();
        let address: SocketAddr = line["address"].as_str().unwrap().parse().unwrap();
        match line["transport"].as_str().unwrap() {
            "http" => {
                let (head, _) = http::exchange(address, "GET /readyz HTTP/1.1", "", "").await.unwrap();
                assert!(head.starts_with("HTTP/1.1 200"), "{head}");
            }
            "iroh" => {
                let node = p2p::identity::parse_node_id(line["node"].as_str().unwrap()).unwrap();
                let authority = authority.expect("TCP is listened on first");
                let invite = p2p::Invite { node, authority, relays: vec![], addresses: vec![address] };
                let config = p2p::iroh::IrohConfig::for_dialling(p2p::iroh::SecretKey::generate(), [&invite]);
                let stream = p2p::IrohNode::bind(config).await.unwrap().dial(&invite).await.unwrap();
                assert_eq!(stream.peer(), node);
            }
            _ => {
                let key = line["authority_key"].as_str().unwrap().parse().unwrap();
                authority = Some(key);
                tests::Client::connect(address, key).await.unwrap().setup(0).await.unwrap();
            }
        }
    }
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let modes = [mode(&data_dir), mode(&data_dir.join("authority.key")), mode(&data_dir.join("node.key"))];
    assert_eq!(modes, [0o700, 0o600, 0o600]);
}

#[tokio::test]
async fn pool_started_before_core_says_what_it_waits_for_and_serves_once_core_is_there() {
    let Some(mut node) = BitcoinNode::regtest().await.unwrap() else { return };
    let config = PoolConfig::on_core(&node).every_hash_a_share();
    node.stop().await.unwrap();
    let pool = Punchbowl::pool_without_waiting(config).await.unwrap();
    assert_eq!(pool.get("/healthz").await.unwrap().0, 200);
    let (code, reason) = pool.get("/readyz").await.unwrap();
    assert_eq!(code, 503);
    assert!(reason.contains("node.sock"), "{reason}");
    // Miners may come already; they wait for work without being sent away.
    let mut miner = pool.miner(0).await.unwrap();
    miner.request_extended("ann.rig", SLOW, [0xff; 32], 4).await.unwrap();
    let opened = |message: &Message| match message {
        Message::OpenExtendedSuccess(open) => Some(open.channel_id),
        _ => None,
    };
    let channel = miner.until(opened).await.unwrap();

    node.restart().await.unwrap();
    pool.ready().await.unwrap();
    assert_eq!(pool.get("/readyz").await.unwrap(), (200, "ready\n".to_owned()));
    miner.until_channel(channel, |channel| channel.work().is_ok()).await.unwrap();
    let (_, parent) = node.tip().await.unwrap();
    let block = miner.find(channel, Wanted::Block).unwrap();
    assert!(miner.submit_and_wait(&block).await.unwrap().is_accepted());
    assert_eq!(node.wait_for_tip_after(&parent).await.unwrap().1, block.display_hash());
}

#[tokio::test]
async fn second_pool_on_a_data_folder_is_refused_and_the_first_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let mut first = embedded_pool(&data_dir, &["--ready-fd", "1"]);
    first.line(|line| line == "ready").await.unwrap();

    let mut second = embedded_pool(&data_dir, &[]);
    assert_eq!(second.exit().await.unwrap().code(), Some(1));
    let complaint = second.log().tail(10);
    let owner = format!("(process {})", first.pid().unwrap());
    for part in [text(&data_dir), "in use by another Punchbowl", &owner, "data_dir"] {
        assert!(complaint.contains(part), "no {part} in {complaint}");
    }
    let listening = first.line(|line| line.contains("transport=\"tcp\"")).await.unwrap();
    let address = listening.split("address=").nth(1).unwrap().split_whitespace().next().unwrap();
    TcpStream::connect(address).await.unwrap();

    // A pool that was killed leaves nothing that keeps the next one out.
    first.kill().await.unwrap();
    let third = embedded_pool(&data_dir, &["--ready-fd", "1"]);
    third.line(|line| line == "ready").await.unwrap();
}

#[tokio::test]
async fn run_folder_tells_other_programs_who_the_pool_is_and_how_it_fares() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let mut pool = embedded_pool(&data_dir, &["--ready-fd", "1"]);
    pool.line(|line| line == "ready").await.unwrap();
    let read = |name: &str| -> Option<Value> {
        serde_json::from_slice(&fs::read(data_dir.join("run").join(name)).ok()?).ok()
    };
    // Not a moment passes in which a reader finds half a file: each is there, whole, or not yet.
    let serving = || read("status.json").is_some_and(|status| status["serving"] == true);
    within_deadline("run/status.json to say that jobs are served", async {
        while !serving() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    let status = read("status.json").unwrap();
    assert_eq!((&status["network"], &status["source"]["state"]), (&"regtest".into(), &"serving".into()));
    assert!(status["template"]["height"].as_u64().unwrap() > 0);
    let identity = read("identity.json").unwrap();
    let authority: p2p::AuthorityKey = identity["authority_key"].as_str().unwrap().parse().unwrap();
    assert_eq!(identity["authority_key"], authority.to_string());
    assert_eq!(status["node"]["id"], identity["node_id"]);

    let healthcheck = || {
        let data_dir = ["--data-dir", text(&data_dir)];
        Punchbowl::spawn(&[&["healthcheck", "--network", "regtest"], &data_dir[..]].concat()).unwrap()
    };
    assert_eq!(healthcheck().exit().await.unwrap().code(), Some(0));
    assert_eq!(pool.terminate().await.unwrap().code(), Some(0));
    // As if it had hung a while ago.
    let mut silent = read("status.json").unwrap();
    silent["written_at"] = 1_700_000_000.into();
    fs::write(data_dir.join("run/status.json"), silent.to_string()).unwrap();
    let mut check = healthcheck();
    assert_eq!(check.exit().await.unwrap().code(), Some(1));
    assert!(check.log().tail(5).contains("hangs"), "{}", check.log().tail(5));
}

#[tokio::test]
async fn addresses_that_another_program_writes_down_are_in_the_invite_while_the_pool_runs() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let pool = embedded_pool(&data_dir, &["--ready-fd", "1"]);
    pool.line(|line| line == "ready").await.unwrap();
    let invite = || {
        let identity = fs::read(data_dir.join("run/identity.json")).ok()?;
        Some(serde_json::from_slice::<Value>(&identity).ok()?["invite"].as_str()?.to_owned())
    };
    for (written, comes, goes) in
        [("[\"8.8.8.8:31204\"]", "a=8.8.8.8:31204", "8.8.4.4"), ("[\"8.8.4.4:5\"]", "a=8.8.4.4:5", "8.8.8.8")]
    {
        fs::write(data_dir.join("run/external-addrs.json"), written).unwrap();
        within_deadline(&format!("{comes} in the invite"), async {
            while !invite().is_some_and(|invite| invite.contains(comes) && !invite.contains(goes)) {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    }
}

/// StartOS kills after thirty seconds, and Docker as our compose files set it.
#[tokio::test]
async fn pool_is_gone_within_thirty_seconds_even_when_core_hangs_and_core_stops_at_once_after_it() {
    let Some(mut node) = BitcoinNode::regtest().await.unwrap() else { return };
    let mut pool = Punchbowl::pool(PoolConfig::on_core(&node).every_hash_a_share()).await.unwrap();
    let mut miner = pool.miner(0).await.unwrap();
    miner.open_extended("ann.rig", SLOW).await.unwrap();
    node.process().signal(Signal::STOP).unwrap();
    let asked = Instant::now();
    assert_eq!(pool.terminate().await.unwrap().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(30), "it took {:?}", asked.elapsed());
    node.process().signal(Signal::CONT).unwrap();
    // It has no client left that it would wait for.
    node.stop().await.unwrap();
}

#[tokio::test]
async fn metrics_are_prometheus_text_and_count_what_happened() {
    let pool = Punchbowl::pool(PoolConfig::embedded("1d00ffff").every_hash_a_share()).await.unwrap();
    let mut miner = pool.miner(0).await.unwrap();
    let channel = miner.open_extended("ann.rig", SLOW).await.unwrap();
    let share = miner.find(channel, Wanted::Share).unwrap();
    assert!(miner.submit_and_wait(&share).await.unwrap().is_accepted());
    assert_eq!(miner.submit_and_wait(&share).await.unwrap().rejection(), Some("duplicate-share"));

    let (code, page) = pool.get("/metrics").await.unwrap();
    assert_eq!(code, 200);
    let series = parse_prometheus(&page);
    for (name, value) in [
        ("punchbowl_serving", 1.0),
        ("punchbowl_connections{path=\"tcp\"}", 1.0),
        ("punchbowl_channels", 1.0),
        ("punchbowl_shares_accepted_total", 1.0),
        ("punchbowl_shares_rejected_total{reason=\"duplicate-share\"}", 1.0),
        ("punchbowl_shares_rejected_total{reason=\"stale-share\"}", 0.0),
        ("punchbowl_blocks_accepted_total", 0.0),
    ] {
        assert_eq!(series.get(name), Some(&value), "{name} in\n{page}");
    }
}

/// `punchbowl pool` on the embedded chain, started with flags alone.
fn embedded_pool(data_dir: &Path, more: &[&str]) -> Process {
    let common = ["pool", "--network", "regtest", "--template-source", "embedded", "--http", "127.0.0.1:0"];
    let own = ["--listen", "127.0.0.1:0", "--data-dir", text(data_dir)];
    let on_loopback = ["--set", "p2p.bind=127.0.0.1:0", "--set", "p2p.port_mapping=false"];
    Punchbowl::spawn(&[&common[..], &own, &on_loopback, more].concat()).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The samples of a page in Prometheus' text format 0.0.4, by name and labels. Panics
/// where the page is not in that format.
fn parse_prometheus(page: &str) -> BTreeMap<&str, f64> {
    let mut types = BTreeMap::new();
    let mut series = BTreeMap::new();
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect(line);
            assert!(["counter", "gauge"].contains(&kind), "{line}");
            assert_eq!(types.insert(name, kind), None, "{name} has two types");
        } else if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(rest.contains(' '), "help without words: {line}");
        } else {
            let (name_and_labels, value) = line.rsplit_once(' ').expect(line);
            let (name, labels) = name_and_labels.split_once('{').unwrap_or((name_and_labels, "}"));
            assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{line}");
            assert!(labels.ends_with('}'), "{line}");
            let kind = types.get(name).unwrap_or_else(|| panic!("{name} has no type"));
            assert_eq!(name.ends_with("_total"), *kind == "counter", "{line}");
            assert_eq!(series.insert(name_and_labels, value.parse().expect(line)), None, "twice: {line}");
        }
    }
    series
}
