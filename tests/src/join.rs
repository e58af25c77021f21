//! `punchbowl join`, in front of one pool or several.

use crate::punchbowl::Line;
use crate::status::until_status;
use crate::{Client, Process, Punchbowl, http, within_deadline};
use anyhow::{Context, Result, ensure};
use p2p::{AuthorityKey, PoolUri};
use serde_json::Value;
use std::net::SocketAddr;

/// A running `punchbowl join`. Killed when dropped.
pub struct Join {
    process: Process,
    address: SocketAddr,
    uri: String,
    http: SocketAddr,
}

impl Join {
    /// Starts it for `pools`, with these further arguments.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(pools: &[&str], arguments: &[&str]) -> Result<Join> {
        let fixed = ["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", "--log-format", "json"];
        let all = [&["join"], pools, &fixed, arguments].concat();
        let process = Punchbowl::spawn(&all)?;
        let of = |transport: &'static str| {
            move |line: &str| Line::parse(line).filter(|line| line.get("transport") == Some(transport))
        };
        // The last of both.
        let http = process.line(|line| of("http")(line).is_some()).await?;
        let http = of("http")(&http).context("no listening line")?;
        let lines = process.log().all();
        let tcp = lines.iter().find_map(|line| of("tcp")(line)).context("no listening line for miners")?;
        let address = tcp.get("address").context("no address in the listening line")?.parse()?;
        let uri = tcp.get("uri").context("no uri in the listening line")?.to_owned();
        let http = http.get("address").context("no address in the listening line")?.parse()?;
        Ok(Join { process, address, uri, http })
    }

    /// Waits until it has a pool: until then miners are welcome to wait, whatever they are
    /// called.
    ///
    /// # Errors
    /// When none is reached within the deadline.
    pub async fn connected(&self) -> Result<()> {
        self.process.line(|line| line.contains("connected to the pool")).await?;
        Ok(())
    }

    /// Where miners connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What Stratum V2 miners are given.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// What Stratum V2 miners know it by.
    ///
    /// # Errors
    /// When the URI that it has printed is none.
    pub fn authority(&self) -> Result<AuthorityKey> {
        Ok(self.uri.parse::<PoolUri>()?.authority)
    }

    /// A Stratum V2 miner's connection, set up with `flags`.
    ///
    /// # Errors
    /// When it does not come about.
    pub async fn miner(&self, flags: u32) -> Result<Client> {
        let mut client = Client::connect(self.address, self.authority()?).await?;
        client.setup(flags).await?;
        Ok(client)
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// When it does not answer in JSON.
    pub async fn status(&self) -> Result<Value> {
        let request = http::exchange(self.http, "GET /api/v1/status HTTP/1.1", "", "");
        let (head, body) = within_deadline("an answer over HTTP", request).await??;
        ensure!(head.starts_with("HTTP/1.1 200"), "{head}");
        Ok(serde_json::from_str(&body)?)
    }

    /// Asks for the status until `wanted` accepts it.
    ///
    /// # Errors
    /// When it does not within the deadline; the message holds the last status.
    pub async fn until_status(&self, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        until_status(|| self.status(), wanted).await
    }

    /// The process.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Asks it to end; its exit code.
    ///
    /// # Errors
    /// When it does not end within the deadline.
    pub async fn terminate(&mut self) -> Result<Option<i32>> {
        Ok(self.process.terminate().await?.code())
    }
}
