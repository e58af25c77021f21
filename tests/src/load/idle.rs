//! What a connection costs that does nothing.

use super::{Crowd, Report, Server, Target, report::kib, report::milliseconds};
use anyhow::Result;
use std::time::{Duration, Instant};

/// Opens `connections` connections with one channel each, holds them for `hold`, and
/// reports the memory that they take.
///
/// # Errors
/// When connections break or the server's process ends.
pub async fn run(target: &Target, connections: usize, hold: Duration, server: Server) -> Result<Report> {
    let before = server.memory()?;
    let start = Instant::now();
    let crowd = Crowd::gather(target, connections, 1).await?;
    let gathered = start.elapsed();
    tokio::time::sleep(hold).await;
    let during = server.memory()?;
    drop(crowd);

    let mut report = Report::default();
    report.add("connections", connections as f64);
    report.add("all_connected_after_ms", milliseconds(gathered));
    report.add("memory_before_kib", kib(before));
    report.add("memory_with_connections_kib", kib(during));
    let each = kib(during.saturating_sub(before)) / connections.max(1) as f64;
    report.add("memory_per_connection_kib", (each * 10.0).round() / 10.0);
    Ok(report)
}
