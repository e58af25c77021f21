//! `punchbowl relay`: a relay alone, on a machine that everybody reaches.

mod members_file;
mod offers;

use super::interrupt::Interrupt;
use super::ready::ReadySignal;
use crate::config::{HomePath, PublicPlace};
use crate::data_dir::NODE_KEY;
use crate::reach;
use anyhow::{Context, Result};
use clap::{ArgGroup, Args, ValueEnum};
use members_file::MembersFile;
use p2p::iroh::Policy;
use p2p::{Host, Invite, NodeKey, RelayHint, RelayLimits, RelayServer, RelayServerConfig, RelayTrust};
use std::fs::DirBuilder;
use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::str::FromStr;
use tracing::{info, warn};

/// Run a relay.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[command(group = ArgGroup::new("who").required(true).multiple(true).args(["members", "serves", "offer"]))]
pub struct RelayArgs {
    /// Folder for the relay's key, which is made on the first start (node.key)
    #[arg(long, value_name = "FOLDER", default_value = "~/.punchbowl")]
    data_dir: String,
    /// Where it listens for TLS (TCP)
    #[arg(long, value_name = "IP:PORT", default_value = "0.0.0.0:443")]
    listen: SocketAddr,
    /// Where it tells nodes their public address (UDP), or off
    /// [default: port 7842 beside --listen]
    #[arg(long, value_name = "IP:PORT")]
    qad: Option<QadListen>,
    /// The host or IP address by which others reach it, with a port if that is another
    /// [default: this machine's own]
    #[arg(long, value_name = "HOST[:PORT]")]
    public: Option<PublicPlace>,
    /// Serve the node ids in this file, one a line, the pool's own among them; it is read
    /// again when it changes
    #[arg(long, value_name = "FILE")]
    members: Option<PathBuf>,
    /// Serve whoever comes
    #[arg(long = "for", value_name = "WHO", value_enum, conflicts_with = "members")]
    serves: Option<Serves>,
    /// Offer the relay to this pool, whose host allows it (p2p.accept_relays): the pool waits
    /// at it and names it in its invite, and it serves whom the pool lets in
    #[arg(long, value_name = "INVITE")]
    offer: Vec<Invite>,
    /// Connections of nodes at the same time; each node has two or three
    #[arg(long, value_name = "COUNT", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(4..))]
    clients: u32,
    /// Bytes a second that are taken from each connection
    #[arg(long, value_name = "BYTES", default_value = "1048576")]
    bytes_per_second: NonZeroU32,
    /// How to say that it serves.
    #[command(flatten)]
    ready: ReadySignal,
}

/// Whom a relay without a list of members serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Serves {
    /// Everybody
    Anyone,
}

/// Where nodes are told their address, if they are.
#[derive(Clone, Copy, Debug)]
enum QadListen {
    Off,
    On(SocketAddr),
}

impl FromStr for QadListen {
    type Err = String;

    fn from_str(text: &str) -> Result<QadListen, String> {
        if text.eq_ignore_ascii_case("off") {
            return Ok(QadListen::Off);
        }
        let wrong =
            |_| format!("`{text}` is neither an IP address and port such as 0.0.0.0:7842 nor \"off\"");
        text.parse().map(QadListen::On).map_err(wrong)
    }
}

const EXAMPLES: &str = "\
Examples:
  punchbowl relay --for anyone                     on a VPS, for whoever comes
  punchbowl relay --members members.txt            for one pool: its node id and its members'
  punchbowl relay --offer 'stratum2+iroh://yb...'  for the pool that you mine at
  punchbowl relay --for anyone --public relay.example
  punchbowl relay --for anyone --listen 192.168.1.4:8443 --public 203.0.113.7:443

A relay passes sealed packets on between a pool and members that do not reach each other,
and helps them to find a direct way. It cannot read them. It needs one machine with a public
address, or a router that forwards TCP 443 and UDP 7842 to it. No domain and no certificate:
it is known by its key.

It prints one line. Put it into the pool's configuration, and the invite names it:
  [p2p]
  relays = [\"<that line>\"]
With --offer that is not needed. Where the pool lets in members only, its host puts the node
id in that line on the list of members (p2p.members).

Ports below 1024 need a permission; for a program that is not started by root, once:
  sudo setcap cap_net_bind_service=+ep $(command -v punchbowl)";

/// Runs the relay until it is interrupted.
///
/// # Errors
/// When the key or the list of members cannot be read, or a port is not to be had.
pub async fn run(args: RelayArgs) -> Result<()> {
    let mut interrupt = Interrupt::listen()?;
    let mut members = args.members.as_deref().map(MembersFile::read).transpose()?;
    let policy = match &members {
        Some(members) => members.policy(),
        None if args.serves.is_some() => Policy::Open,
        None => offers::before_any_answer(&args.offer),
    };
    // Held to the end: no other node may run on this key.
    let key = args.node_key()?;
    let qad = match args.qad {
        None => Some(SocketAddr::new(args.listen.ip(), RelayHint::QAD_PORT)),
        Some(QadListen::On(address)) => Some(address),
        Some(QadListen::Off) => None,
    };
    let server = RelayServer::start(RelayServerConfig {
        secret: key.secret().clone(),
        tcp: args.listen,
        qad,
        policy,
        limits: RelayLimits {
            clients: usize::try_from(args.clients).unwrap_or(usize::MAX),
            bytes_per_second: args.bytes_per_second,
            ..RelayLimits::default()
        },
        pages: None,
    });
    let server = server.await?;
    let hint = hint(args.public.as_ref(), &server);
    info!(address = %server.tcp(), transport = "relay", relay = %hint, qad = ?server.qad(), "listening");
    let mut out = std::io::stdout();
    writeln!(out, "{hint}").and_then(|()| out.flush()).context("cannot print the relay's line")?;
    args.ready.announce(&hint.to_string())?;

    let watch = server.watch();
    let keep_reading = async {
        match &mut members {
            Some(members) => loop {
                watch.set_policy(members.changed().await);
                info!("the list of members has been read again");
            },
            None => std::future::pending::<()>().await,
        }
    };
    let follows_pools = args.members.is_none() && args.serves.is_none();
    let offering = offers::keep(key.secret(), args.offer, hint, |policy| {
        if follows_pools {
            watch.set_policy(policy);
        }
    });
    tokio::select! {
        () = keep_reading => {}
        ended = offering => ended?,
        () = interrupt.received() => {}
    }
    info!("stopping");
    server.close().await;
    let counts = watch.counts();
    info!(bytes = counts.bytes_sent, denied = counts.denied, "stopped");
    Ok(())
}

/// What a pool is to write into its configuration.
fn hint(public: Option<&PublicPlace>, server: &RelayServer) -> RelayHint {
    let listening = server.tcp();
    let (host, port) = match public {
        Some(public) => (public.host.clone(), public.port),
        None => {
            let here = reach::address(listening).ip();
            if !p2p::invite::public_address::is_public(here) {
                warn!(address = %here, "this machine's address is not public; say with --public how others reach it");
            }
            (Host::Ip(here), None)
        }
    };
    let qad = server.qad().map_or(0, |listening| listening.port());
    RelayHint { host, port: port.unwrap_or(listening.port()), trust: RelayTrust::Peer(server.id()), qad }
}

impl RelayArgs {
    fn node_key(&self) -> Result<NodeKey> {
        let folder = HomePath::new(&self.data_dir).to_path();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("making the folder {} (--data-dir)", folder.display()))?;
        Ok(NodeKey::load_or_create(&folder.join(NODE_KEY))?)
    }
}
