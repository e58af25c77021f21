//! The thread that everything of `ipc` lives on, and connecting for ever.

use super::IpcConfig;
use super::backoff::Backoff;
use super::connection::Connection;
use super::error::NodeError;
use super::places;
use super::session::{self, Desk};
use super::submit;
use crate::SourceStatus;
use crate::source::SourceEnds;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::time::Duration;
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// Starts the thread. It ends with the status `Stopped`.
pub(super) fn spawn(config: IpcConfig, ends: SourceEnds, cancel: CancellationToken) {
    let status = ends.status.clone();
    let work = move || {
        let status = ends.status.clone();
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => LocalSet::new().block_on(&runtime, run(config, ends, cancel)),
            Err(error) => error!(%error, "cannot start the thread that talks to Bitcoin Core"),
        }
        status.send_replace(SourceStatus::Stopped);
    };
    if let Err(error) = std::thread::Builder::new().name("bitcoin-ipc".into()).spawn(work) {
        error!(%error, "cannot start the thread that talks to Bitcoin Core");
        status.send_replace(SourceStatus::Stopped);
    }
}

async fn run(config: IpcConfig, ends: SourceEnds, cancel: CancellationToken) {
    let desk = Rc::new(Desk::new(config, ends.templates, ends.status, ends.delivered));
    if let Err(error) = desk.files.prepare() {
        error!(%error, dir = %desk.config.solutions_dir.display(), "cannot write solved blocks to their folder");
    }
    let taking = tokio::task::spawn_local(submit::take(desk.clone(), ends.solutions, cancel.clone()));
    let mut taking = Some(taking);
    tokio::task::spawn_local(places::answer(desk.clone(), ends.questions, cancel.clone()));
    let mut backoff = Backoff::new(RandomState::new().hash_one("backoff"));
    let mut last_reason = String::new();
    while !cancel.is_cancelled() {
        let opened = tokio::select! {
            opened = open(&desk) => opened,
            () = cancel.cancelled() => break,
        };
        let ended = match opened {
            Ok(connection) => {
                info!(socket = %desk.config.socket.display(), "connected to Bitcoin Core");
                last_reason.clear();
                desk.set_node(Some(connection.node.clone()));
                let ended = tokio::select! {
                    ended = session::run(&desk, &connection.node, ends.reserve.clone(), &cancel) => ended,
                    // A node that hangs must not hold up our own end.
                    () = long_after(&cancel) => Ok(()),
                };
                if cancel.is_cancelled()
                    && let Some(taking) = taking.take()
                {
                    // While the node can still be told.
                    let _ = taking.await;
                }
                desk.set_node(None);
                session::leave(&desk, &connection.node).await;
                connection.close().await;
                if desk.is_serving() {
                    backoff.reset();
                }
                ended
            }
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            let reason = error.to_string();
            // Said once, not at every try.
            if reason != last_reason {
                warn!(%reason, "no templates from Bitcoin Core; trying again");
                last_reason.clone_from(&reason);
            }
            desk.set_status(SourceStatus::Connecting { reason });
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.delay()) => {}
            () = cancel.cancelled() => {}
        }
    }
    if let Some(taking) = taking {
        let _ = taking.await;
    }
}

async fn long_after(cancel: &CancellationToken) {
    const PATIENCE: Duration = Duration::from_secs(3);
    cancel.cancelled().await;
    tokio::time::sleep(PATIENCE).await;
}

async fn open(desk: &Desk) -> Result<Connection, NodeError> {
    let loading = || {
        let reason = "Bitcoin Core is loading its chain".to_owned();
        desk.set_status(SourceStatus::Connecting { reason });
    };
    Connection::open(&desk.config, loading).await
}
