//! Connections that come and go, and what memory they leave behind.

use super::{Crowd, Report, Server, Target, report::kib, report::milliseconds};
use anyhow::Result;
use std::time::{Duration, Instant};

/// Pause after each wave, for the pool to notice that everyone has gone.
const SETTLE: Duration = Duration::from_millis(1000);

/// Opens `connections` connections with a channel each, closes them all, and does so
/// `waves` times, with a look at the server's memory after each.
///
/// # Errors
/// When connections break or the server's process ends.
pub async fn run(target: &Target, connections: usize, waves: usize, server: Server) -> Result<Report> {
    let mut report = Report::default();
    report.add("connections_per_wave", connections as f64);
    let before = server.memory()?;
    report.add("memory_before_kib", kib(before));
    let (start, cpu_before) = (Instant::now(), server.cpu()?);
    let mut after_first = before;
    let mut after_last = before;
    for wave in 1..=waves {
        let crowd = Crowd::gather(target, connections, 1).await?;
        drop(crowd);
        tokio::time::sleep(SETTLE).await;
        after_last = server.memory()?;
        if wave == 1 {
            after_first = after_last;
        }
        report.add(format!("memory_after_wave_{wave}_kib"), kib(after_last));
    }
    report.add("memory_after_first_wave_kib", kib(after_first));
    report.add("memory_after_last_wave_kib", kib(after_last));
    report.add("duration_ms", milliseconds(start.elapsed()));
    let handled = (connections * waves).max(1) as f64;
    report.add("server_cpu_per_connection_ms", milliseconds(server.cpu()? - cpu_before) / handled);
    Ok(report)
}
