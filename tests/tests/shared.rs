//! `payout.mode = "shared"`: a block pays all who worked, and the ledger shows that it is right.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod commitments;
mod replay;
mod succession;
mod windows;

use bitcoin::{Address, Network, NetworkKind, PubkeyHash, ScriptBuf, WPubkeyHash, bip32::Xpub, hashes::Hash};
use ledger::{BlockState, Reader};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Output;
use tests::{
    BitcoinNode, Client, PoolConfig, Punchbowl,
    client::{Channel, SLOW, Wanted, flags},
};

const MEMBERS: usize = 20;
/// What a block of the first halving period is worth without fees, in satoshi.
const SUBSIDY: u64 = 50 * 100_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_members_are_paid_by_one_block_what_a_replay_of_the_ledger_says_to_the_satoshi() {
    // A block of this signet takes some five million hashes, so that a share is none.
    let Some(node) = BitcoinNode::signet().await.unwrap() else { return };
    let config = PoolConfig::on_core(&node).shared("").section(FIXED_AND_EASY);
    let mut pool = Punchbowl::pool(config).await.unwrap();
    let addresses: Vec<Address> = (0..MEMBERS).map(|member| address(member, Network::Signet)).collect();
    let mut miners = Vec::new();
    for (member, address) in addresses.iter().enumerate() {
        // Each at another difficulty: some with a device, some with a proxy.
        let (user, hash_rate) = (format!("{address}.rig"), 2.0 + member as f32);
        let device = member % 3 == 0;
        let mut miner = pool.miner(if device { flags::REQUIRES_STANDARD_JOBS } else { 0 }).await.unwrap();
        let channel = match device {
            true => miner.open_standard(&user, hash_rate).await.unwrap(),
            false => miner.open_extended(&user, hash_rate).await.unwrap(),
        };
        // Before anybody has worked, a block would be its finder's.
        if !device {
            assert_eq!(outputs(&miner, channel), [(address.script_pubkey(), SUBSIDY)]);
        }
        miners.push((miner, channel));
    }
    for (member, (miner, channel)) in miners.iter_mut().enumerate() {
        for _ in 0..=member % 4 {
            let share = miner.find(*channel, Wanted::ShareButNoBlock).unwrap();
            assert!(miner.submit_and_wait(&share).await.unwrap().is_accepted());
        }
    }
    // Somebody else's block: the slice ends with the first share on it, and counts from then.
    let (_, parent) = node.tip().await.unwrap();
    node.generate(1).await.unwrap();
    let (_, parent) = node.wait_for_tip_after(&parent).await.unwrap();
    let (finder, channel) = &mut miners[1];
    finder.until_channel(*channel, |channel| channel.mines_on(&parent)).await.unwrap();
    let share = finder.find(*channel, Wanted::ShareButNoBlock).unwrap();
    assert!(finder.submit_and_wait(&share).await.unwrap().is_accepted());
    until_outputs(finder, *channel, MEMBERS).await;

    let block = finder.find(*channel, Wanted::Block).unwrap();
    assert!(finder.submit_and_wait(&block).await.unwrap().is_accepted());
    assert_eq!(node.wait_for_tip_after(&parent).await.unwrap().1, block.display_hash());
    pool.until_status(|status| status["block_counts"]["accepted"] == 1).await.unwrap();
    pool.terminate().await.unwrap();

    let seen = node.block(&block.display_hash()).await.unwrap()["tx"][0]["vout"].clone();
    let paid: Vec<(ScriptBuf, u64)> =
        seen.as_array().unwrap().iter().filter_map(output).filter(|(_, sat)| *sat > 0).collect();
    // Of all that was worked before the slice that it is in.
    let (recorded, _) = &replay::blocks(&pool)[0];
    let before = &replay::slices(&pool)[..recorded.slice as usize - 1];
    assert_eq!(paid, replay::divided(recorded.block.value, &replay::all(before)));
    assert_eq!(paid.len(), MEMBERS);

    let report = verified(&pool).await;
    assert_eq!(report["blocks"][0]["hash"], block.display_hash());
    assert_eq!(
        (&report["blocks"][0]["state"], &report["blocks"][0]["booked"]),
        (&"in-chain".into(), &true.into())
    );
    assert_eq!(report["jobs_without_rule"], 0);
}

#[tokio::test]
async fn who_is_due_too_little_is_credited_and_paid_later_also_when_the_pool_is_killed_in_between() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    // Less than half of a block is not worth an output here.
    let config = PoolConfig::on_core(&node).shared("min_payout = 2_000_000_000").every_hash_a_share();
    let mut pool = Punchbowl::pool(config).await.unwrap();
    let (ann, bob) = (address(1, Network::Regtest), address(2, Network::Regtest));
    let mut blocks = Vec::new();
    for round in 0..4 {
        let mut miner = pool.miner(0).await.unwrap();
        let anns = miner.open_extended(&format!("{ann}.rig"), SLOW).await.unwrap();
        let bobs = miner.open_extended(&format!("{bob}.rig"), SLOW).await.unwrap();
        let (_, parent) = node.tip().await.unwrap();
        for channel in [anns, bobs] {
            miner.until_channel(channel, |channel| channel.mines_on(&parent)).await.unwrap();
        }
        for channel in [anns, anns, anns, bobs] {
            let share = miner.find(channel, Wanted::ShareButNoBlock).unwrap();
            assert!(miner.submit_and_wait(&share).await.unwrap().is_accepted());
        }
        let block = miner.find(anns, Wanted::Block).unwrap();
        assert!(miner.submit_and_wait(&block).await.unwrap().is_accepted());
        assert_eq!(node.wait_for_tip_after(&parent).await.unwrap().1, block.display_hash());
        blocks.push(block.display_hash());
        match round {
            0 | 2 => drop(pool.kill().await.unwrap()),
            _ => drop(pool.terminate().await.unwrap()),
        }
        pool.restart().await.unwrap();
        // Every block has been booked by now, once.
        let reader = Reader::open(&pool.ledger()).unwrap();
        let recorded = reader.blocks().unwrap();
        assert_eq!(recorded.len(), blocks.len());
        for (recorded, hash) in recorded.iter().zip(&blocks) {
            assert_eq!(recorded.block.hash.to_string(), *hash);
            assert!(!reader.bookings(recorded.number).unwrap().is_empty(), "block {}", recorded.number);
        }
        assert_eq!(reader.balances().unwrap().iter().map(|balance| balance.credit).sum::<i64>(), 0);
    }
    pool.terminate().await.unwrap();
    let report = verified(&pool).await;
    assert_eq!(report["blocks"].as_array().unwrap().len(), blocks.len());
    // By the chain, not by the pool: what bob was short of, a later block has repaid.
    let mut paid: BTreeMap<String, u64> = BTreeMap::new();
    for hash in &blocks {
        let outputs = node.block(hash).await.unwrap()["tx"][0]["vout"].clone();
        for (script, sat) in outputs.as_array().unwrap().iter().filter_map(output) {
            if let Ok(address) = Address::from_script(&script, Network::Regtest) {
                *paid.entry(address.to_string()).or_default() += sat;
            }
        }
    }
    assert!(paid.get(&bob.to_string()).is_some_and(|sat| *sat >= 2_000_000_000), "{paid:?}");
}

#[tokio::test]
async fn fee_bonus_splits_and_short_names_are_in_every_job_and_the_audit_agrees() {
    let host = address(77, Network::Regtest);
    let (ann, bob, carol) =
        (address(1, Network::Regtest), address(2, Network::Regtest), address(3, Network::Regtest));
    let payout = format!(
        "address = \"{host}\"\nhost_fee_ppm = 10_000\nfinder_bonus_ppm = 100_000\n\
         aliases = [{{ name = \"carol\", identity = \"{carol}\" }}]"
    );
    let mut pool = Punchbowl::pool(PoolConfig::shares_and_blocks().shared(&payout)).await.unwrap();
    let mut miner = pool.miner(0).await.unwrap();
    // Some thousand hashes a share, so that work divides finely.
    const STEADY: f32 = 200.0;
    let refused = miner.open_extended("dave.rig", STEADY).await.unwrap_err();
    assert!(refused.to_string().contains("unknown-user"), "{refused}");
    let split = miner.open_extended(&format!("{ann}:60,{bob}:40.rig"), STEADY).await.unwrap();
    let short = miner.open_extended("Carol.rig", STEADY).await.unwrap();
    // Nobody has worked: 1 % to the host, the rest to the finder, by the parts of a split.
    let rest = SUBSIDY / 100 * 99;
    let alone =
        |script: &Address| vec![(script.script_pubkey(), rest), (host.script_pubkey(), SUBSIDY / 100)];
    assert_eq!(outputs(&miner, short), alone(&carol));
    let shares = vec![
        (ann.script_pubkey(), rest / 10 * 6),
        (bob.script_pubkey(), rest / 10 * 4),
        (host.script_pubkey(), SUBSIDY / 100),
    ];
    assert_eq!(outputs(&miner, split), shares);
    for channel in [split, short] {
        let share = miner.find(channel, Wanted::ShareButNoBlock).unwrap();
        assert!(miner.submit_and_wait(&share).await.unwrap().is_accepted());
    }
    let block = miner.find(short, Wanted::Block).unwrap();
    assert!(miner.submit_and_wait(&block).await.unwrap().is_accepted());

    // Work of one each, and a third share that is the block: carol has two of three parts. The
    // bonus, a tenth of what the fee leaves, is each finder's own.
    let pot = rest / 10 * 9;
    let of_carol = pot / 3 * 2;
    let of_split = pot - of_carol;
    until_outputs(&mut miner, short, 4).await;
    until_outputs(&mut miner, split, 4).await;
    let sums = |channel| outputs(&miner, channel).into_iter().collect::<BTreeMap<ScriptBuf, u64>>();
    let near = |sat: u64, wanted: u64| assert!(sat.abs_diff(wanted) <= wanted / 500, "{sat} for {wanted}");
    let (for_carol, for_split) = (sums(short), sums(split));
    near(for_carol[&carol.script_pubkey()], of_carol + rest / 10);
    near(for_carol[&ann.script_pubkey()], of_split * 6 / 10);
    near(for_split[&carol.script_pubkey()], of_carol);
    near(for_split[&ann.script_pubkey()], of_split * 6 / 10 + rest / 100 * 6);
    near(for_split[&bob.script_pubkey()], of_split * 4 / 10 + rest / 100 * 4);
    for sums in [&for_carol, &for_split] {
        assert_eq!(sums[&host.script_pubkey()], SUBSIDY / 100);
        assert_eq!(sums.values().sum::<u64>(), SUBSIDY);
    }
    for channel in [split, short] {
        let share = miner.find(channel, Wanted::ShareButNoBlock).unwrap();
        assert!(miner.submit_and_wait(&share).await.unwrap().is_accepted());
    }
    let block = miner.find(split, Wanted::Block).unwrap();
    assert!(miner.submit_and_wait(&block).await.unwrap().is_accepted());
    pool.until_status(|status| status["block_counts"]["accepted"] == 2).await.unwrap();
    pool.terminate().await.unwrap();
    let report = verified(&pool).await;
    assert_eq!(report["blocks"].as_array().unwrap().len(), 2);
    let reader = Reader::open(&pool.ledger()).unwrap();
    assert!(reader.blocks().unwrap().iter().all(|block| block.state == BlockState::InChain));
}

#[tokio::test]
async fn with_a_fee_a_solo_pool_is_by_the_ledger_too_and_the_host_never_paid_at_an_address_twice() {
    let mut xpub: Xpub = XPUB.parse().unwrap();
    xpub.network = NetworkKind::Test;
    let payout = format!("descriptor = \"wpkh({xpub}/0/*)\"\nhost_fee_ppm = 20_000");
    let mut pool = Punchbowl::pool(PoolConfig::shares_and_blocks().solo_with(&payout)).await.unwrap();
    let ann = address(1, Network::Regtest);
    let mut miner = pool.miner(0).await.unwrap();
    let channel = miner.open_extended(&format!("{ann}.rig"), SLOW).await.unwrap();
    let mut hosts = Vec::new();
    for round in 0..2 {
        let paid = outputs(&miner, channel);
        assert_eq!(paid[0], (ann.script_pubkey(), SUBSIDY / 100 * 98));
        assert_eq!((paid.len(), paid[1].1), (2, SUBSIDY / 50));
        hosts.push(paid[1].0.clone());
        let block = miner.find(channel, Wanted::Block).unwrap();
        assert!(miner.submit_and_wait(&block).await.unwrap().is_accepted());
        pool.until_status(|status| status["block_counts"]["accepted"] == round + 1).await.unwrap();
        let last = hosts.clone();
        let other_host = |channel: &tests::client::Channel| {
            let Ok((job, _)) = channel.work() else { return false };
            let coinbase = job.coinbase(&vec![0; channel.rolled_size]).unwrap();
            coinbase.output.iter().all(|output| !last.contains(&output.script_pubkey))
        };
        miner.until_channel(channel, other_host).await.unwrap();
    }
    assert_ne!(hosts[0], hosts[1]);
    pool.terminate().await.unwrap();
    let report = verified(&pool).await;
    assert_eq!(report["rules"][0]["rules"]["mode"], "solo");
}

/// BIP32 test vector 1, chain m; never to be used for coins.
const XPUB: &str = "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8";
const FIXED_AND_EASY: &str = "[vardiff]\nenabled = false\nmin_difficulty = 0.0000000001";

/// An address of its own for each number; nobody has a key to it.
fn address(member: usize, network: Network) -> Address {
    let name = format!("member {member}");
    let script = match member % 2 {
        0 => ScriptBuf::new_p2wpkh(&WPubkeyHash::hash(name.as_bytes())),
        _ => ScriptBuf::new_p2pkh(&PubkeyHash::hash(name.as_bytes())),
    };
    Address::from_script(&script, network).unwrap()
}

/// Whom the present job of an extended channel pays.
fn outputs(miner: &Client, channel: u32) -> Vec<(ScriptBuf, u64)> {
    pays(miner.channel(channel).unwrap())
}

/// The same; nobody while there is none.
fn pays(channel: &Channel) -> Vec<(ScriptBuf, u64)> {
    let Ok((job, _)) = channel.work() else { return Vec::new() };
    let coinbase = job.coinbase(&vec![0; channel.rolled_size]).unwrap();
    let paying = coinbase.output.into_iter().filter(|output| output.value.to_sat() > 0);
    paying.map(|output| (output.script_pubkey, output.value.to_sat())).collect()
}

async fn until_outputs(miner: &mut Client, channel: u32, count: usize) {
    miner.until_channel(channel, |channel| pays(channel).len() == count).await.unwrap();
}

/// So many shares that are no blocks.
async fn work_on(miner: &mut Client, channel: u32, shares: usize) {
    for _ in 0..shares {
        let share = miner.find(channel, Wanted::ShareButNoBlock).unwrap();
        assert!(miner.submit_and_wait(&share).await.unwrap().is_accepted());
    }
}

/// An output as Bitcoin Core tells it.
fn output(seen: &Value) -> Option<(ScriptBuf, u64)> {
    let script = ScriptBuf::from_hex(seen["scriptPubKey"]["hex"].as_str()?).ok()?;
    Some((script, (seen["value"].as_f64()? * 1e8).round() as u64))
}

/// What `punchbowl verify --json` says of a ledger in which nothing is wrong.
async fn verified(pool: &Punchbowl) -> Value {
    let authority = pool.authority().to_string();
    let ledger = pool.data_dir();
    let arguments = ["verify", ledger.to_str().unwrap(), "--authority", &authority, "--json"];
    let output: Output = Punchbowl::run(&arguments).await.unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["discrepancy_count"], 0, "{report:#}");
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    report
}
