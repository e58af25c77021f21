//! Stratum V2 miners on another network: through `punchbowl join` to the pool.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use tests::{
    BitcoinNode, Join, PoolConfig, Proxy, Punchbowl, Sv1Miner, Weather,
    client::{Client, Message, SLOW, Setup, Wanted, flags},
};

const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

#[tokio::test]
async fn sv2_miners_of_both_kinds_find_blocks_through_join_and_core_takes_them() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let pool = Punchbowl::pool(PoolConfig::on_core(&node).paying(ADDRESS)).await.unwrap();
    let mut join = Join::start(&[&pool.uri()], &["--user", "alice"]).await.unwrap();

    let mut device = join.miner(flags::REQUIRES_STANDARD_JOBS).await.unwrap();
    let on_device = device.open_standard("garage", 1e3).await.unwrap();
    let mut proxy = join.miner(0).await.unwrap();
    let on_proxy = proxy.open_extended("attic", 1e3).await.unwrap();

    let (_, mut tip) = node.tip().await.unwrap();
    for (miner, channel) in [(&mut device, on_device), (&mut proxy, on_proxy)] {
        miner.until_channel(channel, |channel| channel.mines_on(&tip)).await.unwrap();
        let block = miner.find(channel, Wanted::Block).unwrap();
        assert!(miner.submit_and_wait(&block).await.unwrap().is_accepted());
        (_, tip) = node.wait_for_tip_after(&tip).await.unwrap();
        assert_eq!(tip, block.display_hash());
        let found = node.block(&tip).await.unwrap();
        assert_eq!(found["tx"][0]["vout"][0]["scriptPubKey"]["address"], ADDRESS);
        miner.until_channel(channel, |channel| channel.mines_on(&tip)).await.unwrap();
        assert_eq!(miner.submit_and_wait(&block).await.unwrap().rejection(), Some("stale-share"));
    }
    let status = pool.status().await.unwrap();
    let channels = status["connections"][0]["channels"].as_array().unwrap();
    let names: Vec<_> =
        channels.iter().map(|channel| (channel["member"].as_str(), channel["worker"].as_str())).collect();
    assert_eq!(names, [(Some("alice"), Some("garage")), (Some("alice"), Some("attic"))]);
    let own = join.status().await.unwrap();
    assert_eq!((&own["miners"]["sv2"], &own["shares"]["in_flight"]), (&2.into(), &0.into()));
    assert_eq!((&own["upstream"]["connected"], &own["upstream"]["path"]), (&true.into(), &"tcp".into()));
    assert_eq!(join.terminate().await.unwrap(), Some(0));
}

#[tokio::test]
async fn the_built_in_miner_finds_a_block_through_join() {
    let Some(node) = BitcoinNode::regtest().await.unwrap() else { return };
    let (_, tip) = node.tip().await.unwrap();
    let pool = Punchbowl::pool(PoolConfig::on_core(&node).paying(ADDRESS)).await.unwrap();
    let join = Join::start(&[&pool.uri()], &["--user", "alice"]).await.unwrap();
    for kind in ["standard", "extended"] {
        let arguments =
            ["miner", join.uri(), "--user", "laptop", "--blocks", "1", "--json", "--channel", kind];
        let mined = Punchbowl::run(&arguments).await.unwrap();
        assert!(mined.status.success(), "{}", String::from_utf8_lossy(&mined.stderr));
        let tally: serde_json::Value = serde_json::from_slice(&mined.stdout).unwrap();
        assert!(tally["blocks_accepted"].as_u64().unwrap() >= 1, "{tally}");
    }
    assert_ne!(node.wait_for_tip_after(&tip).await.unwrap().1, tip);
}

#[tokio::test]
async fn one_port_serves_both_protocols_and_its_key_outlives_a_restart() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let kept = ["--data-dir", folder.path().to_str().unwrap()];
    let mut join = Join::start(&[&pool.uri()], &kept).await.unwrap();
    let mut old = Sv1Miner::mining(join.address(), "cpuminer", "alice.s9").await.unwrap();
    let mut new = join.miner(0).await.unwrap();
    let channel = new.open_extended("alice.bitaxe", SLOW).await.unwrap();
    let share = old.find().unwrap();
    old.submit(&share).await.unwrap();
    let share = new.find(channel, Wanted::Share).unwrap();
    assert!(new.submit_and_wait(&share).await.unwrap().is_accepted());
    assert_eq!(new.submit_and_wait(&share).await.unwrap().rejection(), Some("duplicate-share"));
    let status = join.status().await.unwrap();
    assert_eq!((&status["miners"]["sv1"], &status["miners"]["sv2"]), (&1.into(), &1.into()));
    assert_eq!((&status["shares"]["accepted"], &status["shares"]["refused"]), (&2.into(), &1.into()));

    let key = join.authority().unwrap();
    assert_eq!(join.terminate().await.unwrap(), Some(0));
    let again = Join::start(&[&pool.uri()], &kept).await.unwrap();
    assert_eq!(again.authority().unwrap(), key);
}

#[tokio::test]
async fn a_name_that_the_pool_does_not_take_is_refused_with_its_code_and_another_is_taken() {
    let pool = Punchbowl::pool(PoolConfig::shares_only().solo()).await.unwrap();
    let join = Join::start(&[&pool.uri()], &[]).await.unwrap();
    join.connected().await.unwrap();
    let mut miner = join.miner(0).await.unwrap();
    let refused = miner.open_standard("nobody.rig", SLOW).await.unwrap_err().to_string();
    assert!(refused.contains("unknown-user"), "{refused}");
    miner.open_standard(&format!("{ADDRESS}.rig"), SLOW).await.unwrap();
}

/// A device and a proxy behind join, each with a channel.
async fn two_miners(join: &Join) -> [(Client, u32); 2] {
    let mut device = join.miner(flags::REQUIRES_STANDARD_JOBS).await.unwrap();
    let on_device = device.open_standard("alice.device", SLOW).await.unwrap();
    let mut proxy = join.miner(0).await.unwrap();
    let on_proxy = proxy.open_extended("alice.proxy", SLOW).await.unwrap();
    [(device, on_device), (proxy, on_proxy)]
}

#[tokio::test]
async fn sv2_miners_outlive_a_pool_that_is_killed_and_comes_back() {
    let mut pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let join = Join::start(&[&pool.uri()], &[]).await.unwrap();
    let mut miners = two_miners(&join).await;
    let mark = join.process().log().mark();
    pool.kill().await.unwrap();
    join.process().line_after(mark, |line| line.contains("no pool at present")).await.unwrap();
    pool.restart().await.unwrap();
    for (miner, channel) in &mut miners {
        let before = miner.channel(*channel).unwrap().work().unwrap().0.id;
        // On the same connection and channel: it would be an error if either had been closed.
        let moved_on =
            |channel: &tests::client::Channel| channel.work().is_ok_and(|(job, _)| job.id != before);
        miner.until_channel(*channel, moved_on).await.unwrap();
        let share = miner.find(*channel, Wanted::Share).unwrap();
        assert!(miner.submit_and_wait(&share).await.unwrap().is_accepted());
    }
    assert_eq!(pool.status().await.unwrap()["shares"]["accepted"], 2);
}

#[tokio::test]
async fn over_a_short_outage_no_share_of_an_sv2_miner_is_lost() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let proxy = Proxy::before(pool.address()).await.unwrap();
    let uri = format!("stratum2+tcp://{}/{}", proxy.address(), pool.authority());
    let join = Join::start(&[&uri], &[]).await.unwrap();
    let mut miners = two_miners(&join).await;
    let mark = join.process().log().mark();
    proxy.set(Weather::BlackHole);
    let mut sent = Vec::new();
    for (miner, channel) in &mut miners {
        let share = miner.find(*channel, Wanted::Share).unwrap();
        sent.push(miner.submit(&share).await.unwrap());
    }
    join.process().line_after(mark, |line| line.contains("no pool at present")).await.unwrap();
    proxy.set(Weather::Fair);
    join.process().line_after(mark, |line| line.contains("nothing is lost")).await.unwrap();
    for ((miner, channel), sequence) in miners.iter_mut().zip(sent) {
        assert!(miner.verdict(*channel, sequence).await.unwrap().is_accepted());
    }
    let own = join.status().await.unwrap();
    assert_eq!((&own["shares"]["accepted"], &own["shares"]["lost"]), (&2.into(), &0.into()));
    assert_eq!(own["upstream"]["outages"], 1);
}

#[tokio::test]
async fn the_coinbase_class_follows_from_what_a_miner_says_and_the_hosts_word_counts_first() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let join = Join::start(&[&pool.uri()], &["--class", "alice.capped=antminer"]).await.unwrap();
    join.connected().await.unwrap();
    let field = b"\x42\x50\x01\x09\x00antminer2";
    for (vendor, name, says, class) in [
        ("bitaxe", "alice.bitaxe", &[][..], "respectable"),
        ("NerdQAxe++", "alice.nerd", &[], "respectable"),
        ("a proxy", "alice.proxy", &[], "yuge"),
        ("a proxy", "alice.behind", field, "antminer2"),
        ("a proxy", "alice.capped", field, "antminer"),
    ] {
        let mut miner = Client::connect(join.address(), join.authority().unwrap()).await.unwrap();
        miner.try_setup_as(&Setup { vendor, ..Setup::default() }).await.unwrap();
        if !says.is_empty() {
            assert_eq!(miner.request_extensions(&[0x5042]).await.unwrap(), [0x5042]);
        }
        let request = miner.request_extended_with(name, SLOW, [0xff; 32], 4, says).await.unwrap();
        miner.opened(request).await.unwrap();
        let status = pool.status().await.unwrap();
        let worker = name.trim_start_matches("alice.");
        let channels = status["connections"][0]["channels"].as_array().unwrap();
        let shown = channels.iter().find(|channel| channel["worker"] == worker).unwrap();
        assert_eq!(shown["class"], class, "{name}");
    }
}

#[tokio::test]
async fn a_miner_that_says_nothing_any_more_is_given_up_and_one_that_does_is_answered() {
    /// Extension 0x5042, and what its messages are.
    const KEEP_ALIVE: u16 = 0x5042;
    const PING: u8 = 0x01;
    const PONG: u8 = 0x02;
    const RESUME_TOKEN: u8 = 0x03;
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let join = Join::start(&[&pool.uri()], &[]).await.unwrap();
    let mut miner = join.miner(0).await.unwrap();
    assert_eq!(miner.request_extensions(&[KEEP_ALIVE]).await.unwrap(), [KEEP_ALIVE]);
    let of = |message: &Message, wanted: u8| match message {
        Message::Unknown { extension_type: KEEP_ALIVE, msg_type, payload } => {
            (*msg_type == wanted).then(|| payload.clone())
        }
        _ => None,
    };
    // Channels do not wait for it: zero seconds.
    let token = miner.until(|message| of(message, RESUME_TOKEN)).await.unwrap();
    assert_eq!(token[16..], [0; 4]);
    miner.open_extended("alice.rig", SLOW).await.unwrap();
    miner.send_raw(KEEP_ALIVE, false, PING, &[1, 2, 3, 4]).await.unwrap();
    assert_eq!(miner.until(|message| of(message, PONG)).await.unwrap(), [1, 2, 3, 4]);
    miner.until_closed().await.unwrap();
    join.until_status(|status| status["miners"]["sv2"] == 0).await.unwrap();
    pool.until_status(|status| status["connection_counts"]["channels"] == 0).await.unwrap();
}
