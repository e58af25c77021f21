//! The whole thing in one process: a regtest chain, a pool and members that mine at it.
//!
//! The members are ordinary miners: each has a node of its own and dials the pool by its
//! node id, over Iroh, as they would from behind another router. Every block pays all of them,
//! each at an address of their own, in proportion to their latest work.

mod ledger_folder;
mod member;
mod report;

use crate::config::values::HttpListen;
use crate::config::{Config, PayoutKind, RelayMode, TemplateSource, WindowKind};
use crate::data_dir::AUTHORITY_KEY;
use crate::miner::MinerEvent;
use crate::node::{Node, Parts};
use crate::payout::PayoutMode;
use crate::reach;
use crate::status::BlockRecord;
use anyhow::{Context, Result};
use ledger_folder::LedgerFolder;
use member::Member;
use p2p::iroh::SecretKey;
use p2p::key_file;
use report::Report;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use template_provider::Network;
use template_provider::embedded::{self, EmbeddedConfig, REGTEST_NBITS};
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What the demo is to do.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// End after this many accepted blocks; `None` goes on until it is interrupted.
    pub blocks: Option<u64>,
    /// Print one JSON summary at the end instead of a line for each block.
    pub json: bool,
    /// Keep chain, ledger and key here; `None` keeps nothing.
    pub data_dir: Option<PathBuf>,
    /// Where others may connect and mine along.
    pub listen: SocketAddr,
    /// Where the status page is.
    pub http: SocketAddr,
    /// How many members mine.
    pub members: usize,
}

impl Default for DemoOptions {
    fn default() -> DemoOptions {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        DemoOptions {
            blocks: None,
            json: false,
            data_dir: None,
            listen: any_port,
            http: any_port,
            members: 3,
        }
    }
}

/// Events of all members that may wait to be shown.
const WAITING_EVENTS: usize = 256;

/// Runs the demo until it has its blocks or `interrupted` is cancelled, and returns
/// what happened.
///
/// # Errors
/// When the chain or the pool cannot be started, or a member is refused.
pub async fn run(options: DemoOptions, interrupted: CancellationToken) -> Result<()> {
    let folder = LedgerFolder::make(&options)?;
    let mut node = start(&options, &folder).await?;
    node.ready().await;
    let address = *node.listening.first().context("the demo's pool listens nowhere")?;
    let uri = reach::uri(address, node.authority);
    let invite = node.invite().context("the demo's pool has no node id")?;

    let members: Vec<Member> =
        (0..options.members.max(1)).map(|index| Member::new(index, Network::Regtest)).collect();
    let mut report = Report::new(&members, options.json);
    report.started(&uri, &invite, node.http);

    let stop = CancellationToken::new();
    let (events, mut happened) = mpsc::channel(WAITING_EVENTS);
    let mut mining = JoinSet::new();
    for (index, member) in members.iter().enumerate() {
        let config = member.miner(&invite, pace(&options));
        // One after the other, so that they do not find blocks in the same instant.
        let start = Duration::from_secs_f64(index as f64 / (pace(&options) * members.len() as f64));
        mining.spawn(member::mine(config, index, start, events.clone(), stop.clone()));
    }
    drop(events);

    let outcome = watch(&options, &mut node.blocks, &mut happened, &mut report, &interrupted).await;
    stop.cancel();
    // Their events are still counted, so that every answered share is in the summary.
    while let Some((member, event)) = happened.recv().await {
        report.event(member, &event);
    }
    while mining.join_next().await.is_some() {}
    node.stop().await;
    drop(folder);
    outcome?;
    report.finished();
    Ok(())
}

async fn start(options: &DemoOptions, folder: &LedgerFolder) -> Result<Node> {
    let config = config(options);
    let source_stop = CancellationToken::new();
    let payouts = PayoutMode::from_config(&config.payout, config.network, &folder.path)?;
    let chain = EmbeddedConfig {
        data_dir: options.data_dir.clone(),
        nbits: REGTEST_NBITS,
        transactions: 5,
        reserve: payouts.coinbase_reserve(),
        ..EmbeddedConfig::default()
    };
    let source = embedded::start(chain, source_stop.clone()).context("starting the regtest chain")?;
    // A chain that goes on has a ledger that goes on, and one key signs all of it.
    let key_file = folder.path.join(AUTHORITY_KEY);
    let (authority, _) = key_file::load_or_create(&key_file, &mut rand::rngs::OsRng)?;
    let parts = Parts {
        source,
        source_stop,
        payouts,
        tag: Vec::new(),
        authority,
        identity: Some(SecretKey::generate()),
        ledger: folder.path.join("ledger.sqlite"),
        outbox: None,
        http: None,
        host: None,
    };
    Node::start(&config, parts).await.context("starting the demo's pool")
}

/// Every hash of regtest's slow demo members is a share, so that there is something
/// to see; elsewhere the pool is as it always is.
fn config(options: &DemoOptions) -> Config {
    let mut config = Config { network: Network::Regtest, ..Config::default() };
    config.listen.tcp = vec![options.listen];
    config.http.listen = HttpListen::On(options.http);
    // Where TCP is open to others, Iroh is too.
    config.p2p.bind = vec![SocketAddr::new(options.listen.ip(), 0)];
    config.p2p.port_mapping = false;
    config.p2p.relay.mode = RelayMode::Off;
    config.template.source = TemplateSource::Embedded;
    config.payout.mode = PayoutKind::Shared;
    // Rounds of two shares each would pay one or two of them.
    config.payout.window = WindowKind::Recent;
    config.payout.window_difficulties = Some(20.0);
    config.vardiff.enabled = false;
    config.vardiff.shares_per_minute = 6_000.0;
    config.vardiff.min_difficulty = 1e-12;
    config
}

/// Hashes a second of each member. On regtest every second hash is a block: slow
/// enough to be watched, or quick when a number of blocks is asked for.
fn pace(options: &DemoOptions) -> f64 {
    let all = if options.blocks.is_some() { 20.0 } else { 1.0 };
    all / options.members.max(1) as f64
}

async fn watch(
    options: &DemoOptions,
    blocks: &mut broadcast::Receiver<BlockRecord>,
    happened: &mut mpsc::Receiver<(usize, MinerEvent)>,
    report: &mut Report,
    interrupted: &CancellationToken,
) -> Result<()> {
    loop {
        tokio::select! {
            () = interrupted.cancelled() => return Ok(()),
            block = blocks.recv() => match block {
                Ok(block) => {
                    report.block(&block);
                    if options.blocks.is_some_and(|wanted| report.accepted_blocks() >= wanted) {
                        return Ok(());
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => anyhow::bail!("the pool stopped by itself"),
            },
            event = happened.recv() => match event {
                Some((member, event)) => report.event(member, &event),
                None => anyhow::bail!("every member stopped mining; see the messages above"),
            },
        }
    }
}
