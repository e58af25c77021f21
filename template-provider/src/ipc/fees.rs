//! Full templates: the first of a tip, after the empty one that opened it, and better
//! ones as fees rise.

use super::error::NodeError;
use super::node::{Node, NodeTemplate};
use super::session::Desk;
use crate::{CoinbaseReserve, Template};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often fees are looked at. Core makes a whole template to tell, and does so once a
/// second itself when it is left to wait.
const CHECK: Duration = Duration::from_secs(1);

/// For reading a template that is there.
const READ: Duration = Duration::from_secs(120);

/// Publishes full templates until `cancel` is cancelled. With `cooldown` the first
/// one waits for the node to catch up with the headers it knows.
pub(super) async fn follow(
    desk: &Desk,
    node: &Node,
    mut reserve: watch::Receiver<CoinbaseReserve>,
    mut cooldown: bool,
    cancel: &CancellationToken,
) -> Result<(), NodeError> {
    while !cancel.is_cancelled() {
        let asked = *reserve.borrow_and_update();
        let (first, template) = {
            let creating = node.create_full(asked, cooldown);
            tokio::pin!(creating);
            tokio::select! {
                created = &mut creating => created?,
                () = cancel.cancelled() => {
                    node.interrupt().await?;
                    // With or without a template: we are leaving.
                    let _ = creating.await;
                    return Ok(());
                }
            }
        };
        cooldown = false;
        desk.publish(node, &first, Template { reserve: asked, ..template }).await?;
        improve(desk, node, first, asked, &mut reserve, cancel).await?;
    }
    Ok(())
}

/// Follows `base` and its successors until more room than `asked` is needed, or
/// `cancel` is cancelled.
async fn improve(
    desk: &Desk,
    node: &Node,
    mut base: NodeTemplate,
    asked: CoinbaseReserve,
    reserve: &mut watch::Receiver<CoinbaseReserve>,
    cancel: &CancellationToken,
) -> Result<(), NodeError> {
    let mut published_at = Instant::now();
    loop {
        // Right after a template only a new tip counts; fees may rise meanwhile.
        let pause = desk.config.min_interval.saturating_sub(published_at.elapsed()).max(CHECK);
        let threshold = tokio::select! {
            () = desk.tip_opened.notified() => {
                // The node's work on a full template would take processor time from those who
                // pass the tip on.
                desk.tip_delivered().await;
                None
            }
            () = tokio::time::sleep(pause) => Some(desk.config.fee_threshold),
            () = outgrown(asked, reserve) => return Ok(()),
            () = cancel.cancelled() => return Ok(()),
        };
        // A single look, never a wait: at a new tip a waiting node makes the full template
        // at once, and under the lock that the empty one needs, which miners wait for.
        let next = node.wait_next(&base, threshold, Duration::ZERO).await?;
        let Some(next) = next else { continue };
        let template = next.read(true, &node.threads.fees, Some(READ)).await?;
        // It is made with what its first one was asked for with.
        let template = Template { reserve: asked, ..template };
        // Test chains give a template every second once their tip is old.
        if desk.is_news(&template) && desk.publish(node, &next, template).await? {
            published_at = Instant::now();
            base = next;
        }
    }
}

/// Comes when the coinbase needs more room than `asked`.
async fn outgrown(asked: CoinbaseReserve, reserve: &mut watch::Receiver<CoinbaseReserve>) {
    let grown = |now: &CoinbaseReserve| now.output_bytes > asked.output_bytes || now.sigops > asked.sigops;
    if reserve.wait_for(grown).await.is_err() {
        // Nobody can ask for more any longer.
        std::future::pending::<()>().await;
    }
}
