//! What is read of a pool's answers. Anything that an older or newer pool does not say has a
//! default, so that it is left out and not an error. Fields are named and explained where the
//! pool makes them: `status/snapshot.rs`, `view/`.

#![allow(missing_docs)]

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A pool's answers.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// `/api/v1/status`
    pub status: Status,
    /// `/api/v1/pool`; none from a pool that does not have it yet.
    pub pool: Option<Pool>,
    /// `/api/v1/members`
    pub members: Vec<Member>,
    /// All of them as they came.
    pub raw: Value,
}

/// Of `/api/v1/status`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    pub version: String,
    pub network: String,
    pub uptime_seconds: u64,
    pub serving: bool,
    pub source: Source,
    pub template: Option<Template>,
    pub ledger: Option<Ledger>,
    pub shares: Shares,
    pub connection_counts: Connections,
    pub connections: Vec<Connection>,
    pub relays: Vec<Relay>,
    pub blocks: Vec<Block>,
    pub block_counts: BlockCounts,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Source {
    pub state: String,
    pub detail: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Template {
    pub height: u32,
    pub age_seconds: f64,
    pub fees: u64,
    pub subsidy: u64,
    pub transactions: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Ledger {
    pub state: String,
    pub detail: Option<String>,
    pub last_share: u64,
    pub last_slice: u64,
    pub slowest_commit_seconds: f64,
    pub check: Option<LedgerCheck>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LedgerCheck {
    pub at: u64,
    pub slices: u64,
    pub wrong: u64,
    pub found: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Shares {
    pub accepted: u64,
    pub difficulty: f64,
    pub rejected: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Connections {
    pub open: u64,
    pub channels: u64,
    pub paths: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Connection {
    pub path: String,
    pub protocol: String,
    pub agent: String,
    pub channels: Vec<Channel>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Channel {
    pub member: String,
    pub worker: String,
    pub report: Option<Report>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Report {
    pub accepted: u64,
    pub rejected: u64,
    pub share_difficulty: f64,
    pub workers: Vec<Counted>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Counted {
    pub name: String,
    pub accepted: u64,
    pub rejected: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Relay {
    pub state: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Block {
    pub height: u32,
    pub found_at: u64,
    pub member: String,
    pub worker: String,
    pub accepted: bool,
    pub state: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct BlockCounts {
    pub submitted: u64,
    pub accepted: u64,
    pub late: u64,
    pub refused: u64,
}

/// Of `/api/v1/pool`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pool {
    pub payout_mode: String,
    pub hashrate: BTreeMap<String, Rate>,
    pub members: u64,
    pub workers: u64,
    pub round: Round,
    pub odds: Odds,
    pub blocks_found: u64,
    pub luck: Option<f64>,
    pub best: Option<Best>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rate {
    pub hashrate: f64,
    pub low: f64,
    pub high: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Round {
    pub since: Option<u64>,
    pub shares: u64,
    pub effort: f64,
    pub network_difficulty: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Odds {
    pub day: f64,
    pub month: f64,
    pub year: f64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Best {
    pub member: String,
    pub worker: String,
    pub difficulty: f64,
}

/// Of `/api/v1/members`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Member {
    pub name: String,
    pub workers: Vec<Worker>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Worker {
    pub name: String,
    pub online: bool,
    pub hashrate: BTreeMap<String, Rate>,
    pub last_share: Option<u64>,
}

impl Answers {
    /// Reads them; what is none at all is left out.
    ///
    /// # Errors
    /// When the status is not that of a pool.
    pub fn read(
        status: Value,
        pool: Option<Value>,
        members: Option<Value>,
    ) -> Result<Answers, serde_json::Error> {
        // By itself a list of nothing would do too: everything has a default.
        let fields: BTreeMap<String, Value> = serde_json::from_value(status.clone())?;
        let read: Status = serde_json::from_value(fields.into_iter().collect())?;
        let list = members.as_ref().and_then(|members| members.get("items")).cloned();
        Ok(Answers {
            status: read,
            pool: pool.clone().and_then(|pool| serde_json::from_value(pool).ok()),
            members: list.and_then(|list| serde_json::from_value(list).ok()).unwrap_or_default(),
            raw: serde_json::json!({"status": status, "pool": pool, "members": members}),
        })
    }

    /// The five-minute hashrate of a worker, where the pool says it.
    pub fn hashrate(&self, member: &str, worker: &str) -> Option<f64> {
        let member = self.members.iter().find(|known| known.name == member)?;
        let worker = member.workers.iter().find(|known| known.name == worker)?;
        worker.hashrate.get("5m").map(|rate| rate.hashrate)
    }
}
