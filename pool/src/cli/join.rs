//! `punchbowl join`: lets old miners on this network mine at a pool elsewhere.

use super::dial_flags::DialFlags;
use super::interrupt::Interrupt;
use crate::join::{Join, JoinConfig};
use anyhow::{Context, Result};
use clap::Args;
use p2p::Target;
use p2p::iroh::SecretKey;
use std::net::SocketAddr;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::info;
use translator::SessionConfig;

/// Let old miners on this network mine at a pool elsewhere.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct JoinArgs {
    /// The pool: an invite, stratum2+iroh://..., or stratum2+tcp://host:port/<authority key>;
    /// further ones are tried in their order when it is away
    #[arg(value_name = "INVITE", required = true)]
    pub pools: Vec<Target>,
    /// Who is credited: your member name or address; each miner's own name is put behind it
    /// [default: each miner says it]
    #[arg(long, short, value_name = "NAME")]
    pub user: Option<String>,
    /// Where miners connect (Stratum V1)
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:3333")]
    pub listen: Vec<SocketAddr>,
    /// How the pool is dialled.
    #[command(flatten)]
    pub dialling: DialFlags,
    /// Keep miners warm when no pool is there for a minute: work that pays nobody
    #[arg(long)]
    pub heat: bool,
}

const EXAMPLES: &str = "\
Examples:
  punchbowl join 'stratum2+iroh://yb.../9b...?a=203.0.113.7:34255' --user alice
  punchbowl join stratum2+tcp://pool.example:34254/9b... --user bc1q... --listen 192.168.1.5:3333

Then point each miner at stratum+tcp://<this computer>:3333. It may be called anything.";

/// How long the pool may be away before miners work for warmth alone, where they may.
const HEAT_AFTER: Duration = Duration::from_secs(60);

/// Serves miners until it is interrupted.
///
/// # Errors
/// When it cannot listen, or has no socket to dial with.
pub async fn run(args: JoinArgs) -> Result<()> {
    let mut interrupt = Interrupt::listen()?;
    // Held to the end: nobody else may run on this key.
    let node_key = args.dialling.node_key()?;
    let identity = node_key.as_ref().map_or_else(SecretKey::generate, |key| key.secret().clone());
    let join = Join::bind(JoinConfig {
        lookup: args.dialling.lookup(&args.pools),
        relay_only: args.dialling.relay_only,
        pools: args.pools,
        identity,
        user: args.user,
        listen: args.listen,
        session: SessionConfig { heat_after: args.heat.then_some(HEAT_AFTER), ..SessionConfig::default() },
    })
    .context("choose another address with --listen")?;
    for address in join.listening() {
        info!(%address, transport = "tcp", protocol = "sv1", "listening");
    }
    let stop = CancellationToken::new();
    let serving = tokio::spawn(join.run(stop.clone()));
    interrupt.received().await;
    info!("stopping");
    stop.cancel();
    serving.await.context("the helper failed")??;
    Ok(())
}
