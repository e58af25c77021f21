//! The handle by which the rest of the pool talks to a source.

use crate::{Place, PlaceError, Solution, SolutionError, SolutionOutcome, Template};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use work::Hash256;

/// Room to keep free in the block for the pool's coinbase outputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CoinbaseReserve {
    /// Serialised size in bytes of the outputs that the pool adds.
    pub output_bytes: u32,
    /// Legacy signature operations in those outputs.
    pub sigops: u32,
}

/// What a source is doing, for people and health checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceStatus {
    /// Not connected; says why and since when it tries.
    Connecting {
        /// What went wrong last, with the remedy where one is known.
        reason: String,
    },
    /// Connected, but the node is still in initial block download.
    Syncing {
        /// Height of the node's tip.
        height: u32,
    },
    /// Templates are flowing.
    Serving,
    /// Stopped for good.
    Stopped,
}

/// One end of a running source. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SourceHandle {
    /// The newest template; `None` until the first arrives. It keeps its last value
    /// while the node is away.
    pub templates: watch::Receiver<Option<Arc<Template>>>,
    /// The newest provisional template. `templates` keeps only its newest value, so a
    /// reader that finds a new tip's full template there may have missed the provisional
    /// one that opened the tip; here it still is.
    pub openings: watch::Receiver<Option<Arc<Template>>>,
    /// What the source is doing.
    pub status: watch::Receiver<SourceStatus>,
    /// Tells the source how much room the coinbase needs; the source asks for new
    /// templates when it grows.
    pub reserve: watch::Sender<CoinbaseReserve>,
    /// Tells the source which tip every miner has been sent, for a source that would otherwise
    /// burden the machine with the next template while they wait for it.
    pub delivered: watch::Sender<Hash256>,
    pub(crate) solutions: mpsc::Sender<SolutionRequest>,
    pub(crate) questions: mpsc::Sender<PlaceRequest>,
}

impl SourceHandle {
    /// Hands a solved block to the source and waits for its verdict.
    ///
    /// # Errors
    /// See [`SolutionError`].
    pub async fn submit(&self, solution: Solution) -> Result<SolutionOutcome, SolutionError> {
        let (verdict, answer) = oneshot::channel();
        self.solutions
            .send(SolutionRequest { solution, verdict })
            .await
            .map_err(|_| SolutionError::Stopped)?;
        answer.await.map_err(|_| SolutionError::Stopped)?
    }

    /// Asks where the block `hash` is, whose height is `height`. The answer may be another
    /// as soon as `templates` has one on another tip.
    ///
    /// # Errors
    /// [`PlaceError`] when nobody can say.
    pub async fn place(&self, hash: Hash256, height: u32) -> Result<Place, PlaceError> {
        let (answer, answered) = oneshot::channel();
        let request = PlaceRequest { hash, height, answer };
        self.questions.send(request).await.map_err(|_| PlaceError::Stopped)?;
        answered.await.map_err(|_| PlaceError::Stopped)?
    }

    /// Waits until the source has stopped: its token was cancelled and it has taken
    /// leave of its node.
    pub async fn stopped(&self) {
        let mut status = self.status.clone();
        // An error means that the source is gone, which is stopped too.
        let _ = status.wait_for(|status| *status == SourceStatus::Stopped).await;
    }
}

/// A solution and where to send the verdict.
#[derive(Debug)]
pub(crate) struct SolutionRequest {
    pub(crate) solution: Solution,
    pub(crate) verdict: oneshot::Sender<Result<SolutionOutcome, SolutionError>>,
}

/// A question where a block is, and where to send the answer.
#[derive(Debug)]
pub(crate) struct PlaceRequest {
    pub(crate) hash: Hash256,
    pub(crate) height: u32,
    pub(crate) answer: oneshot::Sender<Result<Place, PlaceError>>,
}

/// A source's own ends of the channels behind a [`SourceHandle`].
pub(crate) struct SourceEnds {
    pub(crate) templates: Publisher,
    pub(crate) status: watch::Sender<SourceStatus>,
    pub(crate) reserve: watch::Receiver<CoinbaseReserve>,
    pub(crate) delivered: watch::Receiver<Hash256>,
    pub(crate) solutions: mpsc::Receiver<SolutionRequest>,
    pub(crate) questions: mpsc::Receiver<PlaceRequest>,
}

/// Where a source puts its templates.
#[derive(Debug)]
pub(crate) struct Publisher {
    templates: watch::Sender<Option<Arc<Template>>>,
    openings: watch::Sender<Option<Arc<Template>>>,
}

impl Publisher {
    /// Makes `template` the newest.
    pub(crate) fn publish(&self, template: Arc<Template>) {
        if template.provisional {
            self.openings.send_replace(Some(template.clone()));
        }
        self.templates.send_replace(Some(template));
    }
}

/// Makes a handle and the ends that a source serves it from.
pub(crate) fn channels(status: SourceStatus, reserve: CoinbaseReserve) -> (SourceHandle, SourceEnds) {
    // Blocks are rare; a queue this long means that the node does not answer, and
    // then submitters wait.
    const SOLUTIONS_WAITING: usize = 64;
    const QUESTIONS_WAITING: usize = 16;

    let (templates, templates_out) = watch::channel(None);
    let (openings, openings_out) = watch::channel(None);
    let (status, status_out) = watch::channel(status);
    let (reserve_in, reserve) = watch::channel(reserve);
    let (delivered_in, delivered) = watch::channel(Hash256([0; 32]));
    let (solutions_in, solutions) = mpsc::channel(SOLUTIONS_WAITING);
    let (questions_in, questions) = mpsc::channel(QUESTIONS_WAITING);
    (
        SourceHandle {
            templates: templates_out,
            openings: openings_out,
            status: status_out,
            reserve: reserve_in,
            delivered: delivered_in,
            solutions: solutions_in,
            questions: questions_in,
        },
        SourceEnds {
            templates: Publisher { templates, openings },
            status,
            reserve,
            delivered,
            solutions,
            questions,
        },
    )
}
