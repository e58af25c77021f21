//! `punchbowl join`: lets the miners on this network mine at a pool elsewhere.

use super::check_flags::CheckFlags;
use super::dial_flags::DialFlags;
use super::interrupt::Interrupt;
use crate::data_dir::DataDir;
use crate::join::status::{serve_http, write_file};
use crate::join::{Join, JoinConfig};
use crate::reach;
use anyhow::{Context, Result};
use clap::Args;
use p2p::iroh::SecretKey;
use p2p::{AuthorityKeypair, Target, key_file};
use rand::rngs::OsRng;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::info;
use translator::session::ExtranonceSizes;
use translator::{CoinbaseClass, SessionConfig, WorkerRule};

/// Let the miners on this network mine at a pool elsewhere.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct JoinArgs {
    /// The pool: an invite, stratum2+iroh://..., or stratum2+tcp://host:port/<authority key>;
    /// further ones are tried in their order when it is away, and left again when it is back
    #[arg(value_name = "INVITE", required = true)]
    pub pools: Vec<Target>,
    /// Who is credited: your member name or address; each miner's own name is put behind it
    /// [default: each miner says it]
    #[arg(long, short, value_name = "NAME")]
    pub user: Option<String>,
    /// Where miners connect (Stratum V1, and V2 at the same port)
    #[arg(long, value_name = "ADDRESS", default_value = "0.0.0.0:3333")]
    pub listen: Vec<SocketAddr>,
    /// One channel at the pool for all miners, instead of one each: for many small ones. Each
    /// has a difficulty of its own here; the pool is told which of them found a share
    #[arg(long, requires = "user")]
    pub aggregate: bool,
    /// Seconds for which a preferred pool must be there again before miners go back to it
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub fail_back_after: u64,
    /// Where the key is kept by which V2 miners know this helper [default: another one each
    /// time]
    #[arg(long, value_name = "FOLDER")]
    pub data_dir: Option<PathBuf>,
    /// Show the status at http://ADDRESS/api/v1/status
    #[arg(long, value_name = "ADDRESS")]
    pub http: Option<SocketAddr>,
    /// Write the status to this file every few seconds
    #[arg(long, value_name = "FILE")]
    pub status_file: Option<PathBuf>,
    /// Bytes of extranonce that tell a miner from others, 4 to 8
    #[arg(long, value_name = "BYTES", default_value_t = 4)]
    pub extranonce1: usize,
    /// Bytes of extranonce that a miner rolls, 4 to 8. Both together must fit into what the
    /// pool gives a channel (12 bytes at a Punchbowl)
    #[arg(long, value_name = "BYTES", default_value_t = 8)]
    pub extranonce2: usize,
    /// How large a coinbase a miner takes, where its firmware's name does not tell (tiny,
    /// antminer, antminer2, respectable, yuge), by the name that the miner gives
    #[arg(long, value_name = "WORKER=CLASS", value_parser = worker_class)]
    pub class: Vec<WorkerRule>,
    /// How the pool is checked.
    #[command(flatten)]
    pub check: CheckFlags,
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

Then point each miner at stratum+tcp://<this computer>:3333. It may be called anything. One
that speaks Stratum V2 takes the stratum2+tcp://... that is printed at the start.";

/// The name of the key in the data folder.
const AUTHORITY_KEY: &str = "authority.key";

/// How long the pool may be away before miners work for warmth alone, where they may.
const HEAT_AFTER: Duration = Duration::from_secs(60);

/// Serves miners until it is interrupted.
///
/// # Errors
/// When it cannot listen, or has no socket to dial with.
pub async fn run(args: JoinArgs) -> Result<()> {
    let mut interrupt = Interrupt::listen()?;
    // What room there is, only the pool knows.
    let extranonce_sizes = ExtranonceSizes::new(args.extranonce1, args.extranonce2, None)
        .context("choose others with --extranonce1 and --extranonce2")?;
    // Held to the end: nobody else may run on this key.
    let node_key = args.dialling.node_key()?;
    let identity = node_key.as_ref().map_or_else(SecretKey::generate, |key| key.secret().clone());
    let data_dir = args.data_dir.as_deref().map(DataDir::open).transpose()?;
    let authority = match &data_dir {
        Some(data_dir) => key_file::load_or_create(&data_dir.path().join(AUTHORITY_KEY), &mut OsRng)?.0,
        None => AuthorityKeypair::generate(&mut OsRng),
    };
    let join = Join::bind(JoinConfig {
        check: args.check.known()?,
        lookup: args.dialling.lookup(&args.pools),
        relay_only: args.dialling.relay_only,
        pools: args.pools,
        identity,
        user: args.user,
        aggregated: args.aggregate,
        fail_back_after: Duration::from_secs(args.fail_back_after),
        listen: args.listen,
        authority: Arc::new(authority),
        session: SessionConfig {
            heat_after: args.heat.then_some(HEAT_AFTER),
            workers: args.class,
            extranonce_sizes,
            ..SessionConfig::default()
        },
    })
    .context("choose another address with --listen")?;
    for address in join.listening() {
        let uri = reach::uri(address, join.authority());
        info!(%address, transport = "tcp", protocol = "sv1 and sv2", %uri, "listening");
    }
    if data_dir.is_none() {
        info!("V2 miners need another address after each start; --data-dir FOLDER keeps it");
    }
    let (status, stop) = (join.status(), CancellationToken::new());
    let writing = match args.status_file {
        Some(path) => Some(write_file(path, status.clone(), stop.clone()).await?),
        None => None,
    };
    if let Some(address) = args.http {
        let address = serve_http(address, status, stop.clone()).await?;
        info!(%address, transport = "http", "listening");
    }
    let serving = tokio::spawn(join.run(stop.clone()));
    interrupt.received().await;
    info!("stopping");
    stop.cancel();
    serving.await.context("the helper failed")??;
    if let Some(writing) = writing {
        writing.await.context("the last status was not written")?;
    }
    Ok(())
}

/// `garage=antminer2`.
fn worker_class(text: &str) -> Result<WorkerRule, String> {
    let all = || CoinbaseClass::ALL.map(CoinbaseClass::name).join(", ");
    let (worker, class) = text.rsplit_once('=').ok_or("say WORKER=CLASS, such as garage=antminer2")?;
    let class = CoinbaseClass::by_name(class).ok_or_else(|| format!("the classes are {}", all()))?;
    Ok(WorkerRule { worker: worker.to_owned(), class })
}
