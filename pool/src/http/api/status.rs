//! Everything at once, as of this very moment: for scripts and tests.

use super::document::Endpoint;
use crate::http::Shown;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use std::sync::Arc;
use std::time::Instant;

/// Connections that are listed one by one.
const LISTED_CONNECTIONS: usize = 1_000;

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new().route("/api/v1/status", get(status))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    let all = "Connections, counters, source, ledger and relays, as they are now.";
    vec![Endpoint::get::<serde_json::Value>("/api/v1/status", all)]
}

/// Connections, counters, source, ledger and relays, as they are now.
pub async fn status(State(shown): State<Arc<Shown>>) -> Response {
    Json(shown.observed.snapshot(Instant::now(), LISTED_CONNECTIONS)).into_response()
}
