//! Publishing templates of the embedded chain and taking solutions for them.

use super::chain::{AppendError, Chain};
use super::rules::RuleError;
use super::templates::{Draft, Fill, Kept, Wanted};
use super::{EmbeddedConfig, EmbeddedError};
use crate::source::{PlaceRequest, Publisher, SolutionRequest};
use crate::{
    CoinbaseReserve, Place, PlaceError, Solution, SolutionError, SolutionOutcome, SourceStatus, Template,
};
use bitcoin::hashes::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::info;
use work::Hash256;

/// The chain and everything that changes with it.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// A provisional template is out and the full one is due.
    full_due: Notify,
    templates: Publisher,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) chain: Chain,
    nbits: u32,
    wanted: Wanted,
    reserve: CoinbaseReserve,
    kept: Kept,
}

impl State {
    pub(super) fn tip(&self) -> Hash256 {
        Hash256(self.chain.tip().to_byte_array())
    }

    fn draft(&mut self, fill: Fill) -> Arc<Template> {
        let draft =
            Draft::new(&self.chain, self.nbits, &self.wanted, fill, self.reserve, unix_now(), Instant::now());
        let template = draft.template.clone();
        self.kept.keep(draft);
        template
    }
}

impl Shared {
    /// Opens the chain and publishes the first template.
    pub(super) fn open(config: &EmbeddedConfig, templates: Publisher) -> Result<Shared, EmbeddedError> {
        let chain = Chain::open(config.data_dir.as_deref(), config.nbits, unix_now())?;
        let state = State {
            chain,
            nbits: config.nbits,
            wanted: Wanted::new(config.transactions),
            reserve: config.reserve,
            kept: Kept::default(),
        };
        let shared = Shared { state: Mutex::new(state), full_due: Notify::new(), templates };
        shared.publish(&mut shared.lock(), Fill::Full);
        Ok(shared)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while it was held cannot leave the chain half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn mine_elsewhere(&self) -> Result<Hash256, EmbeddedError> {
        let mut state = self.lock();
        let now = unix_now();
        let block = state.chain.mine_empty(now);
        let height = state.chain.height() + 1;
        state.chain.append(&block, now).map_err(|error| match error {
            AppendError::Rule(rule) => EmbeddedError::InvalidBlock { height, rule: rule.to_string() },
            AppendError::Store(error) => error,
        })?;
        self.publish_new_tip(&mut state);
        Ok(state.tip())
    }

    /// Changes what templates are to hold and publishes one.
    pub(super) fn change(&self, change: impl FnOnce(&mut Wanted)) {
        let mut state = self.lock();
        change(&mut state.wanted);
        self.publish(&mut state, Fill::Full);
    }

    fn submit(&self, solution: &Solution) -> Result<SolutionOutcome, SolutionError> {
        let mut state = self.lock();
        let draft = state
            .kept
            .find(solution.template_id)
            .ok_or(SolutionError::UnknownTemplate(solution.template_id))?;
        let height = draft.template.height;
        let block = draft
            .solve(solution)
            .ok_or_else(|| SolutionError::Rejected("the coinbase is not a transaction".into()))?;
        let hash = Hash256(block.block_hash().to_byte_array());
        if hash != solution.hash {
            let reason = format!("the block's hash is {hash}, the solution says {}", solution.hash);
            return Err(SolutionError::Rejected(reason));
        }
        if hash == state.tip() {
            return Ok(SolutionOutcome { hash, height, is_tip: true, via: "embedded (already known)" });
        }
        // Blocks at the easy difficulty are for `mine_elsewhere` only.
        if block.header.bits.to_consensus() != state.nbits {
            return Err(SolutionError::Rejected("bad-diffbits".into()));
        }
        state.chain.append(&block, unix_now()).map_err(|error| match error {
            AppendError::Rule(rule @ RuleError::Stale { .. }) => SolutionError::Stale(rule.to_string()),
            AppendError::Rule(rule) => SolutionError::Rejected(rule.to_string()),
            AppendError::Store(error) => SolutionError::Unreachable(error.to_string()),
        })?;
        info!(height, %hash, "the embedded chain has a new block");
        self.publish_new_tip(&mut state);
        Ok(SolutionOutcome { hash, height, is_tip: true, via: "embedded" })
    }

    fn place(&self, hash: Hash256, height: u32) -> Result<Place, PlaceError> {
        let mut state = self.lock();
        let at_height =
            state.chain.block(height).map_err(|error| PlaceError::Unreachable(error.to_string()))?;
        let is_there = at_height.is_some_and(|block| block.block_hash().to_byte_array() == hash.0);
        let confirmations = state.chain.height().saturating_sub(height).saturating_add(1);
        Ok(if is_there { Place::InChain { confirmations, certain: true } } else { Place::NotInChain })
    }

    fn publish_new_tip(&self, state: &mut State) {
        state.wanted.reset();
        if state.wanted.count() == 0 {
            self.publish(state, Fill::Full);
        } else {
            self.publish(state, Fill::Provisional);
            self.full_due.notify_one();
        }
    }

    /// Under the lock, so that templates are published in the order of their tips.
    fn publish(&self, state: &mut State, fill: Fill) {
        self.templates.publish(state.draft(fill));
    }
}

/// Serves `shared` until `cancel` is cancelled.
pub(super) async fn run(
    shared: Arc<Shared>,
    template_interval: Option<Duration>,
    mut solutions: mpsc::Receiver<SolutionRequest>,
    mut questions: mpsc::Receiver<PlaceRequest>,
    mut reserve: watch::Receiver<CoinbaseReserve>,
    status: watch::Sender<SourceStatus>,
    cancel: CancellationToken,
) {
    // Without an interval: a tick that never comes.
    let mut refresh = tokio::time::interval(template_interval.unwrap_or(Duration::from_secs(3600)));
    refresh.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    refresh.reset();
    loop {
        tokio::select! {
            () = cancel.cancelled() => break,
            () = shared.full_due.notified() => shared.change(|_| ()),
            _ = refresh.tick(), if template_interval.is_some() => shared.change(Wanted::bump_fees),
            request = solutions.recv() => {
                let Some(request) = request else { break };
                judge(&shared, request).await;
            }
            Some(PlaceRequest { hash, height, answer }) = questions.recv() => {
                // Who asked may have left.
                let _ = answer.send(shared.place(hash, height));
            }
            Ok(()) = reserve.changed() => {
                let wanted = *reserve.borrow_and_update();
                grow_reserve(&shared, wanted);
            }
        }
    }
    // Before saying so, for it holds the block file.
    drop(shared);
    status.send_replace(SourceStatus::Stopped);
}

/// Off the async threads, for it writes to disk and hashes a whole block.
async fn judge(shared: &Arc<Shared>, SolutionRequest { solution, verdict }: SolutionRequest) {
    let shared = shared.clone();
    let judged = tokio::task::spawn_blocking(move || shared.submit(&solution)).await;
    let answer = judged.unwrap_or(Err(SolutionError::Stopped));
    // The submitter may have gone; the block counts all the same.
    let _ = verdict.send(answer);
}

fn grow_reserve(shared: &Shared, wanted: CoinbaseReserve) {
    let mut state = shared.lock();
    let grown = wanted.output_bytes > state.reserve.output_bytes || wanted.sigops > state.reserve.sigops;
    state.reserve = wanted;
    if grown {
        shared.publish(&mut state, Fill::Full);
    }
}

fn unix_now() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u32::try_from(since.as_secs()).unwrap_or(u32::MAX)
}
