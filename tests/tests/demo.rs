//! `punchbowl demo`: the first thing that anybody sees of Punchbowl.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bitcoin::{Address, Network, hex::DisplayHex};
use serde_json::{Value, json};
use std::{fs, path::Path};
use tests::{BitcoinNode, Process, Punchbowl, http, process::Signal};

#[tokio::test]
async fn demo_for_scripts_ends_after_its_blocks_goes_on_with_its_chain_and_bitcoin_core_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let first = demo_of_three_blocks(folder.path()).await;
    let second = demo_of_three_blocks(folder.path()).await;
    let blocks: Vec<Value> = [first, second].concat();
    let heights: Vec<u64> = blocks.iter().map(|block| block["height"].as_u64().unwrap()).collect();
    let one_after_another: Vec<u64> = (heights[0]..heights[0] + 6).collect();
    assert_eq!(heights, one_after_another);

    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let chain = blocks_in(&folder.path().join("embedded-chain.dat"));
    assert_eq!(chain.len() as u64, heights[5]);
    // A longer chain than the node's own, which it notices with the last blocks.
    for verdict in node.submit_blocks(chain.iter().map(String::as_str)).await.unwrap() {
        assert!(verdict.is_null() || verdict == "inconclusive", "{verdict}");
    }
    let (height, tip) = node.tip().await.unwrap();
    assert_eq!((height, &json!(tip)), (heights[5], &blocks[5]["hash"]));
    for block in blocks {
        let seen = node.block(block["hash"].as_str().unwrap()).await.unwrap();
        let outputs = seen["tx"][0]["vout"].as_array().unwrap();
        let paid = block["paid"].as_array().unwrap();
        for (output, paid) in outputs.iter().zip(paid) {
            assert_eq!(output["scriptPubKey"]["address"], paid["address"]);
            let sat = (output["value"].as_f64().unwrap() * 1e8).round() as u64;
            assert_eq!(sat, paid["paid_sat"].as_u64().unwrap());
        }
        // Behind them comes the witness commitment alone.
        assert_eq!(outputs.len(), paid.len() + 1);
    }
}

#[tokio::test]
async fn anyone_can_mine_along_at_the_address_that_the_demo_prints() {
    const MINE: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    let mut demo = Punchbowl::spawn(&["demo", "--members", "1"]).unwrap();
    let uri = word_after(&demo, "punchbowl miner").await;
    for channel in ["standard", "extended"] {
        let user = format!("{MINE}.{channel}");
        let miner = ["miner", &uri, "--user", &user, "--channel", channel, "--max-hash-rate", "20"];
        let output = Punchbowl::run(&[&miner[..], &["--blocks", "3", "--json"]].concat()).await.unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(summary["blocks_accepted"].as_u64().unwrap() >= 1, "{summary}");
        // Nobody else mines for this name and address.
        demo.line(|line| line.contains("found by") && line.contains(channel)).await.unwrap();
        demo.line(|line| line.contains("pays ") && line.contains(MINE)).await.unwrap();
    }
    let page = word_after(&demo, "look inside").await;
    let address = page.strip_prefix("http://").unwrap().strip_suffix('/').unwrap();
    let (_, status) =
        http::exchange(address.parse().unwrap(), "GET /api/v1/status HTTP/1.1", "", "").await.unwrap();
    let status: Value = serde_json::from_str(&status).unwrap();
    assert!(status["block_counts"]["accepted"].as_u64().unwrap() >= 2);

    demo.signal(Signal::INT).unwrap(); // Ctrl-C
    assert_eq!(demo.exit().await.unwrap().code(), Some(0));
    assert!(demo.log().all().last().unwrap().contains("shares accepted"), "{}", demo.log().tail(3));
}

/// Runs it and returns the blocks that were accepted.
async fn demo_of_three_blocks(data_dir: &Path) -> Vec<Value> {
    let data_dir = data_dir.to_str().unwrap();
    let anywhere = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data-dir", data_dir];
    let output =
        Punchbowl::run(&[&["demo", "--blocks", "3", "--json"][..], &anywhere].concat()).await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let summary: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
    assert!(summary["shares"]["accepted"].as_u64().unwrap() >= 3);
    assert!(summary["shares"]["rejected"].is_object());
    let connections = summary["connections"].as_array().unwrap();
    let members: Vec<&Value> = connections.iter().map(|connection| &connection["member"]).collect();
    assert_eq!(members.len(), 3);
    assert!(connections.iter().all(|connection| connection["path"] == "iroh-lan"), "{connections:?}");
    assert_eq!(summary["node"].as_str().unwrap().len(), 52, "the node id that they dialled");
    let blocks = summary["blocks"].as_array().unwrap();
    let accepted: Vec<Value> = blocks.iter().filter(|block| block["accepted"] == true).cloned().collect();
    assert_eq!(accepted.len(), 3, "{blocks:?}");
    for block in &accepted {
        assert!(members.contains(&&block["member"]), "{block}");
        let paid = block["paid"].as_array().unwrap();
        assert_eq!((&paid[0]["address"], &paid[0]["paid_sat"]), (&block["address"], &block["paid_sat"]));
        for paid in paid {
            assert!(members.contains(&&paid["member"]), "{block}");
            let address: Address<_> = paid["address"].as_str().unwrap().parse().unwrap();
            assert!(address.is_valid_for_network(Network::Regtest), "{block}");
        }
        assert_eq!(block["hash"].as_str().unwrap().len(), 64);
    }
    accepted
}

/// The word after `words` in a line of the demo's.
async fn word_after(demo: &Process, words: &str) -> String {
    let line = demo.line(|line| line.contains(words)).await.unwrap();
    let (_, rest) = line.split_once(words).unwrap();
    // An invite stands in quotes, for the shell.
    rest.split_whitespace().next().unwrap().trim_matches('\'').to_owned()
}

/// The raw blocks in a chain file, in hexadecimal: magic, length (little-endian), four
/// bytes of checksum, block; again and again.
fn blocks_in(file: &Path) -> Vec<String> {
    let bytes = fs::read(file).unwrap();
    let mut rest = bytes.as_slice();
    let mut blocks = Vec::new();
    while !rest.is_empty() {
        let length = u32::from_le_bytes(rest[4..8].try_into().unwrap()) as usize;
        let (block, after) = rest[12..].split_at(length);
        blocks.push(block.to_lower_hex_string());
        rest = after;
    }
    blocks
}
