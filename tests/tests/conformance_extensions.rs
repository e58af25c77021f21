//! Extensions 0x0001 (negotiation) and 0x0002 (worker names in shares). The numbers in
//! comments are those of docs/conformance.md.

use mining_sv2 as mining;
use serde_json::{Value, json};
use tests::{
    Client, PoolConfig, Punchbowl,
    client::{Message, Wanted},
};

const NEGOTIATION: u16 = 0x0001;
const WORKER_NAMES: u16 = 0x0002;
const UNHEARD_OF: u16 = 0x0bad;

/// What a request is answered with: granted, or refused with the unsupported and the
/// required ids.
async fn negotiate(client: &mut Client, wanted: &[u16]) -> Result<Vec<u16>, (Vec<u16>, Vec<u16>)> {
    const REQUEST_ID: u16 = 0xabcd;
    match client.try_request_extensions(REQUEST_ID, wanted).await.unwrap() {
        Message::RequestExtensionsSuccess(answer) => {
            assert_eq!(answer.request_id, REQUEST_ID);
            Ok(answer.supported_extensions.into_inner())
        }
        Message::RequestExtensionsError(answer) => {
            assert_eq!(answer.request_id, REQUEST_ID);
            Err((answer.unsupported_extensions.into_inner(), answer.required_extensions.into_inner()))
        }
        other => panic!("{other:?}"),
    }
}

/// 6, 83, 84
#[tokio::test]
async fn the_supported_part_of_what_is_asked_for_is_granted() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    for (wanted, granted) in [
        (&[WORKER_NAMES][..], vec![WORKER_NAMES]),
        (&[UNHEARD_OF, WORKER_NAMES], vec![WORKER_NAMES]),
        (&[NEGOTIATION, WORKER_NAMES], vec![NEGOTIATION, WORKER_NAMES]),
        (&[], vec![]),
    ] {
        let mut client = pool.miner(0).await.unwrap();
        assert_eq!(negotiate(&mut client, wanted).await, Ok(granted), "{wanted:?}");
        client.open_extended("alice", 1.0).await.unwrap();
    }
}

/// 84
#[tokio::test]
async fn when_nothing_asked_for_is_supported_the_client_may_go_on_without() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let mut client = pool.miner(0).await.unwrap();
    let refused = negotiate(&mut client, &[UNHEARD_OF, 0x7fff]).await;
    assert_eq!(refused, Err((vec![UNHEARD_OF, 0x7fff], vec![])));
    client.open_extended("alice", 1.0).await.unwrap();
}

/// 84, 85
#[tokio::test]
async fn a_client_may_ask_again_for_what_is_required_and_is_disconnected_when_it_does_not() {
    let config = PoolConfig::shares_only().section("[extensions]\nrequired = [0x0002]");
    let pool = Punchbowl::pool(config).await.unwrap();

    let mut learns = pool.miner(0).await.unwrap();
    let refused = negotiate(&mut learns, &[UNHEARD_OF]).await;
    assert_eq!(refused, Err((vec![UNHEARD_OF], vec![WORKER_NAMES])));
    assert_eq!(negotiate(&mut learns, &[WORKER_NAMES]).await, Ok(vec![WORKER_NAMES]));
    learns.open_extended("alice", 1.0).await.unwrap();

    let mut insists = pool.miner(0).await.unwrap();
    assert!(negotiate(&mut insists, &[NEGOTIATION]).await.is_err());
    insists.open_extended("bob", 1.0).await.unwrap_err();

    let mut never_asks = pool.miner(0).await.unwrap();
    never_asks.open_standard("carol", 1.0).await.unwrap_err();

    let mut shares_at_once = pool.miner(0).await.unwrap();
    let share = [0; 25];
    shares_at_once.send_raw(0, true, mining::MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED, &share).await.unwrap();
    shares_at_once.next().await.unwrap_err();

    pool.until_closed("protocol", 3).await.unwrap();
    learns.fence().await.unwrap();
}

/// 86
#[tokio::test]
async fn a_pool_without_extensions_ignores_the_request() {
    let config = PoolConfig::shares_only().section("[extensions]\nsupported = []");
    let pool = Punchbowl::pool(config).await.unwrap();
    let mut client = pool.miner(0).await.unwrap();
    let request = [1, 0, 1, 0, 2, 0];
    client.send_raw(1, false, extensions_sv2::MESSAGE_TYPE_REQUEST_EXTENSIONS, &request).await.unwrap();
    let said = client.fence().await.unwrap();
    assert!(said.is_empty(), "{said:?}");
    client.open_extended("alice", 1.0).await.unwrap();
    pool.until_status(|status| status["unknown_messages"] == 1).await.unwrap();
}

/// A field of extension 0x0002 as the reference implementation sends it.
fn worker(name: &str) -> Vec<u8> {
    [&[2, 0, 1, name.len() as u8, 0], name.as_bytes()].concat()
}

/// The same in the byte order of the specification's example.
fn worker_big_endian(name: &str) -> Vec<u8> {
    [&[0, 2, 1, 0, name.len() as u8], name.as_bytes()].concat()
}

/// Submits a good share, or one that misses the target, with `tlvs` behind it.
async fn submit(client: &mut Client, channel: u32, wanted: Wanted, tlvs: &[u8]) -> Option<String> {
    let share = client.find(channel, wanted).unwrap();
    let sequence = client.submit_with_tlvs(&share, tlvs).await.unwrap();
    client.verdict(channel, sequence).await.unwrap().rejection().map(str::to_owned)
}

/// 7, 8, 87
#[tokio::test]
async fn shares_are_counted_for_the_worker_that_they_name() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let mut client = pool.miner(0).await.unwrap();
    client.request_extensions(&[WORKER_NAMES]).await.unwrap();
    let channel = client.open_extended("farm.east", 1.0).await.unwrap();

    let longest = "w".repeat(32);
    let other_first = [&[1, 0, 9, 2, 0, 7, 7][..], &worker("rack-1")].concat();
    for (wanted, tlvs) in [
        (Wanted::Share, worker("rack-1")),
        (Wanted::Share, worker_big_endian("rack-1")),
        (Wanted::Share, other_first),
        (Wanted::Miss, worker("rack-1")),
        (Wanted::Share, worker(&longest)),
        (Wanted::Share, worker("Worker_001")),
        // Who names nobody is the channel's own.
        (Wanted::Share, Vec::new()),
    ] {
        let refused = submit(&mut client, channel, wanted, &tlvs).await;
        assert_eq!(refused.is_some(), wanted == Wanted::Miss, "{tlvs:?}: {refused:?}");
    }

    let report = |status: &Value| status["connections"][0]["channels"][0]["report"].clone();
    let status = pool.until_status(|status| report(status)["accepted"] == 6).await.unwrap();
    let workers: Vec<Value> = report(&status)["workers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|worker| json!([worker["name"], worker["accepted"], worker["rejected"]]))
        .collect();
    let expected = [json!(["Worker_001", 1, 0]), json!(["rack-1", 3, 1]), json!([longest, 1, 0])];
    assert_eq!(workers, expected);
    assert_eq!(report(&status)["rejected"], 1);
    assert_eq!(status["connections"][0]["extensions"], true);
}

/// 7, 87
#[tokio::test]
async fn a_share_whose_worker_name_cannot_be_read_is_refused_and_the_connection_kept() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let mut client = pool.miner(0).await.unwrap();
    client.request_extensions(&[WORKER_NAMES]).await.unwrap();
    let channel = client.open_extended("farm", 1.0).await.unwrap();
    let too_long = "w".repeat(33);
    for tlvs in [
        worker(&too_long),
        worker_big_endian(&too_long),
        b"\x02\x00\x01\x01\x00\xff".to_vec(),
        b"\x02\x00\x01\x05\x00abc".to_vec(),
        b"\x02\x00".to_vec(),
    ] {
        let refused = submit(&mut client, channel, Wanted::Share, &tlvs).await;
        assert_eq!(refused.as_deref(), Some("invalid-share"), "{tlvs:?}");
    }
    assert_eq!(submit(&mut client, channel, Wanted::Share, &worker("rig")).await, None);
}

/// 87
#[tokio::test]
async fn what_follows_a_share_means_nothing_when_it_was_not_negotiated() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let mut client = pool.miner(0).await.unwrap();
    let extended = client.open_extended("farm", 1.0).await.unwrap();
    let standard = client.open_standard("farm", 1.0).await.unwrap();
    let tails = [worker("rig"), worker(&"w".repeat(33)), vec![0xff; 7]];
    for tail in &tails {
        for channel in [extended, standard] {
            assert_eq!(submit(&mut client, channel, Wanted::Share, tail).await, None, "{tail:?}");
        }
    }
    let accepted = |status: &Value| {
        let channels = status["connections"][0]["channels"].as_array().unwrap();
        channels.iter().map(|channel| channel["report"]["accepted"].as_u64().unwrap_or(0)).sum::<u64>()
    };
    let status = pool.until_status(|status| accepted(status) == 6).await.unwrap();
    for channel in status["connections"][0]["channels"].as_array().unwrap() {
        assert_eq!(channel["report"]["workers"], json!([]));
    }
}
