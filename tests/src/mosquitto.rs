//! A real MQTT broker, and a client that sees everything on it.

use crate::{Process, within_deadline};
use anyhow::{Context, Result, bail};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A running `mosquitto`. Ended when dropped.
pub struct Mosquitto {
    _process: Process,
    _folder: TempDir,
    port: u16,
}

impl Mosquitto {
    /// Starts one. `None`, said aloud, where there is none on this machine, unless
    /// `MQTT_TESTS=required` makes that an error.
    ///
    /// # Errors
    /// When it does not start.
    pub async fn start() -> Result<Option<Mosquitto>> {
        let Some(program) = find() else {
            if std::env::var("MQTT_TESTS").is_ok_and(|value| value == "required") {
                bail!("MQTT_TESTS=required, but there is no mosquitto");
            }
            eprintln!("SKIPPED: no mosquitto on this machine");
            return Ok(None);
        };
        let folder = tempfile::Builder::new().prefix("pb-mqtt-").tempdir()?;
        // It cannot be told to choose a port itself; one that was free a moment ago may be taken.
        for _ in 0..5 {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            let file = folder.path().join("mosquitto.conf");
            std::fs::write(&file, configuration(port))?;
            let mut command = Command::new(&program);
            command.arg("-c").arg(&file).arg("-v");
            let process = Process::spawn("mosquitto", command)?;
            if process.line(|line| line.contains("running")).await.is_ok() {
                return Ok(Some(Mosquitto { _process: process, _folder: folder, port }));
            }
        }
        bail!("mosquitto found no port")
    }

    /// The address listened at.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("mqtt://127.0.0.1:{}", self.port)
    }

    /// Sees all that is on it: what is retained first, then what comes.
    ///
    /// # Errors
    /// When it cannot be connected to.
    pub async fn watch(&self, name: &str) -> Result<Watcher> {
        let mut options = MqttOptions::new(name, "127.0.0.1", self.port);
        options.set_max_packet_size(1024 * 1024, 1024 * 1024);
        let (client, events) = AsyncClient::new(options, 16);
        client.subscribe("#", QoS::AtLeastOnce).await?;
        Ok(Watcher { _client: client, events, retained: BTreeMap::new(), latest: BTreeMap::new() })
    }
}

fn configuration(port: u16) -> String {
    format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest stderr\nlog_type all\n"
    )
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let sbin = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    let places = std::env::split_paths(&path).chain(sbin);
    places.map(|folder| folder.join("mosquitto")).find(|file| Path::is_file(file))
}

/// Sees all that is on a broker.
pub struct Watcher {
    _client: AsyncClient,
    events: EventLoop,
    /// What was there already.
    pub retained: BTreeMap<String, String>,
    /// The last message of each topic.
    pub latest: BTreeMap<String, String>,
}

impl Watcher {
    /// Takes messages until `wanted` accepts what was seen.
    ///
    /// # Errors
    /// When it does not within the deadline.
    pub async fn until<T>(&mut self, what: &str, wanted: impl Fn(&Watcher) -> Option<T>) -> Result<T> {
        let watching = async {
            loop {
                if let Some(found) = wanted(self) {
                    return Ok(found);
                }
                let event = self.events.poll().await.context("the broker is gone")?;
                if let Event::Incoming(Packet::Publish(message)) = event {
                    let payload = String::from_utf8(message.payload.to_vec())?;
                    if message.retain {
                        self.retained.insert(message.topic.clone(), payload.clone());
                    }
                    self.latest.insert(message.topic, payload);
                }
            }
        };
        within_deadline(what, watching).await?
    }
}
