//! Following the tip: a new one gives a coinbase-only template at once, in one
//! round trip, so that miners leave the old tip without waiting for the full one.

use super::error::NodeError;
use super::node::Node;
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
        let changed = {
            let waiting = node.wait_tip_changed(current, WAIT);
            tokio::pin!(waiting);
            tokio::select! {
                changed = &mut waiting => changed?,
                () = cancel.cancelled() => {
                    node.interrupt().await?;
                    waiting.await?;
                    return Ok(());
                }
            }
        };
        let Some(tip) = changed else { return Err(NodeError::ShuttingDown) };
        if tip.hash == current {
            continue;
        }
        let wanted = *reserve.borrow();
        let (held, template) = node.create_provisional(wanted).await?;
        // It may be on a newer tip than the one that was told.
        current = template.prev_hash;
        desk.publish(node, &held, Template { reserve: wanted, ..template }).await?;
        desk.tip_opened.notify_one();
    }
    Ok(())
}
