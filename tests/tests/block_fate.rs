//! What becomes of a block after Bitcoin Core has taken it: confirmed, reorganised away, back
//! again, settled; and the pool finds out, also when it was off meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use ledger::{BlockState, Reader};
use serde_json::{Value, json};
use tests::{
    BitcoinNode, Client, PoolConfig, Punchbowl,
    client::{SLOW, Wanted},
};

const CONFIRMATIONS: u64 = 4;

fn config(node: &BitcoinNode) -> PoolConfig {
    let settled = format!("[blocks]\nconfirmations = {CONFIRMATIONS}");
    PoolConfig::on_core(node).every_hash_a_share().section(&settled)
}

#[tokio::test]
async fn block_that_core_invalidates_gives_its_round_back_and_counts_again_when_core_reconsiders() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let mut pool = Punchbowl::pool(config(&node)).await.unwrap();
    let block = find_block(&node, &pool).await;
    let shown = until(&pool, &block, "in-chain", 1).await;
    assert_eq!(shown["status"], format!("in the chain, 1 of {CONFIRMATIONS} confirmations"));
    assert_eq!(rounds(&pool), [(1, true)]);

    node.rpc("invalidateblock", json!([block])).await.unwrap();
    let shown = until(&pool, &block, "orphaned", None::<u64>).await;
    assert!(shown["status"].as_str().unwrap().contains("its round goes on"), "{shown}");
    assert!(pool.process().log().contains("the work that it had paid counts again"));
    // What was done before the block is in one round with what is done now.
    assert_eq!(rounds(&pool), [(1, false)]);
    let window =
        pool.until_status(|status| status["window"]["first_slice"] == 1).await.unwrap()["window"].clone();
    assert_eq!((&window["members"], &window["rule"]["kind"]), (&json!(1), &json!("since-last-block")));
    assert_eq!(ledger_state(&pool, &block), BlockState::Orphaned);

    node.rpc("reconsiderblock", json!([block])).await.unwrap();
    until(&pool, &block, "in-chain", 1).await;
    assert_eq!(rounds(&pool), [(1, true)]);
    let log = pool.process().log();
    assert!(log.contains("block is in the chain again"), "{}", log.tail(30));

    node.generate(CONFIRMATIONS - 2).await.unwrap();
    until(&pool, &block, "in-chain", CONFIRMATIONS - 1).await;
    node.generate(1).await.unwrap();
    let shown = until(&pool, &block, "settled", CONFIRMATIONS).await;
    assert_eq!(shown["status"], format!("settled, {CONFIRMATIONS} confirmations"));
    assert!(pool.process().log().contains("block is settled: its coins can be spent"));
    assert_eq!(pool.terminate().await.unwrap().code(), Some(0));
    assert_eq!(ledger_state(&pool, &block), BlockState::Settled);
    verified(&pool).await;
}

#[tokio::test]
async fn pool_that_was_off_catches_up_with_what_became_of_its_blocks() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let mut pool = Punchbowl::pool(config(&node)).await.unwrap();
    let block = find_block(&node, &pool).await;
    until(&pool, &block, "in-chain", 1).await;

    // Another chain overtakes the block's while nobody looks: no tip ever goes down.
    pool.kill().await.unwrap();
    node.rpc("invalidateblock", json!([block])).await.unwrap();
    let others = node.generate(2).await.unwrap();
    node.rpc("reconsiderblock", json!([block])).await.unwrap();
    assert_eq!(node.tip().await.unwrap().1, others[1]);
    pool.restart().await.unwrap();
    let shown = until(&pool, &block, "orphaned", None::<u64>).await;
    assert_eq!((&shown["member"], &shown["worker"]), (&json!("ann"), &json!("rig")));
    assert!(shown["paid"][0][1].as_u64().unwrap() > 0, "{shown}");
    assert_eq!(rounds(&pool), [(1, false)]);

    // And the block's chain overtakes that one, far enough to settle it.
    pool.terminate().await.unwrap();
    node.rpc("invalidateblock", json!([others[0]])).await.unwrap();
    node.generate(CONFIRMATIONS - 1).await.unwrap();
    pool.restart().await.unwrap();
    until(&pool, &block, "settled", CONFIRMATIONS).await;
    assert_eq!(rounds(&pool), [(1, true)]);
    pool.terminate().await.unwrap();
    verified(&pool).await;
}

#[tokio::test]
async fn each_of_several_blocks_has_its_own_fate_in_one_reorganisation() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let pool = Punchbowl::pool(config(&node)).await.unwrap();
    let mut blocks = Vec::new();
    for _ in 0..3 {
        blocks.push(find_block(&node, &pool).await);
    }
    until(&pool, &blocks[0], "in-chain", 3).await;
    // The second goes, and the third with it; others take their place.
    node.rpc("invalidateblock", json!([blocks[1]])).await.unwrap();
    until(&pool, &blocks[1], "orphaned", None::<u64>).await;
    node.generate(3).await.unwrap();
    until(&pool, &blocks[0], "settled", 4).await;
    for gone in &blocks[1..] {
        until(&pool, gone, "orphaned", None::<u64>).await;
    }
    let counts = |state| {
        Reader::open(&pool.ledger()).unwrap().blocks().unwrap().iter().filter(|b| b.state == state).count()
    };
    assert_eq!((counts(BlockState::Settled), counts(BlockState::Orphaned)), (1, 2));
}

#[tokio::test]
async fn block_settles_on_the_embedded_chain_too() {
    let config = PoolConfig::shares_and_blocks().section("[blocks]\nconfirmations = 2");
    let pool = Punchbowl::pool(config).await.unwrap();
    let mut miner = pool.miner(0).await.unwrap();
    let channel = miner.open_extended("ann.rig", SLOW).await.unwrap();
    let mut blocks = Vec::new();
    for _ in 0..2 {
        let parent = miner.channel(channel).unwrap().work().unwrap().1.hash;
        let block = miner.find(channel, Wanted::Block).unwrap();
        assert!(miner.submit_and_wait(&block).await.unwrap().is_accepted());
        blocks.push(block.display_hash());
        miner.until_tip_after(channel, parent).await.unwrap();
    }
    until(&pool, &blocks[1], "in-chain", 1).await;
    until(&pool, &blocks[0], "settled", 2).await;
}

/// Two shares and then a block, by Ann; its hash.
async fn find_block(node: &BitcoinNode, pool: &Punchbowl) -> String {
    let mut miner: Client = pool.miner(0).await.unwrap();
    let channel = miner.open_extended("ann.rig", SLOW).await.unwrap();
    let (_, parent) = node.tip().await.unwrap();
    miner.until_channel(channel, |channel| channel.mines_on(&parent)).await.unwrap();
    for wanted in [Wanted::ShareButNoBlock, Wanted::ShareButNoBlock, Wanted::Block] {
        let share = miner.find(channel, wanted).unwrap();
        assert!(miner.submit_and_wait(&share).await.unwrap().is_accepted());
        if wanted == Wanted::Block {
            assert_eq!(node.wait_for_tip_after(&parent).await.unwrap().1, share.display_hash());
            return share.display_hash();
        }
    }
    unreachable!("the last share is a block")
}

/// Waits until the pool says so of the block `hash`; returns what it says.
async fn until(pool: &Punchbowl, hash: &str, state: &str, confirmations: impl Into<Value>) -> Value {
    let confirmations = confirmations.into();
    let shown = |status: &Value| {
        let blocks = status["blocks"].as_array().unwrap().clone();
        blocks.into_iter().find(|block| block["hash"] == hash)
    };
    let is_so = |block: Value| block["state"] == state && block["confirmations"] == confirmations;
    let status = pool.until_status(|status| shown(status).is_some_and(is_so)).await.unwrap();
    shown(&status).unwrap()
}

/// First slice of each round, and whether it is over.
fn rounds(pool: &Punchbowl) -> Vec<(u64, bool)> {
    let rounds = Reader::open(&pool.ledger()).unwrap().rounds().unwrap();
    rounds.iter().map(|round| (round.first, round.last.is_some())).collect()
}

fn ledger_state(pool: &Punchbowl, hash: &str) -> BlockState {
    let blocks = Reader::open(&pool.ledger()).unwrap().blocks().unwrap();
    blocks.iter().find(|recorded| recorded.block.hash.to_string() == hash).unwrap().state
}

async fn verified(pool: &Punchbowl) {
    let ledger = pool.ledger().display().to_string();
    let output =
        Punchbowl::run(&["verify", &ledger, "--authority", &pool.authority().to_string()]).await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}
