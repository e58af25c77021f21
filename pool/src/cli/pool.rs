//! `punchbowl pool`: runs a pool.

use super::config_flags::ConfigFlags;
use super::interrupt::Interrupt;
use super::ready::ReadySignal;
use super::source::{self, SourceFolders};
use crate::access::Access;
use crate::config::{self, Config};
use crate::data_dir::DataDir;
use crate::external_addresses::{EXTERNAL_ADDRESSES, ExternalAddresses};
use crate::http::host::HostSide;
use crate::http::{HttpDoor, setup};
use crate::invite_file::InviteKeeper;
use crate::node::{Node, Parts};
use crate::notify::plan::{self, Plan};
use crate::payout::{PaidBefore, PayoutMode};
use crate::settings::{self, SettingsDesk};
use crate::status_file;
use anyhow::{Context, Result, anyhow};
use clap::Args;
use p2p::iroh::SecretKey;
use std::net::SocketAddr;
use template_provider::ipc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Run a pool.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PoolArgs {
    /// The configuration.
    #[command(flatten)]
    pub config: ConfigFlags,
    /// Where nobody is named to be paid yet, ask in the browser (at http.listen)
    #[arg(long)]
    pub setup: bool,
    /// How to say that jobs are served.
    #[command(flatten)]
    pub ready: ReadySignal,
}

const EXAMPLES: &str = "\
Examples:
  bitcoin-node -ipcbind=unix                      your Bitcoin Core, version 31 or newer
  punchbowl pool --payout-address bc1q...         a pool that pays every block there
  punchbowl pool --payout-mode solo               a pool that pays each finder
  punchbowl pool --config /etc/punchbowl.toml     all of it in a file
  punchbowl pool --setup                          choose who is paid in the browser

Miners connect to stratum2+tcp://<this machine>:34254/<authority key>; the key is logged
at the start, and `punchbowl check-config` shows it.
Stop it with Ctrl-C: miners are told, and blocks under way are sent.";

/// Runs the pool until it is interrupted.
///
/// # Errors
/// When it cannot start.
pub async fn run(args: PoolArgs) -> Result<()> {
    let sources = args.config.sources_of_process();
    let loaded = config::load(sources.clone());
    let needs_setup = args.setup && setup::is_needed(&loaded);
    let config = if needs_setup { loaded.into_config_without("payout")? } else { loaded.into_config()? };
    // From here on a signal is answered by leaving in order.
    let mut interrupt = Interrupt::listen()?;
    let data_dir = DataDir::open(&config.data_dir.to_path())?;
    let host = HostSide {
        access: Access::new(data_dir.path()),
        desk: SettingsDesk::new(sources, data_dir.path().to_owned()),
    };
    // One socket for all: whoever is at a page while the pool starts anew waits and is answered.
    let door = match config.http.listen.address() {
        Some(address) => Some(HttpDoor::bind(address).await?),
        None => None,
    };
    let mut config = config;
    if needs_setup {
        let door = door.as_ref().context("--setup shows a page, but http.listen is \"off\"")?;
        let asking = setup::ask(door, &config, &host);
        config = tokio::select! {
            () = interrupt.received() => return Ok(()),
            chosen = asking => chosen?,
            never = status_file::keep_first_run(config.network, data_dir.path()) => match never {},
        };
    }
    // Held to the end: no other node may run on this key.
    let node_key = data_dir.node_key(&config.p2p)?;
    let mut ready = Some(&args.ready);
    loop {
        let turn = Turn {
            data_dir: &data_dir,
            identity: node_key.as_ref().map(|key| key.secret().clone()),
            door: door.as_ref(),
            host: &host,
            ready: ready.take(),
        };
        match turn.serve(&config, &mut interrupt).await? {
            Some(changed) => config = changed,
            None => return Ok(()),
        }
        info!("the settings were changed; the pool starts anew");
    }
}

/// A pool between two changes of its settings.
struct Turn<'a> {
    data_dir: &'a DataDir,
    identity: Option<SecretKey>,
    door: Option<&'a HttpDoor>,
    host: &'a HostSide,
    /// How to say that jobs are served; the first time only.
    ready: Option<&'a ReadySignal>,
}

impl Turn<'_> {
    /// Serves until it is interrupted, or until the settings are others: these.
    async fn serve(self, config: &Config, interrupt: &mut Interrupt) -> Result<Option<Config>> {
        let data_dir = self.data_dir;
        let authority = data_dir.authority_key(&config.authority, config.network)?;
        let payouts = PayoutMode::from_config(&config.payout, config.network, data_dir.path())?;
        let solved = ipc::solved_coinbases(&data_dir.solutions(), config.network)
            .with_context(|| format!("reading the solved blocks in {}", data_dir.solutions().display()))?;
        let paid = PaidBefore::read(&data_dir.ledger()).context("reading whom earlier blocks paid")?;
        payouts.skip_paid(&solved, &paid)?;
        let folders = SourceFolders { solutions: data_dir.solutions(), chain: Some(data_dir.chain()) };
        let source_stop = CancellationToken::new();
        let reserve = config.coinbase.budget().on_top_of(payouts.coinbase_reserve());
        let source = source::start(config, &folders, reserve, source_stop.clone())?;
        let parts = Parts {
            source,
            source_stop,
            payouts,
            tag: config.payout.pool_tag.clone().into_bytes(),
            authority,
            identity: self.identity,
            ledger: data_dir.ledger(),
            outbox: Some(data_dir.path().to_owned()),
            http: self.door.map(HttpDoor::server).transpose()?,
            host: Some(self.host.clone()),
        };
        let node = Node::start(config, parts).await?;
        let external = async {
            let Some(iroh) = node.iroh.clone() else { return std::future::pending().await };
            let file = config.p2p.external_file.as_ref().map(|file| file.to_path());
            let file = file.unwrap_or_else(|| data_dir.path().join(EXTERNAL_ADDRESSES));
            ExternalAddresses::start(iroh, file, config.p2p.external.clone()).await.keep().await
        };
        let invites = InviteKeeper::start(&node, data_dir.path());
        let served = async {
            if let Some(signal) = self.ready {
                ready(&node, signal).await?;
            }
            std::future::pending::<Result<()>>().await
        };
        let outcome = tokio::select! {
            failed = served => return failed.map(|()| None),
            () = interrupt.received() => Ok(None),
            changed = changed(config, &node, &self.host.desk) => Ok(Some(changed)),
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
}

/// The configuration, once it is another one than a running pool can take up by itself.
async fn changed(running: &Config, node: &Node, desk: &SettingsDesk) -> Config {
    let mut changes = desk.changes();
    let mut running = running.clone();
    loop {
        if changes.changed().await.is_err() {
            return std::future::pending().await;
        }
        let mut new = match desk.load().into_config() {
            Ok(new) => new,
            Err(error) => {
                warn!(%error, "the settings cannot be loaded; the pool goes on with the old ones");
                continue;
            }
        };
        if !settings::is_live(&running, &new) {
            keep_ports(&mut new, &node.listening);
            return new;
        }
        if let Some(notify) = &node.notify {
            match Plan::from_config(&new.notify, &plan::pool_name(&new)) {
                Ok(plan) => notify.follow(plan),
                Err(error) => warn!(%error, "notifications go on as before"),
            }
        }
        running = new;
    }
}

/// Where the system chose ports, they stay: miners come back to them.
fn keep_ports(config: &mut Config, listening: &[SocketAddr]) {
    let listen = &mut config.listen;
    let all = listen.tcp.iter_mut().chain(&mut listen.sv1).chain(&mut listen.high_difficulty);
    for (address, bound) in all.zip(listening).filter(|(address, _)| address.port() == 0) {
        *address = *bound;
    }
}

/// Says that miners are served, once they are.
async fn ready(node: &Node, signal: &ReadySignal) -> Result<()> {
    node.ready().await;
    info!("ready: miners are served");
    signal.announce("ready")
}
