//! `punchbowl pool`: runs a pool.

use super::config_flags::ConfigFlags;
use super::interrupt::Interrupt;
use super::ready::ReadySignal;
use super::source::{self, SourceFolders};
use crate::data_dir::DataDir;
use crate::external_addresses::{EXTERNAL_ADDRESSES, ExternalAddresses};
use crate::invite_file::InviteKeeper;
use crate::node::{Node, Parts};
use crate::payout::PayoutMode;
use crate::status_file;
use anyhow::{Context, Result, anyhow};
use clap::Args;
use template_provider::ipc;
use tokio_util::sync::CancellationToken;
use tracing::info;

/// Run a pool.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PoolArgs {
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigFlags,
    /// How to say that jobs are served.
    #[command(flatten)]
    pub ready: ReadySignal,
}

const EXAMPLES: &str = "\
Examples:
  bitcoin-node -ipcbind=unix                      your Bitcoin Core, version 31 or newer
  punchbowl pool --payout-address bc1q...         a pool that pays every block there
  punchbowl pool --payout-mode solo               a pool that pays each finder
  punchbowl pool --payout-mode shared             a pool that pays all who worked, from each block
  punchbowl pool --config /etc/punchbowl.toml     all of it in a file

Miners connect to stratum2+tcp://<this machine>:34254/<authority key>; the key is logged
at the start, and `punchbowl check-config` shows it.
Stop it with Ctrl-C: miners are told, and blocks under way are sent.";

/// Runs the pool until it is interrupted.
///
/// # Errors
/// When it cannot start.
pub async fn run(args: PoolArgs) -> Result<()> {
    let config = args.config.load().into_config()?;
    // From here on a signal is answered by leaving in order.
    let mut interrupt = Interrupt::listen()?;
    let data_dir = DataDir::open(&config.data_dir.to_path())?;
    let authority = data_dir.authority_key(&config.authority, config.network)?;
    // Held to the end: no other node may run on this key.
    let node_key = data_dir.node_key(&config.p2p)?;
    let identity = node_key.as_ref().map(|key| key.secret().clone());
    let payouts = PayoutMode::from_config(&config.payout, config.network, data_dir.path())?;
    let solved = ipc::solved_coinbases(&data_dir.solutions(), config.network)
        .with_context(|| format!("reading the solved blocks in {}", data_dir.solutions().display()))?;
    payouts.skip_paid(&solved)?;
    let folders = SourceFolders { solutions: data_dir.solutions(), chain: Some(data_dir.chain()) };
    let source_stop = CancellationToken::new();
    let source = source::start(&config, &folders, payouts.coinbase_reserve(), source_stop.clone())?;

    let tag = config.payout.pool_tag.clone().into_bytes();
    let ledger = data_dir.ledger();
    let parts = Parts { source, source_stop, payouts, tag, authority, identity, ledger };
    let node = Node::start(&config, parts).await?;
    let external = async {
        let Some(iroh) = node.iroh.clone() else { return std::future::pending().await };
        let file = config.p2p.external_file.as_ref().map(|file| file.to_path());
        let file = file.unwrap_or_else(|| data_dir.path().join(EXTERNAL_ADDRESSES));
        ExternalAddresses::start(iroh, file, config.p2p.external.clone()).await.keep().await
    };
    let invites = InviteKeeper::start(&node, data_dir.path());
    let served = async {
        ready(&node, &args.ready).await?;
        std::future::pending::<Result<()>>().await
    };
    let outcome = tokio::select! {
        failed = served => return failed,
        () = interrupt.received() => Ok(()),
        () = node.ledger_failed() => Err(anyhow!(
            "shares cannot be written down any more, and so none can be accepted; the message above says why"
        )),
        never = invites.keep() => match never {},
        never = external => match never {},
        never = status_file::keep(node.observed(), data_dir.path()) => match never {},
    };
    node.stop().await;
    outcome
}

/// Says that miners are served, once they are.
async fn ready(node: &Node, signal: &ReadySignal) -> Result<()> {
    node.ready().await;
    info!("ready: miners are served");
    signal.announce("ready")
}
