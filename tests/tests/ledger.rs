//! What a pool acknowledges is in its ledger, whatever becomes of the pool.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use ledger::{BlockState, CloseReason, DiskState, Ledger, Reader, RecordedShare, merkle};
use secp256k1::Secp256k1;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
};
use tests::{
    Client, PoolConfig, Punchbowl, Sv1Miner,
    client::{Message, SLOW, Wanted},
};

/// How often the pool is killed under load; more by `PUNCHBOWL_TEST_KILLS`.
const KILLS: u32 = 3;
const MINERS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_the_pool_is_killed_every_share_that_a_miner_saw_acknowledged_is_in_the_ledger_once() {
    let kills = std::env::var("PUNCHBOWL_TEST_KILLS").ok().and_then(|kills| kills.parse().ok());
    let mut pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let acknowledged: Arc<Mutex<Vec<[u8; 32]>>> = Arc::default();
    for kill in 0..kills.unwrap_or(KILLS) {
        let before = acknowledged.lock().unwrap().len();
        let wanted = before + 20 + 61 * (kill as usize % 7);
        let mut mining = tokio::task::JoinSet::new();
        for miner in 0..MINERS {
            mining.spawn(mine(pool.address(), pool.authority(), miner, acknowledged.clone()));
        }
        while acknowledged.lock().unwrap().len() < wanted {
            tokio::task::yield_now().await;
        }
        pool.kill().await.unwrap();
        // Their connections break.
        mining.join_all().await;
        let shares = checked(&pool);
        assert_all_there(&shares, &acknowledged.lock().unwrap());
        pool.restart().await.unwrap();
        pool.ready().await.unwrap();
    }
    assert_eq!(pool.terminate().await.unwrap().code(), Some(0));
    let shares = checked(&pool);
    println!("{} shares acknowledged, {} in the ledger", acknowledged.lock().unwrap().len(), shares.len());
    assert_all_there(&shares, &acknowledged.lock().unwrap());
    assert!(shares.iter().all(|share| share.context.terms().member.starts_with("member-")));
}

#[tokio::test]
async fn a_block_is_in_the_ledger_with_its_finder_and_what_became_of_it() {
    let mut pool = Punchbowl::pool(PoolConfig::shares_and_blocks()).await.unwrap();
    let mut miner = pool.miner(0).await.unwrap();
    let channel = miner.open_extended("ann.rig", SLOW).await.unwrap();
    for wanted in [Wanted::ShareButNoBlock, Wanted::Block] {
        let share = miner.find(channel, wanted).unwrap();
        assert!(miner.submit_and_wait(&share).await.unwrap().is_accepted());
    }
    pool.until_status(|status| status["block_counts"]["accepted"] == 1).await.unwrap();
    pool.terminate().await.unwrap();

    let reader = Reader::open(&pool.ledger()).unwrap();
    let blocks = reader.blocks().unwrap();
    let [block] = &blocks[..] else { panic!("{blocks:?}") };
    assert_eq!((&*block.block.member, &*block.block.worker), ("ann", "rig"));
    assert_eq!(block.state, BlockState::InChain);
    let head = reader.head(block.slice).unwrap().unwrap().head;
    assert_eq!((head.reason, head.sum.shares), (CloseReason::Block, 2));
    let shares = checked(&pool);
    assert_eq!(shares[1].header().unwrap().hash(), block.block.hash);
}

#[tokio::test]
async fn an_old_miners_share_is_in_the_ledger_like_any_other() {
    let mut pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let mut miner = Sv1Miner::mining(pool.address(), "cpuminer/of the tests", "ann.old").await.unwrap();
    let share = miner.find().unwrap();
    miner.submit(&share).await.unwrap();
    // Killed at once: what the miner was told holds.
    pool.kill().await.unwrap();
    let shares = checked(&pool);
    let [stored] = &shares[..] else { panic!("{} shares", shares.len()) };
    assert_eq!(stored.header().unwrap().hash().0, share.hash);
    assert_eq!(&*stored.context.terms().worker, "old");
}

#[tokio::test]
async fn while_the_ledger_cannot_be_written_the_pool_says_so_and_acknowledges_nothing() {
    let mut pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let mut miner = pool.miner(0).await.unwrap();
    let channel = miner.open_extended("ann.rig", SLOW).await.unwrap();
    let other = rusqlite::Connection::open(pool.ledger()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let share = miner.find(channel, Wanted::Share).unwrap();
    let number = miner.submit(&share).await.unwrap();
    pool.until_status(|status| status["ledger"]["state"] == "stalled").await.unwrap();
    let said = miner.fence().await.unwrap();
    assert!(!said.iter().any(|message| matches!(message, Message::SubmitSuccess(_))), "{said:?}");
    assert!(pool.process().log().contains("the ledger cannot be written at present; shares wait for it"));
    other.execute_batch("ROLLBACK").unwrap();
    assert!(miner.verdict(channel, number).await.unwrap().is_accepted());
    pool.until_status(|status| status["ledger"]["state"] == "working").await.unwrap();
    assert_eq!(pool.terminate().await.unwrap().code(), Some(0));
    assert_all_there(&checked(&pool), &[share.hash]);
}

#[tokio::test]
async fn a_second_pool_on_the_same_ledger_does_not_start() {
    let mut pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    pool.terminate().await.unwrap();
    let key = Box::new(Nobody);
    let config = ledger::LedgerConfig::new("regtest", ledger::LedgerId([0; 16]), key);
    let held = Ledger::open(&pool.ledger(), config).unwrap();
    assert_eq!(*held.handle().state().borrow(), DiskState::Working);
    let refused = pool.restart().await.unwrap_err().to_string();
    assert!(refused.contains("is being written by another Punchbowl (process "), "{refused}");
}

/// Mines until the connection breaks.
async fn mine(
    address: std::net::SocketAddr,
    authority: p2p::AuthorityKey,
    miner: usize,
    acknowledged: Arc<Mutex<Vec<[u8; 32]>>>,
) {
    let mining = async {
        let mut client = Client::connect(address, authority).await?;
        client.setup(0).await?;
        let user = format!("member-{miner}.rig");
        let channel = match miner % 2 {
            0 => client.open_standard(&user, SLOW).await?,
            _ => client.open_extended(&user, SLOW).await?,
        };
        loop {
            // Several under way at a time.
            let mut sent = Vec::new();
            for _ in 0..8 {
                let share = client.find(channel, Wanted::Share)?;
                sent.push((client.submit(&share).await?, share.hash));
            }
            for (sequence_number, hash) in sent {
                if client.verdict(channel, sequence_number).await?.is_accepted() {
                    acknowledged.lock().unwrap().push(hash);
                }
            }
        }
    };
    let ended: anyhow::Result<()> = mining.await;
    drop(ended);
}

/// The shares of a pool's ledger, after everything in it has been recomputed.
fn checked(pool: &Punchbowl) -> Vec<RecordedShare> {
    let mut reader = Reader::open(&pool.ledger()).unwrap();
    let shares: Vec<_> = reader.shares(1, u64::MAX).map(Result::unwrap).collect();
    for (share, sequence) in shares.iter().zip(1..) {
        assert_eq!(share.sequence, sequence);
        let hash = share.header().unwrap().hash();
        assert!(share.context.terms().target.is_met_by(&hash), "share {sequence} is no work");
    }
    let secp = Secp256k1::verification_only();
    for signed in reader.heads(1, usize::MAX).unwrap() {
        signed.verify(&secp).unwrap();
        assert_eq!(signed.signer, pool.authority().to_bytes());
        let (first, last) = (signed.head.first_share as usize, signed.head.last_share() as usize);
        let leaves = shares[first - 1..last].iter().map(RecordedShare::leaf);
        assert_eq!(merkle::root(leaves), signed.head.shares_root);
    }
    shares
}

fn assert_all_there(shares: &[RecordedShare], acknowledged: &[[u8; 32]]) {
    let stored: HashSet<[u8; 32]> = shares.iter().map(|share| share.header().unwrap().hash().0).collect();
    assert_eq!(stored.len(), shares.len(), "a share is there twice");
    let lost = acknowledged.iter().filter(|hash| !stored.contains(*hash)).count();
    assert_eq!(lost, 0, "of {} shares that were acknowledged", acknowledged.len());
}

struct Nobody;

impl ledger::Signer for Nobody {
    fn public_key(&self) -> [u8; 32] {
        [0; 32]
    }
    fn sign(&self, _: &[u8; 32]) -> [u8; 64] {
        [0; 64]
    }
}
