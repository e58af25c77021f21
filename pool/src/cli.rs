//! The command line: one file a command.
//!
//! Standard output carries results, standard error logs and complaints. Exit code 0 is
//! success, 1 a failure that is explained, 2 arguments that make no sense.

pub mod check_config;
pub mod check_flags;
mod config_flags;
pub mod demo;
pub mod dial_flags;
pub mod healthcheck;
pub mod id;
pub mod interrupt;
pub mod invite;
pub mod join;
pub mod keygen;
pub mod miner;
pub mod notify;
pub mod password;
pub mod payout;
pub mod pool;
pub mod public_keys;
pub mod ready;
pub mod relay;
pub mod source;
pub mod status;
pub mod template;
pub mod token;
pub mod verify;

use crate::logging::{self, LogFormat};
use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// A Bitcoin mining pool for home: Stratum V2 on your own Bitcoin Core
#[derive(Debug, Parser)]
#[command(name = "punchbowl", version, after_help = FIRST_STEPS)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// How log lines look (they go to standard error; RUST_LOG chooses which)
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT")]
    log_format: LogFormat,
}

const FIRST_STEPS: &str = "\
First steps:
  punchbowl demo                  see a pool at work, with nothing else installed
  punchbowl template              check that your Bitcoin Core is reached
  punchbowl check-config          check what you have configured
  punchbowl pool --payout-address bc1q...
                                  run a pool beside your Bitcoin Core
  punchbowl status                whether it is well, and who mines
  punchbowl invite                what to send to those who should mine at it
  punchbowl verify                whether a pool's ledger and payouts are right
  punchbowl join INVITE           let your miners mine at a pool that you were invited to

Configuration: punchbowl.toml in the current folder, or --config FILE.
Each command explains itself: punchbowl pool --help";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a pool on templates from your Bitcoin Core
    Pool(pool::PoolArgs),
    /// Watch a pool mine: chain, pool and miners in one process
    Demo(demo::DemoArgs),
    /// Let old miners on this network mine at a pool elsewhere
    Join(join::JoinArgs),
    /// Mine on a Stratum V2 pool with this computer's processor, for tests
    Miner(miner::MinerArgs),
    /// Print block templates as they come
    Template(template::TemplateArgs),
    /// Show what is configured and everything that is wrong with it
    CheckConfig(check_config::CheckConfigArgs),
    /// Show where the next block pays, or move a descriptor on to its next address
    Payout(payout::PayoutArgs),
    /// Tell by the exit code whether the pool on this machine lives
    Healthcheck(healthcheck::HealthcheckArgs),
    /// Print what others know this node by
    Id(id::IdArgs),
    /// Print an invite to this pool, as text or QR code
    Invite(invite::InviteArgs),
    /// Run a relay alone, for a pool behind a router
    Relay(relay::RelayArgs),
    /// See at a glance whether your pool is well, and who mines
    Status(status::StatusArgs),
    /// Try whether notifications arrive
    Notify(notify::NotifyArgs),
    /// Set the password with which you change settings on the pool's pages
    Password(password::PasswordArgs),
    /// Make, list and revoke tokens for programs that change something
    Token(token::TokenArgs),
    /// Check a pool's ledger: every share, slice, signature, payout and coinbase
    Verify(Box<verify::VerifyArgs>),
    /// Make the key by which miners know a pool
    Keygen(keygen::KeygenArgs),
}

impl Command {
    /// What is logged when `RUST_LOG` does not say.
    fn log_level(&self) -> &'static str {
        match self {
            Command::Pool(_) | Command::Relay(_) | Command::Join(_) => "info",
            // These speak on standard output, in their own words.
            Command::Demo(_) | Command::Miner(_) | Command::Template(_) => "error",
            Command::CheckConfig(_) | Command::Id(_) | Command::Invite(_) | Command::Keygen(_) => "warn",
            Command::Verify(_) | Command::Status(_) | Command::Notify(_) => "warn",
            Command::Password(_) | Command::Token(_) => "warn",
            Command::Payout(_) | Command::Healthcheck(_) => "warn",
        }
    }
}

/// Runs the command that this process was started with. Exits with code 2 by itself
/// when the arguments make no sense.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match run_command(cli) {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn run_command(cli: Cli) -> Result<ExitCode> {
    logging::start(cli.log_format, cli.command.log_level())?;
    match cli.command {
        Command::Pool(args) => in_runtime(pool::run(args))?,
        Command::Demo(args) => in_runtime(demo::run(args))?,
        Command::Join(args) => in_runtime(join::run(args))?,
        Command::Miner(args) => in_runtime(miner::run(args))?,
        Command::Template(args) => in_runtime(template::run(args))?,
        Command::CheckConfig(args) => return check_config::run(&args),
        Command::Payout(args) => payout::run(&args)?,
        Command::Healthcheck(args) => healthcheck::run(&args)?,
        Command::Id(args) => id::run(&args)?,
        Command::Invite(args) => invite::run(&args)?,
        Command::Relay(args) => in_runtime(relay::run(args))?,
        Command::Status(args) => return status::run(&args),
        Command::Notify(args) => return notify::run(&args),
        Command::Password(args) => password::run(&args)?,
        Command::Token(args) => token::run(&args)?,
        Command::Verify(args) => return in_runtime(verify::run(*args)),
        Command::Keygen(args) => keygen::run(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn in_runtime<T>(command: impl Future<Output = Result<T>>) -> Result<T> {
    /// A disk that hangs must not keep the process from ending.
    const LAST_CALLS: Duration = Duration::from_secs(1);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the worker threads")?;
    let outcome = runtime.block_on(command);
    runtime.shutdown_timeout(LAST_CALLS);
    outcome
}

/// The error and what led to it, one cause a line.
fn complain(error: &anyhow::Error) {
    let mut text = format!("error: {error}\n");
    let mut said = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        // Many messages already hold their cause.
        if !said.contains(&cause) {
            text += &format!("  because: {cause}\n");
        }
        said = cause;
    }
    // Standard error may be closed; there is nobody left to tell.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_commands_are_well_formed_and_each_has_examples() {
        Cli::command().debug_assert();
        for command in Cli::command().get_subcommands() {
            assert!(command.get_after_help().is_some(), "{} has no examples", command.get_name());
        }
    }

    #[test]
    fn the_log_format_may_stand_after_the_command() {
        let cli = Cli::try_parse_from(["punchbowl", "demo", "--log-format", "json"]).unwrap();
        assert_eq!(cli.log_format, LogFormat::Json);
    }

    #[test]
    fn arguments_of_the_issue_are_understood() {
        for line in [
            "punchbowl demo --blocks 3 --json --data-dir /tmp/x --listen 127.0.0.1:0 --http 127.0.0.1:0 --members 2",
            "punchbowl pool --setup --http 0.0.0.0:8080",
            "punchbowl pool --config f.toml --ready-fd 3 --ready-file /tmp/ready",
            "punchbowl pool --set vardiff.shares_per_minute=18 --network regtest",
            "punchbowl miner stratum2+tcp://127.0.0.1:34254/9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh --user ann --channel extended --threads 1 --blocks 1 --json",
            "punchbowl template --json --config f.toml",
            "punchbowl check-config --config f.toml",
            "punchbowl check-config --config f.json --json",
            "punchbowl healthcheck --config f.toml",
            "punchbowl payout --next --json --config f.json",
            "punchbowl keygen --stdout",
            "punchbowl verify data --json",
            "punchbowl verify ledger.sqlite --against old.sqlite --authority 9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh",
            "punchbowl status --once --url http://127.0.0.1:8080",
            "punchbowl status --json --config f.toml",
            "punchbowl notify test --set notify.ntfy=https://ntfy.example/topic",
            "punchbowl password --data-dir /d",
            "punchbowl token new scripts --data-dir /d",
            "punchbowl id --json",
            "punchbowl id --identity ann.key",
            "punchbowl invite --qr --svg i.svg --include-private --address 8.8.8.8:34255 --relay 8.8.8.8",
            "punchbowl invite --tcp --address pool.example:34254 --json",
            "punchbowl relay --data-dir /d --listen 0.0.0.0:443 --qad 0.0.0.0:7842 --public 8.8.8.8 --for anyone",
            "punchbowl relay --members m.txt --qad off --public relay.example:8443 --ready-file /tmp/ready",
            "punchbowl miner stratum2+iroh://47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy/9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh?relay=8.8.8.8 --relay-only",
        ] {
            Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
    }
}
