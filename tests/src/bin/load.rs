//! Puts load on a Stratum V2 pool and measures it; see `--help`.

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use p2p::PoolUri;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::net::SocketAddr;
use std::time::Duration;
use tests::load::{
    Kind, Listeners, Report, Server, Target,
    fanout::{self, NewBlock, Plan},
    idle, old, paths,
    shares::{self, Pressure},
    waves,
};
use tokio::{runtime, task::LocalSet};

/// Puts load on any Stratum V2 pool that speaks Noise over TCP, and measures it.
///
/// For pools of your own: it asks for a share difficulty at which nearly every hash is a
/// share. Every run ends by itself.
#[derive(Parser)]
struct Arguments {
    /// The pool: stratum2+tcp://host:port/<authority key>
    #[arg(long)]
    pool: Option<PoolUri>,
    /// The pool's process, to read its memory and processor time
    #[arg(long)]
    server_pid: Option<u32>,
    /// Kind of channels
    #[arg(long, value_enum, default_value_t = Kind::Extended)]
    kind: Kind,
    /// User identity of every channel
    #[arg(long, default_value = "load.test")]
    user: String,
    /// Hashrate that every channel states, H/s
    #[arg(long, default_value_t = 10.0)]
    hash_rate: f32,
    /// Prints one JSON object
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// Shares as fast as the pool takes them
    Shares {
        #[arg(long, default_value_t = 16)]
        connections: usize,
        /// Channels on each connection
        #[arg(long, default_value_t = 1)]
        channels: usize,
        #[arg(long, default_value_t = 5.0)]
        seconds: f64,
        /// Shares that each connection may have under way
        #[arg(long, default_value_t = 256)]
        window: u32,
        /// So many listen to the pool's pages and events meanwhile
        #[arg(long, default_value_t = 0, requires = "http")]
        listeners: usize,
        /// Where its pages are
        #[arg(long)]
        http: Option<SocketAddr>,
    },
    /// Idle connections; how long a new block takes to reach them
    Fanout {
        #[arg(long, default_value_t = 2000)]
        connections: usize,
        #[arg(long, default_value_t = 5)]
        blocks: usize,
        /// RPC port of a node of the tests that makes the blocks
        #[arg(long, conflicts_with = "new_block", required_unless_present = "new_block")]
        rpc_port: Option<u16>,
        /// Shell command that makes one block
        #[arg(long)]
        new_block: Option<String>,
    },
    /// Stratum V1 miners at one port; memory and processor time that each takes
    Sv1 {
        /// Where they connect: a pool's port, or that of `punchbowl join`
        #[arg(long)]
        address: std::net::SocketAddr,
        #[arg(long, default_value_t = 1000)]
        miners: usize,
        /// How long they mine
        #[arg(long, default_value_t = 60.0)]
        seconds: f64,
        /// Shares that each sends a minute: guesses, which are judged and nearly all refused
        #[arg(long, default_value_t = 6.0)]
        shares_per_minute: f64,
    },
    /// Connections that come, open a channel and go, again and again
    Waves {
        #[arg(long, default_value_t = 2000)]
        connections: usize,
        #[arg(long, default_value_t = 10)]
        waves: usize,
    },
    /// What a share and a member cost over TCP, straight over Iroh and through a relay; starts
    /// a pool and a relay for it (PUNCHBOWL_BIN, or what cargo builds)
    Paths {
        #[arg(long, default_value_t = 16)]
        connections: usize,
        /// How long shares are sent on each way
        #[arg(long, default_value_t = 5.0)]
        seconds: f64,
        /// Members that do nothing, for the memory of one
        #[arg(long, default_value_t = 500)]
        idle: usize,
    },
    /// Idle connections; how much memory each takes
    Idle {
        #[arg(long, default_value_t = 2000)]
        connections: usize,
        /// How long to hold them before the memory is read
        #[arg(long, default_value_t = 2.0)]
        seconds: f64,
    },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    raise_file_limit();
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let report = LocalSet::new().block_on(&runtime, run(&arguments))?;
    if arguments.json {
        println!("{}", report.to_json());
    } else {
        print!("{report}");
    }
    Ok(())
}

async fn run(arguments: &Arguments) -> Result<Report> {
    let target = || {
        let pool = arguments.pool.as_ref().context("which pool? give --pool")?;
        Target::new(pool, arguments.kind, &arguments.user, arguments.hash_rate)
    };
    let server = arguments.server_pid.map(Server::new).transpose()?;
    let needs_server = || server.context("this mode reads the pool's memory: give --server-pid");
    match &arguments.mode {
        Mode::Shares { connections, channels, seconds, window, listeners, http } => {
            let _listeners = match http {
                Some(http) => Some(Listeners::open(*http, *listeners).await?),
                None => None,
            };
            let pressure = Pressure {
                connections: *connections,
                channels: (*channels).max(1),
                duration: Duration::from_secs_f64(seconds.clamp(0.1, 600.0)),
                window: (*window).max(2),
            };
            shares::run(&target()?, pressure, server).await
        }
        Mode::Fanout { connections, blocks, rpc_port, new_block } => {
            let new_block = match (rpc_port, new_block) {
                (_, Some(line)) => NewBlock::Command(line.clone()),
                (port, None) => NewBlock::Rpc(port.context("give --rpc-port or --new-block")?),
            };
            let plan = Plan { connections: *connections, blocks: *blocks, new_block };
            fanout::run(&target()?, plan, server).await
        }
        Mode::Waves { connections, waves } => {
            waves::run(&target()?, *connections, *waves, needs_server()?).await
        }
        Mode::Paths { connections, seconds, idle } => {
            let duration = Duration::from_secs_f64(seconds.clamp(0.1, 600.0));
            paths::run(paths::Plan { connections: *connections, duration, idle: *idle }).await
        }
        Mode::Sv1 { address, miners, seconds, shares_per_minute } => {
            let plan = old::Plan {
                address: *address,
                miners: *miners,
                duration: Duration::from_secs_f64(seconds.clamp(1.0, 600.0)),
                shares_per_minute: shares_per_minute.clamp(0.0, 600.0),
            };
            old::run(&plan, &arguments.user, needs_server()?).await
        }
        Mode::Idle { connections, seconds } => {
            let hold = Duration::from_secs_f64(seconds.clamp(0.0, 600.0));
            idle::run(&target()?, *connections, hold, needs_server()?).await
        }
    }
}

/// Lets this process hold as many connections as the system allows it to.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // Where it is refused, opening connections fails later with a clear error.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
