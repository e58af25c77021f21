//! The window: which work a block found now would be divided by, and how full it is.

use super::Status;
use ledger::window::Window;
use ledger::{LedgerHandle, OpenError, Reader, StoreError};
use serde::Serialize;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use template_provider::Template;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// The window as of its newest closed slice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WindowSnapshot {
    /// `since-last-block`, `recent` or `event`, with what limits it.
    pub rule: Window,
    /// The rule in words.
    pub words: String,
    /// Work in it against what it has room for, or else against what a block takes on
    /// average; in millionths.
    pub fullness_ppm: u64,
    /// The same in words.
    pub fullness: String,
    /// What to know while it is nearly empty.
    pub warning: Option<String>,
    /// Work in it, in expected hashes, as a decimal number.
    pub work: String,
    /// Members who have work in it.
    pub members: u64,
    /// The oldest slice in it; none while it is empty.
    pub first_slice: Option<u64>,
    /// When that was opened, seconds since the Unix epoch.
    pub starts_at: Option<u32>,
    /// The newest closed slice; work after it counts when its slice is closed.
    pub last_slice: u64,
}

/// The newest snapshot.
#[derive(Debug, Default)]
pub struct ShownWindow(Mutex<Option<WindowSnapshot>>);

impl ShownWindow {
    /// The newest; none before the first template.
    pub fn newest(&self) -> Option<WindowSnapshot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, snapshot: WindowSnapshot) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(snapshot);
    }
}

/// Keeps the window that is shown up to date.
pub struct WindowKeeper {
    /// The rule.
    pub window: Window,
    /// Where shares are.
    pub ledger: LedgerHandle,
    /// For the network's difficulty.
    pub templates: watch::Receiver<Option<Arc<Template>>>,
    /// Notified when a round has ended or was given back.
    pub rounds_changed: Arc<Notify>,
    /// Where it is shown.
    pub status: Arc<Status>,
}

impl WindowKeeper {
    /// Keeps it until `shutdown` is cancelled.
    pub async fn run(mut self, shutdown: CancellationToken) {
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = self.keep() => {}
        }
    }

    async fn keep(&mut self) {
        let mut progress = self.ledger.progress();
        loop {
            let last_slice = progress.borrow_and_update().last_slice;
            let nbits = self.nbits();
            if let Some(nbits) = nbits {
                self.look(nbits).await;
            }
            let templates = &mut self.templates;
            let other_slice = async { progress.wait_for(|at| at.last_slice != last_slice).await.map(drop) };
            let other_nbits = async {
                let nbits_of =
                    |template: &Option<Arc<Template>>| template.as_ref().map(|template| template.nbits);
                templates.wait_for(|template| nbits_of(template) != nbits).await.map(drop)
            };
            let gone = tokio::select! {
                changed = other_slice => changed.is_err(),
                changed = other_nbits => changed.is_err(),
                () = self.rounds_changed.notified() => false,
            };
            if gone {
                return;
            }
        }
    }

    fn nbits(&self) -> Option<u32> {
        self.templates.borrow().as_ref().map(|template| template.nbits)
    }

    async fn look(&self, nbits: u32) {
        let (path, window) = (self.ledger.path(), self.window);
        match tokio::task::spawn_blocking(move || snapshot(&path, window, nbits)).await {
            Ok(Ok(snapshot)) => self.status.window.set(snapshot),
            Ok(Err(fault)) => warn!(%fault, "the window cannot be shown"),
            Err(fault) => warn!(%fault, "the window cannot be shown"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Read(#[from] StoreError),
}

fn snapshot(path: &Path, window: Window, nbits: u32) -> Result<WindowSnapshot, Unreadable> {
    let view = Reader::open(path)?.window(window, nbits)?;
    let of_what = if view.fullness.limited { "of the work it has room for" } else { "of what a block takes" };
    Ok(WindowSnapshot {
        rule: view.window,
        words: view.window.to_string(),
        fullness_ppm: view.fullness.ppm,
        fullness: format!("{} {of_what}", view.fullness),
        warning: view.fullness.warning(),
        work: view.work.0.to_string(),
        members: view.members,
        first_slice: view.first_slice,
        starts_at: view.since,
        last_slice: view.last_slice,
    })
}
