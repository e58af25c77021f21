//! What no miner sends: refused within limits, and nobody falls over.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;
use std::sync::Arc;
use std::time::{Duration, Instant};
use translator::sv1::line::MAX_LINE;
use translator::upstream::{Command, Event, Opened};
use translator::{Goodbye, LineBuffer, LineTooLong, Output, Session, SessionConfig};
use work::{Extranonce, Target};

fn session(now: Instant) -> Session {
    Session::new(Arc::new(SessionConfig::default()), [0, 0, 0, 1], now)
}

/// As a driver does it: 4096 bytes at a time. Says what the session said.
fn feed(session: &mut Session, bytes: &[u8]) -> Result<Output, LineTooLong> {
    let (mut buffer, mut out, now) = (LineBuffer::default(), Output::default(), Instant::now());
    for chunk in bytes.chunks(4096) {
        buffer.push(chunk);
        while let Some(line) = buffer.next_line()? {
            session.line(line, now, &mut out);
            if out.close.is_some() {
                return Ok(out);
            }
        }
    }
    Ok(out)
}

#[test]
fn ten_megabytes_without_a_newline_are_refused_after_eight_kilobytes() {
    let mut buffer = LineBuffer::default();
    let mut taken = 0;
    for chunk in vec![b'{'; 10 << 20].chunks(4096) {
        taken += chunk.len();
        buffer.push(chunk);
        if buffer.next_line().is_err() {
            break;
        }
    }
    assert!(taken <= MAX_LINE + 4096, "{taken}");
}

#[test]
fn nested_json_invalid_text_and_nonsense_are_answered_a_few_times_and_then_no_more() {
    let deep = [vec![b'['; 4000], b"\n".to_vec()].concat();
    let not_text = b"{\"id\":\xff\xfe,\"method\":\"mining.subscribe\"}\n".to_vec();
    for line in [deep, not_text, b"GET / HTTP/1.1\r\n".to_vec(), b"\"x\"\n".to_vec()] {
        let mut session = session(Instant::now());
        let out = feed(&mut session, &line.repeat(1000)).unwrap();
        assert_eq!(out.close, Some(Goodbye::Unreadable));
        assert!(out.lines.lines().count() <= 10);
        assert!(out.commands.is_empty());
        assert!(out.lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    }
}

#[test]
fn no_answer_is_much_longer_than_what_it_answers() {
    let mut session = session(Instant::now());
    let long_id = format!("{{\"id\":\"{}\",\"method\":\"mining.ping\"}}\n", "x".repeat(8000));
    assert!(feed(&mut session, long_id.as_bytes()).unwrap().lines.len() < 200);
    let long_names = format!(
        "{{\"id\":1,\"method\":\"mining.configure\",\"params\":[[{}\"x\"]]}}\n",
        "\"y\",".repeat(200)
    );
    assert!(feed(&mut session, long_names.as_bytes()).unwrap().lines.len() < long_names.len());
}

#[test]
fn a_flood_of_shares_goes_up_at_a_bounded_rate() {
    let now = Instant::now();
    let mut session = session(now);
    let mut out = Output::default();
    session.line(br#"{"id":1,"method":"mining.subscribe","params":["NerdMinerV2"]}"#, now, &mut out);
    session.line(br#"{"id":2,"method":"mining.authorize","params":["a"]}"#, now, &mut out);
    let opened = Opened { prefix: Extranonce::EMPTY, rolled: 12, target: Target::MAX };
    session.event(Event::Opened(opened), now, &mut out);
    let job = heat_like_job();
    session.event(Event::Job(job), now, &mut out);
    out = Output::default();
    for millisecond in 0..10_000 {
        let now = now + Duration::from_millis(millisecond);
        let line =
            br#"{"id":3,"method":"mining.submit","params":["a","1","0000000000000000","65000000","0"]}"#;
        session.line(line, now, &mut out);
        // The pool takes them all.
        session.event(Event::AcceptedThrough(u32::try_from(millisecond).unwrap() + 1), now, &mut out);
    }
    let up = out.commands.iter().filter(|command| matches!(command, Command::Submit(_))).count();
    assert!(up <= 200 + 20 * 10 + 1, "{up}");
    assert_eq!(out.lines.lines().count(), 10_000, "each share is answered");
}

#[test]
fn questions_for_a_pool_that_does_not_answer_do_not_pile_up() {
    let now = Instant::now();
    let mut session = session(now);
    let mut out = Output::default();
    for _ in 0..1000 {
        session.line(br#"{"id":2,"method":"mining.authorize","params":["a"]}"#, now, &mut out);
    }
    assert_eq!(out.commands.len(), 1);
    session.event(Event::Refused("no".into()), now, &mut out);
    assert_eq!(out.lines.lines().count(), 1000);
}

fn heat_like_job() -> translator::upstream::Job {
    let prev_hash = work::Hash256([1; 32]);
    translator::upstream::Job {
        id: 1,
        text: translator::sv1::notice::JobText::new(&prev_hash, (&[1], &[2]), &[]),
        prev_hash,
        version: 0x2000_0000,
        version_rolling: true,
        nbits: 0x1703_4219,
        ntime: 0x6500_0000,
    }
}

/// Requests in any order, with parameters of any kind.
fn any_line() -> impl Strategy<Value = String> {
    let method = prop_oneof![
        Just("mining.configure"),
        Just("mining.subscribe"),
        Just("mining.authorize"),
        Just("mining.submit"),
        Just("mining.suggest_difficulty"),
        Just("mining.suggest_target"),
        Just("mining.extranonce.subscribe"),
        Just("mining.ping"),
        Just("nothing")
    ];
    let value = prop_oneof![
        Just("null".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        Just("1e300".to_owned()),
        Just("-1".to_owned()),
        Just("\"1\"".to_owned()),
        Just("\"65000000\"".to_owned()),
        Just("\"0000000000000000\"".to_owned()),
        Just("\"alice.rig\"".to_owned()),
        Just("\"d=5\"".to_owned()),
        Just("[\"version-rolling\"]".to_owned()),
        Just("{\"version-rolling.mask\":\"ffffffff\"}".to_owned()),
        "\"[ -~&&[^\"\\\\\\\\]]{0,70}\"",
        any::<f32>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| n.to_string()),
    ];
    (method, prop::collection::vec(value, 0..7), any::<bool>()).prop_map(|(method, values, named)| {
        let params =
            if named && values.len() == 1 { values[0].clone() } else { format!("[{}]", values.join(",")) };
        format!("{{\"id\":7,\"method\":\"{method}\",\"params\":{params}}}")
    })
}

proptest! {
    #[test]
    fn in_whatever_order_things_come_each_request_is_answered_by_one_line(
        steps in prop::collection::vec((any_line(), 0u8..12, 0u64..90_000), 0..60),
    ) {
        let mut now = Instant::now();
        let config = SessionConfig { heat_after: Some(Duration::from_secs(30)), ..SessionConfig::default() };
        let mut session = Session::new(Arc::new(config), [0, 0, 0, 1], now);
        let (mut asked, mut answered, mut sequence) = (0, 0, 0);
        for (line, event, wait) in steps {
            let mut out = Output::default();
            session.line(line.as_bytes(), now, &mut out);
            asked += 1;
            let opened = Opened { prefix: Extranonce::EMPTY, rolled: 12, target: Target::MAX };
            // Only what can follow from what was commanded.
            for command in std::mem::take(&mut out.commands) {
                match command {
                    Command::Open(_) if event % 2 == 0 => session.event(Event::Opened(opened), now, &mut out),
                    Command::Open(_) => session.event(Event::Refused("no".into()), now, &mut out),
                    Command::Submit(share) => sequence = share.sequence,
                    _ => {}
                }
            }
            match event {
                3 | 4 => session.event(Event::Job(heat_like_job()), now, &mut out),
                5 => session.event(Event::AcceptedThrough(sequence), now, &mut out),
                6 => session.event(Event::Lost, now, &mut out),
                7 => {
                    session.event(Event::Lost, now, &mut out);
                    session.event(Event::Back, now, &mut out);
                    session.event(Event::Opened(opened), now, &mut out);
                }
                8 => session.event(Event::Target(Target::DIFFICULTY_1), now, &mut out),
                _ => {}
            }
            now += Duration::from_millis(wait);
            session.tick(now, &mut out);
            answered += count_answers(&out);
            prop_assert!(answered <= asked);
        }
        let mut out = Output::default();
        session.event(Event::Lost, now, &mut out);
        prop_assert_eq!(answered + count_answers(&out), asked);
    }

    #[test]
    fn arbitrary_bytes_do_not_make_it_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        let mut session = session(Instant::now());
        if let Ok(out) = feed(&mut session, &bytes) {
            prop_assert!(out.lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
        }
    }
}

/// Lines that answer the request with the id 7.
fn count_answers(out: &Output) -> usize {
    out.lines.lines().filter(|line| line.starts_with("{\"id\":7,")).count()
}
