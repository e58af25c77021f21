//! The ledger over HTTP, for whoever checks the pool. Formats: `docs/audit.md`.
//!
//! | path | what |
//! |---|---|
//! | `/api/v1/audit` | which ledger, who signs, how long it is |
//! | `/api/v1/audit/heads?from=&limit=` | signed heads, in pages |
//! | `/api/v1/audit/slices/{number}` | a closed slice with all that recomputes it |
//! | `/api/v1/audit/shares/{sequence}/proof` | that a share is in its slice |
//! | `/api/v1/shares/stream?from=` | everything, as events, and then what is new |

mod json;
mod stream;

use super::api::document::{Endpoint, Parameter};
use super::problem::Problem;
use crate::audit::{ListenError, Listeners};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use json::{AuditHead, AuditHeads, AuditProof, AuditView};
use ledger::{Reader, StoreError};
use std::str::FromStr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

#[derive(Clone)]
struct Audit {
    listeners: Arc<Listeners>,
    shutdown: CancellationToken,
}

/// Heads in one page.
const PAGE: usize = 1_000;

pub(crate) fn routes(listeners: Arc<Listeners>, shutdown: CancellationToken) -> Router {
    Router::new()
        .route("/api/v1/audit", get(about))
        .route("/api/v1/audit/heads", get(heads))
        .route("/api/v1/audit/slices/{number}", get(slice))
        .route("/api/v1/audit/shares/{sequence}/proof", get(proof))
        .route("/api/v1/shares/stream", get(stream::events))
        .with_state(Audit { listeners, shutdown })
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    const HEADS: &[Parameter] = &[
        Parameter {
            name: "from",
            place: "query",
            kind: "integer",
            description: "The first slice; 1 where nothing is said.",
        },
        Parameter {
            name: "limit",
            place: "query",
            kind: "integer",
            description: "Heads wanted, 1 to 1000; 100 where nothing is said.",
        },
    ];
    const SLICE: &[Parameter] =
        &[Parameter { name: "number", place: "path", kind: "integer", description: "The slice's number." }];
    const SHARE: &[Parameter] =
        &[Parameter { name: "sequence", place: "path", kind: "integer", description: "The share's number." }];
    const FROM: &[Parameter] = &[
        Parameter {
            name: "from",
            place: "query",
            kind: "string",
            description: "A share's number or a whole place, share.slice.entry; the beginning where nothing is said. \
                Last-Event-ID goes before it.",
        },
        Parameter {
            name: "whole_from",
            place: "query",
            kind: "integer",
            description: "Slices before this one come without their shares.",
        },
    ];
    vec![
        Endpoint::get::<AuditView>("/api/v1/audit", "Which ledger it is, who signs it, how long it is.")
            .or(503),
        Endpoint::get::<AuditHeads>("/api/v1/audit/heads", "Signed heads, oldest first.")
            .takes(HEADS)
            .or(400)
            .or(503),
        Endpoint::other(
            "/api/v1/audit/slices/{number}",
            stream::EVIDENCE,
            "A closed slice with all that recomputes it (docs/audit.md).",
        )
        .takes(SLICE)
        .or(400)
        .or(404)
        .or(503),
        Endpoint::get::<AuditProof>("/api/v1/audit/shares/{sequence}/proof", "That a share is in its slice.")
            .takes(SHARE)
            .or(400)
            .or(404)
            .or(503),
        Endpoint::other(
            "/api/v1/shares/stream",
            "text/event-stream",
            "The whole ledger, as server-sent events, and then what is new.",
        )
        .takes(FROM)
        .or(400)
        .or(503),
    ]
}

async fn about(State(audit): State<Audit>) -> Result<Response, Problem> {
    let about = audit.read(|reader| {
        let (identity, head) = (reader.identity()?, reader.last_head()?);
        Ok(AuditView {
            ledger: json::hex(&identity.ledger.0),
            network: identity.network,
            shares: reader.last_share()?,
            slices: head.as_ref().map_or(0, |head| head.head.slice),
            entries: reader.last_entry()?.0,
            signer: head.as_ref().map(|head| json::hex(&head.signer)),
            last_head: head.as_ref().map(AuditHead::from),
        })
    });
    Ok(Json(about.await?).into_response())
}

async fn heads(State(audit): State<Audit>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let from: u64 = number(query.as_deref(), "from")?.unwrap_or(1);
    let limit: usize = number(query.as_deref(), "limit")?.unwrap_or(100).clamp(1, PAGE);
    let heads = audit.read(move |reader| reader.heads(from, limit)).await?;
    let next = heads.last().filter(|_| heads.len() == limit).map(|head| head.head.slice.saturating_add(1));
    let heads = heads.iter().map(AuditHead::from).collect();
    Ok(Json(AuditHeads { heads, next }).into_response())
}

async fn slice(
    State(audit): State<Audit>,
    number: Result<Path<u64>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(number) = number.map_err(|fault| bad(fault.body_text()))?;
    match audit.listeners.listen_to_slice(number).await.map_err(problem)? {
        Some(listener) => Ok(stream::download(listener, audit.shutdown)),
        None => Err(missing(format!(
            "there is no closed slice {number}; see /api/v1/audit for how many there are"
        ))),
    }
}

async fn proof(
    State(audit): State<Audit>,
    sequence: Result<Path<u64>, PathRejection>,
) -> Result<Response, Problem> {
    let Path(sequence) = sequence.map_err(|fault| bad(fault.body_text()))?;
    let proof = audit.read(move |reader| reader.share_proof(sequence)).await?;
    let none = || {
        missing(format!(
            "share {sequence} is in no closed slice: there is none yet, or its slice is still open, or its shares are \
             no longer kept"
        ))
    };
    let proof = proof.ok_or_else(none)?;
    Ok(Json(AuditProof::from(&proof)).into_response())
}

impl Audit {
    /// Reads something from the ledger.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Reader) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        let open =
            move |path: &std::path::Path| -> Result<T, ListenError> { Ok(read(&mut Reader::open(path)?)?) };
        self.listeners.read(open).await.and_then(|read| read).map_err(problem)
    }
}

/// The value of `key` in a query. Values here are numbers: nothing to be unescaped.
fn value<'a>(query: Option<&'a str>, key: &str) -> Option<&'a str> {
    let pairs = query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(name, _)| *name == key).map(|(_, value)| value).next_back()
}

fn number<T: FromStr>(query: Option<&str>, key: &str) -> Result<Option<T>, Problem> {
    let Some(value) = value(query, key) else { return Ok(None) };
    value.parse().map(Some).map_err(|_| bad(format!("{key}={value}: a number is wanted")))
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

fn missing(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, detail)
}

fn problem(fault: ListenError) -> Problem {
    match fault {
        ListenError::Busy(_) | ListenError::TooMany(_) => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, fault.to_string())
        }
        // Where the file is, is nobody's business over the network.
        ListenError::Open(_) | ListenError::Read(_) | ListenError::Ended => {
            tracing::warn!(%fault, "the ledger could not be read for an auditor");
            Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the ledger cannot be read; the pool's log says why",
            )
        }
    }
}
