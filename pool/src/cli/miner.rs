//! `punchbowl miner`: mines with the processor.

use super::check_flags::CheckFlags;
use super::dial_flags::DialFlags;
use super::interrupt::Interrupt;
use crate::check::CheckStatus;
use crate::known_heads::KnownHeads;
use crate::miner::{self, MinerConfig, MinerEvent, MinerKind};
use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use p2p::Target;
use p2p::iroh::{LookupConfig, SecretKey};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Mine on a Stratum V2 pool.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct MinerArgs {
    /// The pool: stratum2+tcp://host:port/<authority key>, or an invite, stratum2+iroh://...;
    /// further ones are tried in their order when it is away
    #[arg(value_name = "URI", required = true)]
    pub pools: Vec<Target>,
    /// How the pool is dialled.
    #[command(flatten)]
    pub dialling: DialFlags,
    /// How the pool is checked.
    #[command(flatten)]
    pub check: CheckFlags,
    /// User identity: member.worker, or address.worker on a solo pool
    #[arg(long, short, value_name = "NAME", default_value = "punchbowl.miner")]
    pub user: String,
    /// The kind of channel to open
    #[arg(long, value_enum, default_value_t)]
    pub channel: ChannelChoice,
    /// Threads that hash
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub threads: u32,
    /// No more hashes a second than this [default: as many as the threads can do]
    #[arg(long, value_name = "HASHES", value_parser = hash_rate)]
    pub max_hash_rate: Option<f64>,
    /// Stop after finding this many blocks [default: when interrupted]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub blocks: Option<u64>,
    /// Print one JSON summary at the end
    #[arg(long)]
    pub json: bool,
}

/// The kind of channel to open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ChannelChoice {
    /// Header-only mining, as a device does.
    #[default]
    Standard,
    /// Rolls the extranonce, as a proxy does.
    Extended,
}

const EXAMPLES: &str = "\
Examples:
  punchbowl miner stratum2+tcp://127.0.0.1:34254/9b... --user ann.laptop
  punchbowl miner 'stratum2+iroh://yb.../9b...?a=203.0.113.7:34255' --identity ann.key
  punchbowl miner 'stratum2+iroh://yb.../9b...'    a pool on this network, or with a relay

The addresses in an invite are tried first. Where they lead nowhere, or there are none,
those of the address book are, this network is asked (mDNS), and after two seconds the
mainline DHT, in which pools publish their relays. Whoever answers must prove the node id.

A processor finds no block on mainnet in a lifetime. This is for trying out a pool.";

/// Mines until it is interrupted.
///
/// # Errors
/// When the pool cannot be reached or refuses.
pub async fn run(args: MinerArgs) -> Result<()> {
    const WAITING_EVENTS: usize = 64;
    let mut interrupt = Interrupt::listen()?;
    let stop = CancellationToken::new();
    let (events, mut happened) = mpsc::channel(WAITING_EVENTS);
    // Held to the end: no other miner may run on this key.
    let node_key = args.dialling.node_key()?;
    let identity = node_key.as_ref().map_or_else(SecretKey::generate, |key| key.secret().clone());
    let lookup = args.dialling.lookup(&args.pools);
    let mining =
        tokio::spawn(miner::run(args.miner(identity, lookup, args.check.known()?), events, stop.clone()));
    let mut tally = Tally::default();
    loop {
        let event = tokio::select! {
            () = interrupt.received() => break,
            event = happened.recv() => event,
        };
        let Some(event) = event else { break };
        if !args.json {
            tell(&event);
        }
        tally.count(&event);
        if args.blocks.is_some_and(|wanted| tally.blocks_accepted >= wanted) {
            break;
        }
    }
    stop.cancel();
    // What the pool has still answered counts too.
    while let Some(event) = happened.recv().await {
        tally.count(&event);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&tally)?);
    } else {
        println!("{tally}");
    }
    mining.await.context("the miner failed")??;
    Ok(())
}

/// The JSON summary. Scripts rely on its fields: add, do not rename.
#[derive(Debug, Default, Serialize)]
struct Tally {
    shares_accepted: u64,
    shares_rejected: BTreeMap<String, u64>,
    blocks_accepted: u64,
    reconnects: u64,
    /// Channels that went on after an outage.
    resumed: u64,
    /// Shares found: accepted, rejected, lost or unanswered.
    shares_found: u64,
    /// Shares that nobody will judge, or whose judgement was not heard.
    shares_lost: u64,
    /// Shares that were under way at the end.
    shares_unanswered: u64,
    /// How the check of the pool's ledger stood at the end.
    check: Option<CheckStatus>,
    /// Which way the packets went last.
    path: Option<&'static str>,
    /// How the pool's address was found: `invite`, `address-book`, `mdns`, `dht` or `peer`.
    found: Option<&'static str>,
}

impl Tally {
    fn count(&mut self, event: &MinerEvent) {
        match event {
            MinerEvent::Accepted { shares, blocks } => {
                self.shares_accepted += shares;
                self.blocks_accepted += blocks;
            }
            MinerEvent::Rejected { code, .. } => *self.shares_rejected.entry(code.clone()).or_default() += 1,
            MinerEvent::Disconnected { .. } => self.reconnects += 1,
            MinerEvent::Path(kind) => self.path = Some(kind),
            MinerEvent::Found(way) => self.found = Some(way.name()),
            MinerEvent::Resumed { .. } => self.resumed += 1,
            MinerEvent::Checked(status) => self.check = Some(status.clone()),
            MinerEvent::Lost { shares, .. } => self.shares_lost += shares,
            MinerEvent::Ended { found, unanswered } => {
                (self.shares_found, self.shares_unanswered) = (*found, *unanswered);
            }
            MinerEvent::Connected { .. } | MinerEvent::Job { .. } | MinerEvent::NewTarget(_) => {}
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refused: u64 = self.shares_rejected.values().sum();
        write!(
            f,
            "found {} shares: {} accepted, {refused} refused, {} lost, {} unanswered",
            self.shares_found, self.shares_accepted, self.shares_lost, self.shares_unanswered
        )
    }
}

fn tell(event: &MinerEvent) {
    match event {
        MinerEvent::Connected { channel_id, target } => {
            println!("connected: channel {channel_id}, share difficulty {}", target.difficulty().0);
        }
        MinerEvent::Path(kind) => println!("path: {kind}"),
        MinerEvent::Found(way) => println!("found: {}", way.name()),
        MinerEvent::Job { job_id, prev_hash } => println!("job {job_id} on {prev_hash}"),
        MinerEvent::NewTarget(target) => println!("share difficulty {}", target.difficulty().0),
        MinerEvent::Accepted { shares, blocks: 0 } => println!("{shares} shares accepted"),
        MinerEvent::Accepted { shares, blocks } => {
            println!("{shares} shares accepted, {blocks} of them blocks")
        }
        MinerEvent::Rejected { code, .. } => println!("share refused: {code}"),
        MinerEvent::Resumed { channel_id, judged, sent } => {
            println!("resumed: channel {channel_id}, {judged} shares were judged meanwhile, {sent} sent now");
        }
        MinerEvent::Lost { shares, reason } => println!("{shares} shares lost: {reason}"),
        MinerEvent::Checked(status) => println!("{}", status.words()),
        MinerEvent::Ended { .. } => {}
        MinerEvent::Disconnected { reason, retry_in } => {
            println!("{reason}; trying again in {:.1} s", retry_in.as_secs_f64());
        }
    }
}

impl MinerArgs {
    fn miner(&self, identity: SecretKey, lookup: LookupConfig, check: Option<KnownHeads>) -> MinerConfig {
        // What one thread of a processor does without special instructions, roughly: the
        // pool finds the right difficulty from there by itself.
        const THREAD: f64 = 3e6;
        let threads = usize::try_from(self.threads).unwrap_or(1);
        MinerConfig {
            check,
            pools: self.pools.clone(),
            identity,
            lookup,
            relay_only: self.dialling.relay_only,
            user: self.user.clone(),
            kind: match self.channel {
                ChannelChoice::Standard => MinerKind::Standard,
                ChannelChoice::Extended => MinerKind::Extended,
            },
            threads,
            max_hash_rate: self.max_hash_rate,
            nominal_hash_rate: self.max_hash_rate.unwrap_or(THREAD * f64::from(self.threads)) as f32,
        }
    }
}

fn hash_rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| format!("{text} is not a number"))?;
    if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err("must be above zero".to_owned()) }
}
