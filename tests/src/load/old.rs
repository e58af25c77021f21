//! What a Stratum V1 miner costs: memory while it is connected, processor time while it mines.

use super::{Report, Server, report::kib, report::milliseconds};
use crate::Sv1Miner;
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How many, where and for how long.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where they connect.
    pub address: SocketAddr,
    /// How many there are.
    pub miners: usize,
    /// How long they mine.
    pub duration: Duration,
    /// Shares that each sends a minute.
    pub shares_per_minute: f64,
}

/// How many may be in the middle of their hello at a time.
const AT_A_TIME: usize = 64;

/// Connects the miners, lets them mine and reports what that cost.
///
/// # Errors
/// When a connection breaks or the server's process ends.
pub async fn run(plan: &Plan, user: &str, server: Server) -> Result<Report> {
    let before = server.memory()?;
    let start = Instant::now();
    let gate = Arc::new(Semaphore::new(AT_A_TIME));
    let mut arriving = JoinSet::new();
    for number in 0..plan.miners {
        let (gate, address) = (gate.clone(), plan.address);
        let name = format!("{user}{number}");
        arriving.spawn_local(async move {
            let _turn = gate.acquire().await?;
            Sv1Miner::mining(address, "cpuminer/of the load generator", &name).await
        });
    }
    let mut miners = Vec::with_capacity(plan.miners);
    while let Some(miner) = arriving.join_next().await {
        miners.push(miner?.with_context(|| format!("miner {}", miners.len() + 1))?);
    }
    let gathered = start.elapsed();
    let (idle, cpu_before, mining_since) = (server.memory()?, server.cpu()?, Instant::now());

    let mut mining = JoinSet::new();
    for (number, miner) in miners.into_iter().enumerate() {
        let plan = plan.clone();
        mining.spawn_local(async move { mine(miner, number, &plan).await });
    }
    let mut judged = 0u64;
    while let Some(count) = mining.join_next().await {
        judged += count??;
    }
    let (seconds, cpu) = (mining_since.elapsed().as_secs_f64(), server.cpu()?.saturating_sub(cpu_before));
    let after = server.memory()?;

    let count = plan.miners.max(1) as f64;
    let each = |bytes: u64| (kib(bytes.saturating_sub(before)) / count * 10.0).round() / 10.0;
    let mut report = Report::default();
    report.add("miners", plan.miners as f64);
    report.add("all_mining_after_ms", milliseconds(gathered));
    report.add("memory_before_kib", kib(before));
    report.add("memory_per_miner_kib", each(idle));
    report.add("memory_per_miner_at_the_end_kib", each(after));
    report.add("seconds", seconds.round());
    report.add("shares_judged", judged as f64);
    report.add("cpu_ms_per_miner_and_minute", cpu.as_secs_f64() * 1e3 / count / (seconds / 60.0));
    report.add("cpu_percent_of_a_core", (cpu.as_secs_f64() / seconds * 1e3).round() / 10.0);
    Ok(report)
}

/// Sends a guess every now and then; how many there were. The miners' turns are spread out.
async fn mine(mut miner: Sv1Miner, number: usize, plan: &Plan) -> Result<u64> {
    let end = Instant::now() + plan.duration;
    if plan.shares_per_minute <= 0.0 {
        tokio::time::sleep_until(end.into()).await;
        return Ok(0);
    }
    let pause = Duration::from_secs_f64(60.0 / plan.shares_per_minute);
    let mut next = Instant::now() + pause.mul_f64(number as f64 / plan.miners.max(1) as f64);
    let mut judged = 0;
    while next < end {
        tokio::time::sleep_until(next.into()).await;
        let share = miner.guess()?;
        // Nearly always a refusal, which is a judgement too.
        let _ = miner.submit(&share).await;
        judged += 1;
        next += pause;
    }
    tokio::time::sleep_until(end.into()).await;
    Ok(judged)
}
