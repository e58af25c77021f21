//! The pool at a glance, its history, and who is in front.

use super::document::{Endpoint, RANGE};
use crate::described;
use crate::history::{Line, Point, Range};
use crate::http::Shown;
use crate::http::problem::Problem;
use crate::http::query::{Asked, Query, Read};
use crate::view::{Leaderboard, PoolView};
use axum::Router;
use axum::extract::State;
use axum::response::Json;
use axum::routing::get;
use serde::Serialize;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new()
        .route("/api/v1/pool", get(pool))
        .route("/api/v1/pool/history", get(history))
        .route("/api/v1/leaderboard", get(leaderboard))
}

/// How far back: `range` is `1h`, `1d` or `7d`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Back {
    /// An hour, a day or a week.
    pub range: Range,
}

impl Read for Back {
    fn read(query: &Query) -> Result<Back, Problem> {
        let Some(text) = query.get("range") else { return Ok(Back::default()) };
        let known = Range::ALL.into_iter().find(|range| range.name() == text);
        let range = known.ok_or_else(|| Problem::bad_request("range is 1h, 1d or 7d"))?;
        Ok(Back { range })
    }
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get::<PoolView>("/api/v1/pool", "Hashrate, members, the round and its chances."),
        Endpoint::get::<History>(
            "/api/v1/pool/history",
            "The pool's hashrate over time, each point with its 95 % band.",
        )
        .takes(RANGE),
        Endpoint::get::<Leaderboard>(
            "/api/v1/leaderboard",
            "Who is in front: by work and by best share, in this round, in the event, in the last week and ever.",
        ),
    ]
}

described! {
    /// Hashrate over time.
    #[derive(Clone, Debug, Serialize)]
    pub struct History {
        /// How far back it reaches.
        pub range: Range,
        /// Seconds between two points.
        pub step_seconds: u64,
        /// The points, oldest first.
        pub points: Vec<Point>,
    }
}

impl History {
    /// Of this line.
    pub fn new(range: Range, line: Line) -> History {
        History { range, step_seconds: line.step, points: line.points }
    }
}

/// Hashrate, members, the round and its chances.
pub async fn pool(State(shown): State<Arc<Shown>>) -> Json<PoolView> {
    Json(shown.view().pool.clone())
}

/// The pool's hashrate over time, each point with its 95 % band.
pub async fn history(State(shown): State<Arc<Shown>>, Asked(back): Asked<Back>) -> Json<History> {
    let view = shown.view();
    let line = view.history.known().tally.pool.line(view.time, back.range);
    Json(History::new(back.range, line))
}

/// Who is in front: by work and by best share, in this round, in the event, in the last week and ever.
pub async fn leaderboard(State(shown): State<Arc<Shown>>) -> Json<Leaderboard> {
    Json(shown.view().leaderboard.clone())
}
