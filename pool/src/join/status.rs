//! What `punchbowl join` is doing, for people and scripts: counters that tasks add to, and
//! a small JSON made of them when somebody looks.

mod serve;

pub use serve::{StatusError, serve_http, write_file};

use crate::check::CheckStatus;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use tokio::sync::watch;

/// Counters and the state of the way up.
#[derive(Debug)]
pub struct JoinStatus {
    /// Written by the uplink alone.
    pub(super) uplink: watch::Sender<UplinkState>,
    aggregated: bool,
    pub(super) sv1: AtomicU64,
    pub(super) sv2: AtomicU64,
    pub(super) accepted: AtomicU64,
    pub(super) below_pool_difficulty: AtomicU64,
    pub(super) refused: AtomicU64,
    refused_here: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) in_flight: AtomicU64,
    heat_miners: AtomicU64,
    heat_shares: AtomicU64,
    /// How the check of each pool's ledger stands.
    checks: OnceLock<Vec<watch::Receiver<CheckStatus>>>,
}

/// The way up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UplinkState {
    /// Whether there is a connection to a pool.
    pub connected: bool,
    /// Which pool of the list is dialled or served by, the first being 1.
    pub pool: usize,
    /// How it is dialled.
    pub uri: String,
    /// `tcp`, `iroh-lan`, `iroh-direct`, `iroh-relayed`.
    pub path: Option<&'static str>,
    /// What went wrong last, while there is no connection.
    pub fault: Option<String>,
    /// Connections lost so far.
    pub outages: u64,
}

/// Everything, as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct JoinSnapshot {
    /// In a sentence.
    pub summary: String,
    /// `one channel per miner` or `aggregated`.
    pub mode: &'static str,
    /// The way up.
    pub upstream: UplinkState,
    /// Connected miners by protocol.
    pub miners: MinerCounts,
    /// Shares since the start.
    pub shares: ShareCounts,
    /// Work that pays nobody.
    pub heat: HeatCounts,
    /// How the check of this pool's ledger stands, if it is checked.
    pub pool_check: Option<CheckStatus>,
}

/// Connected miners.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct MinerCounts {
    /// Stratum V1.
    pub sv1: u64,
    /// Stratum V2.
    pub sv2: u64,
}

/// What became of shares.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ShareCounts {
    /// Accepted by the pool.
    pub accepted: u64,
    /// Good for the miner's difficulty, but below the pool's: acknowledged here and not sent
    /// (aggregated only).
    pub below_pool_difficulty: u64,
    /// Refused by the pool.
    pub refused: u64,
    /// Refused here, because they could not be valid.
    pub refused_here: u64,
    /// Under way when the pool went away for good; their miners were told.
    pub lost: u64,
    /// Without an answer so far.
    pub in_flight: u64,
}

/// Mining for warmth alone.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct HeatCounts {
    /// Whether any miner does.
    pub on: bool,
    /// How many do.
    pub miners: u64,
    /// What they have sent since they began; never paid, and never sent on.
    pub shares: u64,
}

impl JoinStatus {
    /// Nothing has happened yet.
    pub fn new(aggregated: bool) -> Arc<JoinStatus> {
        Arc::new(JoinStatus {
            uplink: watch::Sender::default(),
            aggregated,
            sv1: AtomicU64::default(),
            sv2: AtomicU64::default(),
            accepted: AtomicU64::default(),
            below_pool_difficulty: AtomicU64::default(),
            refused: AtomicU64::default(),
            refused_here: AtomicU64::default(),
            lost: AtomicU64::default(),
            in_flight: AtomicU64::default(),
            checks: OnceLock::new(),
            heat_miners: AtomicU64::default(),
            heat_shares: AtomicU64::default(),
        })
    }

    /// The pool has judged a share that was under way.
    pub(super) fn judged(&self, accepted: bool) {
        self.in_flight.fetch_sub(1, Relaxed);
        let count = if accepted { &self.accepted } else { &self.refused };
        count.fetch_add(1, Relaxed);
    }

    /// Nobody will judge these shares any more.
    pub(super) fn lose(&self, shares: usize) {
        let shares = shares as u64;
        self.in_flight.fetch_sub(shares, Relaxed);
        self.lost.fetch_add(shares, Relaxed);
    }

    /// A share was refused before it came to the pool.
    pub(super) fn refused_here(&self) {
        self.refused_here.fetch_add(1, Relaxed);
    }

    /// Where it is read how each pool's check stands. Once.
    pub(super) fn set_checks(&self, checks: Vec<watch::Receiver<CheckStatus>>) {
        // A second time there would be nothing new.
        let _ = self.checks.set(checks);
    }

    /// How it stands now.
    pub fn snapshot(&self) -> JoinSnapshot {
        let upstream = self.uplink.borrow().clone();
        let heat_miners = self.heat_miners.load(Relaxed);
        let summary = match (&upstream.connected, heat_miners) {
            (true, _) => format!("mining at pool {}", upstream.pool),
            (false, 0) => "no pool at present; miners stay connected".to_owned(),
            (false, count) => {
                format!("no pool at present; {count} miners work for warmth alone, which pays nobody")
            }
        };
        let checks = self.checks.get().map(Vec::as_slice).unwrap_or_default();
        let check = checks.get(upstream.pool.wrapping_sub(1)).map(|check| check.borrow().clone());
        let summary = match &check {
            Some(check) if check.wrong > 0 => format!("{}; {summary}", check.words()),
            _ => summary,
        };
        JoinSnapshot {
            pool_check: check,
            summary,
            mode: if self.aggregated { "aggregated" } else { "one channel per miner" },
            upstream,
            miners: MinerCounts { sv1: self.sv1.load(Relaxed), sv2: self.sv2.load(Relaxed) },
            shares: ShareCounts {
                accepted: self.accepted.load(Relaxed),
                below_pool_difficulty: self.below_pool_difficulty.load(Relaxed),
                refused: self.refused.load(Relaxed),
                refused_here: self.refused_here.load(Relaxed),
                lost: self.lost.load(Relaxed),
                in_flight: self.in_flight.load(Relaxed),
            },
            heat: HeatCounts {
                on: heat_miners > 0,
                miners: heat_miners,
                shares: self.heat_shares.load(Relaxed),
            },
        }
    }
}

/// One miner's part in the heat counters; it takes itself out when it is dropped.
#[derive(Debug)]
pub(super) struct HeatGauge {
    status: Arc<JoinStatus>,
    told: Option<u64>,
}

impl HeatGauge {
    pub(super) fn new(status: Arc<JoinStatus>) -> HeatGauge {
        HeatGauge { status, told: None }
    }

    /// The miner works for warmth and has sent so many shares so, or does not.
    pub(super) fn set(&mut self, shares: Option<u64>) {
        if shares == self.told {
            return;
        }
        let (before, now) = (self.told.unwrap_or(0), shares.unwrap_or(0));
        match (self.told, shares) {
            (None, Some(_)) => self.status.heat_miners.fetch_add(1, Relaxed),
            (Some(_), None) => self.status.heat_miners.fetch_sub(1, Relaxed),
            _ => 0,
        };
        // What was sent for warmth stays counted when it is over.
        self.status.heat_shares.fetch_add(now.saturating_sub(before), Relaxed);
        self.told = shares;
    }
}

impl Drop for HeatGauge {
    fn drop(&mut self) {
        self.set(None);
    }
}

/// Holds a place in a counter of what is there now.
#[derive(Debug)]
pub(super) struct Present<'a>(&'a AtomicU64);

impl Present<'_> {
    pub(super) fn in_count(count: &AtomicU64) -> Present<'_> {
        count.fetch_add(1, Relaxed);
        Present(count)
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_miner_counts_as_heating_only_while_it_does_and_what_it_sent_stays_counted() {
        let status = JoinStatus::new(false);
        let mut gauge = HeatGauge::new(status.clone());
        gauge.set(Some(0));
        gauge.set(Some(3));
        let heat = status.snapshot().heat;
        assert_eq!((heat.on, heat.miners, heat.shares), (true, 1, 3));
        gauge.set(None);
        gauge.set(Some(1));
        drop(gauge);
        let snapshot = status.snapshot();
        assert_eq!((snapshot.heat.on, snapshot.heat.miners, snapshot.heat.shares), (false, 0, 4));
        assert!(snapshot.summary.contains("no pool at present"));
    }
}
