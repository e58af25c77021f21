//! `punchbowl password`: sets the host's password.

use super::config_flags::ConfigFlags;
use crate::access::password;
use anyhow::{Context, Result, bail};
use clap::Args;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use std::fs::DirBuilder;
use std::io::{IsTerminal, Write, stderr, stdin};
use std::os::unix::fs::DirBuilderExt;

/// Set the host's password.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PasswordArgs {
    /// The configuration.
    #[command(flatten)]
    config: ConfigFlags,
}

const EXAMPLES: &str = "\
Examples:
  punchbowl password                                asks for it, twice
  pass show punchbowl | punchbowl password          takes one line

Looking at the pool's pages needs no password; changing its settings does. Only a hash of it
is kept (host-password in the data folder). Whoever is signed in is signed out. The pool may
run meanwhile.";

/// Asks for a password and sets it.
///
/// # Errors
/// When it is too short, or the data folder cannot be written to.
pub fn run(args: &PasswordArgs) -> Result<()> {
    let config = args.config.load().into_config_without("payout")?;
    let folder = config.data_dir.to_path();
    let password = if stdin().is_terminal() { ask_twice()? } else { line()? };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .with_context(|| format!("cannot use the data folder {}", folder.display()))?;
    password::set(&folder, &password)?;
    writeln!(stderr(), "The host's password is set.")?;
    Ok(())
}

fn ask_twice() -> Result<String> {
    let first = ask("New password: ")?;
    if ask("Once more: ")? != first {
        bail!("the two are not the same; nothing was changed");
    }
    Ok(first)
}

fn ask(question: &str) -> Result<String> {
    write!(stderr(), "{question}")?;
    stderr().flush()?;
    let before = tcgetattr(stdin()).context("cannot hide what you type")?;
    let mut hidden = before.clone();
    hidden.local_modes.remove(LocalModes::ECHO);
    tcsetattr(stdin(), OptionalActions::Flush, &hidden).context("cannot hide what you type")?;
    let read = line();
    tcsetattr(stdin(), OptionalActions::Now, &before)?;
    writeln!(stderr())?;
    read
}

fn line() -> Result<String> {
    let mut text = String::new();
    stdin().read_line(&mut text).context("cannot read the password")?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
