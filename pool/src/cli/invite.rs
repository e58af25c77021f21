//! `punchbowl invite`: what a host sends to those who should mine at the pool.

mod contents;
mod explain;

use super::config_flags::ConfigFlags;
use super::public_keys::PublicKeys;
use crate::qr::Qr;
use crate::{invite_file, reach};
use anyhow::{Context, Result, bail};
use clap::Args;
use contents::{Invites, Wanted};
use p2p::RelayHint;
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

/// Print an invite to this pool.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct InviteArgs {
    /// Only the address for miners that dial over TCP (stratum2+tcp://)
    #[arg(long)]
    tcp: bool,
    /// Draw a QR code of the invite
    #[arg(long, conflicts_with = "json")]
    qr: bool,
    /// Write the QR code as an SVG image, for paper or a web page
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Also name this machine's addresses on private networks
    #[arg(long)]
    include_private: bool,
    /// An address at which the pool is reached from outside; with --tcp, HOST:PORT
    #[arg(long, value_name = "IP:PORT")]
    address: Vec<String>,
    /// A relay at which the pool waits: host[:port] (the pool's own), host[:port],<node id>
    /// (another node's) or host[:port],ca (one with an ordinary certificate)
    #[arg(long, value_name = "RELAY", conflicts_with = "tcp")]
    relay: Vec<RelayHint>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The configuration; last, because its heading covers all flags after it.
    #[command(flatten)]
    config: ConfigFlags,
}

const EXAMPLES: &str = "\
Examples:
  punchbowl invite                                 both kinds, with what they reveal
  punchbowl invite --qr                            to be photographed from the screen
  punchbowl invite --address 203.0.113.7:34255     where you have forwarded UDP port 34255
  punchbowl invite --include-private               for somebody in the same house
  punchbowl invite --tcp --address pool.example:34254 --svg invite.svg

There are two kinds. stratum2+iroh:// names the pool by its node id: members behind any
router dial it, and relays and addresses in it are hints on the way. stratum2+tcp:// names
a host and port that miners must be able to reach: the same network, or a forwarded port.
While the pool runs, the invite has what the pool has found out about its own addresses.
Members use either:  punchbowl miner '<invite>'";

/// The JSON output. Scripts rely on its fields: add, do not rename.
#[derive(Debug, Serialize)]
struct Output {
    /// The invite by node id.
    iroh: Option<String>,
    /// Addresses for miners that dial over TCP.
    tcp: Vec<String>,
    node_id: Option<String>,
    authority_key: String,
    /// What the invite by node id reveals, besides the keys.
    relays: Vec<String>,
    addresses: Vec<String>,
}

/// Prints the invites. Keys are made if the pool has none yet.
///
/// # Errors
/// When there is nothing to invite to, a key or an image cannot be written, or an
/// address given is none.
pub fn run(args: &InviteArgs) -> Result<()> {
    let config = args.config.load().into_config_without("payout")?;
    let keys = PublicKeys::read_or_make(&config)?;
    let wanted = Wanted::new(&args.address, &args.relay, args.tcp, args.include_private, keys.authority)?;
    let known = invite_file::read(&config.data_dir.to_path());
    let invites = contents::invites(&config, &keys, &wanted, known, reach::address);

    let Some(main) = invites.main() else {
        bail!(
            "the pool has neither a node id (p2p.enabled is false) nor a TCP port known beforehand (listen.tcp); \
             set one of them, or name the pool's address with --tcp --address host:port"
        )
    };
    let qr = (args.qr || args.svg.is_some()).then(|| Qr::encode(&main)).transpose()?;
    if let (Some(path), Some(qr)) = (&args.svg, &qr) {
        std::fs::write(path, qr.to_svg()).with_context(|| format!("writing the image {}", path.display()))?;
    }
    let text = if args.json {
        format!("{}\n", serde_json::to_string_pretty(&output(&invites, &keys))?)
    } else {
        let drawn = qr.filter(|_| args.qr).map(|qr| qr.to_terminal(colours()));
        explain::text(&invites, drawn.as_deref(), &config)
    };
    std::io::stdout().write_all(text.as_bytes()).context("cannot print the invite")
}

fn output(invites: &Invites, keys: &PublicKeys) -> Output {
    Output {
        iroh: invites.iroh.as_ref().map(ToString::to_string),
        tcp: invites.tcp_texts(),
        node_id: keys.node.map(|id| id.to_z32()),
        authority_key: keys.authority.to_string(),
        relays: invites.relays(),
        addresses: invites.addresses(),
    }
}

/// Whether standard output shows colours (<https://no-color.org>).
fn colours() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb
}
