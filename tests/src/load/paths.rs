//! What a share and a member cost the pool over TCP, straight over Iroh and through a relay:
//! a pool and a relay are started for each, one way after the other.

use super::{
    Crowd, Dial, Kind, Report, Server, Target,
    report::kib,
    shares::{self, Pressure},
};
use crate::{PoolConfig, Process, Punchbowl, client::SLOW};
use anyhow::{Context, Result, ensure};
use p2p::Invite;
use std::time::Duration;

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Connections that send shares.
    pub connections: usize,
    /// How long they do on each way.
    pub duration: Duration,
    /// Members that do nothing, for the memory of one.
    pub idle: usize,
}

/// Shares that a connection may have under way: as fast as they go, and one by one, as a
/// single device's are.
const WINDOWS: [(&str, u32); 2] = [("in_bursts", 256), ("one_by_one", 2)];
/// How long members stay before memory is read.
const HOLD: Duration = Duration::from_secs(3);

/// A way to the pool.
#[derive(Clone, Copy, Debug)]
enum Way {
    Tcp,
    Direct,
    Relayed,
}

/// Runs it.
///
/// # Errors
/// When a process does not come up or connections break.
pub async fn run(plan: Plan) -> Result<Report> {
    let mut report = Report::default();
    for (name, way) in [("tcp", Way::Tcp), ("direct", Way::Direct), ("relayed", Way::Relayed)] {
        measure(&mut report, name, way, plan).await.with_context(|| format!("over {name}"))?;
    }
    Ok(report)
}

/// One way, at a pool and a relay of its own: what others have left in memory would hide what
/// its members take.
async fn measure(report: &mut Report, name: &str, way: Way, plan: Plan) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("pb-load-").tempdir()?;
    let data_dir = folder.path().display().to_string();
    let arguments = ["relay", "--data-dir", &data_dir, "--listen", "127.0.0.1:0", "--qad", "off"];
    let unlimited = ["--for", "anyone", "--bytes-per-second", "1000000000", "--clients", "100000"];
    let relaying = Punchbowl::spawn(&[&arguments[..], &unlimited].concat())?;
    let hint = relaying.line(|line| line.starts_with("127.0.0.1:")).await?;
    let most = 2 * (plan.connections + plan.idle) + 100;
    let config = PoolConfig::shares_only().at_relay(&hint);
    let config = config.section(&format!("[limits]\nconnections = {most}\nresume_timeout = 0"));
    let running = Punchbowl::pool(config).await?;
    running.process().line(|line| line.contains("waiting for members at a relay")).await?;
    let (pool, relay) = (server(running.process())?, server(&relaying)?);

    let invite = Invite { relays: vec![hint.parse()?], ..running.invite().clone() };
    let node = |relayed| Dial::Node { invite: Box::new(invite.clone()), relayed };
    let target = Target {
        dial: match way {
            Way::Tcp => Dial::Tcp(running.address()),
            Way::Direct => node(false),
            Way::Relayed => node(true),
        },
        authority: running.authority(),
        kind: Kind::Extended,
        user: "load.paths".to_owned(),
        hash_rate: SLOW,
    };
    memory(report, name, &target, plan, pool, relay).await?;
    shares(report, name, &target, plan, pool, relay).await
}

async fn memory(
    report: &mut Report,
    name: &str,
    target: &Target,
    plan: Plan,
    pool: Server,
    relay: Server,
) -> Result<()> {
    let (pool_before, relay_before) = (pool.memory()?, relay.memory()?);
    let crowd = Crowd::gather(target, plan.idle, 1).await?;
    tokio::time::sleep(HOLD).await;
    let each = |now: u64, before: u64| {
        let bytes = now.saturating_sub(before);
        (kib(bytes) / plan.idle.max(1) as f64 * 10.0).round() / 10.0
    };
    report.add(format!("{name}_pool_memory_per_member_kib"), each(pool.memory()?, pool_before));
    report.add(format!("{name}_relay_memory_per_member_kib"), each(relay.memory()?, relay_before));
    drop(crowd);
    Ok(())
}

async fn shares(
    report: &mut Report,
    name: &str,
    target: &Target,
    plan: Plan,
    pool: Server,
    relay: Server,
) -> Result<()> {
    for (how, window) in WINDOWS {
        let pressure =
            Pressure { connections: plan.connections, channels: 1, duration: plan.duration, window };
        let relay_before = relay.cpu()?;
        let run = shares::run(target, pressure, Some(pool)).await?;
        let relay_cpu = relay.cpu()?.saturating_sub(relay_before).as_secs_f64() * 1e3;
        let accepted = run.get("shares_accepted").unwrap_or_default();
        ensure!(accepted > 0.0, "no share was accepted:\n{run}");
        let each = |milliseconds: f64| (milliseconds * 1e5 / accepted).round() / 100.0;
        let cpu = run.get("server_cpu_ms").context("no processor time")?;
        report.add(format!("{name}_{how}_shares_accepted"), accepted);
        report.add(format!("{name}_{how}_pool_cpu_us_per_share"), each(cpu));
        report.add(format!("{name}_{how}_relay_cpu_us_per_share"), each(relay_cpu));
    }
    Ok(())
}

fn server(process: &Process) -> Result<Server> {
    Server::new(process.pid()?)
}
