//! A pool with some members who mine at it, as at a meetup: for pages and the API.

use crate::{Events, PoolConfig, Process, Punchbowl};
use anyhow::Result;
use serde_json::Value;

/// A pool and its members. All end when it is dropped.
pub struct Party {
    /// The pool.
    pub pool: Punchbowl,
    /// Their miners.
    pub miners: Vec<Process>,
}

/// Addresses of the demo's members, to which nobody has a key.
const MEMBERS: [(&str, &str, &str); 4] = [
    ("bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080", "garage", "2400"),
    ("bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202", "bitaxe", "1300"),
    ("bcrt1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qzf4jry", "s19", "900"),
    ("mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8", "nerdminer", "400"),
];

/// A block takes some 131 000 hashes: half a minute of all members together.
const NBITS: &str = "1e7fffff";

impl Party {
    /// Starts a pool whose blocks are as `payout` says, and its members. They have sent
    /// shares, and the pool knows who they are.
    ///
    /// # Errors
    /// When one of them does not start.
    pub async fn start(config: PoolConfig) -> Result<Party> {
        let config = config
            .section("[vardiff]\nenabled = false\nshares_per_minute = 90\nmin_difficulty = 0.0000000001");
        let pool = Punchbowl::pool(config).await?;
        let mut miners = Vec::new();
        for (place, (address, worker, pace)) in MEMBERS.iter().enumerate() {
            // One by node id, the others over TCP.
            let target = if place == 0 { pool.invite().to_string() } else { pool.uri() };
            let user = format!("{address}.{worker}");
            let arguments = ["miner", &target, "--user", &user, "--threads", "1", "--max-hash-rate", pace];
            miners.push(Punchbowl::spawn(&arguments)?);
        }
        let party = Party { pool, miners };
        let mut events = Events::listen(party.pool.http()?, "/api/v1/events").await?;
        let all_there = |name: &str, data: &Value| {
            name == "pool"
                && data["members"] == MEMBERS.len()
                && data["round"]["shares"].as_u64().is_some_and(|shares| shares > 8)
                && !data["best"].is_null()
        };
        events.until("all members to mine", all_there).await?;
        Ok(party)
    }

    /// The chain of such a pool.
    pub fn chain() -> PoolConfig {
        PoolConfig::embedded(NBITS).transactions(40)
    }

    /// Waits until a block has been found and is in the chain.
    ///
    /// # Errors
    /// When several deadlines pass first.
    pub async fn block(&self) -> Result<()> {
        let mut events = Events::listen(self.pool.http()?, "/api/v1/events").await?;
        let found = |name: &str, data: &Value| name == "pool" && data["blocks_found"].as_u64() > Some(0);
        // Blocks come by chance: the one deadline is for what is not.
        for _ in 0..5 {
            if events.until("a block", found).await.is_ok() {
                return Ok(());
            }
        }
        events.until("a block", found).await.map(drop)
    }

    /// The address of a page.
    ///
    /// # Errors
    /// When HTTP is off.
    pub fn page(&self, path: &str) -> Result<String> {
        Ok(format!("http://{}{path}", self.pool.http()?))
    }

    /// The first member's name.
    pub fn member() -> &'static str {
        MEMBERS[0].0
    }
}
