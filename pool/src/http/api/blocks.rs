//! Blocks that the pool found.

use super::document::{Endpoint, HASH, PIECE};
use super::list::{List, Piece};
use crate::http::Shown;
use crate::http::problem::Problem;
use crate::http::query::Asked;
use crate::view::BlockView;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Json;
use axum::routing::get;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new().route("/api/v1/blocks", get(blocks)).route("/api/v1/blocks/{hash}", get(block))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    let all = "Blocks, newest first, with what became of them and how lucky they were.";
    vec![
        Endpoint::get::<List<BlockView>>("/api/v1/blocks", all).takes(PIECE),
        Endpoint::get::<BlockView>("/api/v1/blocks/{hash}", "One block.").takes(HASH).or(404),
    ]
}

/// Blocks, newest first, with what became of them and how lucky they were.
pub async fn blocks(State(shown): State<Arc<Shown>>, Asked(piece): Asked<Piece>) -> Json<List<BlockView>> {
    Json(piece.of(&shown.view().blocks))
}

/// One block.
pub async fn block(
    State(shown): State<Arc<Shown>>,
    Path(hash): Path<String>,
) -> Result<Json<BlockView>, Problem> {
    let view = shown.view();
    let found = view.blocks.iter().find(|block| block.hash == hash);
    found.cloned().map(Json).ok_or_else(|| Problem::not_found("this pool has not found such a block"))
}
