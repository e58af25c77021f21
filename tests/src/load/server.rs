//! What the pool's process costs, read from `/proc`.

use anyhow::{Context, Result};
use std::{fs, time::Duration};

/// A process on this machine.
#[derive(Clone, Copy, Debug)]
pub struct Server {
    pid: u32,
}

/// Linux counts processor time in hundredths of a second, whatever the kernel's clock.
const TICKS_PER_SECOND: u64 = 100;

impl Server {
    /// The process `pid`.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn new(pid: u32) -> Result<Server> {
        let server = Server { pid };
        server.cpu()?;
        Ok(server)
    }

    /// Processor time that it has used so far, user and system, all threads.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn cpu(self) -> Result<Duration> {
        let stat = self.read("stat")?;
        // The name in parentheses may hold spaces; utime and stime are the 12th and 13th
        // fields after it.
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields).context("odd /proc stat")?;
        let ticks: u64 =
            fields.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
    }

    /// Memory that it holds (resident), in bytes.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn memory(self) -> Result<u64> {
        let status = self.read("status")?;
        let kib = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|number| number.parse::<u64>().ok())
            .context("no VmRSS in /proc status")?;
        Ok(kib * 1024)
    }

    fn read(self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.pid);
        fs::read_to_string(&path).with_context(|| format!("the pool's process is gone: cannot read {path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_processor_time() {
        let me = Server::new(std::process::id()).unwrap();
        assert!(me.memory().unwrap() > 100_000);
        let before = me.cpu().unwrap();
        let mut sum = 0u64;
        while me.cpu().unwrap() == before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
    }
}
