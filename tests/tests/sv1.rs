//! Old miners at the pool's own port.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::json;
use tests::client::arithmetic::meets;
use tests::{BitcoinNode, Join, PoolConfig, Punchbowl, Sv1Miner, client::SLOW, client::Wanted};
use work::{Difficulty, Target};

const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
const AGENT: &str = "cpuminer/of the tests";

#[tokio::test]
async fn an_sv1_miner_finds_a_block_at_the_pools_own_port_and_core_takes_it() {
    let Some(mut node) = BitcoinNode::regtest().await.unwrap() else { return };
    let paid_by_miner = node.pay_fee(7_000).await.unwrap();
    let (_, tip) = node.tip().await.unwrap();
    let pool = Punchbowl::pool(PoolConfig::on_core(&node).paying(ADDRESS)).await.unwrap();

    let mut miner = Sv1Miner::mining(pool.address(), AGENT, "alice.rig").await.unwrap();
    let mut sv2 = pool.miner(0).await.unwrap();
    let beside = sv2.open_extended("bob.rig", 1e3).await.unwrap();
    let parent = sv2.channel(beside).unwrap().prev_hash.unwrap().hash;
    // With the transaction there is something in the merkle path.
    let share = loop {
        let share = miner.find().unwrap();
        let job = miner.job().unwrap().clone();
        if share.is_block && job.has_transactions() {
            break share;
        }
        if !job.has_transactions() {
            miner.until_job(|newer| newer.id != job.id).await.unwrap();
        }
    };
    miner.submit(&share).await.unwrap();

    let (_, new_tip) = node.wait_for_tip_after(&tip).await.unwrap();
    assert_eq!(new_tip, share.display_hash());
    let block = node.block(&new_tip).await.unwrap();
    assert_eq!(block["tx"][1]["txid"], paid_by_miner.to_string());
    assert_eq!(block["tx"][0]["vout"][0]["scriptPubKey"]["address"], ADDRESS);
    // Both kinds of miners move on, and what is stale is refused in words.
    sv2.until_tip_after(beside, parent).await.unwrap();
    let next = miner.until_job(|job| job.prev_hash == share.hash).await.unwrap();
    assert!(next.clean);
    let refused = miner.submit(&share).await.unwrap_err().to_string();
    assert!(refused.contains("stale"), "{refused}");
}

#[tokio::test]
async fn sv1_and_sv2_miners_share_a_port_and_are_counted_alike() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let mut old = Sv1Miner::mining(pool.address(), AGENT, "alice.old").await.unwrap();
    let mut new = pool.miner(0).await.unwrap();
    let channel = new.open_extended("alice.new", SLOW).await.unwrap();

    let share = old.find().unwrap();
    old.submit(&share).await.unwrap();
    let twice = old.submit(&share).await.unwrap_err().to_string();
    assert_eq!(twice, "this share was sent before");
    let mut bits_of_others = old.find().unwrap();
    bits_of_others.version_bits = Some(0x8000_0000);
    let refused = old.submit(&bits_of_others).await.unwrap_err().to_string();
    assert!(refused.contains("outside the mask"), "{refused}");
    let mut miss = old.find().unwrap();
    miss.nonce ^= 0x5555_5555;
    let refused = old.submit(&miss).await.unwrap_err().to_string();
    assert_eq!(refused, "below the difficulty of its job");
    let good = new.find(channel, Wanted::Share).unwrap();
    assert!(new.submit_and_wait(&good).await.unwrap().is_accepted());

    let status = pool.until_status(|status| status["shares"]["accepted"] == 2).await.unwrap();
    assert_eq!(status["shares"]["rejected"]["duplicate-share"], 1);
    assert_eq!(status["shares"]["rejected"]["invalid-non-rollable-version-bit"], 1);
    assert_eq!(status["shares"]["rejected"]["difficulty-too-low"], 1);
    let (first, second) = (&status["connections"][0], &status["connections"][1]);
    assert_eq!((&first["protocol"], &first["agent"]), (&json!("sv1"), &json!(AGENT)));
    assert_eq!(second["protocol"], "sv2");
    let worker = &first["channels"][0];
    assert_eq!((&worker["member"], &worker["worker"]), (&json!("alice"), &json!("old")));
    assert_eq!(worker["class"], "respectable");
}

#[tokio::test]
async fn a_port_for_rented_hash_rate_never_goes_below_its_difficulty() {
    let classes = "[sv1]\nclass = \"antminer2\"\nhigh_difficulty_class = \"tiny\"";
    let config = PoolConfig::shares_only().with_sv1_ports().section(classes);
    let pool = Punchbowl::pool(config).await.unwrap();
    let (plain, high) = pool.sv1_ports().unwrap();
    let easy = Sv1Miner::mining(plain, AGENT, "alice.rig").await.unwrap();
    assert!(easy.difficulty().unwrap() < 1.0);
    let hard = Sv1Miner::mining(high, AGENT, "alice.rented").await.unwrap();
    assert_eq!(hard.difficulty(), Some(524_288.0));
    // The class of the port, whatever the firmware; its miner may say another.
    let mut asking = Sv1Miner::connect(plain).await.unwrap();
    asking.subscribe(AGENT).await.unwrap();
    asking.authorize("alice.asking", "class=yuge").await.unwrap();
    let status = pool.status().await.unwrap();
    let class = |worker: &str| {
        let connections = status["connections"].as_array().unwrap().iter();
        let mut channels = connections.map(|connection| &connection["channels"][0]);
        channels.find(|channel| channel["worker"] == worker).unwrap()["class"].clone()
    };
    assert_eq!([class("rig"), class("rented"), class("asking")], ["antminer2", "tiny", "yuge"]);
    // Nothing but SV1 is spoken there.
    assert!(tests::Client::connect(plain, pool.authority()).await.is_err());
}

#[tokio::test]
async fn extranonce1_and_extranonce2_are_4_to_8_bytes_each_at_the_pool_and_through_join() {
    let hard = Target::from_difficulty(Difficulty(0.000_05)).to_le_bytes();
    for (one, two) in [(4, 8), (8, 4), (4, 4)] {
        let sizes = format!("[sv1]\nextranonce1 = {one}\nextranonce2 = {two}");
        let pool = Punchbowl::pool(PoolConfig::shares_only().section(&sizes)).await.unwrap();
        let flags = ["--extranonce1", &one.to_string(), "--extranonce2", &two.to_string()];
        let join = Join::start(&[&pool.uri()], &flags).await.unwrap();
        let together = [&flags[..], &["--aggregate", "--user", "alice"]].concat();
        let together = Join::start(&[&pool.uri()], &together).await.unwrap();
        for (count, address) in (1..).zip([pool.address(), join.address(), together.address()]) {
            let mut miner = Sv1Miner::mining(address, AGENT, "alice.rig").await.unwrap();
            assert_eq!(miner.extranonce_sizes(), (one, two));
            // Good for the pool too, where all share a channel that is harder than the miner's.
            let share = loop {
                let share = miner.find().unwrap();
                if meets(&share.hash, &hard) {
                    break share;
                }
            };
            miner.submit(&share).await.unwrap();
            let twice = miner.submit(&share).await.unwrap_err().to_string();
            assert_eq!(twice, "this share was sent before");
            assert_eq!(pool.status().await.unwrap()["shares"]["accepted"], count);
        }
    }
}

#[tokio::test]
async fn more_extranonce_than_the_pool_has_is_refused_in_words_that_say_what_to_do() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let too_much = ["--extranonce1", "8", "--extranonce2", "8"];
    let join = Join::start(&[&pool.uri()], &too_much).await.unwrap();
    join.connected().await.unwrap();
    let mut miner = Sv1Miner::connect(join.address()).await.unwrap();
    miner.subscribe(AGENT).await.unwrap();
    let refused = miner.authorize("alice.rig", "x").await.unwrap_err().to_string();
    assert!(refused.contains("no room for the 16 bytes of extranonce"), "{refused}");
    assert!(refused.contains("--extranonce1 4 --extranonce2 4"), "{refused}");

    let ended = Punchbowl::run(&["join", &pool.uri(), "--extranonce1", "3"]).await.unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(!ended.status.success() && said.contains("extranonce1 of 3 bytes"), "{said}");
    let config = PoolConfig::shares_only().section("[sv1]\nextranonce1 = 8");
    let refused = Punchbowl::pool(config).await.err().unwrap().to_string();
    assert!(refused.contains("16 bytes together, and a channel has 12"), "{refused}");
}

#[tokio::test]
async fn a_worker_name_that_cannot_be_paid_is_refused_in_words_and_another_may_be_tried() {
    let pool = Punchbowl::pool(PoolConfig::shares_only().solo()).await.unwrap();
    let mut miner = Sv1Miner::connect(pool.address()).await.unwrap();
    miner.subscribe(AGENT).await.unwrap();
    let refused = miner.authorize("alice.rig", "x").await.unwrap_err().to_string();
    assert!(refused.contains("pays each miner at the address in its user name"), "{refused}");
    miner.authorize(&format!("{ADDRESS}.rig"), "x").await.unwrap();
    miner.until_job(|_| true).await.unwrap();
}

#[tokio::test]
async fn miners_are_asked_to_come_back_when_the_pool_stops() {
    let mut pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let mut miner = Sv1Miner::mining(pool.address(), AGENT, "alice.rig").await.unwrap();
    assert_eq!(pool.terminate().await.unwrap().code(), Some(0));
    let said = miner.until_closed().await.unwrap();
    assert!(said.iter().any(|line| line["method"] == "client.reconnect"), "{said:?}");
}

#[tokio::test]
async fn a_miner_that_sends_shares_too_fast_is_given_a_harder_difficulty_with_its_next_job() {
    let config = PoolConfig::embedded("1d00ffff").section("[vardiff]\nmin_difficulty = 0.0000001");
    let pool = Punchbowl::pool(config).await.unwrap();
    let mut miner = Sv1Miner::mining(pool.address(), AGENT, "alice.rig").await.unwrap();
    let first = miner.job().unwrap().clone();
    let harder = loop {
        let share = miner.find_on(&first).unwrap();
        // The old job is judged by its own difficulty to the end.
        miner.submit(&share).await.unwrap();
        let newest = miner.job().unwrap();
        if newest.id != first.id {
            break newest.clone();
        }
    };
    assert!(harder.difficulty > first.difficulty, "{harder:?}");
    assert_eq!(harder.difficulty.log2().fract(), 0.0, "a power of two");
    assert!(!harder.clean);
    let share = miner.find_on(&first).unwrap();
    miner.submit(&share).await.unwrap();
}

#[tokio::test]
async fn what_no_miner_sends_is_refused_within_limits_and_the_pool_goes_on() {
    let pool = Punchbowl::pool(PoolConfig::shares_only().with_sv1_ports()).await.unwrap();
    let (sv1, _) = pool.sv1_ports().unwrap();

    // Ten megabytes without an end of line, at both ports.
    for address in [sv1, pool.address()] {
        let mut endless = Sv1Miner::connect(address).await.unwrap();
        let mut sent = endless.send(b"{\"id\":1,\"method\":\"").await;
        for _ in 0..10 * 16 {
            if sent.is_err() {
                break;
            }
            sent = endless.send(&[b'x'; 64 * 1024]).await;
        }
        endless.until_closed().await.unwrap();
    }
    // Deep nesting, text that is none, nonsense: answered a few times and then no more.
    for line in [[&[b'['; 4000][..], b"\n"].concat(), b"{\"id\":\xff\xfe}\n".to_vec(), b"hello\n".to_vec()] {
        let mut rude = Sv1Miner::connect(sv1).await.unwrap();
        rude.send(&line.repeat(10)).await.unwrap();
        let said = rude.until_closed().await.unwrap();
        assert!((1..=10).contains(&said.len()), "{said:?}");
    }
    // A byte a second, and a line that is begun and not ended.
    let mut dripping = Sv1Miner::connect(sv1).await.unwrap();
    for byte in b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n" {
        let drip = tokio::time::sleep(std::time::Duration::from_secs(1));
        if dripping.send(&[*byte]).await.is_err() {
            break;
        }
        drip.await;
    }
    assert_eq!(dripping.until_closed().await.unwrap(), Vec::<serde_json::Value>::new());
    let mut slow = Sv1Miner::connect(pool.address()).await.unwrap();
    slow.send(b"{\"id\":1,\"method\":\"mining.sub").await.unwrap();
    slow.until_closed().await.unwrap();

    pool.until_closed("malformed", 5).await.unwrap();
    pool.until_closed("timeout", 2).await.unwrap();
    let mut miner = Sv1Miner::mining(pool.address(), AGENT, "alice.rig").await.unwrap();
    let share = miner.find().unwrap();
    miner.submit(&share).await.unwrap();
}
