//! Where the status is shown: at an address, in a file, or both.

use super::JoinStatus;
use axum::Router;
use axum::extract::State;
use axum::response::Json;
use axum::routing::get;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// How often the file is written.
const EVERY: Duration = Duration::from_secs(5);

/// Why the status cannot be shown.
#[derive(Debug, Error)]
pub enum StatusError {
    /// The address cannot be had.
    #[error("cannot listen for HTTP on {address}: {source}; choose another with --http")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("cannot write the status to {path}: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

/// Answers at `address` (`/api/v1/status`, `/healthz`) until `stop` is cancelled; returns the
/// address with its real port.
///
/// # Errors
/// When the address cannot be had.
pub async fn serve_http(
    address: SocketAddr,
    status: Arc<JoinStatus>,
    stop: CancellationToken,
) -> Result<SocketAddr, StatusError> {
    let failed = |source| StatusError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let routes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/api/v1/status", get(show))
        .with_state(status);
    tokio::spawn(async move {
        tokio::select! {
            served = axum::serve(listener, routes).into_future() => {
                if let Err(error) = served {
                    warn!(%error, "the status page has stopped");
                }
            }
            // Nobody is kept waiting by a browser that keeps its connection open.
            () = stop.cancelled() => {}
        }
    });
    Ok(address)
}

/// Writes the status to `path` now and every few seconds until `stop` is cancelled, and
/// once more then: what is returned ends after that.
///
/// # Errors
/// When it cannot be written the first time.
pub async fn write_file(
    path: PathBuf,
    status: Arc<JoinStatus>,
    stop: CancellationToken,
) -> Result<JoinHandle<()>, StatusError> {
    let write = move |status: &JoinStatus| {
        write(&path, status).map_err(|source| StatusError::Write { path: path.clone(), source })
    };
    write(&status)?;
    Ok(tokio::spawn(async move {
        while tokio::time::timeout(EVERY, stop.cancelled()).await.is_err() {
            if let Err(fault) = write(&status) {
                warn!(%fault, "the status file is old now");
            }
        }
        if let Err(fault) = write(&status) {
            warn!(%fault, "the status file is old now");
        }
    }))
}

/// Under another name first, so that nobody reads half of it.
fn write(path: &Path, status: &JoinStatus) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let text = serde_json::to_string_pretty(&status.snapshot()).map_err(io::Error::other)?;
    std::fs::write(&name, text + "\n")?;
    std::fs::rename(&name, path)
}

async fn show(State(status): State<Arc<JoinStatus>>) -> Json<super::JoinSnapshot> {
    Json(status.snapshot())
}
