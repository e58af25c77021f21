//! What is mined on, and whom it would pay.

use super::document::Endpoint;
use crate::http::Shown;
use crate::http::problem::Problem;
use crate::view::{CoinbaseView, TemplateView};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Json;
use axum::routing::get;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new().route("/api/v1/coinbase", get(coinbase)).route("/api/v1/template", get(template))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get::<Vec<CoinbaseView>>(
            "/api/v1/coinbase",
            "The coinbases that miners work on, decoded: each output, whose it is and why.",
        ),
        Endpoint::get::<TemplateView>("/api/v1/template", "The template of the next block.").or(503),
    ]
}

/// The coinbases that miners work on, decoded: each output, whose it is and why.
pub async fn coinbase(State(shown): State<Arc<Shown>>) -> Json<Vec<CoinbaseView>> {
    Json(shown.view().coinbases.clone())
}

/// The template of the next block.
pub async fn template(State(shown): State<Arc<Shown>>) -> Result<Json<TemplateView>, Problem> {
    let view = shown.view();
    view.template.clone().map(Json).ok_or_else(|| {
        let source = &view.status.source;
        let reason = source.detail.clone().unwrap_or_else(|| format!("the source is {}", source.state));
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("there is no template yet: {reason}"))
    })
}
