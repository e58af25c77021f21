//! A router that forwards ports when it is asked to: UPnP, PCP and NAT-PMP by miniupnpd.

use super::{Site, nft};
use crate::{Place, Process};
use anyhow::{Context, Result};
use std::{fs, process::Command};
use tempfile::TempDir;

/// A running miniupnpd. Killed when dropped.
pub struct PortMapper {
    process: Process,
    _folder: TempDir,
}

impl PortMapper {
    /// Starts it on the router of `site`, which has a public address, and waits until it
    /// listens.
    ///
    /// # Errors
    /// When it is not installed or does not come up.
    pub async fn start(site: &Site) -> Result<PortMapper> {
        prepare(site)?;
        let folder = tempfile::Builder::new().prefix("pb-upnp-").tempdir()?;
        let interfaces = site.router().interfaces();
        let outside = interfaces.first().context("a router without a network outside")?.name();
        let inside = interfaces.last().context("a router without a network inside")?.name();
        let configuration = folder.path().join("miniupnpd.conf");
        let leases = folder.path().join("leases").display().to_string();
        fs::write(
            &configuration,
            format!(
                "ext_ifname={outside}\next_ip={}\nlistening_ip={inside}\nenable_natpmp=yes\nenable_upnp=yes\n\
                 secure_mode=yes\nsystem_uptime=yes\nuuid=78b3d7e5-8e0c-4d0a-9a55-7b8d7d7a1e11\n\
                 allow 1024-65535 0.0.0.0/0 1024-65535\nlease_file={leases}\n",
                site.outer_ip()?
            ),
        )?;
        let mut command = Command::new("miniupnpd");
        command.arg("-d").arg("-f").arg(&configuration).arg("-P").arg(folder.path().join("pid"));
        let place = Place::Router(site.router().clone());
        let process = Process::spawn_at(&place, "miniupnpd", command)?;
        process.line(|line| line.contains("Listening for NAT-PMP/PCP traffic")).await?;
        Ok(PortMapper { process, _folder: folder })
    }

    /// Its process, for log lines.
    pub fn process(&self) -> &Process {
        &self.process
    }
}

/// The chains that miniupnpd writes its rules into, and leave for what it has mapped to
/// pass the router's own filter.
fn prepare(site: &Site) -> Result<()> {
    let router = site.router();
    nft(router, "add table inet filter")?;
    for (chain, hook) in [
        ("forward", "filter hook forward priority -10"),
        ("prerouting", "nat hook prerouting priority -110"),
        ("postrouting", "nat hook postrouting priority 90"),
    ] {
        let own = if chain == "forward" { "miniupnpd".to_owned() } else { format!("{chain}_miniupnpd") };
        nft(router, &format!("add chain inet filter {own}"))?;
        nft(router, &format!("add chain inet filter {chain} {{ type {hook}; policy accept; }}"))?;
        nft(router, &format!("add rule inet filter {chain} jump {own}"))?;
    }
    nft(router, "insert rule ip filter forward ct status dnat accept").map(drop)
}
