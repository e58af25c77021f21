//! A running pool: template source, job maker, server and status, wired together.
//!
//! `punchbowl pool` and `punchbowl demo` are the same node with another source.

use crate::audit::Listeners;
use crate::block_desk::{self, BlockDesk};
use crate::block_watch::BlockWatch;
use crate::commitments::CommitmentDesk;
use crate::config::{Config, DhtPublishing, P2pAdmission};
use crate::extranonces::Extranonces;
use crate::history::{Event, Follower};
use crate::home_assistant::HomeAssistant;
use crate::http::host::{HostDesk, HostSide};
use crate::http::pages::join::Doors;
use crate::http::{self, HttpServer, Shown, Subject};
use crate::job::heat::HeatWatch;
use crate::job::maker::{self, JobMakerConfig};
use crate::job::ruling::Ruling;
use crate::job::script_sig::ScriptSigBytes;
use crate::ledger_file;
use crate::notify::{NotifyHandle, Plan, plan};
use crate::own_audit::OwnAudit;
use crate::own_relay;
use crate::payout::keeper::Keeper;
use crate::payout::{Found, PayoutMode};
use crate::reach;
use crate::relay_pages::RelayPages;
use crate::server::keep_alive::KeepAlivePolicy;
use crate::server::parking::{self, ParkingLot};
use crate::server::{self, Door, ExtensionPolicy, ServerContext};
use crate::status::{BlockRecord, Observed, PayoutKeeper, Status, WindowKeeper};
use crate::sv1::Sv1Port;
use crate::view::Scene;
use anyhow::{Context, Result};
use ledger::audit::unbooked;
use ledger::{BlockState, DiskState, Ledger, LedgerHandle, Reader};
use p2p::iroh::{DhtUse, GateLimits, IrohConfig, LookupConfig, Policy, SecretKey};
use p2p::{
    Admission, AdmissionLimits, AuthorityKey, AuthorityKeypair, Deadlines, Invite, IrohNode, RelayHint,
    RelayServer, TcpAcceptor, WireLimits,
};
use rand::RngCore;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use template_provider::SourceHandle;
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinHandle;
use tokio::time::{timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};
use translator::SessionConfig;
use work::{Difficulty, ShareRate, VardiffConfig};

/// A pool that is running.
pub struct Node {
    /// Where miners connect, with the ports that the system gave.
    pub listening: Vec<SocketAddr>,
    /// Where the status page is, if it is on.
    pub http: Option<SocketAddr>,
    /// Where members connect by node id, if that is on.
    pub iroh: Option<IrohNode>,
    /// The pool's own relay, if it runs one.
    relay: Option<RelayServer>,
    /// What miners know the pool by.
    pub authority: AuthorityKey,
    /// Counters.
    pub status: Arc<Status>,
    /// What became of each block.
    pub blocks: broadcast::Receiver<BlockRecord>,
    /// Tells the host what needs an eye; none where there is no place for an outbox.
    pub notify: Option<NotifyHandle>,
    generation: watch::Receiver<u64>,
    source: SourceHandle,
    source_stop: CancellationToken,
    sessions: TaskTracker,
    shutdown: CancellationToken,
    /// Drops the connections that do not take their leave.
    abandon: CancellationToken,
    desk: JoinHandle<()>,
    ledger: Ledger,
    /// Reads the ledger for pages; none where nobody can look.
    follower: Option<Follower>,
    own_audit: OwnAudit,
    observed: Observed,
}

/// What a node is started from, besides its configuration.
pub struct Parts {
    /// Where templates come from.
    pub source: SourceHandle,
    /// Cancelled when the node has no more blocks to submit.
    pub source_stop: CancellationToken,
    /// Who is paid.
    pub payouts: PayoutMode,
    /// Bytes for every scriptSig.
    pub tag: Vec<u8>,
    /// The key that proves to miners that this is their pool.
    pub authority: AuthorityKeypair,
    /// The key that the node is dialled by; none where that is off.
    pub identity: Option<SecretKey>,
    /// Where the ledger is kept.
    pub ledger: PathBuf,
    /// Where notifications wait to be sent; none where nobody is told of anything.
    pub outbox: Option<PathBuf>,
    /// Where HTTP listens already; none to listen as configured.
    pub http: Option<HttpServer>,
    /// What lets the host in; none where nobody can change anything.
    pub host: Option<HostSide>,
}

/// Different payout scripts served at once.
const MAX_VARIANTS: usize = 10_000;
/// A stopping pool is gone within this time, whatever hangs: service managers kill after
/// thirty seconds (StartOS, and Docker as our compose files set it).
const GONE_WITHIN: Duration = Duration::from_secs(25);
/// What of it is kept for the ledger and the source, whatever came before took.
const FOR_LEDGER_AND_SOURCE: Duration = Duration::from_secs(9);
/// What of it is kept for the source: the node's IPC is to be left in order.
const FOR_SOURCE: Duration = Duration::from_secs(4);
/// How long connections may take for their leave.
const DRAIN: Duration = Duration::from_secs(5);
/// How long members' streams and the relay's may take for theirs.
const CLOSE: Duration = Duration::from_secs(3);

impl Node {
    /// Starts serving.
    ///
    /// # Errors
    /// When an address cannot be listened at.
    pub async fn start(config: &Config, parts: Parts) -> Result<Node> {
        let (shutdown, abandon) = (CancellationToken::new(), CancellationToken::new());
        let payouts = Arc::new(parts.payouts);
        let edges = payouts.rules().map(|rules| rules.window.edges()).unwrap_or_default();
        let ledger = ledger_file::open(parts.ledger, config.network, &parts.authority, edges).await?;
        book_late(ledger.handle(), &payouts).await?;
        let status = Status::new(Instant::now());
        // A dropped receiver means that the source has stopped, which shows elsewhere.
        let budget = config.coinbase.budget();
        let _ = parts.source.reserve.send(budget.on_top_of(payouts.coinbase_reserve()));
        let fixed = config.coinbase.commitments.clone();
        let desk = CommitmentDesk { budget, fixed, ledger: ledger.handle().clone() };
        let commitments = desk.start(shutdown.clone()).await;

        let (board, _) = maker::start(
            JobMakerConfig {
                templates: parts.source.templates.clone(),
                openings: parts.source.openings.clone(),
                delivered: parts.source.delivered.clone(),
                ruling: Ruling::of(&payouts),
                script_sig: ScriptSigBytes::with_random(
                    parts.tag,
                    size(config.coinbase.random_bytes),
                    |room| rand::thread_rng().fill_bytes(room),
                ),
                extras: commitments.extras(),
                max_variants: MAX_VARIANTS,
                heat: config.heat.enabled.then(|| {
                    let (source, after) = (parts.source.status.clone(), config.heat.after.duration());
                    HeatWatch::new(source, after, status.heat.clone())
                }),
            },
            shutdown.clone(),
        );
        if let PayoutMode::Ruled(payout) = &*payouts {
            let keeper = Keeper {
                payout: payout.clone(),
                ledger: ledger.handle().clone(),
                templates: parts.source.templates.clone(),
                reserve: parts.source.reserve.clone(),
                commitments: budget,
            };
            tokio::spawn(keeper.keep(shutdown.clone()));
        }
        let generation = board.generation();
        let (block_sender, found) = block_desk::channel();
        let (reports, blocks) = broadcast::channel(1024);
        let handed_in = Arc::new(Notify::new());
        let desk = BlockDesk {
            source: parts.source.clone(),
            ledger: ledger.handle().clone(),
            payouts: payouts.clone(),
            status: status.clone(),
            network: config.network,
            handed_in: handed_in.clone(),
            reports,
        };
        let rounds_changed = Arc::new(Notify::new());
        let window = payouts.rules().map(|rules| rules.window).unwrap_or_default();
        let event = Event::of(window);
        let window = WindowKeeper {
            window,
            ledger: ledger.handle().clone(),
            templates: parts.source.templates.clone(),
            rounds_changed: rounds_changed.clone(),
            status: status.clone(),
        };
        tokio::spawn(window.run(shutdown.clone()));
        let watch = BlockWatch {
            source: parts.source.clone(),
            ledger: ledger.handle().clone(),
            status: status.clone(),
            network: config.network,
            confirmations: config.blocks.confirmations,
            rounds_changed,
            handed_in,
        };
        tokio::spawn(watch.run(shutdown.clone()));
        let payout = PayoutKeeper {
            payouts: payouts.clone(),
            ledger: ledger.handle().clone(),
            blocks: blocks.resubscribe(),
            network: config.network,
            status: status.clone(),
        };
        tokio::spawn(payout.run(shutdown.clone()));
        let desk = tokio::spawn(block_desk::run(found, desk));

        let authority =
            parts.authority.with_certificate_validity(config.authority.certificate_validity.duration());
        let key = authority.public_key();
        let (most, per_peer) = (size(config.limits.auditors), size(config.limits.auditors_per_peer));
        let listeners = Listeners::new(ledger.handle(), most, per_peer);
        let context = Arc::new(ServerContext {
            authority,
            limits: wire_limits(config),
            deadlines: deadlines(config),
            max_channels: size(config.limits.channels_per_connection),
            max_workers: size(config.limits.workers_per_channel),
            vardiff: vardiff(config),
            retarget: config.vardiff.enabled,
            extensions: ExtensionPolicy {
                supported: config.extensions.supported.clone(),
                required: config.extensions.required.clone(),
            },
            keep_alive: KeepAlivePolicy {
                ping_after: config.limits.ping_interval.duration(),
                dead_after: config.limits.ping_timeout.duration(),
            },
            parking: ParkingLot::start(
                parking_limits(config),
                config.limits.resume_timeout.duration(),
                status.clone(),
                shutdown.clone(),
            ),
            payouts: payouts.clone(),
            // Another one at each start: on a template that outlives a restart, the search
            // space of before is not handed out again.
            extranonces: Extranonces::new(rand::random()).context("laying out the extranonce")?,
            board: board.clone(),
            ledger: ledger.handle().clone(),
            listeners: listeners.clone(),
            blocks: block_sender,
            status: status.clone(),
        });

        let admission = Admission::new(admission_limits(config));
        let sessions = TaskTracker::new();
        let mut listening = Vec::new();
        let doors = doors(config)?;
        for (address, door, setting) in &doors {
            let acceptor = TcpAcceptor::bind(*address, admission.clone())
                .with_context(|| format!("listening for miners at {address} ({setting})"))?;
            let address = acceptor.local_addr();
            match door {
                Door::Sv1(_) => info!(%address, transport = "tcp", protocol = "sv1", "listening"),
                Door::Sv2 | Door::Both(_) => {
                    let uri = reach::uri(address, key);
                    info!(%address, transport = "tcp", authority_key = %key, %uri, "listening");
                }
            }
            listening.push(address);
            let serving = server::listen(
                acceptor,
                door.clone(),
                admission.clone(),
                context.clone(),
                sessions.clone(),
                shutdown.clone(),
                abandon.clone(),
            );
            sessions.spawn(serving);
        }
        let pages = RelayPages::default();
        let (mut iroh, mut gate, mut relay) = (None, None, None);
        if let Some(identity) = parts.identity {
            let mut of_node = iroh_config(config, identity);
            if let Some(own) = own_relay::start(&config.p2p, &of_node.secret, &pages).await? {
                of_node.own_relay = Some(own.place);
                relay = Some(own.server);
            }
            let node =
                IrohNode::bind(of_node).await.context("listening for members by node id (p2p.bind)")?;
            let acceptor = node.listen(policy(config), GateLimits::default(), admission.clone());
            for address in node.bound() {
                info!(%address, transport = "iroh", node = node.id().to_z32(), "listening");
            }
            gate = Some(acceptor.gate());
            iroh = Some(node);
            let serving = server::listen(
                acceptor,
                Door::Sv2,
                admission.clone(),
                context.clone(),
                sessions.clone(),
                shutdown.clone(),
                abandon.clone(),
            );
            sessions.spawn(serving);
        }
        drop(context);

        let observed = Observed {
            network: config.network,
            status: status.clone(),
            admission,
            gate,
            iroh: iroh.clone(),
            own_relay: relay.as_ref().map(RelayServer::watch),
            ledger: Some(ledger.handle().clone()),
            commitments: Some(commitments.clone()),
            templates: parts.source.templates.clone(),
            source: parts.source.status.clone(),
            jobs: generation.clone(),
        };
        let local = match parts.host.as_ref().filter(|_| budget.output_bytes > 0) {
            Some(host) => http::commitments::routes(commitments, host.access.clone()),
            None => axum::Router::new(),
        };
        let name = plan::pool_name(config);
        if let Some(home) = HomeAssistant::from_config(&config.home_assistant, &key.to_bytes(), &name)? {
            sessions.spawn(home.run(observed.clone(), shutdown.clone()));
        }
        let own_audit = OwnAudit::start(ledger.handle(), key, status.clone());
        let is_shown = config.http.listen.address().is_some() || config.p2p.relay.dashboard;
        let (follower, history) = is_shown
            .then(|| Follower::start(ledger.handle().clone(), event))
            .map_or_else(Default::default, |(follower, history)| (Some(follower), history));
        let notify = match &parts.outbox {
            Some(folder) => {
                let plan = Plan::from_config(&config.notify, &plan::pool_name(config))?;
                let (observed, history) = (observed.clone(), history.clone());
                Some(NotifyHandle::start(plan, folder, observed, history, &sessions, shutdown.clone())?)
            }
            None => None,
        };
        let subject = Subject {
            scene: Scene { observed: observed.clone(), history, payouts, jobs: Some(board), authority: key },
            doors: Doors { iroh: iroh.clone(), authority: key, listening: listening.clone() },
            host: parts.host.map(|host| HostDesk {
                access: host.access,
                settings: host.desk,
                notify: notify.clone(),
            }),
            readers: config.http.readers,
            more: http::audit::routes(listeners, shutdown.clone()),
            local,
        };
        let server = match (parts.http, config.http.listen.address()) {
            (Some(server), _) => Some(server),
            (None, Some(address)) => Some(HttpServer::bind(address).await?),
            (None, None) => None,
        };
        let http = server.as_ref().map(HttpServer::address);
        if is_shown {
            let shown = Shown::start(subject, shutdown.clone());
            pages.show(http::open_routes(shown.clone()));
            if let Some(server) = server {
                tokio::spawn(server.run(shown));
            }
        }
        if let Some(address) = http {
            info!(%address, transport = "http", "listening");
        }
        Ok(Node {
            listening,
            http,
            iroh,
            relay,
            authority: key,
            status,
            blocks,
            notify,
            generation,
            source: parts.source,
            source_stop: parts.source_stop,
            sessions,
            shutdown,
            abandon,
            desk,
            ledger,
            follower,
            own_audit,
            observed,
        })
    }

    /// An invite with all that is known by now of where the node is, neighbours' addresses
    /// included; none where members cannot connect by node id.
    pub fn invite(&self) -> Option<Invite> {
        self.iroh.as_ref().map(|iroh| iroh.invite(self.authority))
    }

    /// What the status page is made of.
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// Waits until there are jobs for miners.
    pub async fn ready(&self) {
        let mut generation = self.generation.clone();
        // An error means that the pool has stopped; who waits for it to be ready is
        // stopped with it.
        let _ = generation.wait_for(|generation| *generation > 0).await;
    }

    /// Waits until shares cannot be written down any more: the pool must stop then.
    pub async fn ledger_failed(&self) {
        let mut state = self.ledger.handle().state();
        // It is dropped when its writer has ended.
        let _ = state.wait_for(|state| *state == DiskState::Failed).await;
    }

    /// Stops: miners are told to come back later, blocks under way are submitted, and
    /// the template source takes leave of its node.
    pub async fn stop(self) {
        info!("stopping");
        let gone = tokio::time::Instant::now() + GONE_WITHIN;
        self.shutdown.cancel();
        self.sessions.close();
        if timeout(DRAIN, self.sessions.wait()).await.is_err() {
            warn!(open = self.sessions.len(), "some connections did not take their leave");
            // While one is there it may send a block, and the block desk waits for it.
            self.abandon.cancel();
        }
        let closed = timeout(CLOSE, async {
            if let Some(iroh) = self.iroh {
                iroh.close().await;
            }
            if let Some(relay) = self.relay {
                relay.close().await;
            }
        });
        if closed.await.is_err() {
            warn!("members' streams did not close in time");
        }
        if timeout_at(gone - FOR_LEDGER_AND_SOURCE, self.desk).await.is_err() {
            warn!("a block was still under way; it is on disk and will be sent again");
        }
        let closed = tokio::task::spawn_blocking(|| {
            drop(self.follower);
            drop(self.own_audit);
            self.ledger.close()
        });
        if timeout_at(gone - FOR_SOURCE, closed).await.is_err() {
            warn!("the ledger could not be closed in time; nothing that was acknowledged is lost");
        }
        self.source_stop.cancel();
        if timeout_at(gone, self.source.stopped()).await.is_err() {
            warn!("the template source did not stop in time");
        }
        info!("stopped");
    }
}

/// Books the blocks that a pool which was killed had no time to book, before anything is paid by
/// the book; and names those whose fate is open: one of them may be the tip.
async fn book_late(ledger: &LedgerHandle, payouts: &PayoutMode) -> Result<()> {
    let path = ledger.path();
    let reading = tokio::task::spawn_blocking(move || -> Result<_> {
        let reader = Reader::open(&path)?;
        Ok((reader.blocks()?, unbooked(&reader)?))
    });
    let (blocks, unbooked) = reading.await?.context("reading what the ledger's blocks pay")?;
    let open =
        blocks.iter().filter(|block| matches!(block.state, BlockState::Candidate | BlockState::Submitted));
    if let Some(found) = payouts.found() {
        open.for_each(|block| found.add(Found { hash: block.block.hash, index: None }));
    }
    for (hash, payments) in unbooked {
        let booked = ledger.book(hash, payments).await;
        booked.with_context(|| format!("booking block {hash}, which was found before"))?;
        info!(%hash, "a block that was found before is booked now");
    }
    Ok(())
}

/// Where is listened, for what, and by which setting. The addresses of `listen.tcp` come
/// first.
fn doors(config: &Config) -> Result<Vec<(SocketAddr, Door, &'static str)>> {
    let extranonce_sizes = config.sv1.extranonce_sizes()?;
    let port = |floor: Option<f64>, class| {
        let session = SessionConfig {
            rules: config.sv1.firmware.clone(),
            workers: config.sv1.workers.clone(),
            class,
            floor: floor.map(Difficulty),
            extranonce_sizes,
            ..SessionConfig::default()
        };
        Sv1Port::new(session, rand::random())
    };
    let main = if config.sv1.enabled { Door::Both(port(None, None)) } else { Door::Sv2 };
    let usual = port(None, config.sv1.class);
    let rental = port(Some(config.sv1.high_difficulty), config.sv1.high_difficulty_class);
    let listen = &config.listen;
    let all = |addresses: &[SocketAddr], door: Door, setting| {
        addresses.iter().map(|address| (*address, door.clone(), setting)).collect::<Vec<_>>()
    };
    let doors = [
        all(&listen.tcp, main, "listen.tcp"),
        all(&listen.sv1, Door::Sv1(usual), "listen.sv1"),
        all(&listen.high_difficulty, Door::Sv1(rental), "listen.high_difficulty"),
    ];
    Ok(doors.concat())
}

fn wire_limits(config: &Config) -> WireLimits {
    WireLimits {
        max_frame: size(config.limits.frame_bytes),
        max_queued: size(config.limits.write_buffer_bytes),
        write_stall: config.limits.write_stall_timeout.duration(),
    }
}

fn deadlines(config: &Config) -> Deadlines {
    Deadlines {
        handshake: config.limits.handshake_timeout.duration(),
        setup: config.limits.setup_timeout.duration(),
        first_channel: config.limits.first_channel_timeout.duration(),
    }
}

fn admission_limits(config: &Config) -> AdmissionLimits {
    AdmissionLimits {
        total: size(config.limits.connections),
        per_address: size(config.limits.connections_per_address),
        loopback: size(config.limits.connections),
        per_node: size(config.p2p.connections_per_node),
        ..AdmissionLimits::default()
    }
}

fn parking_limits(config: &Config) -> parking::Limits {
    parking::Limits {
        channels: size(config.limits.parked_channels),
        channels_per_peer: size(config.limits.parked_channels_per_peer),
    }
}

fn iroh_config(config: &Config, secret: SecretKey) -> IrohConfig {
    IrohConfig {
        secret,
        bind: config.p2p.bind.clone(),
        external: config.p2p.external.clone(),
        port_mapping: config.p2p.port_mapping,
        lookup: lookup(config),
        relays: relays(config),
        own_relay: None,
        accept_relays: size(config.p2p.accept_relays),
    }
}

/// The relays at which the pool waits besides its own: those that the host knows, then
/// public ones where the host has named any.
fn relays(config: &Config) -> Vec<RelayHint> {
    let public = config.p2p.public_relays.iter().flat_map(|relays| relays.hints());
    config.p2p.relays.iter().cloned().chain(public).collect()
}

/// How members find the pool. It looks for nobody itself, and so needs no address book.
fn lookup(config: &Config) -> LookupConfig {
    let discovery = &config.p2p.discovery;
    LookupConfig {
        mdns: discovery.mdns,
        dht: match discovery.dht {
            DhtPublishing::Off => DhtUse::Off,
            DhtPublishing::RelayOnly => DhtUse::RelayOnly { bootstrap: discovery.dht_bootstrap.clone() },
        },
        address_book: None,
    }
}

fn policy(config: &Config) -> Policy {
    match config.p2p.admission {
        P2pAdmission::Open => Policy::Open,
        P2pAdmission::Members => Policy::Members(config.p2p.members.iter().copied().collect()),
    }
}

fn vardiff(config: &Config) -> VardiffConfig {
    let defaults = VardiffConfig::default();
    VardiffConfig {
        shares_per_minute: ShareRate(config.vardiff.shares_per_minute),
        min_difficulty: Difficulty(config.vardiff.min_difficulty),
        max_difficulty: config.vardiff.max_difficulty.map_or(defaults.max_difficulty, Difficulty),
        ..defaults
    }
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
