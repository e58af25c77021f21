//! How long a new block takes to reach everyone.
//!
//! A client has the new block when a read of its socket has returned the last byte of
//! its `SetNewPrevHash`. The clients share the pool's cores, which real ones do not; so
//! while the clock runs they do no more than that: they look for arrivals every
//! [`LOOK`], and decrypt them when everyone has got something.

use super::{Crowd, Member, Report, Server, Target, report::milliseconds};
use crate::rpc;
use anyhow::{Context, Result, anyhow, ensure};
use mining_sv2::MESSAGE_TYPE_MINING_SET_NEW_PREV_HASH;
use serde_json::json;
use std::{
    future::ready,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tokio::{runtime, task::yield_now};

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
/// How often arrivals are looked for while the clock runs. Nobody sleeps on the sockets
/// meanwhile, so that the pool's writes need not wake anyone.
const LOOK: Duration = Duration::from_micros(500);

/// Runs the measurement.
///
/// # Errors
/// When connections break, or a block does not reach everyone.
pub async fn run(target: &Target, plan: Plan, server: Option<Server>) -> Result<Report> {
    let mut crowd = Crowd::gather(target, plan.connections, 1).await?;
    settle(&mut crowd).await?;

    let myself = Server::new(std::process::id())?;
    let mut report = Report::default();
    report.add("connections", plan.connections as f64);
    let (mut firsts, mut medians, mut lasts) = (Vec::new(), Vec::new(), Vec::new());
    for block in 1..=plan.blocks {
        let cpu_before = server.map(Server::cpu).transpose()?;
        let own_cpu_before = myself.cpu()?;
        let made = plan.new_block.clone().make();
        let arrivals = await_arrivals(&mut crowd).await.with_context(|| format!("block {block}"))?;
        let start = made.join().map_err(|_| anyhow!("making block {block} panicked"))??;
        let mut waited: Vec<Duration> =
            arrivals.iter().map(|arrival| arrival.saturating_duration_since(start)).collect();
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
        settle(&mut crowd).await?;
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

/// When each of the crowd had its `SetNewPrevHash`; waits for all of them.
async fn await_arrivals(crowd: &mut Crowd) -> Result<Vec<Instant>> {
    let deadline = Instant::now() + LONGEST;
    let everyone = crowd.members.len();
    let mut arrivals = Vec::with_capacity(everyone);
    let mut scratch = vec![0; 64 * 1024];
    let mut missing: Vec<&mut Member> = crowd.members.iter_mut().collect();
    while !missing.is_empty() {
        ensure!(Instant::now() < deadline, "it reached {} of {everyone} connections", arrivals.len());
        thread::sleep(LOOK);
        yield_now().await; // the runtime asks the system which sockets have news
        let mut silent = 0;
        for member in &mut missing {
            member.wire.take_in(&mut scratch)?;
            silent += usize::from(!member.wire.has_taken_in());
        }
        if silent > 0 {
            continue;
        }
        let mut still_missing = Vec::new();
        for member in missing {
            match prev_hash_taken_in(member).await? {
                Some(arrival) => arrivals.push(arrival),
                None => still_missing.push(member),
            }
        }
        missing = still_missing;
    }
    Ok(arrivals)
}

/// Opens what a member has received; when its `SetNewPrevHash` came if there is one.
async fn prev_hash_taken_in(member: &mut Member) -> Result<Option<Instant>> {
    let mut arrival = None;
    loop {
        let frame = tokio::select! {
            biased;
            frame = member.wire.next_frame() => frame?.context("the pool closed a connection")?,
            () = ready(()) => return Ok(arrival),
        };
        if frame.header.msg_type == MESSAGE_TYPE_MINING_SET_NEW_PREV_HASH {
            arrival = arrival.or(Some(member.wire.received_last_at()));
        }
    }
}

/// Lets what follows a block come, and reads it all.
async fn settle(crowd: &mut Crowd) -> Result<()> {
    tokio::time::sleep(SETTLE).await;
    for member in &mut crowd.members {
        prev_hash_taken_in(member).await?;
    }
    Ok(())
}

impl NewBlock {
    /// Makes one, on a thread of its own: this one sleeps between its looks. Says when it
    /// asked for it.
    fn make(self) -> thread::JoinHandle<Result<Instant>> {
        thread::spawn(move || match self {
            NewBlock::Rpc(port) => {
                let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
                let start = Instant::now();
                let call = rpc::call(port, "generatetodescriptor", json!([1, "raw(51)", 100_000_000]));
                runtime.block_on(call)?;
                Ok(start)
            }
            NewBlock::Command(line) => {
                let mut command = Command::new("sh");
                command.args(["-c", &line]).stdin(Stdio::null()).stdout(Stdio::null());
                let start = Instant::now();
                ensure!(command.status()?.success(), "the command that makes a block failed");
                Ok(start)
            }
        })
    }
}
