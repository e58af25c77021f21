//! ckpool's `users/<user>` and `pool/pool.status`.
//!
//! Hashrates are texts with a letter for the power of a thousand, as ckpool writes them;
//! the status is three JSON objects, one a line.

use crate::history::Windows;
use crate::http::Shown;
use crate::http::api::document::{Endpoint, Parameter};
use crate::http::problem::Problem;
use crate::view::{MemberView, View, WorkerView};
use axum::Router;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use serde_json::{Map, Value, json};
use std::sync::Arc;

pub(super) fn routes() -> Router<Arc<Shown>> {
    Router::new().route("/users/{user}", get(user)).route("/pool/pool.status", get(pool))
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    const USER: &[Parameter] = &[Parameter {
        name: "user",
        place: "path",
        kind: "string",
        description: "A member, with a worker or without.",
    }];
    vec![
        Endpoint::get::<Value>("/users/{user}", "A member, as ckpool writes it.").takes(USER).or(404),
        Endpoint::other(
            "/pool/pool.status",
            "text/plain",
            "The pool in three lines of JSON, as ckpool writes it.",
        ),
    ]
}

async fn user(State(shown): State<Arc<Shown>>, Path(user): Path<String>) -> Response {
    let view = shown.view();
    // ckpool's users may be asked for with a worker.
    let name = user.split('.').next().unwrap_or_default();
    match view.member(name) {
        Some(member) => Json(user_json(member)).into_response(),
        None => Problem::not_found("no such user").into_response(),
    }
}

async fn pool(State(shown): State<Arc<Shown>>) -> Response {
    let text: String = pool_json(&shown.view()).iter().map(|line| format!("{line}\n")).collect();
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

fn user_json(member: &MemberView) -> Value {
    let mut user = windows(&member.hashrate);
    user.insert("lastshare".into(), member.last_share.unwrap_or_default().into());
    user.insert("workers".into(), member.workers.iter().filter(|worker| worker.online).count().into());
    user.insert("shares".into(), whole(member.round_work));
    user.insert("bestshare".into(), difficulty(member.best_round.as_ref()).into());
    user.insert("bestever".into(), whole(difficulty(member.best_ever.as_ref())));
    let since = member.workers.iter().filter_map(|worker| worker.first_share).min();
    user.insert("authorised".into(), since.unwrap_or_default().into());
    let workers = member.workers.iter().map(|worker| worker_json(member, worker));
    user.insert("worker".into(), workers.collect());
    user.into()
}

fn worker_json(member: &MemberView, worker: &WorkerView) -> Value {
    let name = if worker.name.is_empty() {
        member.name.to_string()
    } else {
        format!("{}.{}", member.name, worker.name)
    };
    let mut json = Map::from_iter([("workername".to_owned(), Value::from(name))]);
    json.extend(windows(&worker.hashrate));
    json.insert("lastshare".into(), worker.last_share.unwrap_or_default().into());
    json.insert("shares".into(), worker.accepted.into());
    json.insert("bestshare".into(), difficulty(worker.best_ever.as_ref()).into());
    json.insert("bestever".into(), whole(difficulty(worker.best_ever.as_ref())));
    json.into()
}

fn pool_json(view: &View) -> [Value; 3] {
    let pool = &view.pool;
    let windows = &pool.hashrate;
    let percent = (pool.round.effort * 10_000.0).round() / 100.0;
    let per_second = |rate: &crate::history::Rate, seconds: f64| rate.shares as f64 / seconds;
    [
        json!({
            "runtime": pool.uptime_seconds,
            "lastupdate": view.time,
            "Users": pool.members,
            "Workers": pool.workers,
            "Idle": view.members.iter().filter(|member| !member.is_active(view.time)).count(),
            "Disconnected": view.members.iter().filter(|member| !member.online).count(),
        }),
        json!({
            "hashrate1m": short(windows.m1.hashrate),
            "hashrate5m": short(windows.m5.hashrate),
            "hashrate1hr": short(windows.h1.hashrate),
            "hashrate6hr": short(windows.h6.hashrate),
            "hashrate1d": short(windows.d1.hashrate),
            "hashrate7d": short(windows.d7.hashrate),
        }),
        json!({
            "diff": percent,
            "accepted": whole(pool.round.work),
            "rejected": pool.shares_rejected,
            "bestshare": whole(pool.round.best.as_ref().map_or(0.0, |best| best.best.difficulty)),
            "SPS1m": per_second(&windows.m1, 60.0),
            "SPS5m": per_second(&windows.m5, 300.0),
            "SPS1h": per_second(&windows.h1, 3600.0),
        }),
    ]
}

fn windows(windows: &Windows) -> Map<String, Value> {
    let named = [
        ("hashrate1m", windows.m1),
        ("hashrate5m", windows.m5),
        ("hashrate1hr", windows.h1),
        ("hashrate1d", windows.d1),
        ("hashrate7d", windows.d7),
    ];
    named.into_iter().map(|(name, rate)| (name.to_owned(), short(rate.hashrate).into())).collect()
}

fn difficulty(best: Option<&crate::history::Best>) -> f64 {
    best.map_or(0.0, |best| best.difficulty)
}

/// A float to integer cast saturates.
fn whole(number: f64) -> Value {
    (number.round() as u64).into()
}

/// `12.3T`; three digits, as ckpool's.
fn short(hashrate: f64) -> String {
    const LETTERS: [&str; 8] = ["", "K", "M", "G", "T", "P", "E", "Z"];
    let (mut value, mut letters) = (hashrate.max(0.0), LETTERS.iter());
    let mut letter = letters.next().copied().unwrap_or_default();
    while value >= 999.5 {
        let Some(next) = letters.next() else { break };
        (value, letter) = (value / 1000.0, next);
    }
    let digits = if value == 0.0 || value >= 99.95 {
        0
    } else if value >= 9.995 {
        1
    } else {
        2
    };
    format!("{value:.digits$}{letter}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashrates_are_written_as_ckpool_writes_them() {
        let written = [0.0, 7.0, 999.9, 1.234e12, 98.76e15, 5e26].map(short);
        assert_eq!(written, ["0", "7.00", "1.00K", "1.23T", "98.8P", "500000Z"]);
    }
}
