//! Blocks right after one another: no work is paid twice, and no credit is repaid twice.

use super::replay::{all, blocks, divided, slices};
use super::{address, output, verified, work_on};
use bitcoin::{Address, Network, ScriptBuf};
use ledger::Reader;
use std::collections::BTreeMap;
use tests::{
    BitcoinNode, PoolConfig, Punchbowl,
    client::{SLOW, Wanted},
};

#[tokio::test]
async fn of_two_blocks_in_quick_succession_the_second_pays_no_work_and_repays_no_credit_again() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    // Less than two fifths of a block is not worth an output here, and stays a credit.
    let config = PoolConfig::on_core(&node).shared("min_payout = 2_000_000_000").every_hash_a_share();
    let mut pool = Punchbowl::pool(config).await.unwrap();
    let (ann, bob) = (address(1, Network::Regtest), address(2, Network::Regtest));
    let mut miner = pool.miner(0).await.unwrap();
    let anns = miner.open_extended(&format!("{ann}.rig"), SLOW).await.unwrap();
    let bobs = miner.open_extended(&format!("{bob}.rig"), SLOW).await.unwrap();
    let mut found = Vec::new();
    for _ in 0..5 {
        let (_, parent) = node.tip().await.unwrap();
        for channel in [anns, bobs] {
            miner.until_channel(channel, |channel| channel.mines_on(&parent)).await.unwrap();
        }
        work_on(&mut miner, anns, 3).await;
        work_on(&mut miner, bobs, 1).await;
        // Its own blocks, each on the first job that there is on the one before.
        for finder in [anns, bobs, anns] {
            let (_, parent) = node.tip().await.unwrap();
            miner.until_channel(finder, |channel| channel.mines_on(&parent)).await.unwrap();
            let block = miner.find(finder, Wanted::Block).unwrap();
            assert!(miner.submit_and_wait(&block).await.unwrap().is_accepted());
            assert_eq!(node.wait_for_tip_after(&parent).await.unwrap().1, block.display_hash());
            found.push(block.display_hash());
        }
    }
    pool.until_status(|status| status["block_counts"]["accepted"] == found.len()).await.unwrap();
    pool.terminate().await.unwrap();

    // Each slice of work is paid by one block, and each block by work of its own.
    let slices = slices(&pool);
    let mut due: BTreeMap<ScriptBuf, u64> = BTreeMap::new();
    let mut paid_until = 0;
    for (block, basis) in blocks(&pool) {
        let (from, to) = (paid_until as usize, basis as usize);
        if to > 0 {
            assert!(to > from, "block {} pays slices that were paid: up to {basis}", block.number);
            for (script, sat) in divided(block.block.value, &all(&slices[from..to])) {
                *due.entry(script).or_default() += sat;
            }
        } else {
            // Nobody had worked before: it is its finder's.
            let finder: Address<_> = block.block.member.parse().unwrap();
            *due.entry(finder.assume_checked().script_pubkey()).or_default() += block.block.value;
        }
        paid_until = basis;
    }
    // By the chain, and by what the ledger leaves to everybody's credit.
    let mut got: BTreeMap<ScriptBuf, i64> = BTreeMap::new();
    for hash in &found {
        let outputs = node.block(hash).await.unwrap()["tx"][0]["vout"].clone();
        for (script, sat) in outputs.as_array().unwrap().iter().filter_map(output).filter(|(_, sat)| *sat > 0)
        {
            *got.entry(script).or_default() += sat as i64;
        }
    }
    let reader = Reader::open(&pool.ledger()).unwrap();
    let mut credits = 0;
    for balance in reader.balances().unwrap() {
        let member: Address<_> = reader.member(balance.member).unwrap().unwrap().identity.parse().unwrap();
        *got.entry(member.assume_checked().script_pubkey()).or_default() += balance.credit;
        credits += balance.credit;
    }
    assert_eq!(credits, 0);
    let due: BTreeMap<ScriptBuf, i64> = due.into_iter().map(|(script, sat)| (script, sat as i64)).collect();
    assert_eq!(got, due, "to the satoshi");
    assert_eq!(verified(&pool).await["blocks"].as_array().unwrap().len(), found.len());
}
