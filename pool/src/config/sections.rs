//! The keys, their types and their defaults.
//!
//! A key here must stand in `punchbowl.example.toml` too, where it is explained to
//! the host; `the_example_file_*` tests in [`load`](super::load) hold that.

use super::coinbase::{Blocks, Coinbase};
use super::home_assistant::HomeAssistant;
use super::notify::Notify;
use super::values::{
    HomePath, HttpListen, Nbits, PublicPlace, Seconds, UtcTime, listen_addresses, network_name, node_ids,
    public_relays, relay_hints,
};
use crate::access::readers::Readers;
use ledger::payout::{Mode, Ppm, Rules};
use ledger::window::Window;
use p2p::iroh::PublicRelays;
use p2p::{NodeId, RelayHint};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use template_provider::Network;
use translator::session::{ExtranonceSizes, ExtranonceSizesError};
use translator::{CoinbaseClass, FirmwareRule, WorkerRule};
use work::extranonce::ROLLED_SIZE;

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The chain that is mined on.
    #[serde(with = "network_name")]
    pub network: Network,
    /// Where keys, solved blocks and the payout index are kept.
    pub data_dir: HomePath,
    /// Where miners connect.
    pub listen: Listen,
    /// Miners that speak Stratum V1.
    pub sv1: Sv1,
    /// Members by node id, over Iroh.
    pub p2p: P2p,
    /// The status page and metrics.
    pub http: Http,
    /// Where templates come from.
    pub template: Template,
    /// Who is paid.
    pub payout: Payout,
    /// What becomes of blocks that were found.
    pub blocks: Blocks,
    /// What stands in the coinbase besides the payouts.
    pub coinbase: Coinbase,
    /// Work for warmth while the node is gone.
    pub heat: Heat,
    /// How share difficulty follows each miner.
    pub vardiff: Vardiff,
    /// What one peer may take.
    pub limits: Limits,
    /// Stratum V2 extensions.
    pub extensions: Extensions,
    /// The key that proves to miners that this is their pool.
    pub authority: Authority,
    /// Telling the host what needs an eye.
    pub notify: Notify,
    /// The pool and its workers in Home Assistant.
    pub home_assistant: HomeAssistant,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            network: Network::Bitcoin,
            data_dir: HomePath::new("~/.punchbowl"),
            listen: Listen::default(),
            sv1: Sv1::default(),
            p2p: P2p::default(),
            http: Http::default(),
            template: Template::default(),
            payout: Payout::default(),
            blocks: Blocks::default(),
            coinbase: Coinbase::default(),
            heat: Heat::default(),
            vardiff: Vardiff::default(),
            limits: Limits::default(),
            extensions: Extensions::default(),
            authority: Authority::default(),
            notify: Notify::default(),
            home_assistant: HomeAssistant::default(),
        }
    }
}

/// `[listen]`: where miners connect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// Stratum V2 over Noise over TCP; port 0 lets the system choose.
    #[serde(with = "listen_addresses")]
    pub tcp: Vec<SocketAddr>,
    /// Stratum V1 alone.
    #[serde(with = "listen_addresses")]
    pub sv1: Vec<SocketAddr>,
    /// Stratum V1 for rented hash rate: never below `sv1.high_difficulty`.
    #[serde(with = "listen_addresses")]
    pub high_difficulty: Vec<SocketAddr>,
}

impl Default for Listen {
    fn default() -> Listen {
        let tcp = vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, 34254))];
        Listen { tcp, sv1: Vec::new(), high_difficulty: Vec::new() }
    }
}

/// `[sv1]`: miners that speak Stratum V1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sv1 {
    /// Whether they are served at the addresses of `listen.tcp` too.
    pub enabled: bool,
    /// Least share difficulty at the addresses of `listen.high_difficulty`.
    pub high_difficulty: f64,
    /// Coinbase class of all miners at the addresses of `listen.sv1`.
    pub class: Option<CoinbaseClass>,
    /// The same at those of `listen.high_difficulty`.
    pub high_difficulty_class: Option<CoinbaseClass>,
    /// Bytes of extranonce that tell a miner from others.
    pub extranonce1: usize,
    /// Bytes of extranonce that a miner rolls.
    pub extranonce2: usize,
    /// The host's own word on some firmware.
    pub firmware: Vec<FirmwareRule>,
    /// The host's own word on some workers.
    pub workers: Vec<WorkerRule>,
}

impl Sv1 {
    /// How many bytes of a channel's extranonce are a miner's.
    ///
    /// # Errors
    /// When miners do not take so many, or a channel has fewer.
    pub fn extranonce_sizes(&self) -> Result<ExtranonceSizes, ExtranonceSizesError> {
        ExtranonceSizes::new(self.extranonce1, self.extranonce2, Some(ROLLED_SIZE))
    }
}

impl Default for Sv1 {
    fn default() -> Sv1 {
        Sv1 {
            enabled: true,
            high_difficulty: 524_288.0,
            class: None,
            high_difficulty_class: None,
            extranonce1: 4,
            extranonce2: 8,
            firmware: Vec::new(),
            workers: Vec::new(),
        }
    }
}

/// `[heat]`: work for warmth while the node is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Heat {
    /// Whether there is any.
    pub enabled: bool,
    /// How long the node must be gone before.
    pub after: Seconds,
}

impl Default for Heat {
    fn default() -> Heat {
        Heat { enabled: false, after: Seconds::new(60) }
    }
}

/// `[p2p]`: members by node id, over Iroh.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct P2p {
    /// Whether there is any of it.
    pub enabled: bool,
    /// UDP addresses, one of each family; port 0 lets the system choose.
    #[serde(with = "listen_addresses")]
    pub bind: Vec<SocketAddr>,
    /// The node key, when it is not `node.key` in the data folder.
    pub identity: Option<HomePath>,
    /// Addresses at which the world reaches this machine: forwarded ports.
    #[serde(with = "listen_addresses")]
    pub external: Vec<SocketAddr>,
    /// A file with more of them, which is watched, when it is not
    /// `run/external-addrs.json` in the data folder.
    pub external_file: Option<HomePath>,
    /// Ask the router to forward a port.
    pub port_mapping: bool,
    /// Relays of third parties to wait at, by name; none unless the host says so.
    #[serde(with = "public_relays")]
    pub public_relays: Vec<PublicRelays>,
    /// Who may connect by node id.
    pub admission: P2pAdmission,
    /// The node ids of `admission = "members"`.
    #[serde(with = "node_ids")]
    pub members: Vec<NodeId>,
    /// Connections of one node.
    pub connections_per_node: u32,
    /// How members find the pool whose invite has no address that works.
    pub discovery: Discovery,
    /// Others' relays at which the pool waits for its members.
    #[serde(with = "relay_hints")]
    pub relays: Vec<RelayHint>,
    /// Most relays that members may offer; it waits at them too.
    pub accept_relays: u32,
    /// The pool's own relay.
    pub relay: P2pRelay,
}

impl Default for P2p {
    fn default() -> P2p {
        const PORT: u16 = 34255;
        P2p {
            enabled: true,
            bind: vec![(Ipv4Addr::UNSPECIFIED, PORT).into(), (Ipv6Addr::UNSPECIFIED, PORT).into()],
            identity: None,
            external: Vec::new(),
            external_file: None,
            port_mapping: true,
            public_relays: Vec::new(),
            admission: P2pAdmission::Open,
            members: Vec::new(),
            connections_per_node: 8,
            discovery: Discovery::default(),
            relays: Vec::new(),
            accept_relays: 0,
            relay: P2pRelay::default(),
        }
    }
}

/// `[p2p.discovery]`: how members find the pool whose invite has no address that works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Discovery {
    /// Answer members on the same network.
    pub mdns: bool,
    /// What the mainline DHT is told.
    pub dht: DhtPublishing,
    /// Where to enter the DHT, `host:port`; the well-known nodes where there is none.
    pub dht_bootstrap: Vec<String>,
}

impl Default for Discovery {
    fn default() -> Discovery {
        Discovery { mdns: true, dht: DhtPublishing::RelayOnly, dht_bootstrap: Vec::new() }
    }
}

/// What the mainline DHT is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DhtPublishing {
    /// Nothing; the pool does not take part in it.
    Off,
    /// The relays at which the pool waits. Without one, nothing.
    RelayOnly,
}

/// `[p2p.relay]`: the pool's own relay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct P2pRelay {
    /// Whether there is one.
    pub mode: RelayMode,
    /// Where it listens.
    pub bind: IpAddr,
    /// TCP port, for TLS; 0 lets the system choose.
    pub port: u16,
    /// UDP port, to tell members their address; 0 for not at all.
    pub qad: u16,
    /// Where others reach it.
    pub public: Option<PublicPlace>,
    /// Whether the pool's web pages are at its TCP port too.
    pub dashboard: bool,
    /// Who may use it.
    #[serde(rename = "for")]
    pub serves: RelayServes,
    /// Nodes at a time.
    pub clients: u32,
    /// Bytes a second that are taken from each.
    pub bytes_per_second: u32,
}

impl Default for P2pRelay {
    fn default() -> P2pRelay {
        P2pRelay {
            mode: RelayMode::Auto,
            bind: Ipv4Addr::UNSPECIFIED.into(),
            port: RelayHint::DEFAULT_PORT,
            qad: RelayHint::QAD_PORT,
            public: None,
            dashboard: false,
            serves: RelayServes::Members,
            clients: 1024,
            bytes_per_second: 1024 * 1024,
        }
    }
}

/// Whether the pool runs a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RelayMode {
    /// No.
    Off,
    /// Where a public address of this machine is known, and the ports are to be had.
    Auto,
    /// Yes, or the pool does not start.
    On,
}

/// Who may use the pool's relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RelayServes {
    /// Whoever may mine at the pool.
    Members,
    /// Everybody.
    Anyone,
}

/// Who may connect by node id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum P2pAdmission {
    /// Whoever has the invite.
    Open,
    /// The listed ones.
    Members,
}

/// `[http]`: the status page and metrics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// An address, or off.
    pub listen: HttpListen,
    /// Who may look.
    pub readers: Readers,
}

impl Default for Http {
    fn default() -> Http {
        Http { listen: HttpListen::On(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))), readers: Readers::Lan }
    }
}

/// `[template]`: where templates come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Template {
    /// Bitcoin Core, or a chain in this process.
    pub source: TemplateSource,
    /// Bitcoin Core's socket, when it is not at its usual place in the data directory.
    pub ipc_socket: Option<HomePath>,
    /// Bitcoin Core's data directory.
    pub bitcoin_datadir: HomePath,
    /// Satoshi by which fees must rise for a new template on the same tip.
    pub fee_threshold: u64,
    /// Least time between two templates on the same tip.
    pub min_interval: Seconds,
    /// For `source = "embedded"`.
    pub embedded: Embedded,
}

impl Default for Template {
    fn default() -> Template {
        Template {
            source: TemplateSource::BitcoinCore,
            ipc_socket: None,
            bitcoin_datadir: HomePath::new("~/.bitcoin"),
            fee_threshold: 10_000,
            min_interval: Seconds::new(20),
            embedded: Embedded::default(),
        }
    }
}

/// Where templates come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TemplateSource {
    /// Bitcoin Core over IPC.
    BitcoinCore,
    /// A regtest chain in this process, for trying things out.
    Embedded,
}

/// `[template.embedded]`: the chain in this process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Embedded {
    /// Network target of its blocks, in compact form.
    pub nbits: Nbits,
    /// Made-up transactions in each template.
    pub transactions: u32,
}

impl Default for Embedded {
    fn default() -> Embedded {
        Embedded { nbits: Nbits(0x207f_ffff), transactions: 0 }
    }
}

/// `[payout]`: who is paid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Payout {
    /// One destination for all, each miner's own, or all who worked.
    pub mode: PayoutKind,
    /// Destination of `fixed`, and of the host's fee: an address.
    pub address: Option<String>,
    /// Destination of `fixed`, and of the host's fee: a descriptor.
    pub descriptor: Option<String>,
    /// The host's part of each block in `shared` and `solo`, in parts in a million.
    pub host_fee_ppm: u32,
    /// The finder's part of what is left in `shared`, in parts in a million.
    pub finder_bonus_ppm: u32,
    /// Which work counts in `shared`.
    pub window: WindowKind,
    /// The most work in a `recent` window, in what a block takes on average.
    pub window_difficulties: Option<f64>,
    /// The oldest work in a `recent` window.
    pub window_time: Option<Seconds>,
    /// When work starts to count in an `event`.
    pub event_start: Option<UtcTime>,
    /// When it ends.
    pub event_end: Option<UtcTime>,
    /// No output below this, in satoshi; what is due stays a credit.
    pub min_payout: u64,
    /// The most of a block that repays credits, in parts in a million.
    pub repay_cap_ppm: u32,
    /// The most weight of a block that payout outputs take, in weight units.
    pub coinbase_weight: u32,
    /// Short names of members.
    pub aliases: Vec<Alias>,
    /// Written into the coinbase of every block; empty for nothing.
    pub pool_tag: String,
}

impl Default for Payout {
    fn default() -> Payout {
        let rules = Rules::default();
        Payout {
            mode: PayoutKind::Fixed,
            address: None,
            descriptor: None,
            host_fee_ppm: rules.host_fee.0,
            finder_bonus_ppm: rules.finder_bonus.0,
            window: WindowKind::Round,
            window_difficulties: None,
            window_time: None,
            event_start: None,
            event_end: None,
            min_payout: rules.min_payout,
            repay_cap_ppm: rules.repay_cap.0,
            coinbase_weight: 100_000,
            aliases: Vec::new(),
            pool_tag: String::new(),
        }
    }
}

impl Payout {
    /// The ledger's rules, where it decides.
    pub fn rules(&self) -> Rules {
        Rules {
            mode: match self.mode {
                PayoutKind::Fixed => Mode::Fixed,
                PayoutKind::Solo => Mode::Solo,
                PayoutKind::Shared => Mode::Shared,
            },
            host_fee: Ppm(self.host_fee_ppm),
            finder_bonus: Ppm(self.finder_bonus_ppm),
            min_payout: self.min_payout,
            repay_cap: Ppm(self.repay_cap_ppm),
            window: match self.window {
                WindowKind::Round => Window::SinceLastBlock,
                WindowKind::Recent => Window::Recent {
                    // A float to integer cast saturates.
                    difficulties_milli: self.window_difficulties.map(|k| (k * 1000.0).round() as u32),
                    seconds: self.window_time.map(|time| time.duration().as_secs()),
                },
                WindowKind::Event => Window::Event {
                    from: self.event_start.map_or(0, |time| time.0),
                    to: self.event_end.map_or(0, |time| time.0),
                },
            },
        }
    }
}

/// Which work counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowKind {
    /// All since the last block.
    Round,
    /// The newest, up to a limit in work, time or both.
    Recent,
    /// What was done from a time to another.
    Event,
}

/// A short name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alias {
    /// What miners may call themselves.
    pub name: String,
    /// The address or split of addresses that it stands for.
    pub identity: String,
}

/// Who is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PayoutKind {
    /// One address or descriptor takes every block.
    Fixed,
    /// The miner that finds a block takes it.
    Solo,
    /// All who worked are paid from the coinbase.
    Shared,
}

/// `[vardiff]`: how share difficulty follows each miner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Vardiff {
    /// Off: the difficulty stays as the miner's stated hashrate gives it.
    pub enabled: bool,
    /// Shares a minute that each channel should send.
    pub shares_per_minute: f64,
    /// Never below this share difficulty.
    pub min_difficulty: f64,
    /// Never above this share difficulty.
    pub max_difficulty: Option<f64>,
}

impl Default for Vardiff {
    fn default() -> Vardiff {
        Vardiff { enabled: true, shares_per_minute: 6.0, min_difficulty: 0.000_01, max_difficulty: None }
    }
}

/// `[limits]`: what one peer may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Connections in all.
    pub connections: u32,
    /// Connections from one IP address.
    pub connections_per_address: u32,
    /// Channels on one connection.
    pub channels_per_connection: u32,
    /// Worker names counted apart on one channel; further ones are counted together.
    pub workers_per_channel: u32,
    /// From connect to the end of the Noise handshake.
    pub handshake_timeout: Seconds,
    /// From the handshake to SetupConnection.
    pub setup_timeout: Seconds,
    /// From SetupConnection to the first channel.
    pub first_channel_timeout: Seconds,
    /// A peer that takes nothing of what it is sent for so long is disconnected.
    pub write_stall_timeout: Seconds,
    /// A client with extension 0x5042 that has heard nothing for so long asks whether the
    /// pool is there.
    pub ping_interval: Seconds,
    /// It takes the connection for dead after so long.
    pub ping_timeout: Seconds,
    /// How long the channels of a connection that died wait for their client; 0 for not.
    pub resume_timeout: Seconds,
    /// Channels that may wait so, in all.
    pub parked_channels: u32,
    /// Those of one IP address or node.
    pub parked_channels_per_peer: u32,
    /// Who reads the ledger at a time, over HTTP and by invite.
    pub auditors: u32,
    /// Those of one IP address or node, by invite.
    pub auditors_per_peer: u32,
    /// Largest message that is read, payload in bytes.
    pub frame_bytes: u32,
    /// Bytes waiting to be sent to one peer before it is disconnected.
    pub write_buffer_bytes: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 10_000,
            connections_per_address: 2_500,
            channels_per_connection: 1_000,
            workers_per_channel: 100,
            handshake_timeout: Seconds::new(10),
            setup_timeout: Seconds::new(10),
            first_channel_timeout: Seconds::new(60),
            write_stall_timeout: Seconds::new(20),
            ping_interval: Seconds::new(1),
            ping_timeout: Seconds::new(3),
            resume_timeout: Seconds::new(120),
            parked_channels: 20_000,
            parked_channels_per_peer: 2_500,
            auditors: 100,
            auditors_per_peer: 20,
            frame_bytes: 64 * 1024,
            write_buffer_bytes: 1024 * 1024,
        }
    }
}

/// `[extensions]`: Stratum V2 extensions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Extensions {
    /// Offered to clients.
    pub supported: Vec<u16>,
    /// Clients without these are disconnected.
    pub required: Vec<u16>,
}

impl Default for Extensions {
    fn default() -> Extensions {
        Extensions { supported: vec![0x0001, 0x0002, 0x5042, 0x5043], required: Vec::new() }
    }
}

/// `[authority]`: the key that proves to miners that this is their pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Authority {
    /// The key file, when it is not `authority.key` in the data folder.
    pub key_file: Option<HomePath>,
    /// How long each connection's Noise certificate is valid.
    pub certificate_validity: Seconds,
}

impl Default for Authority {
    fn default() -> Authority {
        Authority { key_file: None, certificate_validity: Seconds::new(24 * 60 * 60) }
    }
}
