//! `punchbowl template`: prints block templates as they come, to see whether Bitcoin
//! Core is reached and what it offers.

use super::config_flags::ConfigFlags;
use super::interrupt::Interrupt;
use super::source::{self, SourceFolders};
use crate::config::{Config, ConfigError};
use anyhow::Result;
use clap::Args;
use serde::Serialize;
use std::io::Write;
use template_provider::{CoinbaseReserve, SourceHandle, SourceStatus, Template};
use tokio_util::sync::CancellationToken;

/// Print block templates as they come.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TemplateArgs {
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// Stop after this many templates [default: when interrupted]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// The configuration; payouts do not matter here.
    #[command(flatten)]
    config: ConfigFlags,
}

const EXAMPLES: &str = "\
Examples:
  punchbowl template                                     from ~/.bitcoin, mainnet
  punchbowl template --network signet --bitcoin-datadir /srv/bitcoin
  punchbowl template --json --count 1                    for scripts

Nothing is mined. What the source waits for is said on standard error.";

/// Prints templates until it is interrupted or has printed enough.
///
/// # Errors
/// When the configuration is wrong or standard output cannot be written.
pub async fn run(args: TemplateArgs) -> Result<()> {
    let config = config_without_payouts(&args.config)?;
    let mut interrupt = Interrupt::listen()?;
    let cancel = CancellationToken::new();
    let folders = SourceFolders {
        // Never made, as no block is submitted; and not the pool's own, whose waiting
        // blocks are the pool's to send.
        solutions: config.data_dir.to_path().join("solutions-of-template-command"),
        chain: None,
    };
    let reserve = CoinbaseReserve { output_bytes: 43, sigops: 1 };
    let source = source::start(&config, &folders, reserve, cancel.clone())?;
    let printed = tokio::select! {
        printed = print_templates(source.clone(), args.json, args.count.unwrap_or(u64::MAX)) => printed,
        () = interrupt.received() => Ok(()),
    };
    cancel.cancel();
    source.stopped().await;
    printed
}

fn config_without_payouts(flags: &ConfigFlags) -> Result<Config, ConfigError> {
    let mut loaded = flags.load();
    loaded.problems.retain(|problem| !problem.key.starts_with("payout."));
    loaded.into_config()
}

async fn print_templates(mut source: SourceHandle, json: bool, count: u64) -> Result<()> {
    let mut printed = 0;
    explain(&source.status.borrow_and_update());
    while printed < count {
        // A template that is there already counts as new.
        let template = source.templates.borrow_and_update().clone();
        if let Some(template) = template {
            print(&template, json)?;
            printed += 1;
            if printed == count {
                break;
            }
        }
        loop {
            tokio::select! {
                changed = source.templates.changed() => {
                    changed.map_err(|_| anyhow::anyhow!("the template source has stopped"))?;
                    break;
                }
                Ok(()) = source.status.changed() => explain(&source.status.borrow_and_update()),
            }
        }
    }
    Ok(())
}

fn explain(status: &SourceStatus) {
    let text = match status {
        SourceStatus::Connecting { reason } => format!("waiting: {reason}"),
        SourceStatus::Syncing { height } => {
            format!("waiting: Bitcoin Core is still downloading the chain (height {height})")
        }
        SourceStatus::Serving => "connected".to_owned(),
        SourceStatus::Stopped => "stopped".to_owned(),
    };
    // Standard error may be closed; there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A template as `--json` prints it. Field names are what scripts rely on.
#[derive(Serialize)]
struct Line {
    id: u64,
    height: u32,
    prev_hash: String,
    nbits: String,
    version: String,
    min_ntime: u32,
    ntime: u32,
    /// Satoshi.
    value: u64,
    subsidy: u64,
    fees: u64,
    transactions: usize,
    merkle_depth: usize,
    provisional: bool,
}

impl From<&Template> for Line {
    fn from(template: &Template) -> Line {
        Line {
            id: template.id,
            height: template.height,
            prev_hash: template.prev_hash.to_string(),
            nbits: format!("{:08x}", template.nbits),
            version: format!("{:08x}", template.version),
            min_ntime: template.min_ntime,
            ntime: template.ntime,
            value: template.coinbase.value_remaining,
            subsidy: template.subsidy,
            fees: template.fees,
            transactions: template.transactions,
            merkle_depth: template.merkle_path.len(),
            provisional: template.provisional,
        }
    }
}

fn print(template: &Template, json: bool) -> Result<()> {
    let line = Line::from(template);
    let text = if json { serde_json::to_string(&line)? } else { sentence(&line) };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()?;
    Ok(())
}

fn sentence(line: &Line) -> String {
    let Line { height, prev_hash, nbits, value, fees, transactions, .. } = line;
    let provisional = if line.provisional { ", provisional" } else { "" };
    format!(
        "height {height} on {prev_hash}, nbits {nbits}, {transactions} transactions, fees {fees} sat, \
         pays {value} sat{provisional}"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[tokio::test]
    async fn templates_of_the_configured_source_come_and_the_source_stops() {
        let config = Config {
            network: template_provider::Network::Regtest,
            template: crate::config::Template {
                source: crate::config::TemplateSource::Embedded,
                ..crate::config::Template::default()
            },
            ..Config::default()
        };
        let folders = SourceFolders { solutions: "/nowhere".into(), chain: None };
        let cancel = CancellationToken::new();
        let reserve = CoinbaseReserve { output_bytes: 43, sigops: 1 };
        let mut source = source::start(&config, &folders, reserve, cancel.clone()).unwrap();
        let first = source.templates.wait_for(Option::is_some).await.unwrap().clone().unwrap();
        let line = Line::from(&*first);
        assert_eq!(line.subsidy + line.fees, line.value);
        assert!(sentence(&line).starts_with(&format!("height {} on ", first.height)));
        cancel.cancel();
        source.stopped().await;
    }
}
