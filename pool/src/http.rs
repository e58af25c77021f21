//! The pool's HTTP: pages for people, an API for programs, metrics and health checks.
//!
//! | path | what | room |
//! |---|---|---|
//! | `/`, `/members`, `/screen`, ... | pages, complete without JavaScript | [`pages`] |
//! | `/api/v1/...` | JSON; `/api/v1/openapi.json` describes it | [`api`] |
//! | `/api/v1/events` | what happens, as it happens (SSE) | [`events`] |
//! | `/live` | pages that change while they are looked at (SSE) | [`live`] |
//! | `/api/v1/shares/stream`, `/api/v1/audit/...` | the ledger, for whoever checks the pool | [`audit`] |
//! | `/api/v1/commitments` | what blocks commit to; with a token | [`commitments`] |
//! | `/users/...`, `/api/info`, ... | what tools for other pools read | [`shims`] |
//! | `/metrics` | Prometheus text, of bounded size | [`metrics`] |
//! | `/settings`, `/sign-in`, `/api/v1/notify` | for the host alone | [`host`] |
//! | `/healthz`, `/readyz` | whether it lives, and whether miners are given jobs | [`health`] |
//!
//! All of it reads one [`View`], which one task publishes: who looks costs those who mine
//! nothing. Looking needs no password, changing does ([`host`]): it listens on the loopback
//! address unless told otherwise.

pub mod api;
pub mod assets;
pub mod audit;
pub mod commitments;
pub mod events;
pub mod headers;
pub mod health;
pub mod host;
pub mod live;
pub mod markup;
pub mod metrics;
pub mod pages;
pub mod problem;
pub mod query;
pub mod readers;
pub mod setup;
pub mod shims;
pub mod stream;

use crate::access::readers::Readers;
use crate::status::Observed;
use crate::view::{self, Scene, View};
use axum::Router;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::Uri;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use host::HostDesk;
use pages::join::Doors;
use problem::Problem;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How long requests under way may take when the pool stops.
const DRAIN: Duration = Duration::from_secs(2);

/// What every answer is made from.
#[derive(Debug)]
pub struct Shown {
    /// Counters and connections, for what must be of this very moment.
    pub observed: Observed,
    /// Everything that is shown, as it is published.
    pub view: watch::Receiver<Arc<View>>,
    /// Where miners and members connect.
    pub doors: Doors,
    /// Those who listen.
    pub listeners: stream::Listeners,
    /// What has been drawn for those who look at pages.
    pub drawn: live::Drawn,
    /// What has been written for those who listen to events.
    pub told: events::Told,
    /// What lets the host in; none where nobody can change anything.
    pub host: Option<HostDesk>,
    /// Who may look.
    pub readers: Readers,
    /// What is answered besides.
    pub more: Router,
    /// What is answered besides where HTTP listens itself, and nowhere else.
    pub local: Router,
    /// Cancelled when the pool stops.
    pub shutdown: CancellationToken,
}

/// What HTTP tells of.
#[derive(Debug)]
pub struct Subject {
    /// What the view is made of.
    pub scene: Scene,
    /// Where miners and members connect.
    pub doors: Doors,
    /// What lets the host in; none where nobody can change anything.
    pub host: Option<HostDesk>,
    /// Who may look.
    pub readers: Readers,
    /// What is answered besides.
    pub more: Router,
    /// What is answered besides where HTTP listens itself, and nowhere else.
    pub local: Router,
}

impl Shown {
    /// Begins to publish what is shown.
    pub fn start(subject: Subject, shutdown: CancellationToken) -> Arc<Shown> {
        Arc::new(Shown {
            observed: subject.scene.observed.clone(),
            view: view::start(subject.scene, shutdown.clone()),
            doors: subject.doors,
            listeners: stream::Listeners::default(),
            drawn: live::Drawn::default(),
            told: events::Told::default(),
            host: subject.host,
            readers: subject.readers,
            more: subject.more,
            local: subject.local,
            shutdown,
        })
    }

    /// The newest view.
    pub fn view(&self) -> Arc<View> {
        self.view.borrow().clone()
    }
}

/// Where HTTP listens for as long as the process lives. Pools that follow each other, and the
/// page of the first run, answer at the same socket in turn, so that nobody is turned away
/// in between.
#[derive(Debug)]
pub struct HttpDoor {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

impl HttpDoor {
    /// Listens on `address`; with port 0, on any free port.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn bind(address: SocketAddr) -> Result<HttpDoor, BindError> {
        let server = HttpServer::bind(address).await?;
        let address = server.address;
        let listener = server.listener.into_std().map_err(|source| BindError { address, source })?;
        Ok(HttpDoor { listener, address })
    }

    /// A server at it.
    ///
    /// # Errors
    /// When the system has no more descriptors.
    pub fn server(&self) -> Result<HttpServer, BindError> {
        let address = self.address;
        let listener = self.listener.try_clone().and_then(TcpListener::from_std);
        let listener = listener.map_err(|source| BindError { address, source })?;
        Ok(HttpServer { listener, address })
    }
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

    /// Answers until the pool stops; then gives requests under way a moment.
    pub async fn run(self, shown: Arc<Shown>) {
        let shutdown = shown.shutdown.clone();
        self.serve(routes(shown), shutdown).await;
    }

    /// Answers by `routes` until `shutdown` is cancelled; then gives requests under way a moment.
    pub(in crate::http) async fn serve(self, routes: Router, shutdown: CancellationToken) {
        let stopping = shutdown.clone();
        let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
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

/// All that is shown, for everybody, where nobody's address is known: at the relay's port. What is for
/// the host alone is not there.
pub fn open_routes(shown: Arc<Shown>) -> Router {
    let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
    answers(shown, Router::new()).layer(MockConnectInfo(unknown)).layer(from_fn(headers::secure))
}

/// Everything, for those who may look.
fn routes(shown: Arc<Shown>) -> Router {
    let (readers, host, local) = (shown.readers, host::routes(&shown), shown.local.clone());
    answers(shown, host)
        .merge(local)
        .layer(from_fn_with_state(readers, readers::admit))
        .layer(from_fn(headers::secure))
}

/// What is shown, and what `host` changes.
fn answers(shown: Arc<Shown>, host: Router<Arc<Shown>>) -> Router {
    let more = shown.more.clone();
    Router::new()
        .merge(health::routes())
        .merge(metrics::routes())
        .merge(api::routes())
        .merge(events::routes())
        .merge(live::routes())
        .merge(pages::routes())
        .merge(assets::routes())
        .merge(shims::routes())
        .merge(host)
        .fallback(nothing_there)
        .with_state(shown)
        .merge(more)
}

async fn nothing_there(uri: Uri) -> Response {
    if uri.path().starts_with("/api/") {
        Problem::not_found(&format!("there is nothing at {}", uri.path())).into_response()
    } else {
        pages::not_found().into_response()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::history::Following;
    use crate::payout::PayoutMode;
    use crate::status::Status;
    use crate::status::snapshot::fake;
    use p2p::AuthorityKeypair;
    use std::time::Instant;
    use template_provider::Network;
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
        let shown = Shown::start(fake_subject(observed), shutdown.clone());
        let task = tokio::spawn(server.run(shown));
        Running { status, jobs, address, shutdown, task }
    }

    fn fake_subject(observed: Observed) -> Subject {
        let authority = AuthorityKeypair::generate(&mut rand::rngs::OsRng).public_key();
        let scene = Scene {
            observed,
            history: Following::default(),
            payouts: Arc::new(PayoutMode::Solo(Network::Regtest)),
            jobs: None,
            authority,
        };
        let doors = Doors { iroh: None, authority, listening: Vec::new() };
        Subject {
            scene,
            doors,
            host: None,
            readers: Readers::default(),
            more: Router::new(),
            local: Router::new(),
        }
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
