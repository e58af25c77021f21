//! What the host puts into the coinbase besides the payouts, as a real Bitcoin Core and the
//! audit see it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use ledger::{Commitment, Reader, anchor};
use serde_json::{Value, json};
use std::collections::HashSet;
use tests::{
    BitcoinNode, Client, PoolConfig, Punchbowl,
    client::{Channel, SLOW, Wanted},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a pool commits to always, and what a program sets.
const FIXED: &str = "0102030405";
const SIDE: &str = "52534b424c4f434b3aa5a5a5a5";

#[tokio::test]
async fn block_with_commitments_is_taken_by_core_and_a_commitment_ends_with_its_time() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let section = format!(
        "[coinbase]\ncommitment_bytes = 100\ncommitments = [{FIXED:?}]\nrandom_bytes = 8\nledger_root = true"
    );
    let mut pool =
        Punchbowl::pool(PoolConfig::on_core(&node).every_hash_a_share().section(&section)).await.unwrap();
    let token = new_token(&pool).await;
    let mut miner = pool.miner(0).await.unwrap();
    let channel = miner.open_extended("ann.rig", SLOW).await.unwrap();

    // Only with the token, only so many bytes, and never what means something else.
    let body = json!({"data": SIDE, "seconds": 600});
    for wrong in ["", &"0".repeat(64)] {
        assert_eq!(put(&pool, "side", wrong, &body).await.0, 401);
    }
    let too_much = json!({"data": "00".repeat(80), "seconds": 600});
    let (code, words) = put(&pool, "side", &token, &too_much).await;
    assert!(code == 409 && words.contains("coinbase.commitment_bytes"), "{code} {words}");
    let witness = json!({"data": "aa21a9ed00", "seconds": 600});
    assert_eq!(put(&pool, "side", &token, &witness).await.0, 400);
    assert_eq!(put(&pool, "side", &token, &body).await.0, 200);

    miner.until_channel(channel, |channel| commits_to(channel, SIDE)).await.unwrap();
    let first = find_block(&node, &mut miner, channel).await;
    let scripts = op_returns(&node, &first).await;
    assert!(scripts[0].ends_with(FIXED) && scripts[1].ends_with(SIDE), "{scripts:?}");

    // That block ended a slice: the next one says in the chain which ledger there was.
    miner.until_channel(channel, |channel| anchored(channel).is_some()).await.unwrap();
    let second = find_block(&node, &mut miner, channel).await;
    let anchors: Vec<Commitment> = op_returns(&node, &second)
        .await
        .iter()
        .filter_map(|hex| anchor::head(&bitcoin::ScriptBuf::from_hex(hex).unwrap()))
        .collect();
    let heads = Reader::open(&pool.ledger()).unwrap().heads(1, usize::MAX).unwrap();
    let heads: Vec<Commitment> = heads.iter().map(|head| head.head.hash()).collect();
    assert!(anchors.len() == 1 && heads.contains(&anchors[0]), "{anchors:?} {heads:?}");

    // It ends at once when that is asked for, and by itself.
    assert_eq!(request(&pool, "DELETE", "side", &token, None).await.0, 200);
    miner.until_channel(channel, |channel| !commits_to(channel, SIDE)).await.unwrap();
    assert_eq!(put(&pool, "brief", &token, &json!({"data": SIDE, "seconds": 1})).await.0, 200);
    miner.until_channel(channel, |channel| commits_to(channel, SIDE)).await.unwrap();
    miner.until_channel(channel, |channel| !commits_to(channel, SIDE)).await.unwrap();
    let status = pool.status().await.unwrap()["commitments"].clone();
    assert_eq!(status["commitments"].as_array().unwrap().len(), 1, "{status}");
    let third = find_block(&node, &mut miner, channel).await;
    assert!(!op_returns(&node, &third).await.iter().any(|script| script.ends_with(SIDE)));

    // No two blocks have the same random bytes, behind the height and before the extranonce.
    let mut random = HashSet::new();
    for hash in [&first, &second, &third] {
        let block = node.block(hash).await.unwrap();
        let script_sig = block["tx"][0]["vin"][0]["coinbase"].as_str().unwrap().to_owned();
        let bytes = script_sig.len() / 2;
        random.insert(script_sig[script_sig.len() - 2 * (16 + 8)..script_sig.len() - 2 * 16].to_owned());
        assert!(bytes <= 100, "{script_sig}");
    }
    assert_eq!(random.len(), 3, "{random:?}");

    assert_eq!(pool.terminate().await.unwrap().code(), Some(0));
    let ledger = pool.ledger().display().to_string();
    let authority = pool.authority().to_string();
    let output = Punchbowl::run(&["verify", &ledger, "--authority", &authority, "--json"]).await.unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &report["discrepancy_count"]), (Some(0), &json!(0)), "{report:#}");
    assert!(report["jobs_anchored"].as_u64().unwrap() > 0, "{report:#}");
}

#[tokio::test]
async fn nothing_is_added_to_a_coinbase_unless_the_host_says_so() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let pool = Punchbowl::pool(PoolConfig::on_core(&node).every_hash_a_share()).await.unwrap();
    assert_eq!(pool.get("/api/v1/commitments").await.unwrap().0, 404);
    let mut miner = pool.miner(0).await.unwrap();
    let channel = miner.open_extended("ann.rig", SLOW).await.unwrap();
    let block = find_block(&node, &mut miner, channel).await;
    // The witness commitment, which Bitcoin asks for.
    assert_eq!(op_returns(&node, &block).await.len(), 1);
    let block = node.block(&block).await.unwrap();
    let script_sig = block["tx"][0]["vin"][0]["coinbase"].as_str().unwrap().len() / 2;
    // Core's prefix with the height, and the extranonce.
    assert!(script_sig <= 16 + 4, "{script_sig} bytes");
}

#[tokio::test]
async fn an_address_that_a_block_paid_before_is_warned_of_in_log_status_and_check_config() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    let config = PoolConfig::on_core(&node).paying(address).every_hash_a_share();
    let mut pool = Punchbowl::pool(config).await.unwrap();
    let before = pool.until_status(|status| !status["payout"].is_null()).await.unwrap()["payout"].clone();
    assert_eq!(
        (&before["address"], &before["blocks_paid"], &before["warning"]),
        (&json!(address), &json!(0), &Value::Null)
    );
    assert!(!checked(&pool).await.contains("Note: "));
    let mut miner = pool.miner(0).await.unwrap();
    let channel = miner.open_extended("ann.rig", SLOW).await.unwrap();
    find_block(&node, &mut miner, channel).await;
    let after = pool.until_status(|status| status["payout"]["blocks_paid"] == 1).await.unwrap();
    assert!(after["payout"]["warning"].as_str().unwrap().contains("belong together"), "{after:#}");
    assert!(pool.process().log().contains("belong together"));
    pool.terminate().await.unwrap();
    assert!(
        checked(&pool).await.contains(&format!("Note: {address} was paid by a block of this pool before"))
    );
    pool.restart().await.unwrap();
    pool.until_status(|status| status["payout"]["blocks_paid"] == 1).await.unwrap();
}

/// A token for a program of the host's.
async fn new_token(pool: &Punchbowl) -> String {
    let file = pool.folder().join("punchbowl.toml").display().to_string();
    let output = Punchbowl::run(&["token", "new", "anchors", "--config", &file]).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What `punchbowl check-config` says of the pool's configuration.
async fn checked(pool: &Punchbowl) -> String {
    let file = pool.folder().join("punchbowl.toml").display().to_string();
    let output = Punchbowl::run(&["check-config", "--config", &file]).await.unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Finds a block that becomes Core's tip, and waits for the job on it; its hash.
async fn find_block(node: &BitcoinNode, miner: &mut Client, channel: u32) -> String {
    let (_, parent) = node.tip().await.unwrap();
    miner.until_channel(channel, |channel| channel.mines_on(&parent)).await.unwrap();
    let block = miner.find(channel, Wanted::Block).unwrap();
    assert!(miner.submit_and_wait(&block).await.unwrap().is_accepted());
    assert_eq!(node.wait_for_tip_after(&parent).await.unwrap().1, block.display_hash());
    let hash = block.display_hash();
    miner.until_channel(channel, |channel| channel.mines_on(&hash)).await.unwrap();
    hash
}

/// The scripts of a block's outputs without value, in hexadecimal.
async fn op_returns(node: &BitcoinNode, hash: &str) -> Vec<String> {
    let outputs = node.block(hash).await.unwrap()["tx"][0]["vout"].clone();
    let outputs = outputs.as_array().unwrap().iter();
    let worthless = outputs.filter(|output| output["value"].as_f64() == Some(0.0));
    worthless.map(|output| output["scriptPubKey"]["hex"].as_str().unwrap().to_owned()).collect()
}

fn outputs(channel: &Channel) -> Vec<bitcoin::TxOut> {
    let Ok((job, _)) = channel.work() else { return Vec::new() };
    job.coinbase(&vec![0; channel.rolled_size]).unwrap().output
}

fn commits_to(channel: &Channel, data: &str) -> bool {
    outputs(channel).iter().any(|output| output.script_pubkey.to_hex_string().ends_with(data))
}

fn anchored(channel: &Channel) -> Option<Commitment> {
    outputs(channel).iter().find_map(|output| anchor::head(&output.script_pubkey))
}

async fn put(pool: &Punchbowl, name: &str, token: &str, body: &Value) -> (u16, String) {
    request(pool, "PUT", name, token, Some(body)).await
}

async fn request(
    pool: &Punchbowl,
    method: &str,
    name: &str,
    token: &str,
    body: Option<&Value>,
) -> (u16, String) {
    let mut stream = TcpStream::connect(pool.http().unwrap()).await.unwrap();
    let body = body.map(Value::to_string).unwrap_or_default();
    let request = format!(
        "{method} /api/v1/commitments/{name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}
