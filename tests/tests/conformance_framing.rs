//! Frames, hostile bytes and limits: SV2 sections 3.2, 3.4 and 4. The numbers in comments
//! are those of docs/conformance.md.

use common_messages_sv2 as common;
use mining_sv2 as mining;
use p2p::{WireLimits, noise};
use proptest::{prelude::*, test_runner::TestRunner};
use std::io::Write;
use tests::{
    Client, PoolConfig, Punchbowl,
    client::{Message, Setup, Wanted, message},
};
use tokio::{io::AsyncReadExt, net::TcpSocket, net::TcpStream};

const ANY_TARGET: [u8; 32] = [0xff; 32];

async fn pool() -> Punchbowl {
    Punchbowl::pool(PoolConfig::shares_only()).await.unwrap()
}

/// Every message that a pool knows: extension, type, and a payload without a fault.
fn known_messages() -> Vec<(u16, u8, Vec<u8>)> {
    let text = |text| message::text(text).unwrap();
    let standard = mining::OpenStandardMiningChannel {
        request_id: 1,
        user_identity: text("alice"),
        nominal_hash_rate: 1.0,
        max_target: (&ANY_TARGET).into(),
    };
    let extended = mining::OpenExtendedMiningChannel {
        request_id: 1,
        user_identity: text("alice"),
        nominal_hash_rate: 1.0,
        max_target: (&ANY_TARGET).into(),
        min_extranonce_size: 4,
    };
    let update =
        mining::UpdateChannel { channel_id: 1, nominal_hash_rate: 1.0, maximum_target: (&ANY_TARGET).into() };
    let close = mining::CloseChannel { channel_id: 1, reason_code: text("") };
    let custom = mining::SetCustomMiningJob {
        channel_id: 1,
        request_id: 1,
        token: (&[1u8; 8][..]).try_into().unwrap(),
        version: 0x2000_0000,
        prev_hash: (&[0; 32]).into(),
        min_ntime: 0,
        nbits: 0,
        coinbase_tx_version: 2,
        coinbase_prefix: (&[][..]).try_into().unwrap(),
        coinbase_tx_input_n_sequence: 0,
        coinbase_tx_outputs: (&[][..]).try_into().unwrap(),
        coinbase_tx_locktime: 0,
        merkle_path: Vec::new().try_into().unwrap(),
    };
    let share = [1, 1, 1, 7, 1_800_000_000, 0x2000_0000].map(u32::to_le_bytes).concat();
    let with_extranonce = [&share[..], &[12], &[0; 12]].concat();
    vec![
        (0, common::MESSAGE_TYPE_SETUP_CONNECTION, Setup::default().payload().unwrap()),
        (1, extensions_sv2::MESSAGE_TYPE_REQUEST_EXTENSIONS, vec![1, 0, 1, 0, 2, 0]),
        (0, mining::MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL, message::bytes(standard).unwrap()),
        (0, mining::MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL, message::bytes(extended).unwrap()),
        (0, mining::MESSAGE_TYPE_UPDATE_CHANNEL, message::bytes(update).unwrap()),
        (0, mining::MESSAGE_TYPE_CLOSE_CHANNEL, message::bytes(close).unwrap()),
        (0, mining::MESSAGE_TYPE_SUBMIT_SHARES_STANDARD, share),
        (0, mining::MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED, with_extranonce),
        (0, mining::MESSAGE_TYPE_SET_CUSTOM_MINING_JOB, message::bytes(custom).unwrap()),
    ]
}

/// A connection as far as the message `msg_type` wants it.
async fn ready_for(pool: &Punchbowl, extension: u16, msg_type: u8) -> Client {
    let setup = (extension, msg_type) == (0, common::MESSAGE_TYPE_SETUP_CONNECTION);
    let mut client = Client::connect(pool.address(), pool.authority()).await.unwrap();
    if !setup {
        client.setup(0).await.unwrap();
    }
    client
}

/// 2, 3
#[tokio::test]
async fn the_channel_bit_of_a_core_message_may_be_set_or_not() {
    let pool = pool().await;
    for bit in [false, true] {
        let mut client = Client::connect(pool.address(), pool.authority()).await.unwrap();
        let mut answers = Vec::new();
        for (extension, msg_type, payload) in known_messages() {
            client.send_raw(extension, bit, msg_type, &payload).await.unwrap();
            answers.push(client.fence().await.unwrap());
        }
        assert!(matches!(answers[0][0], Message::SetupConnectionSuccess(_)), "{answers:?}");
        assert!(matches!(answers[1][0], Message::RequestExtensionsSuccess(_)), "{answers:?}");
        assert!(matches!(answers[2][0], Message::OpenStandardSuccess(_)), "{answers:?}");
        assert!(matches!(answers[3][0], Message::OpenExtendedSuccess(_)), "{answers:?}");
        assert!(matches!(answers[6][0], Message::SubmitError(_)), "{answers:?}");
        assert!(matches!(answers[7][0], Message::SubmitError(_)), "{answers:?}");
        assert!(matches!(answers[8][0], Message::SetCustomMiningJobError(_)), "{answers:?}");
    }
    assert_eq!(pool.status().await.unwrap()["unknown_messages"], 0);
}

/// 4, 9
#[tokio::test]
async fn unknown_extensions_and_messages_are_ignored_and_counted() {
    let pool = pool().await;
    let mut client = pool.miner(0).await.unwrap();
    let channel = client.open_extended("alice", 1.0).await.unwrap();
    client.fence().await.unwrap();
    let unknown = [
        (0x4abc, 0x00),
        (0x7fff, mining::MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED),
        (2, 0),
        // Known extension, unknown message; and messages that only a server sends.
        (1, 0x77),
        (0, 0xff),
        (0, mining::MESSAGE_TYPE_NEW_MINING_JOB),
        (0, mining::MESSAGE_TYPE_MINING_SET_NEW_PREV_HASH),
        (0, common::MESSAGE_TYPE_RECONNECT),
        (0, common::MESSAGE_TYPE_CHANNEL_ENDPOINT_CHANGED),
    ];
    let mut sent = 0;
    for (extension, msg_type) in unknown {
        for channel_msg in [false, true] {
            for payload in [&[][..], &[0xff; 4], &[0xff; 1000]] {
                client.send_raw(extension, channel_msg, msg_type, payload).await.unwrap();
                sent += 1;
            }
        }
    }
    let said = client.fence().await.unwrap();
    assert!(said.is_empty(), "{said:?}");
    let share = client.find(channel, Wanted::Share).unwrap();
    assert!(client.submit_and_wait(&share).await.unwrap().is_accepted());
    pool.until_status(|status| status["unknown_messages"] == sent).await.unwrap();
}

/// 1, 20
#[tokio::test]
async fn a_known_message_that_is_cut_short_ends_its_connection_and_is_counted() {
    let pool = pool().await;
    let mut closed = 0;
    for (extension, msg_type, payload) in known_messages() {
        for length in [0, 1, payload.len() / 2, payload.len() - 1] {
            let mut client = ready_for(&pool, extension, msg_type).await;
            client.send_raw(extension, false, msg_type, &payload[..length]).await.unwrap();
            let answer = client.next().await;
            assert!(answer.is_err(), "{msg_type:#04x}, {length} bytes: {answer:?}");
            closed += 1;
        }
    }
    pool.until_closed("malformed", closed).await.unwrap();
}

/// A payload of a known message: random, or a good one with some bytes changed, cut or
/// added.
fn any_payload(good: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let changed = (
        Just(good),
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        any::<prop::sample::Index>(),
        prop::collection::vec(any::<u8>(), 0..40),
    );
    let changed = changed.prop_map(|(mut payload, changes, cut, tail)| {
        for (at, byte) in changes {
            let at = at.index(payload.len());
            payload[at] = byte;
        }
        if cut.index(3) == 0 {
            payload.truncate(cut.index(payload.len()));
        }
        payload.extend(tail);
        payload
    });
    prop_oneof![prop::collection::vec(any::<u8>(), 0..200), changed]
}

/// Bad input never harms anybody else, whatever it is.
#[test]
fn any_payload_is_answered_refused_or_ends_its_own_connection() {
    const CASES: u32 = 48;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut pool, mut witness, channel) = runtime.block_on(async {
        let pool = pool().await;
        let mut witness = pool.miner(0).await.unwrap();
        let channel = witness.open_extended("witness", 1.0).await.unwrap();
        (pool, witness, channel)
    });
    let known = known_messages();
    let payloads: Vec<_> = known.iter().map(|(_, _, good)| any_payload(good.clone())).collect();
    let mut runner =
        TestRunner::new(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) });
    let result = runner.run(&payloads, |payloads| {
        runtime.block_on(async {
            for ((extension, msg_type, _), payload) in known.iter().zip(&payloads) {
                let mut client = ready_for(&pool, *extension, *msg_type).await;
                client.send_raw(*extension, false, *msg_type, payload).await.unwrap();
                if *msg_type == common::MESSAGE_TYPE_SETUP_CONNECTION {
                    let _ = client.next().await;
                } else {
                    // Answered or closed: either way it is dealt with.
                    let _ = client.fence().await;
                }
            }
        });
        Ok(())
    });
    result.unwrap();
    runtime.block_on(async {
        let share = witness.find(channel, Wanted::Share).unwrap();
        assert!(witness.submit_and_wait(&share).await.unwrap().is_accepted());
        // So that its log is whole.
        pool.terminate().await.unwrap();
    });
    let panics: Vec<String> =
        pool.process().log().all().into_iter().filter(|line| line.contains("panicked")).collect();
    assert!(panics.is_empty(), "{panics:?}");
}

/// 24, 25: a length is refused when it is announced, before its payload is there.
#[tokio::test]
async fn a_message_larger_than_the_limit_ends_its_connection() {
    let config = PoolConfig::shares_only().section("[limits]\nframe_bytes = 4096");
    let pool = Punchbowl::pool(config).await.unwrap();
    let mut client = pool.miner(0).await.unwrap();
    client.send_raw(0x4abc, false, 0, &[0; 4096]).await.unwrap();
    client.fence().await.unwrap();
    client.send_raw(0x4abc, false, 0, &[0; 4097]).await.unwrap();
    client.until_closed().await.unwrap();
    pool.until_closed("malformed", 1).await.unwrap();
}

/// 16, 19, 20: what does not authenticate ends the session, at whatever point it comes.
#[tokio::test]
async fn bytes_that_do_not_authenticate_end_the_connection() {
    let pool = pool().await;
    for after_setup in [false, true] {
        let stream = std::net::TcpStream::connect(pool.address()).unwrap();
        let mut raw = stream.try_clone().unwrap();
        stream.set_nonblocking(true).unwrap();
        let (read, write) = TcpStream::from_std(stream).unwrap().into_split();
        let authority = Some(pool.authority());
        let (mut reader, mut writer) =
            noise::connect(read, write, authority, &WireLimits::client()).await.unwrap();
        if after_setup {
            let setup = Setup::default().payload().unwrap();
            writer.queue(0, false, common::MESSAGE_TYPE_SETUP_CONNECTION, &[&setup]).unwrap();
            writer.flush().await.unwrap();
            reader.next().await.unwrap().unwrap();
        }
        raw.write_all(&[0x5a; 200]).unwrap();
        let end = tests::within_deadline("the end", reader.next()).await.unwrap();
        assert!(!matches!(end, Ok(Some(_))), "{end:?}");
    }
    pool.until_closed("malformed", 2).await.unwrap();
}

/// 16: nobody is served in the clear.
#[tokio::test]
async fn a_client_without_noise_learns_nothing_and_is_disconnected() {
    let pool = pool().await;
    let setup = Setup::default().payload().unwrap();
    let length = (setup.len() as u32).to_le_bytes();
    let frame = [&[0, 0, 0], &length[..3], &setup].concat();
    let mut stream = TcpStream::connect(pool.address()).await.unwrap();
    // Enough for the server's part of a handshake and a header behind it.
    for _ in 0..3 {
        tokio::io::AsyncWriteExt::write_all(&mut stream, &frame).await.unwrap();
    }
    let mut answer = Vec::new();
    let read = tests::within_deadline("the end", stream.read_to_end(&mut answer)).await.unwrap();
    // The answer to what was taken for the first act of a handshake; a reset ends it too.
    assert!(read.is_err() || [0, 234].contains(&answer.len()), "{answer:02x?}");
    pool.until_closed("malformed", 1).await.unwrap();
    assert_eq!(pool.status().await.unwrap()["connection_counts"]["channels"], 0);
}

/// The limit for one address is tested in p2p: loopback has one of its own.
#[tokio::test]
async fn connections_beyond_the_limit_are_closed_until_there_is_room_again() {
    let config = PoolConfig::shares_only().section("[limits]\nconnections = 2");
    let pool = Punchbowl::pool(config).await.unwrap();
    let first = pool.miner(0).await.unwrap();
    let mut second = pool.miner(0).await.unwrap();
    assert!(Client::connect(pool.address(), pool.authority()).await.is_err());
    second.fence().await.unwrap();
    let refused = |status: &serde_json::Value| {
        let reasons = status["connection_counts"]["refused"].as_object().unwrap();
        reasons.values().map(|count| count.as_u64().unwrap()).sum::<u64>()
    };
    pool.until_status(|status| refused(status) == 1).await.unwrap();
    drop(first);
    pool.until_status(|status| status["connection_counts"]["open"] == 1).await.unwrap();
    pool.miner(0).await.unwrap().fence().await.unwrap();
}

/// A peer that does not read is disconnected, not buffered for.
#[tokio::test]
async fn a_client_that_never_reads_its_answers_is_disconnected() {
    let config = PoolConfig::shares_only().section("[limits]\nwrite_stall_timeout = 0.2");
    let pool = Punchbowl::pool(config).await.unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let (read, write) = socket.connect(pool.address()).await.unwrap().into_split();
    let authority = Some(pool.authority());
    let (reader, mut writer) = noise::connect(read, write, authority, &WireLimits::client()).await.unwrap();
    let setup = Setup::default().payload().unwrap();
    writer.queue(0, false, common::MESSAGE_TYPE_SETUP_CONNECTION, &[&setup]).unwrap();
    // Every share for a channel that is not there is answered.
    let flood = async {
        loop {
            for _ in 0..500 {
                let share = [0; 24];
                writer.queue(0, true, mining::MESSAGE_TYPE_SUBMIT_SHARES_STANDARD, &[&share]).unwrap();
            }
            if writer.flush().await.is_err() {
                return;
            }
        }
    };
    tests::within_deadline("the pool to give up", flood).await.unwrap();
    drop(reader);
    pool.until_closed("slow-reader", 1).await.unwrap();
}
