//! What firmware sends, replayed against a session: one file for each in `transcripts/`.
//!
//! They are written from what is known of each firmware (its source where it is open, the
//! issues of those who met its quirks otherwise), not captured. A line begins with:
//!
//! ```text
//! >  the miner says
//! <  the session answers: JSON, in which "*" stands for any string, or one of the short
//!    forms that `short` below makes of notices
//! ^  the session commands upstream
//! v  something happens upstream
//! .  time passes, in seconds
//! !  the session closes the connection
//! #  a comment
//! ```
//!
//! Each step must bring just what stands below it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::Value;
use std::collections::VecDeque;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use translator::sv1::notice::JobText;
use translator::upstream::{Command, Event, Job, Opened, Terms};
use translator::{Output, Refusal, Session, SessionConfig};
use work::{Difficulty, Extranonce, Hash256, Target};

/// One test for each file, so that a failure names its firmware.
macro_rules! firmware {
    ($($name:ident)*) => {
        $(#[test] fn $name() { replay(concat!(stringify!($name), ".txt")); })*

        #[test]
        fn every_transcript_is_replayed() {
            let listed = [$(concat!(stringify!($name), ".txt")),*];
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
            for entry in std::fs::read_dir(folder).unwrap() {
                let name = entry.unwrap().file_name().into_string().unwrap();
                assert!(listed.contains(&name.as_str()), "{name}");
            }
        }
    };
}

#[test]
fn the_table_of_firmware_has_every_transcript_and_names_tests_that_exist() {
    const TABLE: &str = include_str!("../../docs/firmware.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in std::fs::read_dir(root.join("tests/transcripts")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let row = format!("| `{}` |", name.trim_end_matches(".txt"));
        assert_eq!(TABLE.matches(&row).count(), 1, "docs/firmware.md has one row for {name}");
    }
    let named: Vec<_> = TABLE.split('`').filter_map(|quoted| quoted.split_once(".rs::")).collect();
    assert!(named.len() > 40, "{}", named.len());
    for (file, test) in named {
        let path = root.join("..").join(file).with_extension("rs");
        let source =
            std::fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
        let is_there = source.contains(&format!("fn {test}(")) || source.contains(&format!("    {test}\n"));
        assert!(is_there, "{} has no test {test}", path.display());
    }
}

firmware! {
    antminer_s19_stock
    antminer_s21
    antminer_s9_bmminer
    avalon
    bfgminer
    bitaxe
    bosminer
    cgminer
    cpuminer
    cpuminer_opt
    epic_powerplay
    heat_mode
    luxos
    mining_rig_rentals
    names
    narrow_channel
    narrow_channel_untold
    nerdminer
    nerdqaxe
    nicehash
    old_jobs
    pool_away
    unruly
    vnish_xminer
    whatsminer
}

fn replay(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let mut stage = Stage::new(text.contains("\n# heat-after 60\n"));
    for (number, line) in text.lines().enumerate() {
        let place = format!("{file}:{}: {line}", number + 1);
        let (sign, rest) = line.split_at(line.len().min(1));
        let rest = rest.trim();
        match sign {
            "" | "#" => {}
            ">" | "v" | "." => {
                stage.expect_nothing_more(&place);
                stage.act(sign, rest);
            }
            "<" => {
                let found = stage.lines.pop_front().unwrap_or_else(|| panic!("{place}\nnothing was said"));
                assert!(agrees(rest, &found), "{place}\nfound: {found}");
            }
            "^" => {
                let found = stage.commands.pop_front().unwrap_or_else(|| panic!("{place}\nno command"));
                assert_eq!(found, rest, "{place}");
            }
            "!" => assert_eq!(stage.close.take().as_deref(), Some(rest), "{place}"),
            _ => panic!("{place}\nno such step"),
        }
    }
    stage.expect_nothing_more(file);
}

struct Stage {
    session: Session,
    now: Instant,
    lines: VecDeque<String>,
    commands: VecDeque<String>,
    close: Option<String>,
}

impl Stage {
    fn new(heat: bool) -> Stage {
        let config =
            SessionConfig { heat_after: heat.then_some(Duration::from_secs(60)), ..SessionConfig::default() };
        let now = Instant::now();
        Stage {
            session: Session::new(Arc::new(config), [0x0a, 0x0b, 0x0c, 0x0d], now),
            now,
            lines: VecDeque::new(),
            commands: VecDeque::new(),
            close: None,
        }
    }

    fn act(&mut self, sign: &str, rest: &str) {
        let mut out = Output::default();
        match sign {
            ">" => self.session.line(rest.as_bytes(), self.now, &mut out),
            "v" => self.session.event(event(rest), self.now, &mut out),
            _ => {
                // Second by second, as a driver with a timer would.
                for _ in 0..rest.parse::<u64>().unwrap() {
                    self.now += Duration::from_secs(1);
                    if self.now >= self.session.next_tick() {
                        self.session.tick(self.now, &mut out);
                    }
                }
            }
        }
        self.lines.extend(out.lines.lines().map(short));
        self.commands.extend(out.commands.iter().map(command));
        self.close = out.close.map(|goodbye| goodbye.to_string());
    }

    fn expect_nothing_more(&self, place: &str) {
        assert_eq!(self.lines, VecDeque::<String>::new(), "more was said before {place}");
        assert_eq!(self.commands, VecDeque::<String>::new(), "more was commanded before {place}");
        assert_eq!(self.close, None, "closed before {place}");
    }
}

/// `opened [prefix hex] [rolled]`, `refused WORDS`, `target D`, `job ID TIP`, `accept N`,
/// `accept-through N`, `reject N CODE`, `prefix HEX`, `lost`, `back`.
fn event(text: &str) -> Event {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let target = |text: &str| Target::from_difficulty(Difficulty(text.parse().unwrap()));
    match word {
        "opened" => {
            let mut words = rest.split(' ');
            let difficulty = words.next().unwrap();
            let rolled = words.next().map_or(12, |rolled| rolled.parse().unwrap());
            let prefix = Extranonce::new(&[0xaa, 0xbb, 0xcc, 0xdd]).unwrap();
            Event::Opened(Opened { prefix, rolled, target: target(difficulty) })
        }
        "refused" => Event::Refused(rest.into()),
        "target" => Event::Target(target(rest)),
        "prefix" => Event::Prefix(Extranonce::new(rest.as_bytes()).unwrap()),
        "job" => {
            let (id, tip) = rest.split_once(' ').unwrap();
            let prev_hash = Hash256([tip.parse().unwrap(); 32]);
            let path = [Hash256([0x11; 32])];
            Event::Job(Job {
                id: id.parse().unwrap(),
                text: JobText::new(&prev_hash, (&[0x01, 0x02], &[0x03, 0x04]), &path),
                prev_hash,
                version: 0x2000_6000,
                version_rolling: true,
                nbits: 0x1703_4219,
                ntime: 0x6500_0000,
            })
        }
        "accept" => Event::Accepted(rest.parse().unwrap()),
        "accept-through" => Event::AcceptedThrough(rest.parse().unwrap()),
        "reject" => {
            let (sequence, code) = rest.split_once(' ').unwrap();
            Event::Rejected(sequence.parse().unwrap(), Refusal::of_sv2(code))
        }
        "lost" => Event::Lost,
        "back" => Event::Back,
        other => panic!("no event {other}"),
    }
}

fn command(command: &Command) -> String {
    match command {
        Command::Open(open) => {
            format!(
                "open '{}' class={} rolled={} {}",
                open.name,
                open.class.name(),
                open.min_rolled,
                terms(&open.terms)
            )
        }
        Command::Update(update) => format!("update {}", terms(update)),
        Command::Submit(share) => {
            let mut rolled = String::new();
            share.rolled.as_bytes().iter().for_each(|byte| write!(rolled, "{byte:02x}").unwrap());
            let fields = share.submission;
            format!(
                "submit {} job={} rolled={rolled} version={:08x} ntime={:08x} nonce={:08x}",
                share.sequence, share.job, fields.version, fields.ntime, fields.nonce
            )
        }
        Command::Refused(fault) => format!("refused {}", fault.error_code()),
        Command::Close => "close".into(),
    }
}

fn terms(terms: &Terms) -> String {
    let start = terms.start.map_or("-".into(), |start| start.0.to_string());
    format!("min={} start={start} rate={:e}", terms.min_difficulty.0, terms.hash_rate.0)
}

/// Notices in short: `notify ID VERSION NTIME CLEAN`, `difficulty D`, `message WORDS`.
/// Everything else stays JSON.
fn short(line: &str) -> String {
    let json: Value = serde_json::from_str(line).unwrap_or_else(|fault| panic!("{fault}: {line}"));
    let params = &json["params"];
    match json["method"].as_str() {
        Some("mining.notify") => {
            let text = |index: usize| params[index].as_str().unwrap().to_owned();
            assert_eq!(params.as_array().unwrap().len(), 9);
            format!(
                "notify {} {} {} {}",
                text(0),
                text(5),
                text(7),
                if params[8] == true { "clean" } else { "-" }
            )
        }
        Some("mining.set_difficulty") => format!("difficulty {}", params[0]),
        Some("client.show_message") => format!("message {}", params[0].as_str().unwrap()),
        Some("client.reconnect") => "reconnect".into(),
        _ => line.to_owned(),
    }
}

fn agrees(expected: &str, found: &str) -> bool {
    match (serde_json::from_str::<Value>(expected), serde_json::from_str::<Value>(found)) {
        (Ok(expected), Ok(found)) if expected.is_object() => same(&expected, &found),
        _ => expected == found,
    }
}

fn same(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::String(any), Value::String(_)) if any == "*" => true,
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}
