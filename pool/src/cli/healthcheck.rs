//! `punchbowl healthcheck`: whether the pool on this machine lives, as an exit code.
//!
//! For containers, whose image has no shell and no curl. It asks nobody: the pool writes
//! `run/status.json` every five seconds, and one that does not any more has hung or ended. A
//! pool that waits for Bitcoin Core, or at its first run for its host, lives: to restart it
//! would help nobody.

use super::config_flags::ConfigFlags;
use crate::status_file;
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::io::Write;
use std::time::{Duration, SystemTime};

/// Tell by the exit code whether the pool on this machine lives.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct HealthcheckArgs {
    /// The configuration.
    #[command(flatten)]
    config: ConfigFlags,
}

const EXAMPLES: &str = "\
Example:
  punchbowl healthcheck --config /etc/punchbowl/punchbowl.toml

The exit code is 0 while the pool writes run/status.json in its data folder, else 1. Run it as
the user that the pool runs as.";

/// After so long without a word it has hung.
const SILENT: Duration = Duration::from_secs(60);

/// Says whether the pool lives.
///
/// # Errors
/// When it does not.
pub fn run(args: &HealthcheckArgs) -> Result<()> {
    let config = args.config.load().into_config_without("payout")?;
    let folder = config.data_dir.to_path();
    let said = status_file::said(&folder)
        .with_context(|| format!("no pool has said in {} how it fares", folder.display()))?;
    let mut verdict = verdict(said.at, SystemTime::now())?;
    if let Some(what) = said.waits_for {
        verdict = format!("{verdict}: it waits for {what}");
    }
    writeln!(std::io::stdout(), "{verdict}").context("cannot print the verdict")
}

fn verdict(written: SystemTime, now: SystemTime) -> Result<String> {
    // A clock that was set back must not make a pool unhealthy.
    let age = now.duration_since(written).unwrap_or_default();
    let said = format!("the pool last said {} s ago how it fares", age.as_secs());
    ensure!(age <= SILENT, "{said}: it has ended, or hangs; see its log");
    Ok(said)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn a_pool_is_healthy_as_long_as_it_says_how_it_fares() {
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let after = |seconds| verdict(then, then + Duration::from_secs(seconds));
        assert!(after(0).is_ok() && after(60).is_ok());
        assert!(verdict(then, then - Duration::from_secs(9)).is_ok());
        assert!(after(61).unwrap_err().to_string().contains("hangs"));
    }
}
