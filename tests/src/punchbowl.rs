//! The built binary `punchbowl`, in a folder of its own.

use crate::{BitcoinNode, Client, Place, Process, within_deadline};
use anyhow::{Context, Result, bail, ensure};
use p2p::{AuthorityKey, AuthorityKeypair, Invite, identity::parse_node_id};
use serde_json::Value;
use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Output},
    sync::OnceLock,
};
use tempfile::TempDir;

/// A running `punchbowl pool` that serves jobs. Killed when dropped.
pub struct Punchbowl {
    place: Place,
    config: PoolConfig,
    // Before its folder, so that it has ended when that is deleted.
    process: Process,
    folder: TempDir,
    address: SocketAddr,
    authority: AuthorityKey,
    http: Option<SocketAddr>,
    invite: Invite,
}

/// What goes into the configuration file. The data folder is the test's own.
#[derive(Clone, Debug)]
pub struct PoolConfig {
    network: String,
    listen: SocketAddr,
    template: String,
    payout: String,
    node: SocketAddr,
    port_mapping: bool,
    p2p: String,
    more_ports: String,
    sections: Vec<String>,
    key: Option<String>,
}

/// `OP_TRUE` would be a strange payout; this is the generator point's P2WPKH, whose
/// secret key is 1.
const DESCRIPTOR: &str = "wpkh(0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798)";

const FIXED_AND_EASY: &str = "[vardiff]\nenabled = false\nmin_difficulty = 0.0000000001";

impl PoolConfig {
    /// Templates from `node`; blocks pay a fixed descriptor.
    pub fn on_core(node: &BitcoinNode) -> PoolConfig {
        let template = format!("ipc_socket = {:?}\nmin_interval = 1\nfee_threshold = 1000", node.socket());
        PoolConfig::new(node.chain().name(), template)
    }

    /// Templates from the regtest chain in the process, with blocks as hard as `nbits`
    /// (hexadecimal, as in a header) says.
    pub fn embedded(nbits: &str) -> PoolConfig {
        let template = format!("source = \"embedded\"\n[template.embedded]\nnbits = {nbits:?}");
        PoolConfig::new("regtest", template)
    }

    /// The embedded chain at difficulty 1, where no share of a test is ever a block, and
    /// share difficulties that a test meets in some hashes and that stay as they are: a
    /// client that says 1 H/s finds a share in about ten hashes.
    pub fn shares_only() -> PoolConfig {
        PoolConfig::embedded("1d00ffff").section(FIXED_AND_EASY)
    }

    /// As [`shares_only`](Self::shares_only), but a block takes some 65 000 hashes.
    pub fn shares_and_blocks() -> PoolConfig {
        PoolConfig::embedded("1f00ffff").section(FIXED_AND_EASY)
    }

    /// So many made-up transactions in each template of the embedded chain.
    #[must_use]
    pub fn transactions(mut self, count: u32) -> PoolConfig {
        self.template.push_str(&format!("\ntransactions = {count}"));
        self
    }

    fn new(network: &str, template: String) -> PoolConfig {
        PoolConfig {
            network: network.to_owned(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            template,
            payout: format!("descriptor = {DESCRIPTOR:?}"),
            node: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            port_mapping: false,
            p2p: String::new(),
            more_ports: String::new(),
            sections: Vec::new(),
            key: None,
        }
    }

    /// Only this node may connect by node id.
    #[must_use]
    pub fn with_member(self, node: &str) -> PoolConfig {
        self.p2p(&format!("admission = \"members\"\nmembers = [{node:?}]"))
    }

    /// Adds lines to the section `[p2p]`.
    #[must_use]
    pub fn p2p(mut self, lines: &str) -> PoolConfig {
        self.p2p.push_str(lines);
        self.p2p.push('\n');
        self
    }

    /// On all interfaces and the usual ports, as on a machine of one's own.
    #[must_use]
    pub fn on_all_interfaces(mut self) -> PoolConfig {
        self.listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 34254));
        self.node = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 34255));
        self
    }

    /// Asks the router to forward the node's port.
    #[must_use]
    pub fn mapping_ports(mut self) -> PoolConfig {
        self.port_mapping = true;
        self
    }

    /// It waits for members at the relay that printed this line.
    #[must_use]
    pub fn at_relay(self, relay: &str) -> PoolConfig {
        self.at_relays(&[relay])
    }

    /// It waits for members at each of these relays.
    #[must_use]
    pub fn at_relays(self, relays: &[&str]) -> PoolConfig {
        self.p2p(&format!("relays = {relays:?}"))
    }

    /// Blocks pay `address`.
    #[must_use]
    pub fn paying(mut self, address: &str) -> PoolConfig {
        self.payout = format!("address = {address:?}");
        self
    }

    /// Blocks pay `descriptor`.
    #[must_use]
    pub fn paying_descriptor(mut self, descriptor: &str) -> PoolConfig {
        self.payout = format!("descriptor = {descriptor:?}");
        self
    }

    /// Channels that say [`SLOW`](crate::client::SLOW) may send every hash, so that
    /// regtest has shares that are no blocks.
    #[must_use]
    pub fn every_hash_a_share(self) -> PoolConfig {
        self.section("[vardiff]\nenabled = false\nshares_per_minute = 6000\nmin_difficulty = 1e-12")
    }

    /// Blocks pay whoever finds them.
    #[must_use]
    pub fn solo(mut self) -> PoolConfig {
        self.payout = "mode = \"solo\"".to_owned();
        self
    }

    /// Blocks pay whoever finds them, and the host; `lines` are more of the section `[payout]`.
    #[must_use]
    pub fn solo_with(mut self, lines: &str) -> PoolConfig {
        self.payout = format!("mode = \"solo\"\n{lines}");
        self
    }

    /// Blocks pay all who worked; `lines` are more of the section `[payout]`.
    #[must_use]
    pub fn shared(mut self, lines: &str) -> PoolConfig {
        self.payout = format!("mode = \"shared\"\n{lines}");
        self
    }

    /// Listens for Stratum V1 alone at one more port, and for rented hash rate at another.
    #[must_use]
    pub fn with_sv1_ports(mut self) -> PoolConfig {
        self.more_ports = "sv1 = [\"127.0.0.1:0\"]\nhigh_difficulty = [\"127.0.0.1:0\"]".to_owned();
        self
    }

    /// Its authority key is this one.
    #[must_use]
    pub fn key(mut self, key: &AuthorityKeypair) -> PoolConfig {
        self.key = Some(key.secret_text().to_string());
        self
    }

    /// Adds a section, its heading included: `"[vardiff]\nenabled = false"`.
    #[must_use]
    pub fn section(mut self, text: &str) -> PoolConfig {
        self.sections.push(text.to_owned());
        self
    }

    fn to_toml(&self, folder: &Path) -> String {
        let PoolConfig {
            network,
            listen,
            template,
            payout,
            node,
            port_mapping,
            p2p,
            more_ports,
            sections,
            key: _,
        } = self;
        let data_dir = folder.join("data");
        format!(
            "network = {network:?}\ndata_dir = {data_dir:?}\n\n[listen]\ntcp = [\"{listen}\"]\n{more_ports}\n\n\
             [p2p]\nbind = [\"{node}\"]\nport_mapping = {port_mapping}\n{p2p}\n\n\
             [http]\nlisten = \"127.0.0.1:0\"\n\n[payout]\n{payout}\n\n[template]\n{template}\n\n{}\n",
            sections.join("\n\n")
        )
    }
}

impl Punchbowl {
    /// Starts `punchbowl pool` and waits until it serves jobs.
    ///
    /// # Errors
    /// When it does not come up; the message holds its last lines.
    pub async fn pool(config: PoolConfig) -> Result<Punchbowl> {
        Punchbowl::pool_at(Place::Here, config).await
    }

    /// The same, at `place`.
    ///
    /// # Errors
    /// When it does not come up; the message holds its last lines.
    pub async fn pool_at(place: impl Into<Place>, config: PoolConfig) -> Result<Punchbowl> {
        let pool = Punchbowl::launched(place.into(), config).await?;
        pool.ready().await?;
        Ok(pool)
    }

    /// As [`pool`](Self::pool), but hands it back as soon as it listens: it may have no
    /// jobs yet.
    ///
    /// # Errors
    /// When it does not come up; the message holds its last lines.
    pub async fn pool_without_waiting(config: PoolConfig) -> Result<Punchbowl> {
        Punchbowl::launched(Place::Here, config).await
    }

    async fn launched(place: Place, config: PoolConfig) -> Result<Punchbowl> {
        let folder = tempfile::Builder::new().prefix("pb-pool-").tempdir()?;
        let (process, listening) = launch(&place, &config, folder.path()).await?;
        Ok(Punchbowl {
            place,
            config,
            folder,
            process,
            address: listening.address,
            authority: listening.authority,
            http: listening.http,
            invite: listening.invite,
        })
    }

    /// Waits until it says that it serves jobs.
    ///
    /// # Errors
    /// When it ends or the deadline passes first.
    pub async fn ready(&self) -> Result<()> {
        self.process.line(|line| line == "ready").await.map(drop)
    }

    /// Starts `punchbowl` with any arguments, for demo, miner and template.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(arguments: &[&str]) -> Result<Process> {
        Punchbowl::spawn_at(Place::Here, arguments)
    }

    /// The same, at `place`.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn_at(place: impl Into<Place>, arguments: &[&str]) -> Result<Process> {
        let mut command = command()?;
        command.args(arguments);
        Process::spawn_at(&place.into(), "punchbowl", command)
    }

    /// Runs `punchbowl` with any arguments to its end.
    ///
    /// # Errors
    /// When it cannot be started or does not end within the deadline.
    pub async fn run(arguments: &[&str]) -> Result<Output> {
        let mut command = command()?;
        command.args(arguments);
        output(command).await
    }

    /// As [`run`](Self::run), with `folder` as the working folder, the home and the place
    /// for temporary files.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_in(folder: &Path, arguments: &[&str]) -> Result<Output> {
        let mut command = command()?;
        command.args(arguments).current_dir(folder).env("HOME", folder).env("TMPDIR", folder);
        output(command).await
    }

    /// A command that runs the program, without the environment of whoever runs the tests.
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn command() -> Result<Command> {
        command()
    }

    /// The program itself.
    ///
    /// # Errors
    /// When it cannot be built.
    pub fn program() -> Result<&'static Path> {
        binary()
    }

    /// Where miners connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What they know it by.
    pub fn authority(&self) -> AuthorityKey {
        self.authority
    }

    /// `stratum2+tcp://address/key`
    pub fn uri(&self) -> String {
        format!("stratum2+tcp://{}/{}", self.address, self.authority)
    }

    /// An invite to its node, which is on loopback.
    pub fn invite(&self) -> &Invite {
        &self.invite
    }

    /// Where status and metrics are.
    ///
    /// # Errors
    /// When they are off.
    pub fn http(&self) -> Result<SocketAddr> {
        self.http.context("this pool has no HTTP listener")
    }

    /// What its HTTP answers to `GET path`: status code and body.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        let (head, body) = self.place.get(self.http()?, path).await?;
        let code = head.split(' ').nth(1).context("an answer without a status code")?;
        Ok((code.parse()?, body))
    }

    /// `/api/v1/status`
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn status(&self) -> Result<Value> {
        Ok(serde_json::from_str(&self.get("/api/v1/status").await?.1)?)
    }

    /// The invite that `punchbowl invite` prints for it, which a host would send out.
    ///
    /// # Errors
    /// When it prints none.
    pub async fn printed_invite(&self) -> Result<Invite> {
        let mut command = command()?;
        command.arg("invite").arg("--config").arg(configuration(self.folder.path())).arg("--json");
        let mut inviting = Process::spawn_at(&self.place, "punchbowl invite", command)?;
        let ended = inviting.exit().await?;
        let printed = inviting.log().all().join("\n");
        ensure!(ended.success(), "punchbowl invite failed:\n{printed}");
        let printed: Value = serde_json::from_str(&printed)?;
        let invite = printed.get("iroh").and_then(Value::as_str).context("no invite by node id")?;
        Ok(invite.parse()?)
    }

    /// Where it runs.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Its data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Its ledger.
    pub fn ledger(&self) -> PathBuf {
        self.data_dir().join("ledger.sqlite")
    }

    /// The folder that holds its configuration and data; gone with this.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its process, for log lines and the pid.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Connects a miner, SetupConnection done.
    ///
    /// # Errors
    /// When the pool refuses it.
    pub async fn miner(&self, flags: u32) -> Result<Client> {
        let mut client = Client::connect(self.address, self.authority).await?;
        client.setup(flags).await?;
        Ok(client)
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// When it does not end within the deadline.
    pub async fn terminate(&mut self) -> Result<ExitStatus> {
        self.process.terminate().await
    }

    /// Ends it on the spot (SIGKILL).
    ///
    /// # Errors
    /// When it has ended already.
    pub async fn kill(&mut self) -> Result<ExitStatus> {
        self.process.kill().await
    }

    /// Starts it again after [`kill`](Self::kill) or [`terminate`](Self::terminate), on the
    /// same data folder and the same ports.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn restart(&mut self) -> Result<()> {
        self.config.listen = self.address;
        if let Some(node) = self.invite.addresses.first() {
            self.config.node.set_port(node.port());
        }
        let (process, listening) = launch(&self.place, &self.config, self.folder.path()).await?;
        ensure!(listening.authority == self.authority, "the pool came back with another key");
        self.process = process;
        self.http = listening.http;
        self.invite = listening.invite;
        self.ready().await
    }
}

/// What the pool said about itself while it started.
struct Listening {
    address: SocketAddr,
    authority: AuthorityKey,
    http: Option<SocketAddr>,
    invite: Invite,
}

/// Puts an authority key where the pool looks for its own.
fn place_key(data_dir: &Path, key: &str) -> Result<()> {
    fs::create_dir_all(data_dir)?;
    fs::set_permissions(data_dir, fs::Permissions::from_mode(0o700))?;
    let file = data_dir.join("authority.key");
    fs::write(&file, format!("{key}\n"))?;
    Ok(fs::set_permissions(file, fs::Permissions::from_mode(0o600))?)
}

fn configuration(folder: &Path) -> PathBuf {
    folder.join("punchbowl.toml")
}

async fn launch(place: &Place, config: &PoolConfig, folder: &Path) -> Result<(Process, Listening)> {
    let file = configuration(folder);
    fs::write(&file, config.to_toml(folder))?;
    if let Some(key) = &config.key {
        place_key(&folder.join("data"), key)?;
    }
    let mut command = command()?;
    // The ready line comes on standard output, so that it is an event among the log lines.
    command.arg("pool").arg("--config").arg(&file).args(["--log-format", "json", "--ready-fd", "1"]);
    let process = Process::spawn_at(place, "punchbowl", command)?;
    // The last of the listeners, and always on here.
    process.line(|line| Line::parse(line).is_some_and(|line| line.get("transport") == Some("http"))).await?;
    let mut listening = process.log().all().into_iter().filter_map(|line| Line::parse(&line));
    let tcp = listening
        .clone()
        .find(|line| line.get("transport") == Some("tcp"))
        .context("punchbowl logged no listening line for tcp")?;
    let iroh = listening
        .clone()
        .find(|line| line.get("transport") == Some("iroh"))
        .context("punchbowl logged no listening line for iroh")?;
    let http = listening.find(|line| line.get("transport") == Some("http"));
    let authority = tcp.get("authority_key").context("no authority_key in the listening line")?.parse()?;
    let listening = Listening {
        address: tcp.get("address").context("no address in the listening line")?.parse()?,
        authority,
        invite: Invite {
            node: parse_node_id(iroh.get("node").context("no node in the listening line")?)?,
            authority,
            relays: Vec::new(),
            addresses: vec![iroh.get("address").context("no address in the listening line")?.parse()?],
        },
        http: http.and_then(|line| line.get("address")?.parse().ok()),
    };
    Ok((process, listening))
}

impl Punchbowl {
    /// The ports of [`PoolConfig::with_sv1_ports`].
    ///
    /// # Errors
    /// When it listens at none.
    pub fn sv1_ports(&self) -> Result<(SocketAddr, SocketAddr)> {
        let lines = self.process.log().all();
        let lines = lines.iter().filter_map(|line| Line::parse(line));
        let sv1 = lines.filter(|line| line.get("protocol") == Some("sv1"));
        let mut addresses = sv1.filter_map(|line| line.get("address")?.parse().ok());
        let both = (addresses.next(), addresses.next());
        let (Some(plain), Some(high)) = both else { bail!("it listens for SV1 alone at {both:?}") };
        Ok((plain, high))
    }
}

/// A `listening` line of the JSON log.
#[derive(Clone)]
pub(crate) struct Line(Value);

impl Line {
    pub(crate) fn parse(text: &str) -> Option<Line> {
        let line: Value = serde_json::from_str(text).ok()?;
        let line = Line(line);
        (line.get("message") == Some("listening")).then_some(line)
    }

    pub(crate) fn get(&self, field: &str) -> Option<&str> {
        self.0.get("fields").unwrap_or(&self.0).get(field)?.as_str()
    }
}

async fn output(mut command: Command) -> Result<Output> {
    let what = format!("{command:?} to end");
    Ok(within_deadline(&what, tokio::task::spawn_blocking(move || command.output())).await???)
}

/// The binary without the environment of whoever runs the tests.
fn command() -> Result<Command> {
    let mut command = Command::new(binary()?);
    for (name, _) in env::vars_os() {
        if name == "RUST_LOG" || name.to_string_lossy().starts_with("PUNCHBOWL_") {
            command.env_remove(name);
        }
    }
    // Nothing of a test belongs into the home of whoever runs it.
    command.env("RUST_BACKTRACE", "1").env("HOME", "/dev/null/home");
    Ok(command)
}

/// `PUNCHBOWL_BIN`, or what cargo builds now, in the profile of these tests.
fn binary() -> Result<&'static Path> {
    static BINARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = BINARY.get_or_init(|| find_or_build().map_err(|error| format!("{error:#}")));
    found.as_deref().map_err(|error| anyhow::anyhow!("{error}"))
}

fn find_or_build() -> Result<PathBuf> {
    if let Some(path) = env::var_os("PUNCHBOWL_BIN").map(PathBuf::from) {
        ensure!(path.is_file(), "PUNCHBOWL_BIN={} is not a file", path.display());
        return Ok(path);
    }
    // This test is target/<profile>/deps/<name>.
    let test = env::current_exe()?;
    let profile_dir = test.ancestors().nth(2).context("odd place for a test program")?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "-p", "pool", "--bin", "punchbowl"]);
    build.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    if profile_dir.ends_with("release") {
        build.arg("--release");
    }
    let built = build.output().context("cannot run cargo to build punchbowl")?;
    if !built.status.success() {
        bail!("building punchbowl failed:\n{}", String::from_utf8_lossy(&built.stderr));
    }
    Ok(profile_dir.join("punchbowl"))
}
