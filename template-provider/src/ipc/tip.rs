//! Following the tip: a new one gives a coinbase-only template at once, so that miners
//! leave the old tip without waiting for the full one. The node makes it unasked: the
//! question lies with it already, behind the wait for the tip.

use super::error::NodeError;
use super::node::{Node, Tip};
use super::session::{Desk, NO_TIP};
use crate::{CoinbaseReserve, Template};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// A wait is not for ever, so that a node which has forgotten us is noticed, and so
/// that its thread comes free should we die.
const WAIT: Duration = Duration::from_secs(30);

/// Publishes a provisional template for every new tip until `cancel` is cancelled.
pub(super) async fn follow(
    desk: &Desk,
    node: &Node,
    reserve: watch::Receiver<CoinbaseReserve>,
    cancel: &CancellationToken,
) -> Result<(), NodeError> {
    let mut current = NO_TIP;
    while !cancel.is_cancelled() {
        let wanted = *reserve.borrow();
        let opened = {
            let waiting = node.next_tip(current, WAIT, wanted);
            tokio::pin!(waiting);
            tokio::select! {
                opened = &mut waiting => opened?,
                () = cancel.cancelled() => {
                    node.interrupt().await?;
                    // With or without a template: we are leaving.
                    let _ = waiting.await;
                    return Ok(());
                }
            }
        };
        let Some((held, template)) = opened else { return Err(NodeError::ShuttingDown) };
        if template.prev_hash == current {
            continue;
        }
        // It may be on a newer tip than the one that ended the wait.
        current = template.prev_hash;
        let tip = Tip { hash: current, height: template.height.saturating_sub(1) };
        desk.followed.borrow_mut().tip(tip);
        // Without transactions there is room for whatever is wanted by now.
        let template = Template { reserve: *reserve.borrow(), ..template };
        desk.publish(node, &held, template).await?;
        desk.tip_opened.notify_one();
    }
    Ok(())
}
