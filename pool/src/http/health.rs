//! Whether it lives, and whether miners are given jobs.

use super::Shown;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready))
}

async fn ready(State(shown): State<Arc<Shown>>) -> Response {
    if shown.observed.is_serving() {
        return "ready\n".into_response();
    }
    let source = shown.observed.source();
    let reason = source.detail.unwrap_or_else(|| format!("the template source is {}", source.state));
    (StatusCode::SERVICE_UNAVAILABLE, format!("no jobs yet: {reason}\n")).into_response()
}
