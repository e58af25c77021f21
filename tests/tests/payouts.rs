//! Blocks pay whom the host and the members say, and nobody else.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bitcoin::{
    Address, CompressedPublicKey, Network, NetworkKind,
    bip32::{ChildNumber, Xpub},
    secp256k1::Secp256k1,
};
use std::collections::HashSet;
use tests::{
    BitcoinNode, Client, PoolConfig, Punchbowl,
    client::{SLOW, Wanted, flags},
};

const ANN: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
const BOB: &str = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq3xueyj";

/// BIP32 test vector 1, chain m; never to be used for coins.
const XPUB: &str = "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8";

#[tokio::test]
async fn ranged_descriptor_pays_the_next_index_after_each_block_also_after_restarts() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let mut xpub: Xpub = XPUB.parse().unwrap();
    xpub.network = NetworkKind::Test;
    let config =
        PoolConfig::on_core(&node).paying_descriptor(&format!("wpkh({xpub}/0/*)")).every_hash_a_share();
    let mut pool = Punchbowl::pool(config).await.unwrap();
    let mut paid = Vec::new();
    for index in 0..5 {
        let mut miner = pool.miner(0).await.unwrap();
        let channel = miner.open_extended("ann.rig", SLOW).await.unwrap();
        let wanted = address_at(&xpub, index);
        while payee(&miner, channel) != wanted {
            miner.next().await.unwrap();
        }
        paid.push(find_block(&node, &mut miner, channel).await);
        assert_eq!(paid.last(), Some(&wanted));
        match index {
            1 => drop(pool.terminate().await.unwrap()),
            2 => drop(pool.kill().await.unwrap()),
            _ => continue,
        }
        pool.restart().await.unwrap();
    }
    let different: HashSet<&Address> = paid.iter().collect();
    assert_eq!(different.len(), paid.len());
}

#[tokio::test]
async fn pool_killed_the_moment_core_has_its_block_never_pays_that_blocks_address_again() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let config = PoolConfig::on_core(&node).paying_descriptor(&ranged(&test_xpub())).every_hash_a_share();
    let mut pool = Punchbowl::pool(config).await.unwrap();
    let mut paid = Vec::new();
    for _ in 0..6 {
        let mut miner = pool.miner(0).await.unwrap();
        let channel = miner.open_extended("ann.rig", SLOW).await.unwrap();
        assert!(!paid.contains(&payee(&miner, channel)), "{} has a block already", payee(&miner, channel));
        paid.push(find_block(&node, &mut miner, channel).await);
        pool.kill().await.unwrap();
        pool.restart().await.unwrap();
    }
}

#[tokio::test]
async fn solo_members_blocks_pay_each_at_its_own_address() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let pool = Punchbowl::pool(PoolConfig::on_core(&node).solo().every_hash_a_share()).await.unwrap();
    // A device of Ann's, a proxy that both of them mine through.
    let mut device = pool.miner(flags::REQUIRES_STANDARD_JOBS).await.unwrap();
    let anns_device = device.open_standard(&format!("{ANN}.garage"), SLOW).await.unwrap();
    let mut proxy = pool.miner(0).await.unwrap();
    let anns = proxy.open_extended(ANN, SLOW).await.unwrap();
    let bobs = proxy.open_extended(&format!("{BOB}.attic.2"), SLOW).await.unwrap();
    assert_eq!(find_block(&node, &mut device, anns_device).await.to_string(), ANN);
    for (channel, wanted) in [(bobs, BOB), (anns, ANN), (bobs, BOB)] {
        assert_eq!(find_block(&node, &mut proxy, channel).await.to_string(), wanted);
    }
    let blocks = pool.status().await.unwrap()["blocks"].clone();
    assert_eq!(blocks[0]["member"], BOB);
    assert_eq!((&blocks[0]["worker"], &blocks[0]["paid"][0][0]), (&"attic.2".into(), &BOB.into()));
}

#[tokio::test]
async fn solo_member_without_a_usable_address_is_refused_and_may_try_again() {
    let pool = Punchbowl::pool(PoolConfig::embedded("1e00ffff").solo()).await.unwrap();
    let mut miner = pool.miner(0).await.unwrap();
    let mainnet = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
    let mistyped = ANN.replace("080", "081");
    for user in ["", "ann", ".rig", mainnet, &mistyped] {
        let refused = miner.open_extended(user, 1e3).await.unwrap_err();
        assert!(refused.to_string().contains("unknown-user"), "{user:?}: {refused}");
        let refused = miner.open_standard(user, 1e3).await.unwrap_err();
        assert!(refused.to_string().contains("unknown-user"), "{user:?}: {refused}");
    }
    let channel = miner.open_extended(&format!("{ANN}.rig"), 1e3).await.unwrap();
    let share = miner.find(channel, Wanted::Share).unwrap();
    assert!(miner.submit_and_wait(&share).await.unwrap().is_accepted());
    assert_eq!(payee(&miner, channel).to_string(), ANN);
}

#[tokio::test]
async fn without_a_payout_no_pool_starts_where_coins_are_worth_something() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    for network in ["mainnet", "testnet4", "signet"] {
        let arguments =
            ["pool", "--network", network, "--listen", "127.0.0.1:0", "--http", "off", "--data-dir"];
        let output = Punchbowl::run(&[&arguments[..], &[data_dir.to_str().unwrap()]].concat()).await.unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{complaint}");
        for remedy in [network, "payout.address", "--payout-address", "payout.mode = \"solo\""] {
            assert!(complaint.contains(remedy), "no {remedy} in: {complaint}");
        }
        assert!(!data_dir.exists(), "a refused start made {}", data_dir.display());
    }
}

/// Finds a block on `channel`, waits until it is Core's tip; returns whom Core says it pays.
async fn find_block(node: &BitcoinNode, miner: &mut Client, channel: u32) -> Address {
    let (_, parent) = node.tip().await.unwrap();
    miner.until_channel(channel, |channel| channel.mines_on(&parent)).await.unwrap();
    let block = miner.find(channel, Wanted::Block).unwrap();
    assert!(miner.submit_and_wait(&block).await.unwrap().is_accepted());
    assert_eq!(node.wait_for_tip_after(&parent).await.unwrap().1, block.display_hash());
    let outputs = node.block(&block.display_hash()).await.unwrap()["tx"][0]["vout"].clone();
    // The other output is the witness commitment, which is worth nothing.
    let paid: Vec<&str> = outputs
        .as_array()
        .unwrap()
        .iter()
        .filter(|output| output["value"].as_f64().unwrap() > 0.0)
        .map(|output| output["scriptPubKey"]["address"].as_str().unwrap())
        .collect();
    assert_eq!(paid.len(), 1, "{outputs}");
    paid[0].parse::<Address<_>>().unwrap().require_network(Network::Regtest).unwrap()
}

/// Whom the current job of an extended channel pays.
fn payee(miner: &Client, channel: u32) -> Address {
    let channel = miner.channel(channel).unwrap();
    let (job, _) = channel.work().unwrap();
    let coinbase = job.coinbase(&vec![0; channel.rolled_size]).unwrap();
    let paid = coinbase.output.iter().find(|output| output.value.to_sat() > 0).unwrap();
    Address::from_script(&paid.script_pubkey, Network::Regtest).unwrap()
}

fn test_xpub() -> Xpub {
    let mut xpub: Xpub = XPUB.parse().unwrap();
    xpub.network = NetworkKind::Test;
    xpub
}

fn ranged(xpub: &Xpub) -> String {
    format!("wpkh({xpub}/0/*)")
}

fn address_at(xpub: &Xpub, index: u32) -> Address {
    let path = [ChildNumber::Normal { index: 0 }, ChildNumber::Normal { index }];
    let key = xpub.derive_pub(&Secp256k1::verification_only(), &path).unwrap();
    Address::p2wpkh(&CompressedPublicKey(key.public_key), Network::Regtest)
}
