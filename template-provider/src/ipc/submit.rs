//! Taking solutions from the pool, whether Core is there or not: to disk first,
//! then to Core, and again when it is back.

use super::block::{self, Body};
use super::files::{Filed, SolutionFiles};
use super::session::Desk;
use super::verdict::Verdict;
use crate::source::SolutionRequest;
use crate::{Solution, SolutionError, SolutionOutcome, Template};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use work::{Header, Target};

/// Solutions that are handled at the same time; more wait in the channel.
const AT_ONCE: usize = 16;

/// Takes solutions until `cancel` is cancelled, then finishes those under way.
pub(super) async fn take(
    desk: Rc<Desk>,
    mut solutions: mpsc::Receiver<SolutionRequest>,
    cancel: CancellationToken,
) {
    const LAST_WORDS: Duration = Duration::from_secs(5);
    let mut under_way = JoinSet::new();
    loop {
        tokio::select! {
            () = cancel.cancelled() => break,
            Some(_) = under_way.join_next() => {}
            request = solutions.recv(), if under_way.len() < AT_ONCE => {
                let Some(request) = request else { break };
                under_way.spawn_local(handle(desk.clone(), request));
            }
        }
    }
    // Those that were sent before the end are still heard.
    solutions.close();
    while let Ok(request) = solutions.try_recv() {
        under_way.spawn_local(handle(desk.clone(), request));
    }
    let finish = async { while under_way.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(LAST_WORDS, finish).await;
}

/// Sends what waits on disk, from this run or an earlier one.
pub(super) async fn send_pending(desk: &Desk) {
    let Some(node) = desk.node() else { return };
    let files = desk.files.clone();
    let pending = match on_disk(move || files.pending()).await {
        Ok(pending) => pending,
        Err(error) => {
            error!(%error, "cannot read the solved blocks that wait to be sent");
            return;
        }
    };
    for (filed, block) in pending {
        // One that is just being handed in, or whose block was never had.
        let Some(block) = block.filter(|_| !desk.in_hand.borrow().contains(&filed)) else { continue };
        let verdict = node.submit_block(&block).await;
        info!(?verdict, ?filed, "sent a solved block that had waited on disk");
        settle(&desk.files, &filed, &verdict).await;
    }
}

async fn handle(desk: Rc<Desk>, SolutionRequest { solution, verdict }: SolutionRequest) {
    let answer = submit(&desk, &solution).await;
    match &answer {
        Ok(outcome) => info!(height = outcome.height, hash = %outcome.hash, via = outcome.via, "block found"),
        Err(error) => warn!(hash = %solution.hash, %error, "a solved block did not become one"),
    }
    // The submitter may have gone; the block counts all the same.
    let _ = verdict.send(answer);
}

async fn submit(desk: &Desk, solution: &Solution) -> Result<SolutionOutcome, SolutionError> {
    let (template, node_template) = {
        let shelf = desk.shelf.borrow();
        let entry =
            shelf.find(solution.template_id).ok_or(SolutionError::UnknownTemplate(solution.template_id))?;
        (entry.template.clone(), entry.node.clone())
    };
    let header = checked_header(&template, solution)?;
    let height = template.height;
    let filed = record(desk, solution, header, height).await;
    let _in_hand = filed.clone().map(|filed| InHand::new(desk, filed));

    let saving = save_block(desk, &filed, &template, &header, solution);
    let sending = async {
        match (desk.node(), node_template) {
            (Some(node), Some(node_template)) => {
                let whole = async || Some(body(desk, &template).await?.with(&header, &solution.coinbase));
                node.submit(&node_template, solution, whole).await
            }
            // The connection is a new one that does not know the template.
            (Some(node), None) => match body(desk, &template).await {
                Some(body) => node.submit_block(&body.with(&header, &solution.coinbase)).await,
                None => Verdict::NoAnswer("Bitcoin Core was restarted since".to_owned()),
            },
            (None, _) => Verdict::NoAnswer("Bitcoin Core is away".to_owned()),
        }
    };
    let (saved, verdict) = tokio::join!(saving, sending);
    if let Some(filed) = &filed {
        settle(&desk.files, filed, &verdict).await;
    }
    let hash = header.hash();
    match verdict {
        Verdict::Has(via) => {
            let tip = match desk.node() {
                Some(node) => node.tip().await.ok().flatten(),
                None => None,
            };
            if let Some(tip) = tip {
                desk.followed.borrow_mut().tip(tip);
            }
            Ok(SolutionOutcome { hash, height, is_tip: tip.is_some_and(|tip| tip.hash == hash), via })
        }
        Verdict::Refused(reason) => Err(SolutionError::Rejected(reason)),
        Verdict::NoAnswer(reason) if saved => Err(SolutionError::Unreachable(reason)),
        Verdict::NoAnswer(reason) => Err(SolutionError::Unreachable(format!(
            "{reason}; and the whole block could not be saved, only its header and coinbase"
        ))),
    }
}

/// The block's header, which must meet the network's target.
fn checked_header(template: &Template, solution: &Solution) -> Result<Header, SolutionError> {
    let header = block::header(template, solution)
        .map_err(|error| SolutionError::Rejected(format!("the coinbase is not a transaction: {error}")))?;
    if !Target::from_compact(template.nbits).is_met_by(&header.hash()) {
        let reason = format!("high-hash: {} does not meet nbits {:08x}", header.hash(), template.nbits);
        return Err(SolutionError::Rejected(reason));
    }
    if header.hash() != solution.hash {
        warn!(told = %solution.hash, found = %header.hash(), "a solution came with another block's hash");
    }
    Ok(header)
}

/// Trouble with the disk must not keep a block from the network.
async fn record(desk: &Desk, solution: &Solution, header: Header, height: u32) -> Option<Filed> {
    let (files, solution) = (desk.files.clone(), solution.clone());
    match on_disk(move || files.record(&solution, &header, height)).await {
        Ok(filed) => Some(filed),
        Err(error) => {
            error!(%error, "cannot write a solved block to disk; sending it all the same");
            None
        }
    }
}

/// Writes the whole block; whether that worked.
async fn save_block(
    desk: &Desk,
    filed: &Option<Filed>,
    template: &Arc<Template>,
    header: &Header,
    solution: &Solution,
) -> bool {
    let (Some(filed), Some(body)) = (filed.clone(), body(desk, template).await) else { return false };
    let (files, block) = (desk.files.clone(), body.with(header, &solution.coinbase));
    match on_disk(move || files.block(&filed, &block)).await {
        Ok(()) => true,
        Err(error) => {
            error!(%error, "cannot write a whole solved block to disk");
            false
        }
    }
}

/// The template's transactions: from the shelf, else from the node.
async fn body(desk: &Desk, template: &Arc<Template>) -> Option<Rc<Body>> {
    let node_template = {
        let shelf = desk.shelf.borrow();
        let entry = shelf.find(template.id)?;
        if let Some(body) = &entry.body {
            return Some(body.clone());
        }
        entry.node.clone()?
    };
    desk.fetch_body(template.id, &node_template).await.ok()
}

async fn settle(files: &SolutionFiles, filed: &Filed, verdict: &Verdict) {
    let refused = match verdict {
        Verdict::Has(_) => false,
        Verdict::Refused(_) => true,
        Verdict::NoAnswer(_) => return,
    };
    let (files, filed) = (files.clone(), filed.clone());
    if let Err(error) = on_disk(move || files.settle(&filed, refused)).await {
        warn!(%error, "cannot tidy up the files of a solved block");
    }
}

/// Keeps a block that is being handed in from being sent twice at once.
struct InHand<'a> {
    desk: &'a Desk,
    filed: Filed,
}

impl<'a> InHand<'a> {
    fn new(desk: &'a Desk, filed: Filed) -> InHand<'a> {
        desk.in_hand.borrow_mut().insert(filed.clone());
        InHand { desk, filed }
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.desk.in_hand.borrow_mut().remove(&self.filed);
        // It may have missed the connection's first look at the disk.
        self.desk.pending_changed.notify_one();
    }
}

async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}
