//! Waiting to be told to stop.

use anyhow::{Context, Result};
use tokio::signal::unix::{SignalKind, signal};

/// The signals that ask a program to stop: Ctrl-C and what service managers send.
#[derive(Debug)]
pub struct Interrupt {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Interrupt {
    /// From now on the signals no longer end the process; they end
    /// [`received`](Self::received).
    ///
    /// # Errors
    /// When the system refuses.
    pub fn listen() -> Result<Interrupt> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Interrupt {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for one of them.
    pub async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
