//! Who may look at all: by the address that a request comes from.

use super::problem::Problem;
use crate::access::readers::Readers;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;

/// Answers those who may look, and nobody else.
pub async fn admit(
    State(readers): State<Readers>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if readers.admits(peer.ip()) {
        return next.run(request).await;
    }
    Problem::new(
        StatusCode::FORBIDDEN,
        "this pool is looked at from its own network; its host may open it (http.readers = \"anyone\")",
    )
    .into_response()
}
