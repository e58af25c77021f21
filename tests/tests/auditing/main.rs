//! A pool that cheats, running: `punchbowl verify` and `punchbowl miner` call the fraud by its
//! name, over HTTP and with nothing but the invite.
//!
//! The pool is the product's own binary. What cheats is its operator, who holds its key: either
//! the ledger has been written anew and signed again while it was down, or something with the
//! pool's key stands between it and its members.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod api;
mod cheat;
mod front;
#[path = "../../../ledger/tests/frauds/pool.rs"]
#[allow(dead_code, unreachable_pub)]
mod ledgers;

use cheat::CheatingPool;
use front::Front;
use ledger::audit::Evidence;
use ledger::payout::Rules;
use ledger::{Reader, RecordedShare, ShareContext, WorkSum};
use ledgers::*;
use serde_json::Value;
use std::sync::Arc;
use tests::client::{SLOW, Wanted};
use tests::{Join, PoolConfig, Punchbowl, Sv1Miner};

/// What `verify` says: whether all is well, and the names of the frauds.
async fn verified(source: &str, more: &[&str]) -> (bool, Vec<String>, Value) {
    let arguments = [&["verify", source, "--json"], more].concat();
    let output = Punchbowl::run(&arguments).await.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    let frauds = report["discrepancies"].as_array().unwrap().iter();
    let mut names: Vec<String> = frauds.map(|found| found["fraud"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names.dedup();
    assert_eq!(output.status.success(), names.is_empty());
    (output.status.success(), names, report)
}

fn shares(evidence: &mut [Evidence]) -> Vec<&mut RecordedShare> {
    let shares = evidence.iter_mut().filter_map(|each| match each {
        Evidence::Share(share) => Some(share),
        _ => None,
    });
    shares.collect()
}

/// The same share under other terms.
fn under(share: &RecordedShare, change: impl FnOnce(&mut ledger::ShareTerms)) -> RecordedShare {
    let mut terms = share.context.terms().clone();
    change(&mut terms);
    RecordedShare { context: Arc::new(ShareContext::new(terms).unwrap()), ..share.clone() }
}

/// Two members, four slices.
fn quiet_day() -> Pool {
    let mut pool = Pool::new(Rules::default());
    for _ in 0..4 {
        pool.mine(ANN, 8);
        pool.mine(BOB, 4);
        pool.close();
    }
    pool
}

#[tokio::test]
async fn an_honest_pool_is_verified_by_its_web_address_and_by_nothing_but_its_invite() {
    let mut pool = CheatingPool::start().await.unwrap();
    pool.tell(&quiet_day().evidence).await.unwrap();
    let http = format!("http://{}", pool.pool().http().unwrap());
    let (uri, invite) = (pool.pool().uri(), pool.pool().invite().to_string());
    for source in [&http, &uri, &invite] {
        let (clean, names, report) = verified(source, &[]).await;
        assert!(clean, "{source}: {names:?}");
        assert_eq!((&report["shares"], &report["slices"]), (&48.into(), &4.into()), "{source}");
    }
    let ledger = pool.pool().ledger().display().to_string();
    assert!(verified(&ledger, &["--authority", &pool.pool().authority().to_string()]).await.0);
}

#[tokio::test]
async fn each_fraud_of_a_running_pool_is_named() {
    let mut pool = CheatingPool::start().await.unwrap();
    let honest = quiet_day();

    let inflated = signed_heads(honest.evidence.clone(), |head, members| {
        if head.slice == 2 {
            members.iter_mut().find(|(name, _)| &**name == BOB).unwrap().1.work.0 *= 2;
        }
    });
    let invented = signed_heads(honest.evidence.clone(), |head, members| {
        if head.slice == 3 {
            members.push((EVE.into(), WorkSum::of_shares(5, ledger::Work(16), 0).unwrap()));
        }
    });
    let harder = {
        let mut evidence = honest.evidence.clone();
        let share = shares(&mut evidence).remove(20);
        *share = under(share, |terms| terms.target = target(24));
        honest_heads(evidence)
    };
    let reused = {
        let mut pool = quiet_day();
        let first = shares(&mut pool.evidence).remove(2).clone();
        pool.take(first);
        pool.close();
        pool.evidence
    };
    let copied_to_eve = {
        let mut pool = quiet_day();
        let first = shares(&mut pool.evidence).remove(2).clone();
        pool.take(under(&first, |terms| terms.member = EVE.into()));
        pool.close();
        pool.evidence
    };
    let backdated = signed_heads(honest.evidence.clone(), |head, _| {
        if head.slice == 3 {
            head.opened -= 86_400;
            head.closed -= 86_400;
        }
    });
    let other_coinbase = {
        let mut pool = quiet_day();
        let mut outputs = pool.plan(ANN).plan().tx_outputs();
        outputs[0].script_pubkey = vec![0x6a, 1, 7].into();
        let job = pool.job_that_pays(outputs);
        let context = pool.context(ANN, &job, target(4));
        let (share, _) = pool.search(&context, target(4), false);
        pool.take(share);
        pool.close();
        pool.evidence
    };
    let frauds = [
        ("a member's shares are inflated", inflated, "wrong-member-sum"),
        ("a member is invented", invented, "invented-member"),
        ("an invented member has others' shares", copied_to_eve, "reused-share"),
        ("a share is credited at a harder target than it met", harder, "no-proof-of-work"),
        ("a share is used again", reused, "reused-share"),
        ("a slice is backdated", backdated, "backdated"),
        ("the coinbase pays otherwise than the rule", other_coinbase, "wrong-payout"),
    ];
    for (what, evidence, name) in frauds {
        pool.tell(&evidence).await.unwrap();
        let http = format!("http://{}", pool.pool().http().unwrap());
        for source in [http, pool.pool().uri()] {
            let (_, names, _) = verified(&source, &[]).await;
            println!("{what}: {names:?}");
            assert!(names.iter().any(|found| found == name), "{what}, {source}: {names:?}");
        }
    }
}

#[tokio::test]
async fn a_pool_that_tells_another_history_than_before_is_found_out_by_whoever_saw_a_head() {
    let mut pool = CheatingPool::start().await.unwrap();
    let honest = quiet_day();
    pool.tell(&honest.evidence).await.unwrap();
    let kept = pool.pool().folder().join("kept.sqlite");
    std::fs::copy(pool.pool().ledger(), &kept).unwrap();

    // A share of Bob's is dropped, and everything is numbered and signed anew. (In an older
    // slice it would show in later payouts.)
    let mut dropped = honest.evidence.clone();
    let last = dropped
        .iter()
        .position(|each| matches!(each, Evidence::Share(share) if share.sequence == 47))
        .unwrap();
    dropped.remove(last);
    pool.tell(&honest_heads(renumbered(dropped))).await.unwrap();
    let uri = pool.pool().uri();
    let (clean, names, _) = verified(&uri, &[]).await;
    assert!(clean, "in itself it is in order: {names:?}");
    let (_, names, _) = verified(&uri, &["--against", &kept.display().to_string()]).await;
    assert_eq!(names, ["two-histories"]);
}

/// A pool that a miner of 200 hashes a second sends many shares.
fn many_shares() -> PoolConfig {
    PoolConfig::embedded("1d00ffff").every_hash_a_share()
}

/// What `punchbowl miner` logs, up to a line that holds `wanted`.
async fn miner_says(uri: &str, user: &str, heads: &str, wanted: &str) -> String {
    let arguments = [
        "miner",
        uri,
        "--user",
        user,
        "--heads",
        heads,
        "--channel",
        "extended",
        "--max-hash-rate",
        "200",
        "--log-format",
        "json",
    ];
    let mut miner = Punchbowl::spawn(&arguments).unwrap();
    let line = miner.line(|line| line.contains(wanted)).await.unwrap();
    miner.terminate().await.unwrap();
    line
}

#[tokio::test]
async fn a_member_notices_that_an_accepted_share_is_not_in_the_ledger() {
    let pool = Punchbowl::pool(many_shares().key(&cheat::keypair())).await.unwrap();
    let front = Front::before(pool.address(), cheat::keypair()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let heads = folder.path().join("heads.json").display().to_string();
    let line = miner_says(&front.uri(), "bob.rig", &heads, "THE POOL'S LEDGER IS WRONG").await;
    assert!(line.contains("my-share-missing"), "{line}");
}

#[tokio::test]
async fn a_member_of_an_honest_pool_hears_that_its_shares_are_there() {
    let pool = Punchbowl::pool(many_shares()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let heads = folder.path().join("heads.json").display().to_string();
    let line = miner_says(&pool.invite().to_string(), "bob.rig", &heads, "in order so far").await;
    assert!(line.contains(" shares checked, ") && !line.contains(" 0 of ours found"), "{line}");
}

#[tokio::test]
async fn a_member_who_comes_back_notices_that_the_past_was_rewritten() {
    let mut pool = CheatingPool::start().await.unwrap();
    pool.tell(&quiet_day().evidence).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let heads = folder.path().join("heads.json").display().to_string();
    let uri = pool.pool().uri();
    miner_says(&uri, "bob.rig", &heads, "in order so far").await;
    assert!(std::fs::read_to_string(&heads).unwrap().contains("\"slice\": 4"));

    let other = signed_heads(quiet_day().evidence, |head, _| head.closed += 1);
    pool.tell(&other).await.unwrap();
    let line = miner_says(&uri, "bob.rig", &heads, "THE POOL'S LEDGER IS WRONG").await;
    assert!(line.contains("two-histories"), "{line}");
}

#[tokio::test]
async fn a_member_notices_that_a_block_neither_paid_nor_credited_it_what_it_had_earned() {
    let config = PoolConfig::embedded("1f00ffff").every_hash_a_share().key(&cheat::keypair());
    let mut pool = Punchbowl::pool(config.shared("min_payout = 2_000_000_000")).await.unwrap();
    let mut miner = pool.miner(0).await.unwrap();
    let anns = miner.open_extended(&format!("{ANN}.rig"), SLOW).await.unwrap();
    let bobs = miner.open_extended(&format!("{BOB}.rig"), SLOW).await.unwrap();
    // A fifth of the next block, too little for an output, is Bob's.
    for channel in [anns, anns, anns, bobs] {
        let share = miner.find(channel, Wanted::ShareButNoBlock).unwrap();
        assert!(miner.submit_and_wait(&share).await.unwrap().is_accepted());
    }
    for _ in 0..2 {
        let block = miner.find(anns, Wanted::Block).unwrap();
        assert!(miner.submit_and_wait(&block).await.unwrap().is_accepted());
        miner.until_channel(anns, |channel| channel.mines_on(&block.display_hash())).await.unwrap();
    }
    pool.until_status(|status| status["block_counts"]["accepted"] == 2).await.unwrap();
    pool.terminate().await.unwrap();
    let owed = Reader::open(&pool.ledger()).unwrap().balances().unwrap();
    assert_eq!(owed.iter().map(|balance| balance.credit.abs()).collect::<Vec<_>>(), [1_000_000_000; 2]);

    // Whoever holds the pool's key leaves it out, and signs what follows.
    cheat::leave_no_credit(&pool.ledger()).unwrap();
    pool.restart().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let heads = folder.path().join("heads.json").display().to_string();
    let line = miner_says(&pool.uri(), &format!("{BOB}.rig"), &heads, "my-payout-missing").await;
    assert!(line.contains("pays me 0 sat and leaves 0 sat to my credit"), "{line}");
    assert!(line.contains("pay me 0 sat and leave 1000000000 sat"), "{line}");
    let (_, names, _) = verified(&pool.uri(), &[]).await;
    assert_eq!(names, ["wrong-booking"]);
}

#[tokio::test]
async fn join_notices_that_an_accepted_share_is_not_in_the_ledger() {
    let pool = Punchbowl::pool(PoolConfig::shares_only().key(&cheat::keypair())).await.unwrap();
    let front = Front::before(pool.address(), cheat::keypair()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let heads = folder.path().join("heads.json").display().to_string();
    let join = Join::start(&[&front.uri()], &["--heads", &heads]).await.unwrap();
    let mut miner = Sv1Miner::mining(join.address(), "cpuminer/of the tests", "bob.rig").await.unwrap();
    for _ in 0..3 {
        let share = miner.find().unwrap();
        // The first is accepted too, and is nowhere.
        miner.submit(&share).await.unwrap();
    }
    let line = join.process().line(|line| line.contains("THE POOL'S LEDGER IS WRONG")).await.unwrap();
    assert!(line.contains("my-share-missing"), "{line}");
}
