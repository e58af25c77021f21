//! `punchbowl notify test`: whether notifications arrive.

use super::config_flags::ConfigFlags;
use super::in_runtime;
use crate::notify::plan::{Plan, pool_name};
use crate::notify::service;
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use std::io::Write;
use std::process::ExitCode;

/// Try whether notifications arrive.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct NotifyArgs {
    #[command(subcommand)]
    command: NotifyCommand,
}

#[derive(Debug, Subcommand)]
enum NotifyCommand {
    /// Send a test to every place of [notify], and say what each answers
    #[command(after_help = EXAMPLES)]
    Test {
        /// The configuration.
        #[command(flatten)]
        config: ConfigFlags,
    },
}

const EXAMPLES: &str = "\
Examples:
  punchbowl notify test
  punchbowl notify test --set notify.ntfy=https://ntfy.example/my-topic

The pool need not run. The exit code is 0 when every place has taken the test.";

/// Sends the test and prints what came of it.
///
/// # Errors
/// When the configuration is wrong, or names no place.
pub fn run(args: &NotifyArgs) -> Result<ExitCode> {
    let NotifyCommand::Test { config } = &args.command;
    // Whom blocks pay is of no concern here.
    let config = config.load().into_config_without("payout")?;
    let plan = Plan::from_config(&config.notify, &pool_name(&config))?;
    if plan.sinks.is_empty() {
        bail!("there is nobody to be told: set notify.ntfy, notify.webhook or notify.nostr");
    }
    let outcomes = in_runtime(async { Ok(service::test(&plan).await) })?;
    let mut out = std::io::stdout();
    for outcome in &outcomes {
        match &outcome.error {
            None => writeln!(out, "{} ({}): taken", outcome.name, outcome.host)?,
            Some(error) => writeln!(out, "{} ({}): NOT taken: {error}", outcome.name, outcome.host)?,
        }
    }
    let all = outcomes.iter().all(|outcome| outcome.error.is_none());
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
