//! Extranonce1 and extranonce2 of 4 to 8 bytes each, through the lines that a miner gets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bitcoin::hex::{DisplayHex, FromHex};
use serde_json::Value;
use std::sync::Arc;
use std::time::Instant;
use translator::session::ExtranonceSizes;
use translator::sv1::notice::JobText;
use translator::upstream::{Command, Event, Job, Opened, Share};
use translator::{Output, Session, SessionConfig};
use work::{Extranonce, Hash256, Target};

const PREFIX: [u8; 4] = [0xaa; 4];
const OWN: [u8; 4] = [0x81, 2, 3, 4];

/// A miner behind a channel with so many bytes below its prefix.
struct Stage {
    session: Session,
    now: Instant,
    out: Output,
}

impl Stage {
    fn new(extranonce1: usize, extranonce2: usize) -> Stage {
        let extranonce_sizes = ExtranonceSizes::new(extranonce1, extranonce2, None).unwrap();
        let config = SessionConfig { extranonce_sizes, ..SessionConfig::default() };
        let now = Instant::now();
        Stage { session: Session::new(Arc::new(config), OWN, now), now, out: Output::default() }
    }

    /// What is said to a line.
    fn line(&mut self, line: &str) -> Vec<Value> {
        self.session.line(line.as_bytes(), self.now, &mut self.out);
        self.said()
    }

    fn event(&mut self, event: Event) -> Vec<Value> {
        self.session.event(event, self.now, &mut self.out);
        self.said()
    }

    fn said(&mut self) -> Vec<Value> {
        let lines = std::mem::take(&mut self.out.lines);
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn submitted(&mut self) -> Share {
        match self.out.commands.pop() {
            Some(Command::Submit(share)) => share,
            other => panic!("{other:?}"),
        }
    }
}

fn job() -> Job {
    let prev_hash = Hash256([1; 32]);
    Job {
        id: 7,
        text: JobText::new(&prev_hash, (&[0xc1, 0xc1], &[0xc2]), &[]),
        prev_hash,
        version: 0x2000_0000,
        version_rolling: true,
        nbits: 0x1703_4219,
        ntime: 0x6500_0000,
    }
}

#[test]
fn whatever_the_sizes_the_miner_and_the_pool_put_the_same_coinbase_together() {
    for (extranonce1, extranonce2) in (4..=8).flat_map(|one| (4..=8).map(move |two| (one, two))) {
        let below = extranonce1 + extranonce2;
        for room in below..=below + 4 {
            let mut stage = Stage::new(extranonce1, extranonce2);
            let answer = stage.line(r#"{"id":1,"method":"mining.subscribe","params":["cgminer"]}"#);
            let told = Vec::from_hex(answer[0]["result"][1].as_str().unwrap()).unwrap();
            assert_eq!(told.len(), extranonce1);
            assert!(told.starts_with(&OWN));
            assert_eq!(answer[0]["result"][2], extranonce2);
            stage.line(r#"{"id":2,"method":"mining.authorize","params":["alice"]}"#);
            let Some(Command::Open(open)) = stage.out.commands.pop() else { panic!("no channel asked for") };
            assert_eq!(open.min_rolled, below);
            let prefix = Extranonce::new(&PREFIX).unwrap();
            stage.event(Event::Opened(Opened { prefix, rolled: room, target: Target::MAX }));
            let notify = stage.event(Event::Job(job())).pop().unwrap();
            let text = |index: usize| Vec::from_hex(notify["params"][index].as_str().unwrap()).unwrap();

            let rolled = vec![0x5a; extranonce2];
            let at_the_miner = [text(2), told, rolled.clone(), text(3)].concat();
            let hex = rolled.to_lower_hex_string();
            let submit = format!(
                r#"{{"id":3,"method":"mining.submit","params":["alice","1","{hex}","65000000","00000001"]}}"#
            );
            assert!(stage.line(&submit).is_empty());
            let share = stage.submitted();
            assert_eq!(share.rolled.len(), room);
            let at_the_pool = [&[0xc1, 0xc1], &PREFIX[..], share.rolled.as_bytes(), &[0xc2]].concat();
            assert_eq!(at_the_miner, at_the_pool, "{extranonce1} and {extranonce2} in {room}");
            assert_eq!(stage.event(Event::Accepted(share.sequence))[0]["result"], true);

            let longer = submit.replace(&hex, &format!("{hex}00"));
            let refused = stage.line(&longer);
            assert!(refused[0]["error"][1].as_str().unwrap().contains("extranonce2"), "{refused:?}");
        }
    }
}
