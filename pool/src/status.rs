//! What the pool is doing, for people and machines that look at it.
//!
//! Those who work only count: a connection's task writes its own counters, which
//! nobody else writes, and takes a lock only when it or a channel opens or closes.
//! Whoever looks pays: [`Observed::snapshot`] adds everything up.

pub mod blocks;
pub mod books;
pub mod connections;
pub mod counters;
pub mod heat;
pub mod labels;
pub mod ledger_check;
pub mod outages;
pub mod payout;
pub mod refusals;
pub mod relays;
pub mod snapshot;
pub mod window;

pub use blocks::{BlockRecord, Blocks};
pub use connections::{ChannelInfo, ChannelReport, ConnectionGuard, Connections, Path, WorkerReport};
pub use counters::{CloseReason, Counter, Counters};
pub use heat::{Heat, HeatSnapshot};
pub use ledger_check::LedgerCheck;
pub use outages::Outages;
pub use payout::{PayoutKeeper, PayoutSnapshot};
pub use refusals::Refusals;
pub use snapshot::{Observed, StatusSnapshot};
pub use window::{WindowKeeper, WindowSnapshot};

use std::sync::Arc;
use std::time::Instant;

/// Everything that is counted. One per process, shared by `Arc`.
#[derive(Debug)]
pub struct Status {
    /// Live connections and what they did.
    pub connections: Connections,
    /// Rare events.
    pub counters: Counters,
    /// Channels whose connection died.
    pub outages: Outages,
    /// The newest blocks.
    pub blocks: Blocks,
    /// Where the host's blocks are paid.
    pub payout: payout::ShownPayout,
    /// The window that payouts are computed from.
    pub window: window::ShownWindow,
    /// What came of the pool's check of its own ledger.
    pub ledger_check: ledger_check::ShownCheck,
    /// Work that pays nobody.
    pub heat: Arc<Heat>,
    started: Instant,
}

impl Status {
    /// Nothing has happened yet; `now` is when the pool started.
    pub fn new(now: Instant) -> Arc<Status> {
        Arc::new(Status {
            connections: Connections::default(),
            counters: Counters::default(),
            outages: Outages::default(),
            blocks: Blocks::default(),
            payout: payout::ShownPayout::default(),
            window: window::ShownWindow::default(),
            ledger_check: ledger_check::ShownCheck::default(),
            heat: Arc::default(),
            started: now,
        })
    }
}
