//! A member's miner in the lab, and the pool that it mines at.

use super::{Host, Way};
use crate::{PoolConfig, Process, Punchbowl, process::Line};
use anyhow::{Context, Result};
use p2p::Invite;
use serde_json::Value;
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant},
};

/// A pool whose shares come as quickly as its miners hash, and none is a block.
pub fn easy_shares() -> PoolConfig {
    PoolConfig::embedded("1d00ffff").every_hash_a_share().on_all_interfaces()
}

/// Waits until members can come to `pool` through each of its relays.
///
/// # Errors
/// When it is not so within the deadline.
pub async fn waits_at_its_relays(pool: &Punchbowl) -> Result<()> {
    let connected = |status: &Value| {
        let relays = status.get("relays").and_then(Value::as_array);
        relays.is_some_and(|relays| {
            !relays.is_empty() && relays.iter().all(|relay| relay.get("state") == Some(&"connected".into()))
        })
    };
    pool.until_status(connected).await.context("waiting for the pool to be at its relays").map(drop)
}

/// A member's miner, `punchbowl miner`, which sends some ten shares a second.
pub struct Member {
    process: Process,
    started: Instant,
}

/// Enough to see a gap of a tenth of a second, and little work for the machine.
const HASHES_A_SECOND: &str = "10";

impl Member {
    /// Starts mining at `invite`, with `more` arguments.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(host: &Host, invite: &Invite, more: &[&str]) -> Result<Member> {
        let invite = invite.to_string();
        // The lab is about ways to the pool: the check of its ledger would be a second connection.
        let mine = ["miner", &invite, "--max-hash-rate", HASHES_A_SECOND, "--no-check"];
        let arguments = [&mine[..], more].concat();
        let started = Instant::now();
        Ok(Member { process: Punchbowl::spawn_at(host, &arguments)?, started })
    }

    /// Waits until the pool has accepted so many shares, those before the call among them.
    ///
    /// # Errors
    /// When the miner ends or the deadline passes first.
    pub async fn accepted(&self, shares: u32) -> Result<()> {
        self.accepted_after(0, shares).await
    }

    /// Waits until the pool has accepted so many shares since line `mark` of the log.
    ///
    /// # Errors
    /// When the miner ends or the deadline passes first.
    pub async fn accepted_after(&self, mark: usize, shares: u32) -> Result<()> {
        // Each line is shown once.
        let accepted = AtomicU32::new(0);
        let enough = |line: &str| {
            let more = accepted_in(line).unwrap_or(0);
            accepted.fetch_add(more, Ordering::Relaxed) + more >= shares
        };
        let waited = self.process.line_after(mark, enough).await;
        waited.with_context(|| format!("waiting for {shares} accepted shares")).map(drop)
    }

    /// Waits until its packets go this way.
    ///
    /// # Errors
    /// When the miner ends or the deadline passes first.
    pub async fn goes(&self, way: Way) -> Result<()> {
        self.goes_after(0, way).await
    }

    /// Waits until it says, after line `mark` of the log, that its packets go this way.
    ///
    /// # Errors
    /// When the miner ends or the deadline passes first.
    pub async fn goes_after(&self, mark: usize, way: Way) -> Result<()> {
        let line = said(way);
        let waited = self.process.line_after(mark, |said| said == line).await;
        waited.with_context(|| format!("waiting for \"{line}\"")).map(drop)
    }

    /// Whether its packets have ever gone this way.
    pub fn has_gone(&self, way: Way) -> bool {
        self.first(|line| line == said(way)).is_some()
    }

    /// How long after the start it opened its channel, had its first share accepted, and
    /// went straight, so far as it did.
    pub fn times(&self) -> Times {
        let since = |at: Option<Instant>| at.map(|at| at.duration_since(self.started));
        Times {
            connected: since(self.first(|line| line.starts_with("connected:"))),
            share: since(self.first(|line| accepted_in(line).is_some())),
            direct: since(self.first(|line| line == said(Way::Direct))),
        }
    }

    /// The longest time without an accepted share, from the last one before line `mark` of
    /// the log to the last one so far.
    pub fn longest_wait(&self, mark: usize) -> Duration {
        let lines = self.process.log().timed(0);
        let accepted = |line: &&Line| accepted_in(&line.text).is_some();
        let before = lines.iter().take(mark).rev().find(accepted);
        let after = lines.iter().skip(mark).filter(accepted);
        let moments: Vec<Instant> = before.into_iter().chain(after).map(|line| line.at).collect();
        moments
            .windows(2)
            .filter_map(|two| Some(two.last()?.duration_since(*two.first()?)))
            .max()
            .unwrap_or_default()
    }

    /// What it has said, for messages: runs of accepted shares as one line each.
    pub fn story(&self) -> String {
        let (mut story, mut shares) = (String::new(), 0);
        let mut tell = |line: &str| story.push_str(&format!("  | {line}\n"));
        for line in self.process.log().all() {
            match accepted_in(&line) {
                Some(more) => shares += more,
                None => {
                    if shares > 0 {
                        tell(&format!("({shares} shares accepted)"));
                    }
                    shares = 0;
                    tell(&line);
                }
            }
        }
        tell(&format!("({shares} shares accepted)"));
        story
    }

    /// Its process, for log lines and the pid.
    pub fn process(&self) -> &Process {
        &self.process
    }

    fn first(&self, wanted: impl Fn(&str) -> bool) -> Option<Instant> {
        self.process.log().timed(0).iter().find(|line| wanted(&line.text)).map(|line| line.at)
    }
}

/// How long after its start a miner came so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Times {
    /// Its channel is open.
    pub connected: Option<Duration>,
    /// A share is accepted.
    pub share: Option<Duration>,
    /// Packets go straight to the pool.
    pub direct: Option<Duration>,
}

fn said(way: Way) -> &'static str {
    match way {
        Way::Direct => "path: iroh-direct",
        Way::Relayed => "path: iroh-relayed",
    }
}

/// How many shares a line says were accepted.
fn accepted_in(line: &str) -> Option<u32> {
    let (count, rest) = line.split_once(' ')?;
    if rest.starts_with("shares accepted") { count.parse().ok() } else { None }
}
