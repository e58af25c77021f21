//! Peers that do not read.

use super::*;
use p2p::WireError;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const STALL: Duration = Duration::from_secs(10);

fn limits() -> WireLimits {
    WireLimits { max_queued: 1000, write_stall: STALL, ..WireLimits::server() }
}

#[tokio::test]
async fn the_queue_is_bounded_and_a_full_one_keeps_the_session() {
    let (mut client, mut server) = session(1 << 16, limits()).await;
    let frame_on_wire = 22 + 62 + 16;
    for queued in 1..=10 {
        server.writer.queue(0, false, 1, &[&[9; 62]]).unwrap();
        assert_eq!(server.writer.queued(), queued * frame_on_wire);
    }
    let full = server.writer.queue(0, false, 2, &[]).unwrap_err();
    assert!(matches!(full, WireError::Full { queued: 1000, max: 1000 }), "{full}");
    server.writer.flush().await.unwrap();
    assert_eq!(server.writer.queued(), 0);
    server.writer.queue(0, false, 3, &[]).unwrap();
    server.writer.flush().await.unwrap();

    let mut kinds = Vec::new();
    for _ in 0..11 {
        kinds.push(client.reader.next().await.unwrap().unwrap().header.msg_type);
    }
    assert_eq!(kinds, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3]);
}

#[tokio::test]
async fn a_message_that_can_never_fit_is_refused_and_the_session_kept() {
    let (mut client, mut server) = session(1 << 16, limits()).await;
    let too_long = server.writer.queue(0, false, 1, &[&[0; 963]]).unwrap_err();
    assert!(matches!(too_long, WireError::TooLong { length: 963, .. }), "{too_long}");
    server.writer.queue(0, false, 1, &[&[0; 962]]).unwrap();
    server.writer.flush().await.unwrap();
    assert_eq!(client.reader.next().await.unwrap().unwrap().payload.len(), 962);

    let (_client, mut server) = session(1 << 16, WireLimits { max_queued: 1 << 30, ..limits() }).await;
    let sixteen_mib = vec![0; 1 << 24];
    assert!(matches!(server.writer.queue(0, false, 1, &[&sixteen_mib]), Err(WireError::TooLong { .. })));
    assert_eq!(server.writer.queued(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_nothing_is_given_up() {
    let (_client, mut server) = session(64, limits()).await;
    server.writer.queue(0, false, 1, &[&[0; 500]]).unwrap();
    let started = Instant::now();
    let error = server.writer.flush().await.unwrap_err();
    assert!(matches!(error, WireError::SlowReader(STALL)), "{error}");
    assert_eq!(started.elapsed(), STALL);
    assert!(matches!(server.writer.queue(0, false, 1, &[]), Err(WireError::Ended)));
    assert!(matches!(server.writer.flush().await, Err(WireError::Ended)));
}

#[tokio::test(start_paused = true)]
async fn flushing_again_and_again_does_not_give_a_silent_peer_more_time() {
    let (_client, mut server) = session(64, limits()).await;
    server.writer.queue(0, false, 1, &[&[0; 500]]).unwrap();
    for _ in 0..3 {
        assert!(timeout(STALL * 3 / 10, server.writer.flush()).await.is_err(), "given up too early");
    }
    let error = timeout(STALL * 3 / 10, server.writer.flush()).await.expect("still waiting").unwrap_err();
    assert!(matches!(error, WireError::SlowReader(STALL)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_slowly_but_steadily_is_kept() {
    let (mut client, mut server) = session(64, limits()).await;
    let sent = payload(500);
    server.writer.queue(0, false, 1, &[&sent]).unwrap();
    let read_slowly = async {
        loop {
            sleep(STALL / 2).await; // paused time: this is when, not how long
            if let Some(frame) = at_once(client.reader.next()).await {
                break frame.map(|frame| frame.unwrap().payload.to_vec());
            }
        }
    };
    let ((), received) = tokio::try_join!(server.writer.flush(), read_slowly).unwrap();
    assert_eq!(received, sent);
}
