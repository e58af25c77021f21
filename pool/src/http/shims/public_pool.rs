//! public-pool's `/api/info`, `/api/pool`, `/api/network` and `/api/client/<address>`.

use crate::http::Shown;
use crate::http::api::document::{Endpoint, Parameter};
use crate::http::problem::Problem;
use crate::view::{MemberView, View};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new()
        .route("/api/info", get(info))
        .route("/api/pool", get(pool))
        .route("/api/network", get(network))
        .route("/api/client/{address}", get(client))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    const ADDRESS: &[Parameter] =
        &[Parameter { name: "address", place: "path", kind: "string", description: "A member." }];
    vec![
        Endpoint::get::<Value>("/api/info", "The pool, as public-pool answers."),
        Endpoint::get::<Value>("/api/pool", "Its hashrate and miners, as public-pool answers."),
        Endpoint::get::<Value>("/api/network", "The chain, as public-pool answers.").or(404),
        Endpoint::get::<Value>("/api/client/{address}", "A member, as public-pool answers.")
            .takes(ADDRESS)
            .or(404),
    ]
}

async fn info(State(shown): State<Arc<Shown>>) -> Json<Value> {
    Json(info_json(&shown.view()))
}

async fn pool(State(shown): State<Arc<Shown>>) -> Json<Value> {
    let view = shown.view();
    Json(json!({
        "totalHashRate": view.pool.hashrate.h1.hashrate,
        "blockHeight": view.template.as_ref().map(|template| template.height),
        "totalMiners": view.pool.workers,
        "blocksFound": found(&view),
    }))
}

async fn network(State(shown): State<Arc<Shown>>) -> Response {
    let view = shown.view();
    let Some(template) = &view.template else {
        return Problem::not_found("there is no template yet").into_response();
    };
    Json(json!({
        "blocks": template.height.saturating_sub(1),
        "difficulty": template.network_difficulty,
        "pooledtx": template.transactions,
        "chain": view.pool.network,
    }))
    .into_response()
}

async fn client(State(shown): State<Arc<Shown>>, Path(address): Path<String>) -> Response {
    let view = shown.view();
    match view.member(&address) {
        Some(member) => Json(client_json(member)).into_response(),
        None => Problem::not_found("no such client").into_response(),
    }
}

fn info_json(view: &View) -> Value {
    let mut agents: BTreeMap<&str, (u64, f64, f64)> = BTreeMap::new();
    for worker in view.members.iter().flat_map(|member| &member.workers) {
        let Some(connection) = worker.connections.first() else { continue };
        let agent = agents.entry(&connection.agent).or_default();
        agent.0 += 1;
        agent.1 += worker.hashrate.h1.hashrate;
        agent.2 = agent.2.max(worker.best_ever.as_ref().map_or(0.0, |best| best.difficulty));
    }
    let agents = agents.into_iter().map(|(agent, (count, rate, best))| {
        json!({
            "userAgent": agent,
            "count": count.to_string(),
            "bestDifficulty": best,
            "totalHashRate": rate,
        })
    });
    let scores = view.leaderboard.best_ever.iter().take(10).map(|entry| {
        let best = entry.best.as_ref();
        json!({
            "updatedAt": best.map(|best| best.time.saturating_mul(1000)),
            "bestDifficulty": entry.value,
            "bestDifficultyUserAgent": best.map(|best| best.worker.to_string()),
        })
    });
    json!({
        "blockData": found(view),
        "userAgents": agents.collect::<Vec<_>>(),
        "highScores": scores.collect::<Vec<_>>(),
        "uptime": view.time.saturating_sub(view.pool.uptime_seconds).saturating_mul(1000),
    })
}

fn found(view: &View) -> Vec<Value> {
    let blocks = view.blocks.iter().filter(|block| block.counts());
    let json = blocks.map(|block| {
        json!({
            "height": block.height,
            "minerAddress": block.member,
            "worker": block.worker,
            "sessionId": "",
        })
    });
    json.collect()
}

fn client_json(member: &MemberView) -> Value {
    let workers = member.workers.iter().map(|worker| {
        json!({
            "sessionId": "",
            "name": worker.name,
            "bestDifficulty": format!("{:.2}", worker.best_ever.as_ref().map_or(0.0, |best| best.difficulty)),
            "hashRate": worker.hashrate.m5.hashrate,
            "startTime": worker.first_share.map(|at| at.saturating_mul(1000)),
            "lastSeen": worker.last_share.map(|at| at.saturating_mul(1000)),
        })
    });
    json!({
        "bestDifficulty": member.best_ever.as_ref().map_or(0.0, |best| best.difficulty),
        "workersCount": member.workers.iter().filter(|worker| worker.online).count(),
        "workers": workers.collect::<Vec<_>>(),
    })
}
