//! `punchbowl relay`, alone on a public host.

use super::Host;
use crate::{Process, Punchbowl};
use anyhow::Result;
use p2p::Invite;
use std::process::ExitStatus;
use tempfile::TempDir;

/// A relay. Killed when dropped.
pub struct Relay {
    host: Host,
    process: Process,
    folder: TempDir,
    hint: String,
    /// UDP port at which it tells others their address.
    discovery: u16,
    /// Whom it serves.
    who: Vec<String>,
}

/// HTTPS, which every network lets out.
const PORT: u16 = 443;
/// QUIC address discovery.
const DISCOVERY_PORT: u16 = 7842;

impl Relay {
    /// Starts a relay for anyone on `host`, which has a public address, and waits until it
    /// serves.
    ///
    /// # Errors
    /// When it does not come up; the message holds its last lines.
    pub async fn start(host: &Host) -> Result<Relay> {
        Relay::launched(host, DISCOVERY_PORT, &["--for", "anyone"]).await
    }

    /// The same, telling others their address at this UDP port.
    ///
    /// # Errors
    /// When it does not come up; the message holds its last lines.
    pub async fn telling_at(host: &Host, discovery: u16) -> Result<Relay> {
        Relay::launched(host, discovery, &["--for", "anyone"]).await
    }

    /// A relay that is offered to the pool of `invite`, and serves whom that lets in.
    ///
    /// # Errors
    /// When it does not come up; the message holds its last lines.
    pub async fn offered_to(host: &Host, invite: &Invite) -> Result<Relay> {
        Relay::launched(host, DISCOVERY_PORT, &["--offer", &invite.to_string()]).await
    }

    async fn launched(host: &Host, discovery: u16, who: &[&str]) -> Result<Relay> {
        let folder = tempfile::Builder::new().prefix("pb-relay-").tempdir()?;
        let who: Vec<String> = who.iter().map(ToString::to_string).collect();
        let (process, hint) = launch(host, &folder, discovery, &who).await?;
        Ok(Relay { host: host.clone(), process, folder, hint, discovery, who })
    }

    /// What goes into `p2p.relays` and invites: `host:port,key`.
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// The host's address, which stands in URLs of the relay.
    ///
    /// # Errors
    /// When it is connected to nothing.
    pub fn ip(&self) -> Result<String> {
        Ok(self.host.ip()?.to_string())
    }

    /// Its process, for log lines and the pid.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Ends it on the spot (SIGKILL).
    ///
    /// # Errors
    /// When it has ended already.
    pub async fn kill(&mut self) -> Result<ExitStatus> {
        self.process.kill().await
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    ///
    /// # Errors
    /// When it does not end within the deadline.
    pub async fn terminate(&mut self) -> Result<ExitStatus> {
        self.process.terminate().await
    }

    /// Starts it again after [`kill`](Self::kill), with the key that it had.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn restart(&mut self) -> Result<()> {
        (self.process, self.hint) = launch(&self.host, &self.folder, self.discovery, &self.who).await?;
        Ok(())
    }
}

async fn launch(host: &Host, folder: &TempDir, discovery: u16, who: &[String]) -> Result<(Process, String)> {
    let ip = host.ip()?;
    let data_dir = folder.path().display().to_string();
    let (listen, discovery) = (format!("{ip}:{PORT}"), format!("{ip}:{discovery}"));
    let public = ip.to_string();
    let arguments = ["relay", "--data-dir", &data_dir, "--listen", &listen, "--qad", &discovery];
    let who: Vec<&str> = who.iter().map(String::as_str).collect();
    let arguments = [&arguments[..], &["--public", &public], &who].concat();
    let process = Punchbowl::spawn_at(host, &arguments)?;
    // It prints how it is reached, and a key in it, once it serves.
    let hint = process.line(|line| line.starts_with(&public) && line.contains(',')).await?;
    Ok((process, hint))
}
