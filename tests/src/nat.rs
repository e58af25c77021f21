//! A lab of networks behind real NATs, on one machine.
//!
//! Each host and each router is a Linux network namespace, made by patchbay; cables are
//! veth pairs, and NAT is the kernel's own, set up with nftables. The programs that run on
//! the hosts are the built binary itself. There is no way out of the lab.
//!
//! ```text
//!                     the internet, 11.0.0.0/24
//!      ┌──────────────┬───────────┴───┬──────────────────┐
//!   public host    home router     carrier NAT        firewall + NAT
//!                     │               │                  │
//!                    host          home router          host
//!                                     │
//!                                    host
//! ```
//!
//! The addresses of its internet are ones that the real internet routes, so that the
//! programs treat them as such; the namespaces keep every packet inside.
//!
//! Nothing is left behind: namespaces go with the last process in them, and processes go
//! with the test, however it ends. What the lab cannot do is latency and loss.

mod host;
mod members;
mod network;
mod port_mapper;
mod relay;
pub mod report;

pub use host::Host;
pub use members::{Member, Times, easy_shares, waits_at_its_relays};
pub use network::{Network, Site, Way};
pub use port_mapper::PortMapper;
pub use relay::Relay;

use anyhow::{Context, Result, ensure};
use patchbay::Router;
use std::{
    env,
    process::{Command, Stdio},
    sync::atomic::{AtomicU8, Ordering},
};

/// Networks, connected with one another and with nothing else.
pub struct Lab {
    // Last to go are the namespaces.
    internet: Router,
    lab: patchbay::Lab,
    public_networks: AtomicU8,
}

/// Puts the test program into a user namespace of its own, before it has any thread, so
/// that a lab needs no privileges and nothing of it can leak. Stands once in each test
/// program that uses a [`Lab`].
#[macro_export]
macro_rules! own_user_namespace {
    () => {
        #[allow(unsafe_code)]
        #[ctor::ctor(unsafe)]
        fn own_user_namespace() {
            // SAFETY: nothing but this program's loader has run yet.
            unsafe { ::patchbay::init_userns_for_ctor() }
        }
    };
}

impl Lab {
    /// A lab with an internet and nobody in it. `None`, said aloud, where the kernel or
    /// missing programs do not allow one, unless `NAT_TESTS=required` makes that an error.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn new() -> Result<Option<Lab>> {
        let required = env::var("NAT_TESTS").is_ok_and(|value| value == "required");
        let lab = match possible() {
            Ok(()) => Lab::build().await,
            Err(reason) => Err(reason),
        };
        match lab {
            Ok(lab) => Ok(Some(lab)),
            Err(reason) if required => Err(reason.context("NAT_TESTS=required, but there is no NAT lab")),
            Err(reason) => {
                eprintln!("SKIPPED: no NAT lab on this machine: {reason:#}");
                Ok(None)
            }
        }
    }

    async fn build() -> Result<Lab> {
        // Mounts are private to the threads of the lab, as root too.
        let lab = patchbay::Lab::builder().allow_real_root().build().await;
        let lab = lab.context("no network namespaces; are user namespaces switched on?")?;
        let internet = lab.add_router("internet").downstream_cidr("11.0.0.0/24".parse()?).build().await?;
        Ok(Lab { internet, lab, public_networks: AtomicU8::new(0) })
    }

    /// A network of this kind, connected to the internet. `name` is short and its own.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn network(&self, name: &str, network: Network) -> Result<Site> {
        network::build(self, name, network).await
    }

    /// The one router that all networks are connected to.
    pub fn internet(&self) -> &Router {
        &self.internet
    }

    /// From now on notes which addresses outside the lab somebody tries to reach. (Private
    /// ones are not outside: peers that look for a direct way try each other's.)
    ///
    /// # Errors
    /// When the router does not take the rules.
    pub fn watch_the_way_out(&self) -> Result<()> {
        nft(&self.internet, "add table ip watch")?;
        nft(&self.internet, "add set ip watch outside { type ipv4_addr; flags dynamic; }")?;
        nft(
            &self.internet,
            "add chain ip watch leaving { type filter hook forward priority 5; policy accept; }",
        )?;
        nft(
            &self.internet,
            "add rule ip watch leaving oifname \"ix\" ip daddr != { 10.0.0.0/8, 100.64.0.0/10 } add @outside { ip daddr }",
        )
        .map(drop)
    }

    /// The addresses outside the lab that somebody has tried to reach.
    ///
    /// # Errors
    /// When nobody watches.
    pub fn tried_to_leave(&self) -> Result<Vec<String>> {
        let listed = nft(&self.internet, "list set ip watch outside")?;
        let elements = listed.split_once("elements = {").and_then(|(_, rest)| rest.split_once('}'));
        let addresses = elements.map_or("", |(elements, _)| elements).split(',').map(str::trim);
        Ok(addresses.filter(|address| !address.is_empty()).map(str::to_owned).collect())
    }

    /// The addresses of one more public network.
    fn public_addresses(&self) -> String {
        let number = self.public_networks.fetch_add(1, Ordering::Relaxed);
        format!("11.1.{number}.0/24")
    }
}

/// Runs `nft` on a router and hands back what it prints.
///
/// # Errors
/// When it does not take the rule.
pub fn nft(router: &Router, rule: &str) -> Result<String> {
    let mut command = Command::new("nft");
    command.arg(rule).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = router.spawn_command_sync(command)?.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "nft {rule}, on router {}: {said}", router.name());
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn possible() -> Result<()> {
    for (program, package) in [("nft", "nftables"), ("conntrack", "conntrack")] {
        let found =
            Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        found.with_context(|| format!("no program {program}; on Debian: apt-get install {package}"))?;
    }
    Ok(())
}
