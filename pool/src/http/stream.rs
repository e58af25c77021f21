//! Server-sent events: one view after the other to each listener, in bytes that all of them
//! share.

use super::Shown;
use super::problem::Problem;
use crate::view::View;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room for those who listen.
#[derive(Clone, Debug)]
pub struct Listeners(Arc<Semaphore>);

/// More would be a mistake, or malice.
const LISTENERS: usize = 1_000;
/// Proxies close what is silent for long.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

impl Default for Listeners {
    fn default() -> Listeners {
        Listeners(Arc::new(Semaphore::new(LISTENERS)))
    }
}

/// Answers with what `write` makes of each view, as long as somebody listens. Whoever reads
/// slowly misses views and keeps nobody waiting. `write` says nothing where nothing is new.
pub fn answer(
    shown: &Arc<Shown>,
    write: impl FnMut(&Arc<View>) -> Option<Bytes> + Send + 'static,
) -> Response {
    let Ok(place) = shown.listeners.0.clone().try_acquire_owned() else {
        let full = "too many pages and programs listen already; close some and try again";
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, full).into_response();
    };
    let mut view = shown.view.clone();
    view.mark_changed();
    let listening = Listening { view, write, _place: place };
    let events = unfold(listening, |mut listening| async move {
        let bytes = listening.next().await?;
        Some((Ok::<Bytes, Infallible>(bytes), listening))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // For nginx, which otherwise collects.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::from_stream(events)).into_response()
}

/// One event.
pub fn event(name: &str, data: &str) -> String {
    // JSON without line ends: one line of data.
    format!("event: {name}\ndata: {data}\n\n")
}

struct Listening<W> {
    view: tokio::sync::watch::Receiver<Arc<View>>,
    write: W,
    _place: OwnedSemaphorePermit,
}

impl<W: FnMut(&Arc<View>) -> Option<Bytes>> Listening<W> {
    /// None when the pool stops.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            match tokio::time::timeout(KEEP_ALIVE, self.view.changed()).await {
                Ok(Ok(())) => {
                    let view = self.view.borrow_and_update().clone();
                    if let Some(bytes) = (self.write)(&view) {
                        return Some(bytes);
                    }
                }
                Ok(Err(_)) => return None,
                Err(_) => return Some(Bytes::from_static(b": still here\n\n")),
            }
        }
    }
}
