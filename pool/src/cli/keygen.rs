//! `punchbowl keygen`: makes an authority key.

use anyhow::{Context, Result, bail};
use clap::Args;
use p2p::{AuthorityKey, AuthorityKeypair, key_file};
use std::io::Write;
use std::path::PathBuf;

/// Make the key by which miners know a pool.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct KeygenArgs {
    /// Where to write the secret key (readable by you alone; never overwritten)
    #[arg(value_name = "FILE", required_unless_present = "stdout")]
    file: Option<PathBuf>,
    /// Print the secret key instead
    #[arg(long, conflicts_with_all = ["file", "show"])]
    stdout: bool,
    /// Make nothing: show the public half of the key in FILE
    #[arg(long)]
    show: bool,
    /// Where the pool will be reached, for the address that is shown
    #[arg(long, value_name = "HOST:PORT", default_value = "HOST:34254")]
    address: String,
}

const EXAMPLES: &str = "\
Examples:
  punchbowl keygen authority.key --address pool.example:34254
  punchbowl keygen authority.key --show
  punchbowl keygen --stdout

A pool makes its key by itself on the first start; this is for those who want to have it
beforehand. Name the file in authority.key_file.";

/// Makes or shows the key.
///
/// # Errors
/// When the file exists already (or with `--show`, does not), or cannot be written.
pub fn run(args: &KeygenArgs) -> Result<()> {
    if args.stdout {
        let key = AuthorityKeypair::generate(&mut rand::rngs::OsRng);
        // The secret alone on standard output; who it belongs to, beside it.
        std::io::stderr().write_all(public_half(&key.public_key(), &args.address).as_bytes())?;
        let mut secret = key.secret_text();
        secret.push('\n');
        std::io::stdout().write_all(secret.as_bytes()).context("cannot print the key")?;
        return Ok(());
    }
    let Some(path) = &args.file else { bail!("name the file for the key") };
    let key = if args.show {
        key_file::load(path)?
    } else {
        let key = AuthorityKeypair::generate(&mut rand::rngs::OsRng);
        key_file::create(path, &key)?;
        key
    };
    std::io::stdout().write_all(public_half(&key.public_key(), &args.address).as_bytes())?;
    Ok(())
}

fn public_half(key: &AuthorityKey, address: &str) -> String {
    format!("public key: {key}\nminers use: stratum2+tcp://{address}/{key}\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn args(file: PathBuf, show: bool) -> KeygenArgs {
        KeygenArgs { file: Some(file), stdout: false, show, address: "h:1".into() }
    }

    #[test]
    fn a_key_is_written_for_its_owner_alone_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("k");
        run(&args(file.clone(), false)).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let first = std::fs::read(&file).unwrap();
        assert!(run(&args(file.clone(), false)).is_err());
        assert_eq!(std::fs::read(&file).unwrap(), first);
        run(&args(file, true)).unwrap();
    }

    #[test]
    fn showing_makes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("k");
        assert!(run(&args(file.clone(), true)).is_err());
        assert!(!file.exists());
    }

    #[test]
    fn the_address_shown_is_one_that_miners_understand() {
        let key = AuthorityKeypair::generate(&mut rand::rngs::OsRng).public_key();
        let text = public_half(&key, "pool.example:34254");
        let uri: p2p::PoolUri = text.lines().last().unwrap().split(' ').next_back().unwrap().parse().unwrap();
        assert_eq!(uri.authority, key);
    }
}
