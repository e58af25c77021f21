//! What becomes of blocks after they were handed in: into the chain, out of it by a
//! reorganisation, in again, and settled under enough others.
//!
//! One task looks whenever the tip changes, the node comes back or a block was handed in. It
//! works from the ledger alone, and so catches up with whatever happened while the pool was
//! off. Telling the ledger a state that it has is no change, so nothing is counted twice.

mod fate;
mod restore;

use crate::status::Status;
use fate::{Fate, fate};
use ledger::{BlockState, LedgerHandle, Reader, RecordedBlock, StoreError};
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use template_provider::{Network, Place, PlaceError, SourceHandle};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};
use work::Hash256;

/// What the watch works with.
pub struct BlockWatch {
    /// Says where blocks are.
    pub source: SourceHandle,
    /// Is told what became of them.
    pub ledger: LedgerHandle,
    /// The list of the newest blocks.
    pub status: Arc<Status>,
    /// The chain, for the form of addresses.
    pub network: Network,
    /// From so many confirmations on a block is settled.
    pub confirmations: u32,
    /// Told when a round has ended or was given back.
    pub rounds_changed: Arc<Notify>,
    /// Notified when a block has been handed in.
    pub handed_in: Arc<Notify>,
}

/// Blocks so far below the tip that are not in the chain are given up. No reorganisation of
/// Bitcoin's chain ever reached as far.
const REACH: u32 = 288;

impl BlockWatch {
    /// Watches until `shutdown` is cancelled or the source is gone.
    pub async fn run(self, shutdown: CancellationToken) {
        self.show_earlier_blocks().await;
        let mut watch = Watch { parts: self, together: HashSet::new(), unsure_said: HashSet::new() };
        tokio::select! {
            () = watch.look_at_every_change() => {}
            () = shutdown.cancelled() => {}
        }
    }

    async fn show_earlier_blocks(&self) {
        let (path, network, wanted) = (self.ledger.path(), self.network, self.confirmations);
        match tokio::task::spawn_blocking(move || restore::newest(&path, network, wanted)).await {
            Ok(Ok(records)) => self.status.blocks.restore(records),
            Ok(Err(fault)) => warn!(%fault, "earlier blocks cannot be shown"),
            Err(fault) => warn!(%fault, "earlier blocks cannot be shown"),
        }
    }
}

struct Watch {
    parts: BlockWatch,
    /// Blocks that were all in one chain when last looked at. If the highest of them still
    /// is, so are the others: they are below it.
    together: HashSet<Hash256>,
    /// Blocks of which was said that nobody can say where they are.
    unsure_said: HashSet<Hash256>,
}

impl Watch {
    async fn look_at_every_change(&mut self) {
        let (mut templates, mut status) =
            (self.parts.source.templates.clone(), self.parts.source.status.clone());
        let handed_in = self.parts.handed_in.clone();
        let mut looked_at = None;
        loop {
            let tip = templates.borrow_and_update().as_ref().map(|template| template.prev_hash);
            if tip != looked_at && tip.is_some() {
                looked_at = tip;
                self.look().await;
                continue;
            }
            tokio::select! {
                changed = templates.changed() => if changed.is_err() { return },
                changed = status.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    looked_at = None;
                }
                () = handed_in.notified() => looked_at = None,
            }
        }
    }

    /// Asks after every block whose fate is open or may change.
    async fn look(&mut self) {
        let Some((tip, height)) = self.tip() else { return };
        let mut changed = false;
        let blocks = match self.blocks(height.saturating_sub(REACH)).await {
            Ok(blocks) => blocks,
            Err(fault) => {
                error!(%fault, "the ledger's blocks cannot be read, so nobody looks what became of them");
                return;
            }
        };
        let mut in_chain = HashSet::new();
        // Height and confirmations of the highest one that was in the chain then and is now.
        let mut anchor: Option<(u32, u32, bool)> = None;
        for recorded in &blocks {
            let (hash, at) = (recorded.block.hash, recorded.block.height);
            let known = self.together.contains(&hash);
            let place = match anchor {
                Some((above, confirmations, certain)) if known && at <= above => {
                    let confirmations = confirmations.saturating_add(above - at);
                    Place::InChain { confirmations, certain }
                }
                _ => match self.parts.source.place(hash, at).await {
                    Ok(place) => place,
                    Err(PlaceError::NotSeen) => {
                        self.say_unsure(recorded);
                        continue;
                    }
                    Err(fault) => {
                        debug!(%fault, "it is not known what became of blocks");
                        self.together.clear();
                        return;
                    }
                },
            };
            if let Place::InChain { confirmations, certain } = place {
                in_chain.insert(hash);
                if known {
                    anchor.get_or_insert((at, confirmations, certain));
                }
            }
            changed |= self.decide(recorded, place, height).await;
        }
        if changed {
            self.parts.rounds_changed.notify_one();
        }
        // Else they may have been looked at in different chains.
        let same_chain = self.tip().is_some_and(|(now, _)| now == tip);
        self.together = if same_chain { in_chain } else { HashSet::new() };
    }

    /// Whether that was news.
    async fn decide(&mut self, recorded: &RecordedBlock, place: Place, tip_height: u32) -> bool {
        let BlockWatch { ledger, status, confirmations: wanted, .. } = &self.parts;
        let hash = recorded.block.hash;
        let Fate { state, confirmations } =
            fate(recorded.state, place, recorded.block.height, tip_height, *wanted);
        let mut news = false;
        if state != recorded.state {
            match ledger.block_state(hash, state).await {
                Ok(is_news) => news = is_news,
                Err(fault) => {
                    error!(%hash, %fault, "the ledger could not be told what became of a block");
                    return false;
                }
            }
        }
        if news {
            say(recorded, state, confirmations, place);
        }
        status.blocks.became(&hash.to_string(), state, confirmations, *wanted);
        news
    }

    fn say_unsure(&mut self, recorded: &RecordedBlock) {
        let hash = recorded.block.hash;
        if !matches!(recorded.state, BlockState::Settled | BlockState::Orphaned)
            && self.unsure_said.insert(hash)
        {
            warn!(
                height = recorded.block.height,
                %hash,
                state = recorded.state.name(),
                "{}, so what became of this block stays as it is",
                PlaceError::NotSeen
            );
        }
    }

    /// Hash and height of the tip that is mined on.
    fn tip(&self) -> Option<(Hash256, u32)> {
        let templates = self.parts.source.templates.borrow();
        templates.as_ref().map(|template| (template.prev_hash, template.height.saturating_sub(1)))
    }

    /// Highest first.
    async fn blocks(&self, from: u32) -> Result<Vec<RecordedBlock>, LookFault> {
        let path = self.parts.ledger.path();
        let read = move || read_blocks(&path, from);
        let mut blocks = tokio::task::spawn_blocking(read).await??;
        blocks.sort_by_key(|recorded| std::cmp::Reverse(recorded.block.height));
        Ok(blocks)
    }
}

/// Why the blocks could not be read.
#[derive(Debug, thiserror::Error)]
enum LookFault {
    #[error(transparent)]
    Open(#[from] ledger::OpenError),
    #[error(transparent)]
    Read(#[from] StoreError),
    #[error(transparent)]
    Task(#[from] tokio::task::JoinError),
}

fn read_blocks(path: &Path, from: u32) -> Result<Vec<RecordedBlock>, LookFault> {
    Ok(Reader::open(path)?.blocks_in_play(from)?)
}

/// For the log, in plain words.
fn say(recorded: &RecordedBlock, state: BlockState, confirmations: u32, place: Place) {
    use BlockState::{Candidate, InChain, Orphaned, Settled, Submitted};
    let (height, hash, before) = (recorded.block.height, recorded.block.hash, recorded.state.name());
    let by = match place {
        Place::InChain { certain: false, .. } => "by the tips that were seen",
        _ => "by the node's word",
    };
    match (recorded.state, state) {
        (_, Settled) => info!(height, %hash, confirmations, by, "block is settled: its coins can be spent"),
        (Orphaned, InChain) => {
            info!(height, %hash, confirmations, by, "block is in the chain again: its round is over after all");
        }
        (_, InChain) => info!(height, %hash, confirmations, by, "block is in the chain"),
        (InChain | Settled, Orphaned) => warn!(
            height, %hash, before, by,
            "block is no longer in the chain: its round goes on, and the work that it had paid counts again"
        ),
        (_, Orphaned) => {
            warn!(height, %hash, before, by, "block did not get into the chain: its round goes on");
        }
        (_, Candidate | Submitted) => {}
    }
}
