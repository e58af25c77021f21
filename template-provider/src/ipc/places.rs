//! Answering where blocks are: the node's own word, or else what its tips have shown.

use super::session::Desk;
use crate::source::PlaceRequest;
use crate::{Place, PlaceError};
use std::rc::Rc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Answers until `cancel` is cancelled, one after another.
pub(super) async fn answer(
    desk: Rc<Desk>,
    mut questions: mpsc::Receiver<PlaceRequest>,
    cancel: CancellationToken,
) {
    loop {
        let question = tokio::select! {
            question = questions.recv() => question,
            () = cancel.cancelled() => None,
        };
        let Some(PlaceRequest { hash, height, answer }) = question else { return };
        let place = tokio::select! {
            place = find(&desk, hash, height) => place,
            () = cancel.cancelled() => Err(PlaceError::Stopped),
        };
        // Who asked may have left.
        let _ = answer.send(place);
    }
}

async fn find(desk: &Desk, hash: work::Hash256, height: u32) -> Result<Place, PlaceError> {
    let Some(node) = desk.node() else {
        return Err(PlaceError::Unreachable("Bitcoin Core is away".to_owned()));
    };
    match node.block_place(hash).await {
        Ok(Some(place)) => Ok(place),
        Ok(None) => desk.followed.borrow().place(hash, height).ok_or(PlaceError::NotSeen),
        Err(error) => Err(PlaceError::Unreachable(error.to_string())),
    }
}
