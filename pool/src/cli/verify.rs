//! `punchbowl verify`: proof that no share was invented, none left out, and that the
//! payouts are right.

mod live;
mod progress;
mod source;

use super::config_flags::ConfigFlags;
use super::dial_flags::DialFlags;
use anyhow::{Context, Result, bail};
use clap::Args;
use ledger::SignedHead;
use ledger::audit::{Auditor, Discrepancy, Report};
use p2p::AuthorityKey;
use serde_json::json;
use source::{VerifySource, heads, ledger_file};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Check a pool's ledger: every share, slice, signature, payout and coinbase.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArgs {
    /// A data folder, a ledger file, a running pool's invite or its http:// address; the
    /// configured data folder if left out
    #[arg(value_name = "FOLDER|FILE|INVITE|URL")]
    source: Option<VerifySource>,
    /// The pool's authority key, as its invite says it: who must have signed
    #[arg(long, value_name = "KEY")]
    authority: Option<AuthorityKey>,
    /// Another copy of this ledger, such as yours of last week, or the heads that `join` has
    /// noted: the pool may have told each of you another story
    #[arg(long, value_name = "FOLDER|FILE")]
    against: Vec<PathBuf>,
    /// Go on with what is new, until interrupted
    #[arg(long)]
    follow: bool,
    /// Print one JSON object; with --follow one a line for whatever happens
    #[arg(long)]
    json: bool,
    /// How a pool is dialled by its invite.
    #[command(flatten)]
    dialling: DialFlags,
    /// The configuration; last, because its heading covers all flags after it.
    #[command(flatten)]
    config: ConfigFlags,
}

const EXAMPLES: &str = "\
Examples:
  punchbowl verify                            this pool's own ledger
  punchbowl verify 'stratum2+iroh://yb.../9b...'
                                              a pool that you mine at, by its invite
  punchbowl verify http://pool.lan:8080 --authority 9bXi... --follow
                                              the same by its web address, and go on
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
pub async fn run(args: VerifyArgs) -> Result<ExitCode> {
    let source = match &args.source {
        Some(source) => source.clone(),
        None => VerifySource::File(args.config.load().into_config_without("payout")?.data_dir.to_path()),
    };
    let mut known = Vec::new();
    for copy in &args.against {
        known.extend(heads(copy)?);
    }
    let authority = match (&source, args.authority) {
        (VerifySource::Pool(pool), Some(key)) if pool.authority() != key => {
            bail!(
                "the invite is of the pool {}, and --authority of {key}; leave one of them out",
                pool.authority()
            )
        }
        (VerifySource::Pool(pool), _) => Some(pool.authority()),
        (_, key) => key,
    };
    let outlet = Outlet { json: args.json, follow: args.follow, told: 0 };
    let auditor = auditor(authority, known);
    let mut report = match source {
        VerifySource::File(path) => live::file(&ledger_file(&path)?, auditor, outlet).await?,
        VerifySource::Http(uri) => {
            live::remote(&args, crate::follow::Place::Http(uri), auditor, outlet).await?
        }
        VerifySource::Pool(pool) => {
            live::remote(&args, crate::follow::Place::Pool(pool), auditor, outlet).await?
        }
    };
    report.signer = report.signer.map(|hex| authority_text(&hex).unwrap_or(hex));
    let text = if args.json && args.follow {
        format!("{}\n", json!({ "event": "report", "report": report }))
    } else if args.json {
        format!("{}\n", serde_json::to_string_pretty(&report)?)
    } else if authority.is_none() && report.signer.is_some() {
        format!("{report}\n\n{UNKNOWN_SIGNER}\n")
    } else {
        format!("{report}\n")
    };
    std::io::stdout().write_all(text.as_bytes()).context("cannot print the report")?;
    Ok(verdict(&report))
}

const UNKNOWN_SIGNER: &str = "\
Compare the key above with the one in the pool's invite, or give it with --authority: else
this may be anybody's ledger.";

/// Says what happens while it is followed.
struct Outlet {
    json: bool,
    follow: bool,
    /// Discrepancies that were told.
    told: usize,
}

impl Outlet {
    /// Tells what has been found since the last time.
    fn found(&mut self, found: &[Discrepancy]) -> Result<()> {
        if !self.follow {
            return Ok(());
        }
        for discrepancy in found.get(self.told..).unwrap_or_default() {
            if self.json {
                self.line(&json!({ "event": "discrepancy", "discrepancy": discrepancy }).to_string())?;
            } else {
                self.line(&format!("WRONG      {discrepancy}"))?;
            }
        }
        self.told = found.len();
        Ok(())
    }

    /// Tells that everything so far has been checked.
    fn caught_up(&self, shares: u64, slices: u64, wrong: u64) -> Result<()> {
        if !self.follow {
            return Ok(());
        }
        if self.json {
            let now =
                json!({ "event": "caught-up", "shares": shares, "slices": slices, "discrepancies": wrong });
            return self.line(&now.to_string());
        }
        let verdict =
            if wrong == 0 { "nothing is wrong".to_owned() } else { format!("{wrong} things are wrong") };
        self.line(&format!("checked    {shares} shares, {slices} signed slices: {verdict}"))
    }

    fn line(&self, text: &str) -> Result<()> {
        let mut stdout = std::io::stdout();
        writeln!(stdout, "{text}").and_then(|()| stdout.flush()).context("cannot print")
    }
}

fn auditor(authority: Option<AuthorityKey>, known: Vec<SignedHead>) -> Auditor {
    Auditor::new(authority.map(AuthorityKey::to_bytes), known)
}

fn verdict(report: &Report) -> ExitCode {
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The key in the spelling of invites.
fn authority_text(hex: &str) -> Option<String> {
    let digits = hex.as_bytes().as_chunks::<2>().0.iter();
    let bytes: Option<Vec<u8>> =
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    let key = AuthorityKey::from_bytes(&bytes?.try_into().ok()?).ok()?;
    Some(key.to_string())
}
