//! Firmware that takes only a small coinbase is given one: the largest dues are paid, the rest
//! is credited, and the ledger shows that it is right.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bitcoin::{
    Address, Network, ScriptBuf, Transaction, WPubkeyHash, consensus::deserialize, hashes::Hash, hex::FromHex,
};
use ledger::Reader;
use serde_json::Value;
use tests::{
    Client, Join, PoolConfig, Punchbowl, Sv1Miner,
    client::{SLOW, Setup, Wanted},
    sv1::Sv1Job,
};

const MEMBERS: usize = 120;

/// What each class takes in bytes, a firmware of that class, and about how many it can pay.
const FIRMWARES: [(&str, usize, &str, usize); 6] = [
    ("tiny", 500, "NiceHash/1.0.0", 10),
    ("antminer", 730, "Antminer S19j Pro/Fri Dec 1 2023", 18),
    ("antminer", 730, "something that nobody knows", 18),
    ("antminer2", 2_250, "bosminer-plus-tuner/0.2.0-36c56a9363", 66),
    ("respectable", 6_500, "bitaxe/BM1370/v2.9.0", MEMBERS),
    ("yuge", 16_000, "PowerPlay-BM/0.1.0", MEMBERS),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_firmware_is_given_a_coinbase_that_it_takes_and_a_block_of_the_smallest_is_right() {
    let old = format!("{}.old", address(0));
    let rule = format!("[sv1]\nworkers = [{{ worker = \"{old}\", class = \"antminer\" }}]");
    let config = PoolConfig::shares_and_blocks().shared("").section(&rule);
    let mut pool = Punchbowl::pool(config).await.unwrap();
    let mut proxy = pool.miner(0).await.unwrap();
    let mut channels = Vec::new();
    for member in 0..MEMBERS {
        channels.push(proxy.open_extended(&format!("{}.rig", address(member)), SLOW).await.unwrap());
    }
    // The higher its number, the more a member works.
    for (member, channel) in channels.iter().enumerate() {
        for _ in 0..=member / 40 {
            let share = proxy.find(*channel, Wanted::ShareButNoBlock).unwrap();
            assert!(proxy.submit_and_wait(&share).await.unwrap().is_accepted());
        }
    }
    let block = proxy.find(channels[0], Wanted::Block).unwrap();
    assert!(proxy.submit_and_wait(&block).await.unwrap().is_accepted());
    // All of them are paid where there is room; it has been asked for by itself.
    until_paid(&mut proxy, channels[0], MEMBERS).await;
    let all = scripts(&coinbase(&proxy, channels[0]));

    for (class, most, agent, about) in FIRMWARES {
        let mut miner = Sv1Miner::connect(pool.address()).await.unwrap();
        miner.subscribe(agent).await.unwrap();
        miner.authorize(&format!("{}.{class}", address(1)), "x").await.unwrap();
        let job = miner.until_job(|_| true).await.unwrap();
        let (size, transaction) = whole(&miner, &job);
        let paid = scripts(&transaction);
        assert!(size <= most, "{agent}: {size} bytes");
        assert!(paid.len().abs_diff(about) <= 2, "{agent}: {} payouts", paid.len());
        // The largest dues, in their order.
        assert_eq!(paid, all[..paid.len()], "{agent}");
        if class == "antminer" {
            assert!(job.coinbase.1.len() / 2 <= 590 && job.coinbase.0.len() / 2 <= 160, "{agent}");
        }
        let status = pool.until_status(|status| classes(status).contains(&class.to_owned())).await;
        assert!(status.is_ok(), "{agent} is not shown as {class}");
    }
    // A small client of Stratum V2 is known by its name, and one that sees no coinbase has no limit.
    let mut small = Client::connect(pool.address(), pool.authority()).await.unwrap();
    small.try_setup_as(&Setup { vendor: "bitaxe", ..Setup::default() }).await.unwrap();
    let channel = small.open_extended(&format!("{}.sv2", address(2)), SLOW).await.unwrap();
    assert_eq!(scripts(&coinbase(&small, channel)), all);

    // A proxy may say what each of its miners takes, where the extension for it is on.
    let field = b"\x42\x50\x01\x08\x00antminer";
    for (extensions, count) in [(&[0x5042][..], 18), (&[][..], MEMBERS)] {
        let mut proxy = pool.miner(0).await.unwrap();
        if !extensions.is_empty() {
            assert_eq!(proxy.request_extensions(extensions).await.unwrap(), extensions);
        }
        let user = format!("{}.behind", address(4));
        let request = proxy.request_extended_with(&user, SLOW, [0xff; 32], 4, field).await.unwrap();
        let channel = proxy.opened(request).await.unwrap();
        assert!(scripts(&coinbase(&proxy, channel)).len().abs_diff(count) <= 2);
    }

    // So does `punchbowl join`, of an old miner behind it.
    let join = Join::start(&[&pool.uri()], &[]).await.unwrap();
    join.connected().await.unwrap();
    let mut behind = Sv1Miner::connect(join.address()).await.unwrap();
    behind.subscribe("Antminer S19j Pro/Fri Dec 1 2023").await.unwrap();
    behind.authorize(&format!("{}.joined", address(5)), "x").await.unwrap();
    let job = behind.until_job(|_| true).await.unwrap();
    let (size, transaction) = whole(&behind, &job);
    assert!(size <= 730 && scripts(&transaction).len().abs_diff(18) <= 2, "{size} bytes behind join");

    // The miner may say its class, the host of this worker has: a block in the short form.
    let mut asking = Sv1Miner::connect(pool.address()).await.unwrap();
    asking.subscribe("cpuminer/of the tests").await.unwrap();
    asking.authorize(&format!("{}.asking", address(3)), "d=0.00001,class=tiny").await.unwrap();
    let job = asking.until_job(|_| true).await.unwrap();
    assert!(whole(&asking, &job).0 <= 500);

    let mut capped = Sv1Miner::mining(pool.address(), "cpuminer/of the tests", &old).await.unwrap();
    let share = loop {
        let share = capped.find().unwrap();
        if share.is_block {
            break share;
        }
    };
    let (size, transaction) = whole(&capped, &capped.job().unwrap().clone());
    let holder = transaction.output.iter().position(|output| output.script_pubkey.is_op_return());
    assert!(size <= 730 && holder == Some(2), "{transaction:?}");
    capped.submit(&share).await.unwrap();
    pool.until_status(|status| status["block_counts"]["accepted"] == 2).await.unwrap();
    // Those who were left out are owed it, and another block goes on from there.
    let tip = share.hash;
    let on_tip = |channel: &tests::client::Channel| channel.prev_hash.is_some_and(|prev| prev.hash == tip);
    proxy.until_channel(channels[0], on_tip).await.unwrap();
    let block = proxy.find(channels[0], Wanted::Block).unwrap();
    assert!(proxy.submit_and_wait(&block).await.unwrap().is_accepted());
    pool.until_status(|status| status["block_counts"]["accepted"] == 3).await.unwrap();
    pool.terminate().await.unwrap();

    let reader = Reader::open(&pool.ledger()).unwrap();
    let blocks = reader.blocks().unwrap();
    let capped = blocks.iter().find(|block| block.block.hash.to_string() == share.display_hash()).unwrap();
    let bookings = reader.bookings(capped.number).unwrap();
    let left_out = bookings.iter().filter(|booking| booking.due > 0 && booking.paid == 0).count();
    assert!(left_out >= MEMBERS - 20, "{left_out} were left out");
    assert_eq!(bookings.iter().map(|booking| booking.credit().unwrap()).sum::<i64>(), 0);
    let report = verified(&pool).await;
    assert!(report["jobs_without_room"].as_u64().unwrap() > 0, "{report:#}");
}

#[tokio::test]
async fn a_coinbase_grows_with_its_members_and_never_beyond_what_its_template_has_room_for() {
    let config = PoolConfig::shares_and_blocks().transactions(20).shared("coinbase_weight = 2_000");
    let mut pool = Punchbowl::pool(config).await.unwrap();
    let mut proxy = pool.miner(0).await.unwrap();
    let mut channels = Vec::new();
    for member in 0..30 {
        channels.push(proxy.open_extended(&format!("{}.rig", address(member)), SLOW).await.unwrap());
    }
    for channel in &channels {
        let share = proxy.find(*channel, Wanted::ShareButNoBlock).unwrap();
        assert!(proxy.submit_and_wait(&share).await.unwrap().is_accepted());
    }
    let block = proxy.find(channels[0], Wanted::Block).unwrap();
    assert!(proxy.submit_and_wait(&block).await.unwrap().is_accepted());
    // 2 000 units of weight are 500 bytes, of 31 for each of these.
    until_paid(&mut proxy, channels[0], 16).await;
    let block = proxy.find(channels[0], Wanted::Block).unwrap();
    assert!(proxy.submit_and_wait(&block).await.unwrap().is_accepted());
    pool.until_status(|status| status["block_counts"]["accepted"] == 2).await.unwrap();
    pool.terminate().await.unwrap();
    let report = verified(&pool).await;
    let owed =
        report["members"].as_array().unwrap().iter().filter(|member| member["balance"].as_i64().unwrap() > 0);
    assert_eq!(owed.count(), 14, "{report:#}");
}

/// An address of its own for each number; nobody has a key to it.
fn address(member: usize) -> Address {
    let script = ScriptBuf::new_p2wpkh(&WPubkeyHash::hash(format!("member {member}").as_bytes()));
    Address::from_script(&script, Network::Regtest).unwrap()
}

/// The coinbase that an SV1 miner puts together: its size, and what it is.
fn whole(miner: &Sv1Miner, job: &Sv1Job) -> (usize, Transaction) {
    let zeros = "00".repeat(miner.extranonce_size());
    let hex = format!("{}{zeros}{}", job.coinbase.0, job.coinbase.1);
    let bytes = Vec::from_hex(&hex).unwrap();
    (bytes.len(), deserialize(&bytes).unwrap())
}

fn coinbase(miner: &Client, channel: u32) -> Transaction {
    let channel = miner.channel(channel).unwrap();
    let (job, _) = channel.work().unwrap();
    job.coinbase(&vec![0; channel.rolled_size]).unwrap()
}

/// Whom a coinbase pays, in its order.
fn scripts(coinbase: &Transaction) -> Vec<ScriptBuf> {
    let paying = coinbase.output.iter().filter(|output| output.value.to_sat() > 0);
    paying.map(|output| output.script_pubkey.clone()).collect()
}

async fn until_paid(miner: &mut Client, channel: u32, count: usize) {
    let pays = |channel: &tests::client::Channel| {
        let Ok((job, _)) = channel.work() else { return false };
        scripts(&job.coinbase(&vec![0; channel.rolled_size]).unwrap()).len() == count
    };
    miner.until_channel(channel, pays).await.unwrap();
}

/// The classes that the status page shows.
fn classes(status: &Value) -> Vec<String> {
    let connections = status["connections"].as_array().unwrap().iter();
    let channels = connections.flat_map(|connection| connection["channels"].as_array().unwrap());
    channels.filter_map(|channel| Some(channel["class"].as_str()?.to_owned())).collect()
}

/// What `punchbowl verify --json` says of a ledger in which nothing is wrong.
async fn verified(pool: &Punchbowl) -> Value {
    let ledger = pool.data_dir();
    let output = Punchbowl::run(&["verify", ledger.to_str().unwrap(), "--json"]).await.unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (report["discrepancy_count"].as_u64(), output.status.code()),
        (Some(0), Some(0)),
        "{report:#}"
    );
    report
}
