//! What is done while connected: two loops ask for templates, a third fetches the
//! transactions of what was published, a fourth sends what waits on disk.

use super::block::Body;
use super::error::NodeError;
use super::files::{Filed, SolutionFiles};
use super::followed::Followed;
use super::node::{Node, NodeTemplate};
use super::publisher::{Order, Ruling};
use super::shelf::Shelf;
use super::{IpcConfig, fees, submit, tip};
use crate::source::Publisher;
use crate::{CoinbaseReserve, SourceStatus, Template};
use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use work::Hash256;

/// What outlives a connection.
pub(super) struct Desk {
    pub(super) config: IpcConfig,
    pub(super) files: SolutionFiles,
    pub(super) shelf: RefCell<Shelf>,
    /// Solved blocks that are being handed in right now.
    pub(super) in_hand: RefCell<HashSet<Filed>>,
    /// A solved block may have been left waiting on disk.
    pub(super) pending_changed: Notify,
    /// Tips as they went by.
    pub(super) followed: RefCell<Followed>,
    /// The empty template of a new tip is out; now for the full one.
    pub(super) tip_opened: Notify,
    node: RefCell<Option<Rc<Node>>>,
    order: RefCell<Order>,
    templates: Publisher,
    status: watch::Sender<SourceStatus>,
    delivered: watch::Receiver<Hash256>,
    /// There is a template whose transactions are to be fetched.
    body_wanted: Notify,
}

/// Runs a connection until it fails or `cancel` is cancelled, which is no error.
pub(super) async fn run(
    desk: &Desk,
    node: &Node,
    reserve: watch::Receiver<CoinbaseReserve>,
    cancel: &CancellationToken,
) -> Result<(), NodeError> {
    let is_test_chain = node.is_test_chain().await?;
    if !is_test_chain {
        wait_for_sync(desk, node, cancel).await?;
    }
    desk.body_wanted.notify_one();
    let others = async {
        tokio::select! {
            error = fetch_bodies(desk) => error,
            () = send_pending(desk) => Ok(()),
            () = cancel.cancelled() => Ok(()),
        }
    };
    tokio::try_join!(
        tip::follow(desk, node, reserve.clone(), cancel),
        fees::follow(desk, node, reserve, !is_test_chain, cancel),
        others,
    )?;
    Ok(())
}

impl Desk {
    pub(super) fn new(
        config: IpcConfig,
        templates: Publisher,
        status: watch::Sender<SourceStatus>,
        delivered: watch::Receiver<Hash256>,
    ) -> Desk {
        Desk {
            files: SolutionFiles::new(&config.solutions_dir, config.network, config.solutions_kept),
            config,
            shelf: RefCell::default(),
            in_hand: RefCell::default(),
            pending_changed: Notify::new(),
            followed: RefCell::default(),
            tip_opened: Notify::new(),
            node: RefCell::default(),
            order: RefCell::default(),
            templates,
            status,
            delivered,
            body_wanted: Notify::new(),
        }
    }

    /// The connected node.
    pub(super) fn node(&self) -> Option<Rc<Node>> {
        self.node.borrow().clone()
    }

    pub(super) fn set_node(&self, node: Option<Rc<Node>>) {
        *self.node.borrow_mut() = node;
    }

    pub(super) fn set_status(&self, status: SourceStatus) {
        self.status.send_if_modified(|now| {
            let changed = *now != status;
            if changed {
                debug!(?status, "template source");
                *now = status;
            }
            changed
        });
    }

    /// Whether templates came over the present or last connection.
    pub(super) fn is_serving(&self) -> bool {
        *self.status.borrow() == SourceStatus::Serving
    }

    /// Whether `template` is worth a new job.
    pub(super) fn is_news(&self, template: &Template) -> bool {
        self.order.borrow().is_news(template, self.config.fee_threshold)
    }

    /// Waits until every miner has been sent the newest tip, or for as long as is worth it:
    /// who does not read never is.
    pub(super) async fn tip_delivered(&self) {
        const LONGEST: Duration = Duration::from_millis(100);
        let Some(tip) = self.order.borrow().tip() else { return };
        let mut delivered = self.delivered.clone();
        let _ = tokio::time::timeout(LONGEST, delivered.wait_for(|reached| *reached == tip)).await;
    }

    /// Publishes `template`, unless there is a better one; whether it did.
    pub(super) async fn publish(
        &self,
        node: &Node,
        held: &NodeTemplate,
        template: Template,
    ) -> Result<bool, NodeError> {
        let ruling = self.order.borrow().rule(&template);
        let publish = match ruling {
            Ruling::Publish => true,
            Ruling::Drop => false,
            Ruling::AskForTip => node.tip().await?.is_some_and(|tip| tip.hash == template.prev_hash),
        };
        if publish {
            self.publish_now(held, Arc::new(template));
        } else {
            debug!(%template, "overtaken by a better template");
        }
        Ok(publish)
    }

    /// Nothing waits in here: no template can come between.
    fn publish_now(&self, held: &NodeTemplate, template: Arc<Template>) {
        self.order.borrow_mut().note(&template);
        self.shelf.borrow_mut().put(template.clone(), held.clone(), Instant::now());
        debug!(%template, "published");
        self.templates.publish(template);
        self.set_status(SourceStatus::Serving);
        self.body_wanted.notify_one();
        self.pending_changed.notify_one();
    }

    /// Fetches the transactions of template `id`, for when Core is gone.
    pub(super) async fn fetch_body(&self, id: u64, held: &NodeTemplate) -> Result<Rc<Body>, NodeError> {
        let node = self.node().ok_or_else(|| NodeError::Disconnected("away".to_owned()))?;
        let block = held.block(&node.threads.blocks).await?;
        let body = Body::from_block(block)
            .map_err(|error| NodeError::Answer { call: "getBlock", reason: error.to_string() })?;
        let body = Rc::new(body);
        self.shelf.borrow_mut().set_body(id, body.clone());
        Ok(body)
    }
}

/// Ends what waits in the node and gives back what it holds for us, so that no
/// thread of it is left behind.
pub(super) async fn leave(desk: &Desk, node: &Node) {
    const PATIENCE: Duration = Duration::from_secs(2);
    desk.shelf.borrow_mut().leave_node();
    let _ = tokio::time::timeout(PATIENCE, node.interrupt()).await;
}

/// Off test chains a node that is still catching up has nothing to mine on.
async fn wait_for_sync(desk: &Desk, node: &Node, cancel: &CancellationToken) -> Result<(), NodeError> {
    const LOOK_AGAIN: Duration = Duration::from_secs(5);
    while node.is_initial_block_download().await? {
        let tip = node.tip().await?;
        let height = tip.map_or(0, |tip| tip.height);
        info!(height, "Bitcoin Core is still downloading the chain");
        desk.set_status(SourceStatus::Syncing { height });
        tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
    Ok(())
}

/// In the background, one after another, newest first.
async fn fetch_bodies(desk: &Desk) -> Result<(), NodeError> {
    loop {
        desk.body_wanted.notified().await;
        let wanted = desk.shelf.borrow().newest_without_body();
        if let Some((id, held)) = wanted {
            match desk.fetch_body(id, &held).await {
                Ok(_) => {}
                // That one cannot be had; the connection is all right.
                Err(error @ (NodeError::Call { .. } | NodeError::Answer { .. })) => {
                    warn!(%error, "a template's transactions cannot be fetched");
                }
                Err(error) => return Err(error),
            }
        }
    }
}

async fn send_pending(desk: &Desk) {
    loop {
        submit::send_pending(desk).await;
        desk.pending_changed.notified().await;
    }
}

/// Before the first tip is known.
pub(super) const NO_TIP: Hash256 = Hash256([0; 32]);
