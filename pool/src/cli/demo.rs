//! `punchbowl demo`: a chain, a pool and miners in one process.

use super::interrupt::Interrupt;
use crate::demo::{self, DemoOptions};
use anyhow::Result;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// Watch a pool mine.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DemoArgs {
    /// Stop after this many accepted blocks [default: when interrupted]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    pub blocks: Option<u64>,
    /// Print one JSON summary at the end
    #[arg(long)]
    pub json: bool,
    /// Keep the chain in this folder [default: in memory]
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// Where further miners can connect
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Where status and metrics are
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub http: SocketAddr,
    /// Members that mine
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub members: u32,
}

const EXAMPLES: &str = "\
Examples:
  punchbowl demo                        mine until Ctrl-C
  punchbowl demo --blocks 3 --json      for scripts: ends after three blocks
  punchbowl demo --http 127.0.0.1:8080  and look at http://127.0.0.1:8080

Everything is real but the money: a regtest chain in this process, the pool, and members
whose miners dial the pool by its node id, over Iroh and Noise. They are slowed down to a few hashes a second,
because on regtest every second hash is a block. Each block pays all of them, in proportion
to their latest work (the first, before any work is known, its finder alone).";

/// Runs the demo.
///
/// # Errors
/// When it cannot start.
pub async fn run(args: DemoArgs) -> Result<()> {
    let mut interrupt = Interrupt::listen()?;
    let interrupted = CancellationToken::new();
    let options = DemoOptions {
        blocks: args.blocks,
        json: args.json,
        data_dir: args.data_dir,
        listen: args.listen,
        http: args.http,
        members: usize::try_from(args.members)?,
    };
    let demo = demo::run(options, interrupted.clone());
    tokio::pin!(demo);
    tokio::select! {
        done = &mut demo => return done,
        () = interrupt.received() => interrupted.cancel(),
    }
    demo.await
}
