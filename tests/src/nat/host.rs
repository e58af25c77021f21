//! A machine in the lab.

use anyhow::{Context, Result};
use patchbay::Device;
use std::{
    future::Future,
    net::Ipv4Addr,
    process::{Child, Command},
};

/// A machine in the lab. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    device: Device,
}

impl Host {
    pub(super) fn new(device: Device) -> Host {
        Host { device }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.device.name()
    }

    /// Its own address, as it knows it.
    ///
    /// # Errors
    /// When it is connected to nothing.
    pub fn ip(&self) -> Result<Ipv4Addr> {
        self.device.ip().with_context(|| format!("{} is connected to nothing", self.name()))
    }

    /// Starts a program on it.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn start(&self, command: Command) -> Result<Child> {
        self.device.spawn_command_sync(command)
    }

    /// Runs `work` with this machine's network.
    ///
    /// # Errors
    /// When the machine is gone.
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T> {
        let done = self.device.spawn(move |_| work)?;
        done.await.with_context(|| format!("work on {} was cut short", self.name()))
    }

    /// The machine itself, to pull its plugs.
    pub fn device(&self) -> &Device {
        &self.device
    }
}
