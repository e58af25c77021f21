//! `punchbowl join`, in front of one pool or several.

use crate::punchbowl::Line;
use crate::{Process, Punchbowl};
use anyhow::{Context, Result};
use std::net::SocketAddr;

/// A running `punchbowl join`. Killed when dropped.
pub struct Join {
    process: Process,
    address: SocketAddr,
}

impl Join {
    /// Starts it for `pools`, with these further arguments.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn start(pools: &[&str], arguments: &[&str]) -> Result<Join> {
        let fixed = ["--listen", "127.0.0.1:0", "--log-format", "json"];
        let all = [&["join"], pools, &fixed, arguments].concat();
        let process = Punchbowl::spawn(&all)?;
        let line = process.line(|line| Line::parse(line).is_some()).await?;
        let line = Line::parse(&line).context("no listening line")?;
        let address = line.get("address").context("no address in the listening line")?.parse()?;
        Ok(Join { process, address })
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
