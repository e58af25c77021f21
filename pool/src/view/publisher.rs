//! The task that puts the [`View`] together and publishes it.

use super::blocks::{BlockView, luck};
use super::check::{CheckView, HeadView, hex};
use super::coinbase::CoinbaseView;
use super::leaderboard::Leaderboard;
use super::luck::Odds;
use super::members::{Live, LiveWorker, MemberView, WorkerView, label};
use super::next_block;
use super::pool::{PoolBest, PoolView, RoundView};
use super::{ShareView, TemplateView, View};
use crate::history::follower::Known;
use crate::history::{Bests, Following, MemberTally, Windows, WorkerTally};
use crate::job::board::JobBoard;
use crate::payout::PayoutMode;
use crate::status::refusals::Reasons;
use crate::status::{Observed, StatusSnapshot};
use p2p::AuthorityKey;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use work::Target;

/// What the view is of.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Connections, counters, template.
    pub observed: Observed,
    /// What the ledger tells.
    pub history: Following,
    /// How blocks are paid.
    pub payouts: Arc<PayoutMode>,
    /// Where jobs are had; none in tests without.
    pub jobs: Option<JobBoard>,
    /// The key that signs the ledger.
    pub authority: AuthorityKey,
}

/// Connections that are looked at one by one.
const CONNECTIONS: usize = 10_000;
const EVERY: Duration = Duration::from_secs(1);
/// Of each hundred seconds, this many at most are spent on views.
const SHARE_OF_TIME: u32 = 3;

/// Publishes views of `scene` until `shutdown` is cancelled. The first is there at once.
pub fn start(scene: Scene, shutdown: CancellationToken) -> watch::Receiver<Arc<View>> {
    let first = scene.compose(0, Vec::new(), &BTreeMap::new());
    let (publish, published) = watch::channel(Arc::new(first));
    tokio::spawn(async move {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = scene.publish(publish) => {}
        }
    });
    published
}

impl Scene {
    async fn publish(self, to: watch::Sender<Arc<View>>) {
        for number in 1.. {
            let started = Instant::now();
            let last = to.borrow().clone();
            let (mut coinbases, mut payments) = (Vec::new(), BTreeMap::new());
            if let Some(board) = &self.jobs {
                let (payouts, members) = (&self.payouts, &last.members);
                coinbases = next_block::coinbases(payouts, board, self.observed.network, members).await;
                payments = next_block::payments(payouts, board, members).await;
            }
            to.send_replace(Arc::new(self.compose(number, coinbases, &payments)));
            let took = started.elapsed();
            tokio::time::sleep(EVERY.max(took * (100 / SHARE_OF_TIME))).await;
        }
    }

    fn compose(&self, number: u64, coinbases: Vec<CoinbaseView>, payments: &BTreeMap<Arc<str>, u64>) -> View {
        let time = unix_now();
        let status = self.observed.snapshot(Instant::now(), CONNECTIONS);
        let template = self.template(&status);
        let network_difficulty = template.as_ref().map_or(0.0, |template| template.network_difficulty);
        let live = Live::of(&status);
        let refusals = self.observed.status.connections.refusals().all();
        let known = self.history.known();
        let round_shares = |member: &str| {
            let open = known.tally.members.get(member).map(|member| member.open).unwrap_or_default();
            let closed = known.round.closed.get(member).copied().unwrap_or_default();
            (open.shares + closed.shares, open.work + closed.work)
        };
        let names: BTreeSet<&Arc<str>> = known
            .tally
            .members
            .keys()
            .chain(known.round.closed.keys())
            .chain(live.0.keys())
            .chain(refusals.keys())
            .collect();
        let no_refusals = BTreeMap::new();
        let all = names.iter().map(|name| round_shares(name));
        let (shares, work) = all.fold((0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let mut members: Vec<MemberView> = names
            .iter()
            .map(|name| {
                let (round_shares, round_work) = round_shares(name);
                MemberView {
                    round_shares,
                    round_work,
                    round_part: if work > 0.0 { round_work / work } else { 0.0 },
                    ..member(
                        name,
                        &known,
                        live.0.get(*name),
                        refusals.get(*name).unwrap_or(&no_refusals),
                        time,
                    )
                }
            })
            .collect();
        let credits = next_block::credits(&self.payouts);
        for member in &mut members {
            member.payout_now = payments.get(&member.name).copied();
            member.credit = credits.get(&member.name).copied().unwrap_or_default();
        }
        members.sort_by(|one, other| {
            other.round_work.total_cmp(&one.round_work).then_with(|| one.name.cmp(&other.name))
        });
        let blocks: Vec<BlockView> = known.blocks.iter().map(BlockView::new).collect();
        let leaderboard = Leaderboard::new(&members, &known, time);
        let hashrate = known.tally.pool.windows(time);
        let pool = PoolView {
            version: status.version.to_owned(),
            network: status.network.to_owned(),
            uptime_seconds: status.uptime_seconds,
            serving: status.serving,
            payout_mode: self.payouts.name().to_owned(),
            rules: next_block::rules(&self.payouts),
            hashrate,
            members: members.iter().filter(|member| member.is_active(time)).count() as u64,
            workers: live.workers(),
            connections: status.connection_counts.open,
            round: RoundView {
                best: pool_best(&known.bests, Some(known.round.first_share)),
                ..RoundView::new(known.round.since, shares, work, network_difficulty)
            },
            odds: Odds::of(hashrate.h1.hashrate, network_difficulty),
            blocks_found: known.blocks.iter().filter(|block| block.recorded.state.counts()).count() as u64,
            luck: luck(&blocks),
            shares_accepted: status.shares.accepted,
            shares_rejected: status.shares.rejected.values().sum(),
            best: pool_best(&known.bests, None),
        };
        let feed = known.tally.feed.iter().map(|seen| ShareView {
            time: seen.at,
            member: seen.member.clone(),
            worker: seen.worker.clone(),
            shares: seen.shares,
            difficulty: seen.difficulty,
        });
        let feed = feed.collect();
        let check = self.check(&status, &known);
        drop(known);
        View {
            number,
            time,
            pool,
            template,
            members,
            blocks,
            leaderboard,
            coinbases,
            check,
            feed,
            status,
            history: self.history.clone(),
        }
    }

    fn template(&self, status: &StatusSnapshot) -> Option<TemplateView> {
        let nbits = self.observed.templates.borrow().as_ref().map(|template| template.nbits)?;
        let template = status.template.as_ref()?;
        Some(TemplateView {
            height: template.height,
            prev_hash: template.prev_hash.clone(),
            age_seconds: template.age_seconds,
            fees: template.fees,
            subsidy: template.subsidy,
            transactions: template.transactions as u64,
            network_difficulty: Target::from_compact(nbits).difficulty().0,
            source: status.source.state.to_owned(),
            detail: status.source.detail.clone(),
        })
    }

    fn check(&self, status: &StatusSnapshot, known: &Known) -> CheckView {
        let ledger = status.ledger.as_ref();
        CheckView {
            ledger: self.observed.ledger.as_ref().map(|ledger| hex(&ledger.id().0)),
            authority: self.authority.to_string(),
            last_share: ledger.map_or(0, |ledger| ledger.last_share),
            head: known.head.as_ref().map(HeadView::from),
            state: ledger.map_or("off", |ledger| ledger.state).to_owned(),
            detail: ledger.and_then(|ledger| ledger.detail).map(str::to_owned),
            last_check: ledger.and_then(|ledger| ledger.check.clone()),
        }
    }
}

fn member(
    name: &Arc<str>,
    known: &Known,
    live: Option<&BTreeMap<Arc<str>, LiveWorker>>,
    refusals: &BTreeMap<Arc<str>, Reasons>,
    now: u64,
) -> MemberView {
    let (tally, bests) = (known.tally.members.get(name), known.bests.of(name));
    let none = BTreeMap::new();
    let (live_workers, online) = (live.unwrap_or(&none), live.is_some());
    let tallied = tally.iter().flat_map(|tally| tally.workers.keys());
    let names: BTreeSet<&Arc<str>> = tallied.chain(live_workers.keys()).chain(refusals.keys()).collect();
    let workers: Vec<WorkerView> = names
        .into_iter()
        .map(|worker| {
            let best_ever = bests.and_then(|bests| bests.workers.get(worker)).cloned();
            let tally = tally.and_then(|tally| tally.workers.get(worker));
            let rejected = refusals.get(worker).cloned().unwrap_or_default();
            WorkerView { best_ever, rejected, ..self::worker(worker, tally, live_workers.get(worker), now) }
        })
        .collect();
    let mut rejected = BTreeMap::new();
    for (reason, count) in workers.iter().flat_map(|worker| &worker.rejected) {
        *rejected.entry(reason.clone()).or_default() += count;
    }
    MemberView {
        name: name.clone(),
        label: label(name),
        online,
        hashrate: windows(tally.map(|tally: &MemberTally| &tally.series), now),
        last_share: tally.map(|tally| tally.last_share),
        round_shares: 0,
        round_work: 0.0,
        round_part: 0.0,
        best_round: bests.and_then(|bests| bests.in_round(known.round.first_share)).cloned(),
        best_ever: bests.and_then(|bests| bests.ever.clone()),
        payout_now: None,
        credit: 0,
        accepted: workers.iter().map(|worker| worker.accepted).sum(),
        rejected,
        workers,
    }
}

fn worker(name: &Arc<str>, tally: Option<&WorkerTally>, live: Option<&LiveWorker>, now: u64) -> WorkerView {
    WorkerView {
        name: name.clone(),
        online: live.is_some(),
        hashrate: windows(tally.map(|tally| &tally.series), now),
        first_share: tally.map(|tally| tally.first_share),
        last_share: tally.map(|tally| tally.last_share),
        best_ever: None,
        difficulty: live.and_then(|live| live.difficulty).or(tally.map(|tally| tally.difficulty)),
        accepted: tally.map_or(0, |tally| tally.since_start),
        rejected: Reasons::new(),
        connections: live.map(|live| live.connections.clone()).unwrap_or_default(),
    }
}

fn windows(series: Option<&crate::history::Series>, now: u64) -> Windows {
    series.map(|series| series.windows(now)).unwrap_or_default()
}

/// The best share since share `round`, or ever.
fn pool_best(bests: &Bests, round: Option<u64>) -> Option<PoolBest> {
    let all = bests.all().filter_map(|(name, member)| {
        let best = match round {
            Some(round) => member.in_round(round)?,
            None => member.ever.as_ref()?,
        };
        Some((name, best))
    });
    let best = all.max_by(|(_, one), (_, other)| one.difficulty.total_cmp(&other.difficulty));
    best.map(|(member, best)| PoolBest { member: member.clone(), best: best.clone() })
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
