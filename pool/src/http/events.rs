//! `/api/v1/events`: what happens, as it happens, for programs.
//!
//! `pool` with every view, `share` for new shares, `block` for a block that was found or
//! whose state has changed, `best` for a new best share of the pool.

use super::api::document::Endpoint;
use super::{Shown, stream};
use crate::view::View;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};

/// What was written for the newest view.
#[derive(Debug, Default)]
pub struct Told(Mutex<Telling>);

#[derive(Debug, Default)]
struct Telling {
    view: Option<Arc<View>>,
    bytes: Bytes,
}

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new().route("/api/v1/events", get(listen))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    let events = "What happens, as it happens (server-sent events): pool, share, block, best.";
    vec![Endpoint::other("/api/v1/events", "text/event-stream", events).or(503)]
}

async fn listen(State(shown): State<Arc<Shown>>) -> Response {
    let told = shown.clone();
    stream::answer(&shown, move |view| Some(told.told.of(view)))
}

impl Told {
    fn of(&self, view: &Arc<View>) -> Bytes {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.view.as_ref().is_none_or(|known| known.number < view.number) {
            told.bytes = tell(told.view.as_deref(), view).into();
            told.view = Some(view.clone());
        }
        told.bytes.clone()
    }
}

/// What is new in `view` since `before`.
fn tell(before: Option<&View>, view: &View) -> String {
    let mut text = event("pool", &view.pool);
    if let Some(before) = before {
        for share in view.feed.iter().rev().filter(|share| !before.feed.contains(share)) {
            text += &event("share", share);
        }
        for block in view.blocks.iter().rev() {
            let known = before.blocks.iter().find(|known| known.hash == block.hash);
            if known.is_none_or(|known| known.state != block.state) {
                text += &event("block", block);
            }
        }
        if let Some(best) = &view.pool.best
            && before.pool.best.as_ref().is_none_or(|known| known.best.difficulty < best.best.difficulty)
        {
            text += &event("best", best);
        }
    }
    text
}

fn event(name: &str, data: &impl Serialize) -> String {
    // Every type of the view serialises.
    stream::event(name, &serde_json::to_string(data).unwrap_or_default())
}
