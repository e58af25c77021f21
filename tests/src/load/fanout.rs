//! How long a new block takes to reach everyone.

use super::{Crowd, Member, Report, Server, Target, report::milliseconds};
use crate::rpc;
use anyhow::{Context, Result, ensure};
use mining_sv2::MESSAGE_TYPE_MINING_SET_NEW_PREV_HASH;
use serde_json::json;
use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tokio::{sync::mpsc, task::JoinSet, time::timeout};

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Connections with one channel each, idle.
    pub connections: usize,
    /// Blocks to make, one after another.
    pub blocks: usize,
    /// How to make one.
    pub new_block: NewBlock,
}

/// A way to make a block.
#[derive(Clone, Debug)]
pub enum NewBlock {
    /// Ask a test node (see [`rpc`]) with this RPC port.
    Rpc(u16),
    /// Run this line in a shell.
    Command(String),
}

/// How long everyone together may take.
const LONGEST: Duration = Duration::from_secs(30);
/// Pause after each block, for the templates that follow it.
const SETTLE: Duration = Duration::from_millis(700);

/// Runs the measurement.
///
/// # Errors
/// When connections break, or a block does not reach everyone.
pub async fn run(target: &Target, plan: Plan, server: Option<Server>) -> Result<Report> {
    let crowd = Crowd::gather(target, plan.connections, 1).await?;
    let (arrived, mut arrivals) = mpsc::channel(plan.connections.max(1));
    let mut watchers = JoinSet::new();
    for member in crowd.members {
        watchers.spawn_local(watch(member, arrived.clone()));
    }
    drop(arrived);
    tokio::time::sleep(SETTLE).await;

    let myself = Server::new(std::process::id())?;
    let mut report = Report::default();
    report.add("connections", plan.connections as f64);
    let (mut firsts, mut medians, mut lasts) = (Vec::new(), Vec::new(), Vec::new());
    for block in 1..=plan.blocks {
        while arrivals.try_recv().is_ok() {} // of blocks that were not ours
        let cpu_before = server.map(Server::cpu).transpose()?;
        let own_cpu_before = myself.cpu()?;
        let start = Instant::now();
        let made = tokio::task::spawn_local(plan.new_block.clone().make());
        let mut waited = Vec::with_capacity(plan.connections);
        while waited.len() < plan.connections {
            let arrival = timeout(LONGEST, arrivals.recv())
                .await
                .with_context(|| {
                    format!("block {block} reached {} of {} connections", waited.len(), plan.connections)
                })?
                .with_context(|| format!("all connections broke at block {block}"))?;
            waited.push(arrival.saturating_duration_since(start));
        }
        made.await??;
        waited.sort_unstable();
        let (first, median, last) = (waited[0], waited[waited.len() / 2], waited[waited.len() - 1]);
        report.add(format!("block_{block}_first_ms"), milliseconds(first));
        report.add(format!("block_{block}_median_ms"), milliseconds(median));
        report.add(format!("block_{block}_last_ms"), milliseconds(last));
        firsts.push(first);
        medians.push(median);
        lasts.push(last);
        // Part of the wait is this program's own doing, on the same cores.
        report.add(format!("block_{block}_load_cpu_ms"), milliseconds(myself.cpu()? - own_cpu_before));
        tokio::time::sleep(SETTLE).await;
        if let Some((after, before)) = server.map(Server::cpu).transpose()?.zip(cpu_before) {
            report.add(format!("block_{block}_server_cpu_ms"), milliseconds(after - before));
        }
    }
    for (name, mut times) in [("first", firsts), ("median", medians), ("last", lasts)] {
        times.sort_unstable();
        report
            .add(format!("{name}_ms"), milliseconds(times.get(times.len() / 2).copied().unwrap_or_default()));
    }
    Ok(report)
}

/// Reports the moment of every SetNewPrevHash until the connection ends.
async fn watch(mut member: Member, arrived: mpsc::Sender<Instant>) {
    while let Ok(Some(frame)) = member.wire.next_frame().await {
        if frame.header.msg_type != MESSAGE_TYPE_MINING_SET_NEW_PREV_HASH {
            continue;
        }
        if arrived.send(Instant::now()).await.is_err() {
            return;
        }
    }
}

impl NewBlock {
    async fn make(self) -> Result<()> {
        match self {
            NewBlock::Rpc(port) => {
                rpc::call(port, "generatetodescriptor", json!([1, "raw(51)", 100_000_000])).await.map(drop)
            }
            NewBlock::Command(line) => {
                let status = tokio::task::spawn_blocking(move || {
                    Command::new("sh").args(["-c", &line]).stdin(Stdio::null()).stdout(Stdio::null()).status()
                });
                ensure!(status.await??.success(), "the command that makes a block failed");
                Ok(())
            }
        }
    }
}
