//! Members, their workers and their refused shares.

use super::document::{Endpoint, MEMBER, PIECE, RANGE};
use super::list::{List, Piece};
use super::pool::{Back, History};
use crate::described;
use crate::http::Shown;
use crate::http::problem::Problem;
use crate::http::query::Asked;
use crate::view::{MemberView, WorkerView};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::Json;
use axum::routing::get;
use serde::Serialize;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new()
        .route("/api/v1/members", get(members))
        .route("/api/v1/members/{member}", get(member))
        .route("/api/v1/members/{member}/workers", get(workers))
        .route("/api/v1/members/{member}/history", get(history))
        .route("/api/v1/rejects", get(rejects))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get::<List<MemberView>>(
            "/api/v1/members",
            "Members, those with most work in this round first.",
        )
        .takes(PIECE),
        Endpoint::get::<MemberView>("/api/v1/members/{member}", "One member.").takes(MEMBER).or(404),
        Endpoint::get::<List<WorkerView>>(
            "/api/v1/members/{member}/workers",
            "A member's workers: what they are and how they are connected.",
        )
        .takes(MEMBER)
        .takes(PIECE)
        .or(404),
        Endpoint::get::<History>(
            "/api/v1/members/{member}/history",
            "A member's hashrate over time, each point with its 95 % band.",
        )
        .takes(MEMBER)
        .takes(RANGE)
        .or(404),
        Endpoint::get::<List<Refused>>(
            "/api/v1/rejects",
            "Refused shares by worker and reason, since the pool started; most first.",
        )
        .takes(PIECE),
    ]
}

described! {
    /// Refused shares of one worker, for one reason, since the pool started.
    #[derive(Clone, Debug, Serialize)]
    pub struct Refused {
        /// Whose.
        pub member: Arc<str>,
        /// On which worker.
        pub worker: Arc<str>,
        /// The SV2 error code.
        pub reason: String,
        /// How many.
        pub count: u64,
    }
}

/// Members, those with most work in this round first.
pub async fn members(State(shown): State<Arc<Shown>>, Asked(piece): Asked<Piece>) -> Json<List<MemberView>> {
    Json(piece.of(&shown.view().members))
}

/// One member.
pub async fn member(
    State(shown): State<Arc<Shown>>,
    Path(name): Path<String>,
) -> Result<Json<MemberView>, Problem> {
    let view = shown.view();
    view.member(&name).cloned().map(Json).ok_or_else(|| unknown(&name))
}

/// A member's workers, with what they are and how they are connected.
pub async fn workers(
    State(shown): State<Arc<Shown>>,
    Path(name): Path<String>,
    Asked(piece): Asked<Piece>,
) -> Result<Json<List<WorkerView>>, Problem> {
    let view = shown.view();
    let member = view.member(&name).ok_or_else(|| unknown(&name))?;
    Ok(Json(piece.of(&member.workers)))
}

/// A member's hashrate over time, each point with its 95 % band.
pub async fn history(
    State(shown): State<Arc<Shown>>,
    Path(name): Path<String>,
    Asked(back): Asked<Back>,
) -> Result<Json<History>, Problem> {
    let view = shown.view();
    view.member(&name).ok_or_else(|| unknown(&name))?;
    let known = view.history.known();
    let line = known.tally.members.get(&*name).map(|member| member.series.line(view.time, back.range));
    Ok(Json(History::new(back.range, line.unwrap_or_default())))
}

/// Refused shares by worker and reason, since the pool started; most first.
pub async fn rejects(State(shown): State<Arc<Shown>>, Asked(piece): Asked<Piece>) -> Json<List<Refused>> {
    let view = shown.view();
    let mut all = Vec::new();
    for member in &view.members {
        for worker in &member.workers {
            all.extend(worker.rejected.iter().map(|(reason, count)| Refused {
                member: member.name.clone(),
                worker: worker.name.clone(),
                reason: reason.clone(),
                count: *count,
            }));
        }
    }
    all.sort_by_key(|refused| std::cmp::Reverse(refused.count));
    Json(piece.of(&all))
}

fn unknown(name: &str) -> Problem {
    let name: String = name.chars().take(80).collect();
    Problem::not_found(&format!(
        "nobody called {name} has mined here in the last week; GET /api/v1/members lists who has"
    ))
}
