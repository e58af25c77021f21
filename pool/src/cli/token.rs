//! `punchbowl token`: tokens for programs that change something.

use super::config_flags::ConfigFlags;
use crate::access::{self, tokens};
use crate::notify::courier::unix_time;
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use std::fs::DirBuilder;
use std::io::{Write, stderr, stdout};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

/// Make, list and revoke tokens for programs.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make a token and print it, this once
    #[command(after_help = EXAMPLES)]
    New {
        /// What you call it
        name: String,
        /// The configuration.
        #[command(flatten)]
        config: ConfigFlags,
    },
    /// List the tokens that there are
    #[command(after_help = EXAMPLES)]
    List {
        /// The configuration.
        #[command(flatten)]
        config: ConfigFlags,
    },
    /// Make a token worthless
    #[command(after_help = EXAMPLES)]
    Revoke {
        /// What you call it
        name: String,
        /// The configuration.
        #[command(flatten)]
        config: ConfigFlags,
    },
}

const EXAMPLES: &str = "\
Examples:
  punchbowl token new backups
  curl -X POST -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8080/api/v1/notify/test
  punchbowl token list
  punchbowl token revoke backups

A token may do what the host's password may. Only its hash is kept (tokens.json in the data
folder), so that it cannot be shown again. The pool may run meanwhile.";

/// Does it.
///
/// # Errors
/// When the data folder cannot be used, or there is no such token.
pub fn run(args: &TokenArgs) -> Result<()> {
    match &args.command {
        TokenCommand::New { name, config } => {
            let folder = folder(config)?;
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .with_context(|| format!("cannot use the data folder {}", folder.display()))?;
            let token = access::new_token(&folder, name, unix_time())?;
            writeln!(stdout(), "{token}")?;
            writeln!(stderr(), "Keep it: it is not shown again.")?;
        }
        TokenCommand::List { config } => {
            for token in tokens::list(&folder(config)?)? {
                let age = unix_time().saturating_sub(token.made) / 86_400;
                writeln!(stdout(), "{}   made {age} days ago", token.name)?;
            }
        }
        TokenCommand::Revoke { name, config } => {
            tokens::revoke(&folder(config)?, name)?;
            writeln!(stderr(), "{name:?} is revoked.")?;
        }
    }
    Ok(())
}

fn folder(config: &ConfigFlags) -> Result<PathBuf> {
    Ok(config.load().into_config_without("payout")?.data_dir.to_path())
}
