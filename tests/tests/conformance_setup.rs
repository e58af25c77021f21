//! The start of a connection: SV2 sections 3.6 and 5.3.1. The numbers in comments are
//! those of docs/conformance.md.

use anyhow::Result;
use common_messages_sv2 as common;
use mining_sv2 as mining;
use tests::{
    Client, PoolConfig, Punchbowl,
    client::{Message, Setup, flags},
};
use tokio::{io::AsyncReadExt, net::TcpStream};

const ALL_FLAGS: u32 = u32::MAX;
const SUPPORTED: u32 = flags::REQUIRES_STANDARD_JOBS | flags::REQUIRES_VERSION_ROLLING;

/// Connects without sending anything.
async fn connect(pool: &Punchbowl) -> Client {
    Client::connect(pool.address(), pool.authority()).await.unwrap()
}

/// The flags and the code of the refusal, after which the pool has closed.
async fn refusal(pool: &Punchbowl, setup: &Setup<'_>) -> (u32, String) {
    let mut client = connect(pool).await;
    let answer = client.try_setup_as(setup).await.unwrap();
    let Message::SetupConnectionError(error) = answer else { panic!("{answer:?}") };
    client.until_closed().await.unwrap();
    (error.flags, error.error_code.as_utf8_or_hex())
}

/// 10
#[tokio::test]
async fn nothing_is_answered_before_setup_connection() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let firsts = [
        (0, mining::MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL, &[0; 60][..]),
        (0, mining::MESSAGE_TYPE_SUBMIT_SHARES_STANDARD, &[0; 24]),
        (0, mining::MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED, &[0; 25]),
        (0, common::MESSAGE_TYPE_SETUP_CONNECTION_SUCCESS, &[0; 6]),
        (1, extensions_sv2::MESSAGE_TYPE_REQUEST_EXTENSIONS, &[0; 4]),
        (0x4000, 0, &[]),
    ];
    for (extension, msg_type, payload) in firsts {
        let mut client = connect(&pool).await;
        client.send_raw(extension, false, msg_type, payload).await.unwrap();
        let answer = client.next().await;
        assert!(answer.is_err(), "{extension:#06x} {msg_type:#04x} was answered with {answer:?}");
    }
    pool.until_closed("protocol", firsts.len() as u64).await.unwrap();
}

/// 12
#[tokio::test]
async fn a_refusal_lists_every_flag_that_is_not_supported_and_no_other() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    for (asked, unsupported) in [
        (ALL_FLAGS, !SUPPORTED),
        (flags::REQUIRES_WORK_SELECTION, flags::REQUIRES_WORK_SELECTION),
        (SUPPORTED | 1 << 31, 1 << 31),
    ] {
        let refused = refusal(&pool, &Setup { flags: asked, ..Setup::default() }).await;
        assert_eq!(refused, (unsupported, "unsupported-feature-flags".to_owned()), "{asked:#x}");
    }
    for asked in [0, SUPPORTED, flags::REQUIRES_STANDARD_JOBS, flags::REQUIRES_VERSION_ROLLING] {
        // REQUIRES_FIXED_VERSION and REQUIRES_EXTENDED_CHANNELS are never set (33, 34).
        assert_eq!(connect(&pool).await.setup(asked).await.unwrap(), 0);
    }
}

/// 10, 12
#[tokio::test]
async fn another_version_or_protocol_is_refused_by_its_name_and_not_by_flags() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let ordinary = Setup::default();
    for (min_version, max_version) in [(3, 9), (0, 1), (u16::MAX, u16::MAX)] {
        let refused = refusal(&pool, &Setup { min_version, max_version, ..ordinary }).await;
        assert_eq!(refused, (0, "protocol-version-mismatch".to_owned()), "{min_version}..{max_version}");
    }
    for protocol in [1, 2, 3, 255] {
        let refused = refusal(&pool, &Setup { protocol, ..ordinary }).await;
        assert_eq!(refused, (0, "unsupported-protocol".to_owned()), "{protocol}");
    }
    let wide = Setup { min_version: 1, max_version: 7, ..ordinary };
    let answer = connect(&pool).await.try_setup_as(&wide).await.unwrap();
    let Message::SetupConnectionSuccess(success) = answer else { panic!("{answer:?}") };
    assert_eq!((success.used_version, success.flags), (2, 0));
}

/// 11
#[tokio::test]
async fn a_client_without_a_vendor_mines_like_any_other() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let mut client = connect(&pool).await;
    let answer = client.try_setup_as(&Setup { vendor: "", ..Setup::default() }).await.unwrap();
    assert!(matches!(answer, Message::SetupConnectionSuccess(_)), "{answer:?}");
    client.open_standard("alice", 1.0).await.unwrap();
}

/// 10
#[tokio::test]
async fn a_second_setup_connection_ends_the_connection() {
    let pool = Punchbowl::pool(PoolConfig::shares_only()).await.unwrap();
    let mut client = pool.miner(0).await.unwrap();
    client.open_standard("alice", 1.0).await.unwrap();
    let again = Setup::default().payload().unwrap();
    client.send_raw(0, false, common::MESSAGE_TYPE_SETUP_CONNECTION, &again).await.unwrap();
    client.until_closed().await.unwrap();
    pool.until_closed("protocol", 1).await.unwrap();
}

/// 10, 35
#[tokio::test]
async fn who_is_silent_at_any_step_is_disconnected() {
    let config = PoolConfig::shares_only()
        .section("[limits]\nhandshake_timeout = 0.2\nsetup_timeout = 0.2\nfirst_channel_timeout = 0.2");
    let pool = Punchbowl::pool(config).await.unwrap();

    let mut before_noise = TcpStream::connect(pool.address()).await.unwrap();
    let end = tests::within_deadline("the end", before_noise.read(&mut [0; 1])).await.unwrap();
    assert_eq!(end.unwrap(), 0);

    let mut before_setup = connect(&pool).await;
    before_setup.until_closed().await.unwrap();

    let mut before_channel = pool.miner(0).await.unwrap();
    before_channel.until_closed().await.unwrap();

    pool.until_closed("timeout", 3).await.unwrap();
}

/// 35
#[tokio::test]
async fn a_client_that_closed_its_only_channel_may_open_another() {
    let config =
        PoolConfig::shares_only().section("[limits]\nsetup_timeout = 0.2\nfirst_channel_timeout = 0.2");
    let pool = Punchbowl::pool(config).await.unwrap();
    let mut client = pool.miner(0).await.unwrap();
    let channel = client.open_standard("alice", 1.0).await.unwrap();
    // Longer than a first channel may take: other connections come and go meanwhile.
    pool.miner(0).await.unwrap().until_closed().await.unwrap();
    client.close_channel(channel).await.unwrap();
    client.open_standard("alice", 1.0).await.unwrap();
    pool.until_closed("timeout", 1).await.unwrap();
    client.fence().await.unwrap();
}

/// 13
#[tokio::test]
async fn a_stopping_pool_asks_its_miners_to_come_back_to_the_same_place() -> Result<()> {
    let mut pool = Punchbowl::pool(PoolConfig::shares_only()).await?;
    let mut miners = Vec::new();
    for standard_jobs in [0, flags::REQUIRES_STANDARD_JOBS] {
        let mut miner = pool.miner(standard_jobs).await?;
        miner.open_standard("alice", 1.0).await?;
        miners.push(miner);
    }
    // Not a client yet: there is nothing to tell it.
    let mut early = connect(&pool).await;

    let stopping = pool.terminate();
    let watching = async {
        for miner in &mut miners {
            let reconnect = miner.until(|message| match message {
                Message::Reconnect(reconnect) => Some(reconnect.clone()),
                _ => None,
            });
            let reconnect = reconnect.await?;
            assert_eq!((reconnect.new_host.as_bytes(), reconnect.new_port), (&b""[..], 0));
            miner.until_closed().await?;
        }
        assert!(early.next().await.is_err());
        anyhow::Ok(())
    };
    let (exit, watched) = tokio::join!(stopping, watching);
    watched?;
    assert!(exit?.success());
    Ok(())
}
