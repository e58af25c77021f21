//! Where a program runs: on this machine, or on a host of a lab.

use crate::http;
#[cfg(target_os = "linux")]
use crate::nat::Host;
use anyhow::Result;
use std::{
    net::SocketAddr,
    process::{Child, Command},
};

/// Where a program runs.
#[derive(Clone, Default)]
pub enum Place {
    /// On this machine.
    #[default]
    Here,
    /// On a host of a lab, with a network of its own.
    #[cfg(target_os = "linux")]
    Host(Host),
    /// On a router of a lab.
    #[cfg(target_os = "linux")]
    Router(patchbay::Router),
}

impl Place {
    /// Starts `command` here.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(&self, #[allow(unused_mut)] mut command: Command) -> Result<Child> {
        match self {
            Place::Here => Ok(command.spawn()?),
            #[cfg(target_os = "linux")]
            Place::Host(host) => host.start(command),
            #[cfg(target_os = "linux")]
            Place::Router(router) => router.spawn_command_sync(command),
        }
    }

    /// What `address` answers to `GET path`, asked from here: the answer's head and body.
    ///
    /// # Errors
    /// When nobody answers, or not in HTTP.
    pub async fn get(&self, address: SocketAddr, path: &str) -> Result<(String, String)> {
        let first_line = format!("GET {path} HTTP/1.1");
        let asking = async move { http::exchange(address, &first_line, "", "").await };
        match self {
            Place::Here => asking.await,
            #[cfg(target_os = "linux")]
            Place::Host(host) => host.run(asking).await?,
            #[cfg(target_os = "linux")]
            Place::Router(router) => router.spawn(move |_| asking)?.await?,
        }
    }
}

#[cfg(target_os = "linux")]
impl From<&Host> for Place {
    fn from(host: &Host) -> Place {
        Place::Host(host.clone())
    }
}
