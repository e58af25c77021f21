//! The API: JSON under `/api/v1/`, described by `/api/v1/openapi.json`.
//!
//! Names carry their unit, amounts are in satoshi, hashrates in hashes a second, times in
//! seconds since the Unix epoch. What is there stays: fields are added, not renamed. A room
//! has `routes` and `endpoints`, which say the same to axum and to those who read.

pub mod blocks;
pub mod check;
pub mod document;
pub mod list;
pub mod members;
pub mod next_block;
pub mod pool;
pub mod status;

use super::Shown;
use axum::Router;
use axum::response::Json;
use axum::routing::get;
use document::Endpoint;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new()
        .route("/api/v1/openapi.json", get(|| async { Json(document::document(endpoints())) }))
        .merge(status::routes())
        .merge(pool::routes())
        .merge(blocks::routes())
        .merge(members::routes())
        .merge(next_block::routes())
        .merge(check::routes())
}

/// Everything that can be asked for.
fn endpoints() -> Vec<Endpoint> {
    [
        status::endpoints(),
        pool::endpoints(),
        blocks::endpoints(),
        members::endpoints(),
        next_block::endpoints(),
        check::endpoints(),
    ]
    .concat()
}
