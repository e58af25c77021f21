//! `punchbowl verify`: proof that no share was invented, none left out, and that the
//! payouts are right.

use super::config_flags::ConfigFlags;
use crate::data_dir::LEDGER;
use anyhow::{Context, Result, bail};
use clap::Args;
use ledger::audit::{Auditor, Report, audit_ledger};
use ledger::{Reader, SignedHead};
use p2p::AuthorityKey;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Check a pool's ledger: every share, slice, signature, payout and coinbase.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArgs {
    /// A data folder or a ledger file; the configured data folder if left out
    #[arg(value_name = "FOLDER|FILE")]
    source: Option<PathBuf>,
    /// The pool's authority key, as its invite says it: who must have signed
    #[arg(long, value_name = "KEY")]
    authority: Option<AuthorityKey>,
    /// Another copy of this ledger, such as yours of last week: the pool may have told
    /// each of you another story
    #[arg(long, value_name = "FOLDER|FILE")]
    against: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The configuration; last, because its heading covers all flags after it.
    #[command(flatten)]
    config: ConfigFlags,
}

const EXAMPLES: &str = "\
Examples:
  punchbowl verify                            this pool's own ledger
  punchbowl verify ledger.sqlite --authority 9bXi...
                                              a copy of somebody's ledger, with the key
                                              from that pool's invite
  punchbowl verify ledger.sqlite --against last-week.sqlite
                                              and whether it still tells what it told then
  punchbowl verify --json | jq .discrepancies

Nothing is taken on trust: each share's proof of work is computed again from its job, each
slice's sums, trees and signature, the window, the payouts, and with these what the coinbase
of every job must have paid (the rules: docs/payouts.md). What does not fit is said by the
name of the fraud that it would be. A pool may run meanwhile.

The exit code is 0 if nothing is wrong, else 1.";

/// Audits a ledger and prints the report. The exit code says whether it is clean.
///
/// # Errors
/// When the ledger cannot be read or standard output cannot be written.
pub fn run(args: &VerifyArgs) -> Result<ExitCode> {
    let path = match &args.source {
        Some(source) => ledger_file(source)?,
        None => {
            let config = args.config.load().into_config_without("payout")?;
            ledger_file(&config.data_dir.to_path())?
        }
    };
    let mut known = Vec::new();
    for copy in &args.against {
        known.extend(heads(&ledger_file(copy)?)?);
    }
    let report = audit(&path, args.authority, known)?;
    let text = if args.json {
        format!("{}\n", serde_json::to_string_pretty(&report)?)
    } else if args.authority.is_none() && report.signer.is_some() {
        format!("{report}\n\n{UNKNOWN_SIGNER}\n")
    } else {
        format!("{report}\n")
    };
    std::io::stdout().write_all(text.as_bytes()).context("cannot print the report")?;
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

const UNKNOWN_SIGNER: &str = "\
Compare the key above with the one in the pool's invite, or give it with --authority: else
this may be anybody's ledger.";

fn audit(path: &Path, authority: Option<AuthorityKey>, known: Vec<SignedHead>) -> Result<Report> {
    let mut reader = open(path)?;
    let mut auditor = Auditor::new(authority.map(AuthorityKey::to_bytes), known);
    audit_ledger(&mut reader, &mut auditor, |_| {})
        .with_context(|| format!("cannot read {} to its end", path.display()))?;
    let mut report = auditor.finish();
    report.signer = report.signer.map(|hex| authority_text(&hex).unwrap_or(hex));
    Ok(report)
}

fn heads(path: &Path) -> Result<Vec<SignedHead>> {
    const AT_A_TIME: usize = 1_024;
    let reader = open(path)?;
    let mut heads: Vec<SignedHead> = Vec::new();
    loop {
        let next = heads.last().map_or(1, |head| head.head.slice + 1);
        let more =
            reader.heads(next, AT_A_TIME).with_context(|| format!("cannot read {}", path.display()))?;
        if more.is_empty() {
            return Ok(heads);
        }
        heads.extend(more);
    }
}

fn open(path: &Path) -> Result<Reader> {
    Ok(Reader::open(path)?)
}

/// The ledger in a data folder, or the file itself.
fn ledger_file(source: &Path) -> Result<PathBuf> {
    let path = if source.is_dir() { source.join(LEDGER) } else { source.to_owned() };
    if path.exists() {
        return Ok(path);
    }
    if source.is_dir() {
        bail!("there is no ledger in {} yet: it begins with a pool's first share", source.display());
    }
    bail!("there is no file {}; name a pool's data folder or a copy of its {LEDGER}", path.display());
}

/// The key in the spelling of invites.
fn authority_text(hex: &str) -> Option<String> {
    let digits = hex.as_bytes().as_chunks::<2>().0.iter();
    let bytes: Option<Vec<u8>> =
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    let key = AuthorityKey::from_bytes(&bytes?.try_into().ok()?).ok()?;
    Some(key.to_string())
}
