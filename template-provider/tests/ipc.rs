//! Templates from a real Bitcoin Core, and blocks to it.
//!
//! Skipped, saying so, where there is no `bitcoin-node` (see `support::node`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use support::miner::{solve, solve_paying};
use support::node::{Node, soon};
use tempfile::TempDir;
use template_provider::ipc::{self, IpcConfig, socket_path};
use template_provider::{CoinbaseReserve, Network, SolutionError, SourceHandle, SourceStatus, Template};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A source on a node, stopped when dropped.
struct Source {
    handle: SourceHandle,
    cancel: CancellationToken,
    solutions: TempDir,
    _stop: DropGuard,
}

impl Source {
    fn on(node: &Node) -> Source {
        Source::with(node, TempDir::new().unwrap(), |_| ())
    }

    fn with(node: &Node, solutions: TempDir, change: impl FnOnce(&mut IpcConfig)) -> Source {
        let socket = socket_path(node.data_dir(), Network::Regtest);
        let mut config = IpcConfig::new(socket, Network::Regtest, solutions.path().into());
        config.min_interval = Duration::ZERO;
        change(&mut config);
        let cancel = CancellationToken::new();
        let handle = ipc::start(config, cancel.clone());
        Source { handle, solutions, _stop: cancel.clone().drop_guard(), cancel }
    }

    /// Waits for a template that is as wanted.
    async fn template(&mut self, what: &str, wanted: impl Fn(&Template) -> bool) -> Arc<Template> {
        let templates = &mut self.handle.templates;
        let found = templates.wait_for(|template| template.as_ref().is_some_and(|t| wanted(t)));
        soon(what, found).await.unwrap().clone().unwrap()
    }

    async fn status(&mut self, what: &str, wanted: impl Fn(&SourceStatus) -> bool) -> SourceStatus {
        soon(what, self.handle.status.wait_for(|status| wanted(status))).await.unwrap().clone()
    }

    async fn reason(&mut self, part: &str) -> String {
        let wanted = |status: &SourceStatus| matches!(status, SourceStatus::Connecting { reason } if reason.contains(part));
        match self.status(part, wanted).await {
            SourceStatus::Connecting { reason } => reason,
            _ => unreachable!(),
        }
    }

    fn files(&self, state: &str) -> usize {
        let folder = self.solutions.path().join("regtest");
        let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
        entries.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|e| e == state)).count()
    }

    async fn stop(self) -> TempDir {
        self.cancel.cancel();
        soon("stop", self.handle.stopped()).await;
        self.solutions
    }
}

/// A node with some blocks, whose coinbases anyone can spend.
fn node_with_blocks(count: u32) -> Option<Node> {
    let node = Node::start()?;
    node.mine(count);
    Some(node)
}

#[tokio::test]
async fn block_solved_on_a_pushed_template_becomes_the_tip_of_bitcoin_core() {
    let Some(node) = node_with_blocks(20) else { return };
    let mut source = Source::on(&node);
    let template = source.template("full template", |t| !t.provisional).await;
    assert_eq!(template.height, 21);
    assert_eq!(template.prev_hash.to_string(), node.tip());
    assert_eq!(*source.handle.status.borrow(), SourceStatus::Serving);

    let solution = solve(&template, b"punchbowl");
    let outcome = source.handle.submit(solution.clone()).await.unwrap();

    assert_eq!((outcome.hash, outcome.height, outcome.is_tip), (solution.hash, 21, true));
    assert_eq!(node.tip(), solution.hash.to_string());
    assert_eq!((source.files("sent"), source.files("block"), source.files("pending")), (1, 1, 0));
    source.template("template on the new tip", |t| t.prev_hash == solution.hash).await;

    let again = source.handle.submit(solution).await.unwrap();
    assert_eq!(again.height, 21);
}

#[tokio::test]
async fn provisional_template_can_be_solved_too() {
    let Some(node) = node_with_blocks(20) else { return };
    let mut source = Source::on(&node);
    let template = source.template("any template", |_| true).await;
    let solution = solve(&template, b"");
    source.handle.submit(solution.clone()).await.unwrap();
    assert_eq!(node.tip(), solution.hash.to_string());
}

#[tokio::test]
async fn block_that_breaks_a_rule_is_refused_with_the_reason() {
    let Some(node) = node_with_blocks(20) else { return };
    let mut source = Source::on(&node);
    let template = source.template("full template", |t| !t.provisional).await;
    let greedy = solve_paying(&template, template.coinbase.value_remaining + 1, b"");
    let refused = source.handle.submit(greedy).await.unwrap_err();
    assert!(matches!(&refused, SolutionError::Rejected(_)), "{refused}");
    assert_eq!((node.height(), source.files("refused"), source.files("pending")), (20, 1, 0));

    let unknown = template_provider::Solution { template_id: u64::MAX, ..solve(&template, b"") };
    let unknown = source.handle.submit(unknown).await.unwrap_err();
    assert_eq!(unknown, SolutionError::UnknownTemplate(u64::MAX));
}

#[tokio::test]
async fn tip_from_elsewhere_gives_a_provisional_template_and_then_a_full_one_and_never_the_old_tip() {
    let Some(node) = node_with_blocks(20) else { return };
    let mut source = Source::on(&node);
    source.template("first full template", |t| !t.provisional).await;

    // Everything that is published from now on.
    let mut watched = source.handle.templates.clone();
    watched.mark_unchanged();
    let seen = tokio::spawn(async move {
        let mut seen: Vec<Arc<Template>> = Vec::new();
        while seen.last().is_none_or(|last| last.height < 26 || last.provisional) {
            watched.changed().await.unwrap();
            seen.push(watched.borrow_and_update().clone().unwrap());
        }
        seen
    });
    for _ in 0..5 {
        let node_height = node.height();
        node.mine(1);
        source.template("template on it", |t| t.height == node_height + 2).await;
    }
    let seen = soon("last full template", seen).await.unwrap();
    assert!(seen.is_sorted_by_key(|t| t.height), "{seen:?}");
    assert!(
        seen.is_sorted_by(|a, b| a.id != b.id && (a.height < b.height || a.provisional || !b.provisional))
    );
    assert_eq!(seen.last().unwrap().prev_hash.to_string(), node.tip());
}

#[tokio::test]
async fn solution_for_the_old_tip_is_valid_but_not_the_tip() {
    let Some(node) = node_with_blocks(20) else { return };
    let mut source = Source::on(&node);
    let template = source.template("full template", |t| !t.provisional).await;
    node.mine(1);
    source.template("template on the new tip", |t| t.height == 22).await;
    let late = source.handle.submit(solve(&template, b"late")).await.unwrap();
    assert!(!late.is_tip);
    assert_ne!(node.tip(), late.hash.to_string());
}

#[tokio::test]
async fn tip_that_is_taken_back_gives_a_template_on_the_block_before() {
    let Some(node) = node_with_blocks(20) else { return };
    let mut source = Source::on(&node);
    source.template("first template", |t| t.height == 21 && !t.provisional).await;
    let (tip, before) = (node.tip(), node.cli(&["getblockhash", "19"]));
    node.cli(&["invalidateblock", &tip]);
    let template =
        source.template("lower template", |t| t.prev_hash.to_string() == before && !t.provisional).await;
    assert_eq!(template.height, 20);
}

#[tokio::test]
async fn node_that_still_downloads_the_chain_is_syncing_and_gives_no_template() {
    let Some(node) = Node::start_on("main") else { return };
    let socket = socket_path(node.data_dir(), Network::Bitcoin);
    let mut source = lone_source(&socket, Network::Bitcoin);
    source.status("syncing", |status| *status == SourceStatus::Syncing { height: 0 }).await;
    assert!(source.handle.templates.borrow().is_none());
    source.stop().await;
}

#[tokio::test]
async fn core_that_is_asked_to_stop_stops_though_we_are_connected_and_serves_again_later() {
    let Some(mut node) = node_with_blocks(20) else { return };
    let mut source = Source::on(&node);
    source.template("full template", |t| !t.provisional).await;
    node.stop();
    source.reason("").await;
    node.run();
    source.status("serving again", |status| *status == SourceStatus::Serving).await;
}

#[tokio::test]
async fn transactions_give_fees_and_a_merkle_path_that_core_accepts() {
    let Some(node) = node_with_blocks(110) else { return };
    let mut source = Source::with(&node, TempDir::new().unwrap(), |config| config.fee_threshold = 1);
    source.template("full template", |t| !t.provisional).await;
    for height in 1..=3 {
        spend_coinbase(&node, height);
    }
    let template = source.template("fees", |t| t.transactions == 3).await;
    assert_eq!(template.fees, 3 * 10_000);
    assert_eq!(template.subsidy + template.fees, template.coinbase.value_remaining);
    assert!(!template.merkle_path.is_empty() && !template.provisional);
    let solution = solve(&template, b"");
    source.handle.submit(solution.clone()).await.unwrap();
    assert_eq!(node.tip(), solution.hash.to_string());
}

/// Puts a transaction with a fee of 10 000 sat in the mempool.
fn spend_coinbase(node: &Node, height: u32) {
    let hash = node.cli(&["getblockhash", &height.to_string()]);
    let block: bitcoin::Block =
        bitcoin::consensus::encode::deserialize_hex(&node.cli(&["getblock", &hash, "0"])).unwrap();
    let coinbase = &block.txdata[0];
    let tx = bitcoin::Transaction {
        version: bitcoin::transaction::Version::TWO,
        lock_time: bitcoin::absolute::LockTime::ZERO,
        input: vec![bitcoin::TxIn {
            previous_output: bitcoin::OutPoint { txid: coinbase.compute_txid(), vout: 0 },
            ..Default::default()
        }],
        output: vec![bitcoin::TxOut {
            value: coinbase.output[0].value - bitcoin::Amount::from_sat(10_000),
            script_pubkey: bitcoin::ScriptBuf::from_bytes([vec![0x00, 0x20], vec![1; 32]].concat()),
        }],
    };
    node.cli(&["sendrawtransaction", &bitcoin::consensus::encode::serialize_hex(&tx), "0"]);
}

#[tokio::test]
async fn killed_core_that_comes_back_serves_again_through_the_same_handle() {
    let Some(mut node) = node_with_blocks(20) else { return };
    let mut source = Source::on(&node);
    let before = source.template("first template", |t| !t.provisional).await;

    node.kill();
    source.reason("").await;
    assert!(source.handle.templates.borrow().is_some(), "the last template stays");

    node.run();
    node.mine(30);
    source.status("serving again", |status| *status == SourceStatus::Serving).await;
    let tip = node.tip();
    let after =
        source.template("template on the tip", |t| t.prev_hash.to_string() == tip && !t.provisional).await;
    assert!(after.id > before.id);
    let solution = solve(&after, b"");
    source.handle.submit(solution.clone()).await.unwrap();
    assert_eq!(node.tip(), solution.hash.to_string());
}

#[tokio::test]
async fn solution_found_while_core_is_down_lands_when_it_is_back() {
    let Some(mut node) = node_with_blocks(20) else { return };
    let mut source = Source::on(&node);
    let template = source.template("full template", |t| !t.provisional).await;
    let solution = solve(&template, b"while you were away");
    // So that its blocks are on disk when it is killed.
    node.cli(&["gettxoutsetinfo", "none"]);
    node.kill();
    source.reason("").await;

    let away = source.handle.submit(solution.clone()).await.unwrap_err();
    assert!(matches!(away, SolutionError::Unreachable(_)), "{away}");
    assert_eq!((source.files("pending"), source.files("block")), (1, 1));

    node.run();
    source.template("template on it", |t| t.prev_hash == solution.hash).await;
    assert_eq!(node.tip(), solution.hash.to_string());
}

#[tokio::test]
async fn solution_left_by_an_earlier_run_is_sent_at_the_start() {
    let Some(mut node) = node_with_blocks(20) else { return };
    let mut source = Source::on(&node);
    let template = source.template("full template", |t| !t.provisional).await;
    node.cli(&["gettxoutsetinfo", "none"]);
    node.kill();
    source.reason("").await;
    let solution = solve(&template, b"");
    source.handle.submit(solution.clone()).await.unwrap_err();
    let solutions = source.stop().await;

    node.run();
    let mut source = Source::with(&node, solutions, |_| ());
    source.template("template on it", |t| t.prev_hash == solution.hash).await;
    assert_eq!(node.tip(), solution.hash.to_string());
}

#[tokio::test]
async fn grown_reserve_asks_for_a_new_template_with_more_room() {
    let Some(node) = node_with_blocks(20) else { return };
    let mut source = Source::on(&node);
    let before = source.template("full template", |t| !t.provisional).await;
    source.handle.reserve.send_replace(CoinbaseReserve { output_bytes: 10_000, sigops: 700 });
    let after = source.template("another", |t| t.id > before.id && !t.provisional).await;
    assert_eq!(after.prev_hash, before.prev_hash);
    // Core logs what it counted in advance: four for each signature operation.
    assert!(node.debug_log().contains("sigops 2800"));
}

#[tokio::test]
async fn cancelled_source_takes_leave_of_core() {
    let Some(node) = node_with_blocks(20) else { return };
    let threads = || std::fs::read_dir(format!("/proc/{}/task", node.pid())).unwrap().count();
    let before = threads();
    let mut source = Source::on(&node);
    source.template("full template", |t| !t.provisional).await;
    assert!(threads() > before, "calls have threads of their own in Core");
    source.stop().await;
    soon("our threads in Core to end", async {
        while threads() > before {
            tokio::task::yield_now().await;
        }
    })
    .await;
    node.mine(1);
    assert_eq!(node.height(), 21);
}

#[tokio::test]
async fn core_that_hangs_does_not_hold_up_our_stop() {
    let Some(node) = node_with_blocks(20) else { return };
    let mut source = Source::on(&node);
    source.template("full template", |t| !t.provisional).await;
    node.freeze();
    source.stop().await;
}

fn lone_source(socket: &Path, network: Network) -> Source {
    let solutions = TempDir::new().unwrap();
    let cancel = CancellationToken::new();
    let handle = ipc::start(IpcConfig::new(socket.into(), network, solutions.path().into()), cancel.clone());
    Source { handle, solutions, _stop: cancel.clone().drop_guard(), cancel }
}

#[tokio::test]
async fn missing_socket_says_how_to_start_the_node() {
    let dir = TempDir::new().unwrap();
    let mut source = lone_source(&dir.path().join("node.sock"), Network::Regtest);
    let reason = source.reason("does not exist").await;
    assert!(reason.contains("-ipcbind=unix"), "{reason}");
    let solution = template_provider::Solution {
        template_id: 1,
        version: 0,
        ntime: 0,
        nonce: 0,
        coinbase: Vec::new(),
        hash: Default::default(),
    };
    assert_eq!(source.handle.submit(solution).await.unwrap_err(), SolutionError::UnknownTemplate(1));
    source.stop().await;
}

#[tokio::test]
async fn socket_that_nobody_listens_on_is_told_apart() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("node.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let reason = lone_source(&path, Network::Regtest).reason("nobody listens").await;
    assert!(reason.contains("not running"), "{reason}");
}

#[tokio::test]
async fn peer_that_does_not_speak_cap_n_proto_is_told_apart() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("node.sock");
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let peer = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await;
        }
    });
    lone_source(&path, Network::Regtest).reason("does not speak Bitcoin Core's IPC").await;
    peer.abort();
}

#[tokio::test]
async fn node_on_another_chain_is_refused_by_name() {
    let Some(node) = node_with_blocks(1) else { return };
    let socket = socket_path(node.data_dir(), Network::Regtest);
    lone_source(&socket, Network::Bitcoin).reason("test chain").await;
    let reason = lone_source(&socket, Network::Signet).reason("the node is on regtest").await;
    assert!(reason.contains("signet"), "{reason}");
}
