//! What the [`Watcher`](super::Watcher) looks at: the pool at one moment, in the few facts
//! that can be news.

use super::event::BlockNews;
use crate::status::{BlockRecord, LedgerCheck, StatusSnapshot};
use std::collections::BTreeMap;
use std::time::Duration;

/// The pool at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// Why there are no templates; none while there are.
    pub source_trouble: Option<String>,
    /// The template's height and age; none before the first.
    pub template: Option<(u32, Duration)>,
    /// How the ledger fares.
    pub ledger: LedgerView,
    /// What the pool's own check of it found wrong; none while nothing is.
    pub ledger_wrong: Option<String>,
    /// What each worker with an open channel has done on the channels that it has now, by
    /// `member.worker`.
    pub workers: BTreeMap<String, WorkerView>,
    /// The best share ever.
    pub best: Option<BestView>,
    /// Accepted and refused shares of all.
    pub shares: (u64, u64),
    /// The newest blocks, oldest first.
    pub blocks: Vec<BlockView>,
}

/// A block that the pool found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockView {
    /// How long ago.
    pub ago: Duration,
    /// What there is to tell.
    pub news: BlockNews,
}

/// How the ledger fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LedgerView {
    /// Well.
    #[default]
    Working,
    /// The disk takes nothing; what to do.
    Stalled(String),
    /// It cannot be written any more.
    Failed(String),
}

/// What a worker has done on the channels that it has now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct WorkerView {
    /// Accepted shares.
    pub accepted: u64,
    /// Refused shares.
    pub rejected: u64,
    /// Sum of the credited difficulties.
    pub difficulty: f64,
}

/// The best share ever.
#[derive(Clone, Debug, PartialEq)]
pub struct BestView {
    /// Its difficulty.
    pub difficulty: f64,
    /// Who found it.
    pub worker: String,
    /// What a block takes.
    pub network_difficulty: Option<f64>,
}

impl View {
    /// The view of `snapshot`, taken at `time` seconds since the Unix epoch.
    pub fn of(snapshot: &StatusSnapshot, time: u64) -> View {
        let source = &snapshot.source;
        let trouble = || source.detail.clone().unwrap_or_else(|| format!("the source is {}", source.state));
        let ledger = snapshot.ledger.as_ref();
        let advice = |detail: Option<&'static str>| detail.unwrap_or("see the log").to_owned();
        View {
            source_trouble: (source.state != "serving").then(trouble),
            template: snapshot.template.as_ref().map(|template| {
                let age = Duration::try_from_secs_f64(template.age_seconds).unwrap_or_default();
                (template.height, age)
            }),
            ledger: match ledger {
                Some(ledger) if ledger.state == "stalled" => LedgerView::Stalled(advice(ledger.detail)),
                Some(ledger) if ledger.state == "failed" => LedgerView::Failed(advice(ledger.detail)),
                _ => LedgerView::Working,
            },
            ledger_wrong: ledger.and_then(|ledger| ledger.check.as_ref()).and_then(LedgerCheck::trouble),
            workers: workers(snapshot),
            best: None,
            shares: (snapshot.shares.accepted, snapshot.shares.rejected.values().sum()),
            blocks: snapshot.blocks.iter().rev().map(|block| BlockView::of(block, time)).collect(),
        }
    }
}

impl BlockView {
    fn of(block: &BlockRecord, time: u64) -> BlockView {
        let news = BlockNews {
            height: block.height,
            hash: block.hash.clone(),
            worker: worker_name(&block.member, &block.worker),
            value: block.paid.iter().map(|(_, satoshi)| satoshi).sum(),
            state: block.state,
            // How the node was told, until there is more to say.
            detail: match block.state {
                "settled" | "orphaned" => block.status.clone(),
                _ => block.detail.clone(),
            },
        };
        BlockView { ago: Duration::from_secs(time.saturating_sub(block.found_at)), news }
    }
}

/// What each worker has done on its open channels.
fn workers(snapshot: &StatusSnapshot) -> BTreeMap<String, WorkerView> {
    let mut workers: BTreeMap<String, WorkerView> = BTreeMap::new();
    let mut add = |name: String, accepted: u64, rejected: u64, difficulty: f64| {
        let worker = workers.entry(name).or_default();
        worker.accepted += accepted;
        worker.rejected += rejected;
        worker.difficulty += difficulty;
    };
    for channel in snapshot.connections.iter().flat_map(|connection| &connection.channels) {
        let report = channel.report.clone().unwrap_or_default();
        let member = &channel.info.member;
        if report.workers.is_empty() {
            let name = worker_name(member, &channel.info.worker);
            add(name, report.accepted, report.rejected, report.difficulty);
        }
        for worker in &report.workers {
            let name = worker_name(member, &worker.name);
            add(name, worker.accepted, worker.rejected, worker.difficulty);
        }
    }
    workers
}

/// `member.worker`, or the member alone where it has but one. An address of a solo member is
/// cut short in the middle: nobody reads the whole of it.
pub fn worker_name(member: &str, worker: &str) -> String {
    const SHOWN: usize = 8;
    let letters: Vec<char> = member.chars().collect();
    let member = match (letters.get(..SHOWN), letters.get(letters.len().saturating_sub(SHOWN)..)) {
        (Some(start), Some(end)) if letters.len() > 2 * SHOWN + 16 => {
            format!("{}..{}", String::from_iter(start), String::from_iter(end))
        }
        _ => member.to_owned(),
    };
    match (member.is_empty(), worker.is_empty()) {
        (true, true) => "a nameless worker".into(),
        (_, true) => member,
        (true, _) => worker.to_owned(),
        _ => format!("{member}.{worker}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::status::snapshot::fake;
    use crate::status::{ChannelInfo, ChannelReport, Path, WorkerReport};
    use std::time::Instant;

    #[test]
    fn channels_of_one_worker_are_added_up_and_workers_of_one_channel_told_apart() {
        let now = Instant::now();
        let (observed, _) = fake::observed(now);
        let guard = observed.status.connections.opened_at(Path::Tcp(([127, 0, 0, 1], 1).into()), now);
        let info = |id| ChannelInfo {
            id,
            kind: "extended",
            member: "ann".into(),
            worker: "rig".into(),
            class: None,
        };
        let report = |accepted| ChannelReport { accepted, difficulty: 2.0, ..ChannelReport::default() };
        for id in [1, 2, 3] {
            guard.channel_opened(info(id));
        }
        guard.report_channel(1, report(5));
        guard.report_channel(2, report(7));
        let of = |name: &str| WorkerReport { name: name.into(), accepted: 1, ..WorkerReport::default() };
        guard.report_channel(3, ChannelReport { workers: vec![of("a"), of("b")], ..report(2) });
        let view = View::of(&observed.snapshot(now, 10), 0);
        let names: Vec<&str> = view.workers.keys().map(String::as_str).collect();
        assert_eq!(names, ["ann.a", "ann.b", "ann.rig"]);
        assert_eq!(view.workers["ann.rig"], WorkerView { accepted: 12, rejected: 0, difficulty: 4.0 });
        assert_eq!(view.source_trouble.as_deref(), Some("no node"));
    }

    #[test]
    fn a_long_address_is_cut_in_the_middle_and_a_name_is_not() {
        assert_eq!(worker_name("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "s9"), "bc1qw508..7kv8f3t4.s9");
        assert_eq!(worker_name("ann", ""), "ann");
        assert_eq!(worker_name("", "é"), "é");
    }
}
