//! Extension 0x5042, keep-alive and resume, as docs/extensions.md has it: a scripted
//! client against the built pool.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use tests::{
    Client, PoolConfig, Punchbowl,
    client::{Message, SLOW, Wanted},
};

const EXTENSION: u16 = 0x5042;
const KEEP_ALIVE: u8 = 0;
const PING: u8 = 1;
const PONG: u8 = 2;
const RESUME_TOKEN: u8 = 3;
const RESUME: u8 = 4;
const RESUME_SUCCESS: u8 = 5;
const CHANNEL_RESUMED: u8 = 6;
const RESUME_ERROR: u8 = 7;

type Token = [u8; 16];

/// What the pool says of a channel that goes on.
#[derive(Debug, PartialEq)]
struct Resumed {
    channel: u32,
    last_sequence: u32,
    accepted: u64,
    rejected: u64,
    target: [u8; 32],
    prefix: Vec<u8>,
}

/// The next message of the extension; others are passed over.
async fn next(client: &mut Client) -> (u8, Vec<u8>) {
    let said = client.until(|message| match message {
        Message::Unknown { extension_type: EXTENSION, msg_type, payload } => {
            Some((*msg_type, payload.clone()))
        }
        _ => None,
    });
    said.await.unwrap()
}

/// A connection with the extension on, and its token.
async fn connect(pool: &Punchbowl) -> (Client, Token) {
    let mut client = pool.miner(0).await.unwrap();
    assert_eq!(client.request_extensions(&[EXTENSION]).await.unwrap(), [EXTENSION]);
    let (msg_type, times) = next(&mut client).await;
    assert_eq!((msg_type, times.len()), (KEEP_ALIVE, 12));
    let (msg_type, token) = next(&mut client).await;
    assert_eq!((msg_type, token.len()), (RESUME_TOKEN, 20));
    (client, token[..16].try_into().unwrap())
}

/// Asks for the channels that wait under one of `tokens`.
async fn resume(client: &mut Client, tokens: &[Token]) -> Result<Vec<Resumed>, String> {
    let payload = [&[tokens.len() as u8][..], tokens.as_flattened()].concat();
    client.send_raw(EXTENSION, false, RESUME, &payload).await.unwrap();
    let (msg_type, payload) = next(client).await;
    if msg_type == RESUME_ERROR {
        assert_eq!(usize::from(payload[0]), payload.len() - 1);
        return Err(String::from_utf8(payload[1..].to_vec()).unwrap());
    }
    assert_eq!(msg_type, RESUME_SUCCESS);
    let mut channels = Vec::new();
    for _ in 0..u32::from_le_bytes(payload[..].try_into().unwrap()) {
        let (msg_type, payload) = next(client).await;
        assert_eq!(msg_type, CHANNEL_RESUMED);
        let word = |at: usize| u32::from_le_bytes(payload[at..at + 4].try_into().unwrap());
        let long = |at: usize| u64::from_le_bytes(payload[at..at + 8].try_into().unwrap());
        assert_eq!(usize::from(payload[60]), payload.len() - 61);
        channels.push(Resumed {
            channel: word(0),
            last_sequence: word(8),
            accepted: long(12),
            rejected: long(20),
            target: payload[28..60].try_into().unwrap(),
            prefix: payload[61..].to_vec(),
        });
    }
    Ok(channels)
}

/// The connection breaks, and the client knows what it knew.
async fn breaks(client: Client, pool: &Punchbowl) -> Vec<tests::client::Channel> {
    let channels: Vec<_> = client.channels().cloned().collect();
    drop(client);
    let open = channels.len();
    pool.until_status(|status| status["outages"]["parked_channels"] == open).await.unwrap();
    channels
}

#[tokio::test]
async fn a_channel_goes_on_where_it_was_and_its_shares_are_judged_once() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let (mut client, token) = connect(&pool).await;
    let id = client.open_extended("ann", SLOW).await.unwrap();
    let judged = [client.find(id, Wanted::Share).unwrap(), client.find(id, Wanted::Miss).unwrap()];
    assert!(client.submit_and_wait(&judged[0]).await.unwrap().is_accepted());
    assert!(!client.submit_and_wait(&judged[1]).await.unwrap().is_accepted());
    let under_way = client.find(id, Wanted::Share).unwrap();
    let before = breaks(client, &pool).await;

    let (mut client, _) = connect(&pool).await;
    before.iter().for_each(|channel| client.adopt(channel.clone()));
    let resumed = resume(&mut client, &[[0xaa; 16], token]).await.unwrap();
    let expected = Resumed {
        channel: id,
        last_sequence: 2,
        accepted: 1,
        rejected: 1,
        target: before[0].target,
        prefix: before[0].extranonce_prefix.clone(),
    };
    assert_eq!(resumed, [expected]);
    // The job of before is still good, and what was seen is still seen.
    assert!(client.submit_and_wait(&under_way).await.unwrap().is_accepted());
    let again = client.submit_and_wait(&judged[0]).await.unwrap();
    assert_eq!(again.rejection(), Some("duplicate-share"));
    let next = client.find(id, Wanted::Share).unwrap();
    assert!(client.submit_and_wait(&next).await.unwrap().is_accepted());
    let status = pool.status().await.unwrap();
    assert_eq!((&status["shares"]["accepted"], &status["outages"]["resumed"]), (&3.into(), &1.into()));
    assert_eq!(status["outages"]["parked_channels"], 0);
}

#[tokio::test]
async fn a_proxy_has_all_its_channels_back_and_opens_more() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let (mut client, token) = connect(&pool).await;
    let mut ids = Vec::new();
    for user in ["ann", "bob", "carol"] {
        ids.push(client.open_extended(user, SLOW).await.unwrap());
        ids.push(client.open_standard(user, SLOW).await.unwrap());
    }
    let before = breaks(client, &pool).await;
    let (mut client, _) = connect(&pool).await;
    before.iter().for_each(|channel| client.adopt(channel.clone()));
    let resumed = resume(&mut client, &[token]).await.unwrap();
    assert_eq!(resumed.iter().map(|channel| channel.channel).collect::<Vec<_>>(), ids);
    ids.push(client.open_extended("dave", SLOW).await.unwrap());
    for id in ids {
        let share = client.find(id, Wanted::Share).unwrap();
        assert!(client.submit_and_wait(&share).await.unwrap().is_accepted(), "channel {id}");
    }
}

#[tokio::test]
async fn a_client_that_comes_back_first_takes_over_from_its_old_connection_and_a_token_is_good_once() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let (mut old, first) = connect(&pool).await;
    let id = old.open_extended("ann", SLOW).await.unwrap();
    let share = old.find(id, Wanted::Share).unwrap();
    assert!(old.submit_and_wait(&share).await.unwrap().is_accepted());

    let (mut new, second) = connect(&pool).await;
    new.adopt(old.channel(id).unwrap().clone());
    assert_eq!(resume(&mut new, &[first]).await.unwrap()[0].accepted, 1);
    old.until_closed().await.unwrap();
    assert_eq!(new.submit_and_wait(&share).await.unwrap().rejection(), Some("duplicate-share"));

    let (mut third, own) = connect(&pool).await;
    assert_eq!(resume(&mut third, &[first]).await, Err("unknown-token".into()));
    // One's own is no way to anything either.
    assert_eq!(resume(&mut third, &[own]).await, Err("unknown-token".into()));
    // Who does not know which of its tokens counts presents them all.
    third.adopt(new.channel(id).unwrap().clone());
    assert_eq!(resume(&mut third, &[first, second]).await.unwrap()[0].channel, id);
    new.until_closed().await.unwrap();
    assert_eq!(resume(&mut third, &[second]).await, Err("channels-open".into()));
    assert_eq!(pool.status().await.unwrap()["outages"]["taken_over"], 2);
}

#[tokio::test]
async fn what_is_given_up_does_not_come_back() {
    let config =
        PoolConfig::shares_only().section("[limits]\nresume_timeout = 1\nparked_channels_per_peer = 1");
    let pool = Punchbowl::pool(config).await.unwrap();
    // Closed by its client.
    let (mut client, closed) = connect(&pool).await;
    let id = client.open_extended("ann", SLOW).await.unwrap();
    client.close_channel(id).await.unwrap();
    client.fence().await.unwrap();
    drop(client);
    // Waited too long.
    let (mut client, late) = connect(&pool).await;
    client.open_extended("bob", SLOW).await.unwrap();
    drop(client);
    pool.until_status(|status| status["outages"]["expired"] == 1).await.unwrap();
    // More than one peer may leave behind.
    let (mut client, too_many) = connect(&pool).await;
    client.open_extended("carol", SLOW).await.unwrap();
    client.open_extended("carol", SLOW).await.unwrap();
    drop(client);
    pool.until_status(|status| status["outages"]["no_room"] == 2).await.unwrap();

    let (mut client, _) = connect(&pool).await;
    for token in [closed, late, too_many, [7; 16]] {
        assert_eq!(resume(&mut client, &[token]).await, Err("unknown-token".into()));
    }
    assert_eq!(resume(&mut client, &[]).await, Err("unknown-token".into()));
    // It mines all the same.
    let id = client.open_extended("ann", SLOW).await.unwrap();
    let share = client.find(id, Wanted::Share).unwrap();
    assert!(client.submit_and_wait(&share).await.unwrap().is_accepted());
    assert_eq!(pool.status().await.unwrap()["outages"]["parked_channels"], 0);
}

#[tokio::test]
async fn a_tip_that_changed_meanwhile_is_the_first_thing_that_is_sent() {
    let pool = Punchbowl::pool(PoolConfig::shares_and_blocks()).await.unwrap();
    let (mut client, token) = connect(&pool).await;
    let id = client.open_extended("ann", SLOW).await.unwrap();
    let on_old_tip = client.find(id, Wanted::ShareButNoBlock).unwrap();
    let before = breaks(client, &pool).await;

    let mut other = pool.miner(0).await.unwrap();
    let others = other.open_extended("bob", SLOW).await.unwrap();
    let block = other.find(others, Wanted::Block).unwrap();
    assert!(other.submit_and_wait(&block).await.unwrap().is_accepted());
    other.until_tip_after(others, before[0].prev_hash.unwrap().hash).await.unwrap();

    let (mut client, _) = connect(&pool).await;
    client.adopt(before[0].clone());
    resume(&mut client, &[token]).await.unwrap();
    client.until_tip_after(id, before[0].prev_hash.unwrap().hash).await.unwrap();
    assert_eq!(client.submit_and_wait(&on_old_tip).await.unwrap().rejection(), Some("stale-share"));
    let share = client.find(id, Wanted::ShareButNoBlock).unwrap();
    assert!(client.submit_and_wait(&share).await.unwrap().is_accepted());
}

#[tokio::test]
async fn a_target_that_was_set_before_the_outage_holds_after_it() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let (mut client, token) = connect(&pool).await;
    let id = client.open_extended("ann", SLOW).await.unwrap();
    client.update_channel(id, SLOW * 16.0, [0xff; 32]).await.unwrap();
    client.until(|message| matches!(message, Message::SetTarget(_)).then_some(())).await.unwrap();
    client.fence().await.unwrap();
    let before = breaks(client, &pool).await;

    let (mut client, _) = connect(&pool).await;
    let mut channel = before[0].clone();
    channel.target = [0; 32];
    client.adopt(channel);
    let resumed = resume(&mut client, &[token]).await.unwrap();
    // The job of before the change comes with its target; then the change comes again.
    assert_ne!(resumed[0].target, before[0].target);
    client.fence().await.unwrap();
    assert_eq!(client.channel(id).unwrap().target, before[0].target);
    let share = client.find(id, Wanted::Share).unwrap();
    assert!(client.submit_and_wait(&share).await.unwrap().is_accepted());
}

#[tokio::test]
async fn pings_are_answered_and_who_stops_asking_is_gone_but_its_channel_waits() {
    let config = PoolConfig::shares_only().section("[limits]\nping_interval = 0.5\nping_timeout = 1");
    let pool = Punchbowl::pool(config).await.unwrap();
    let (mut client, token) = connect(&pool).await;
    let id = client.open_extended("ann", SLOW).await.unwrap();
    client.send_raw(EXTENSION, false, PING, &[1, 2, 3, 4]).await.unwrap();
    assert_eq!(next(&mut client).await, (PONG, vec![1, 2, 3, 4]));
    // Nobody promised this one anything.
    let mut quiet = pool.miner(0).await.unwrap();
    quiet.open_extended("bob", SLOW).await.unwrap();

    pool.until_closed("silent", 1).await.unwrap();
    client.until_closed().await.unwrap();
    let (mut back, _) = connect(&pool).await;
    back.adopt(client.channel(id).unwrap().clone());
    assert_eq!(resume(&mut back, &[token]).await.unwrap()[0].channel, id);
    quiet.fence().await.unwrap();
}

#[tokio::test]
async fn messages_that_cannot_be_read_end_the_connection_and_unasked_ones_are_ignored() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    for (msg_type, payload) in [(PING, &[1, 2, 3][..]), (RESUME, &[]), (RESUME, &[2, 0, 0, 0])] {
        let (mut client, _) = connect(&pool).await;
        client.send_raw(EXTENSION, false, msg_type, payload).await.unwrap();
        client.until_closed().await.unwrap();
    }
    pool.until_closed("malformed", 3).await.unwrap();

    let mut client = pool.miner(0).await.unwrap();
    for (msg_type, payload) in [(PING, &[1, 2, 3, 4][..]), (RESUME, &[]), (0x7f, &[1])] {
        client.send_raw(EXTENSION, false, msg_type, payload).await.unwrap();
    }
    client.open_extended("ann", SLOW).await.unwrap();
    pool.until_status(|status| status["unknown_messages"] == 3).await.unwrap();
}

#[tokio::test]
async fn a_pool_may_insist_on_it() {
    let config = PoolConfig::shares_only().section("[extensions]\nrequired = [0x5042]");
    let pool = Punchbowl::pool(config).await.unwrap();
    let mut client = pool.miner(0).await.unwrap();
    client.open_extended("ann", SLOW).await.unwrap_err();
    let (mut client, _) = connect(&pool).await;
    client.open_extended("ann", SLOW).await.unwrap();
}
