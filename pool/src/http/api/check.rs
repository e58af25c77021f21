//! What anybody needs to check the pool's books.

use super::document::Endpoint;
use crate::http::Shown;
use crate::view::CheckView;
use axum::Router;
use axum::extract::State;
use axum::response::Json;
use axum::routing::get;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new().route("/api/v1/check", get(check))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    let how_far = "How far the ledger is, its newest head and the key that signs it.";
    vec![Endpoint::get::<CheckView>("/api/v1/check", how_far)]
}

/// How far the ledger is, its newest head and the key that signs it.
pub async fn check(State(shown): State<Arc<Shown>>) -> Json<CheckView> {
    Json(shown.view().check.clone())
}
