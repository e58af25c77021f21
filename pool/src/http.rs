//! The pool's HTTP: status, metrics and health checks. Read only.
//!
//! | path | what |
//! |---|---|
//! | `/healthz` | 200 while the process lives |
//! | `/readyz` | 200 while miners are given jobs, else 503 with the reason |
//! | `/api/v1/status` | everything as JSON: [`StatusSnapshot`](crate::status::StatusSnapshot) |
//! | `/metrics` | Prometheus text, of bounded size |
//! | `/api/v1/shares/stream` | the ledger as it grows, as events |
//! | `/api/v1/audit/...` | heads, slices and proofs, for whoever checks the pool |
//!
//! There is no password: it listens on the loopback address unless told otherwise.

pub mod audit;
pub mod commitments;
pub mod metrics;
pub mod problem;

use crate::config::HttpListen;
use crate::status::Observed;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Connections that `/api/v1/status` lists one by one.
const LISTED_CONNECTIONS: usize = 1_000;

/// How long requests under way may take when the pool stops.
const DRAIN: Duration = Duration::from_secs(2);

/// Listens as `listen` says, and tells what is `observed` and serves `more` until `shutdown` is cancelled.
/// Returns the address, with its real port, or nothing when HTTP is off.
///
/// # Errors
/// When the address cannot be had.
pub async fn start(
    listen: HttpListen,
    observed: Observed,
    more: Router,
    shutdown: CancellationToken,
) -> Result<Option<SocketAddr>, BindError> {
    let Some(address) = listen.address() else { return Ok(None) };
    let server = HttpServer::bind(address).await?;
    let address = server.address();
    tokio::spawn(server.run(routes(observed).merge(more), shutdown));
    Ok(Some(address))
}

/// HTTP that listens but does not answer yet.
#[derive(Debug)]
pub struct HttpServer {
    listener: TcpListener,
    address: SocketAddr,
}

/// Why HTTP cannot listen.
#[derive(Debug, Error)]
#[error("cannot listen for HTTP on {address}: {source}; choose another http.listen, or \"off\"")]
pub struct BindError {
    /// The address.
    pub address: SocketAddr,
    /// The system's word.
    pub source: io::Error,
}

impl HttpServer {
    /// Listens on `address`; with port 0, on any free port.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn bind(address: SocketAddr) -> Result<HttpServer, BindError> {
        let failed = |source| BindError { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(HttpServer { listener, address })
    }

    /// The address listened on, with its real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers by `routes` until `shutdown` is cancelled; then gives requests under way a moment.
    pub async fn run(self, routes: Router, shutdown: CancellationToken) {
        let stopping = shutdown.clone();
        let serving = axum::serve(self.listener, routes)
            .with_graceful_shutdown(async move { stopping.cancelled().await });
        let served = tokio::select! {
            served = serving.into_future() => served,
            // A client that keeps its connection open must not keep the pool from stopping.
            () = async { shutdown.cancelled().await; tokio::time::sleep(DRAIN).await } => Ok(()),
        };
        if let Err(error) = served {
            tracing::error!(%error, "HTTP has stopped");
        }
    }
}

/// All that is answered.
pub fn routes(observed: Observed) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/api/v1/status", get(show_status))
        .route("/metrics", get(show_metrics))
        .with_state(Arc::new(observed))
}

async fn ready(State(observed): State<Arc<Observed>>) -> Response {
    if observed.is_serving() {
        return "ready\n".into_response();
    }
    let source = observed.source();
    let reason = source.detail.unwrap_or_else(|| format!("the template source is {}", source.state));
    (StatusCode::SERVICE_UNAVAILABLE, format!("no jobs yet: {reason}\n")).into_response()
}

async fn show_status(State(observed): State<Arc<Observed>>) -> Response {
    Json(observed.snapshot(Instant::now(), LISTED_CONNECTIONS)).into_response()
}

async fn show_metrics(State(observed): State<Arc<Observed>>) -> Response {
    let text = metrics::render(&observed.snapshot(Instant::now(), 0));
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::status::Status;
    use crate::status::snapshot::fake;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::sync::watch;

    struct Running {
        status: Arc<Status>,
        jobs: watch::Sender<u64>,
        address: SocketAddr,
        shutdown: CancellationToken,
        task: tokio::task::JoinHandle<()>,
    }

    async fn start() -> Running {
        let server = HttpServer::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let (observed, jobs) = fake::observed(Instant::now());
        let (status, shutdown) = (observed.status.clone(), CancellationToken::new());
        let address = server.address();
        let task = tokio::spawn(server.run(routes(observed), shutdown.clone()));
        Running { status, jobs, address, shutdown, task }
    }

    async fn fetch(address: SocketAddr, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    #[tokio::test]
    async fn it_is_ready_only_while_jobs_are_served() {
        let running = start().await;
        assert_eq!(fetch(running.address, "/healthz").await, (200, "ok\n".into()));
        let (code, reason) = fetch(running.address, "/readyz").await;
        assert_eq!((code, reason.as_str()), (503, "no jobs yet: no node\n"));
        running.jobs.send_replace(1);
        assert_eq!(fetch(running.address, "/readyz").await.0, 200);
        running.shutdown.cancel();
        running.task.await.unwrap();
    }

    #[tokio::test]
    async fn status_is_json_and_metrics_are_text() {
        let running = start().await;
        let guard = running.status.connections.opened(running.address);
        guard.set_agent("miner \"x\"");
        let (code, body) = fetch(running.address, "/api/v1/status").await;
        let json: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!((code, &json["connections"][0]["agent"]), (200, &"miner \"x\"".into()));
        let (code, text) = fetch(running.address, "/metrics").await;
        assert_eq!(code, 200);
        assert!(text.contains("punchbowl_connections{path=\"tcp\"} 1\n"), "{text}");
        assert_eq!(fetch(running.address, "/nothing").await.0, 404);
        running.shutdown.cancel();
        running.task.await.unwrap();
    }

    #[tokio::test]
    async fn a_client_that_never_finishes_does_not_keep_it_from_stopping() {
        let running = start().await;
        let mut idle = TcpStream::connect(running.address).await.unwrap();
        idle.write_all(b"GET /healthz HTTP/1.1\r\n").await.unwrap();
        running.shutdown.cancel();
        running.task.await.unwrap();
    }

    #[tokio::test]
    async fn an_address_in_use_is_refused_by_name() {
        let running = start().await;
        let error = HttpServer::bind(running.address).await.unwrap_err().to_string();
        assert!(error.contains(&running.address.to_string()) && error.contains("http.listen"), "{error}");
        running.shutdown.cancel();
        running.task.await.unwrap();
    }
}
