//! Whether it lives, and whether miners are given jobs.

use super::Shown;
use super::api::document::Endpoint;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::other("/healthz", "text/plain", "Whether the pool lives."),
        Endpoint::other(
            "/readyz",
            "text/plain",
            "Whether miners are given jobs; 503, and why not, while they are not.",
        ),
    ]
}

async fn ready(State(shown): State<Arc<Shown>>) -> Response {
    if shown.observed.is_serving() {
        return "ready\n".into_response();
    }
    let source = shown.observed.source();
    let reason = source.detail.unwrap_or_else(|| format!("the template source is {}", source.state));
    (StatusCode::SERVICE_UNAVAILABLE, format!("no jobs yet: {reason}\n")).into_response()
}
