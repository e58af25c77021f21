//! The relays that a node uses: its own, others' at which it waits, and those of the
//! invites that it dials.
//!
//! Iroh has one home relay and forgets its place at any other one after a minute. A node
//! that is named with several in its invite must be found at each: a [`registration`] for
//! every relay that it waits at keeps its place there and knows how it fares. What they
//! report, and what Iroh itself says of its home, the [`watchdog`] turns into changes of
//! the relays that Iroh is given to choose from: one that is dead is taken away within two
//! seconds, where Iroh would take half a minute to look.

mod keeper;
mod naming;
mod registration;
mod watchdog;

use super::IrohError;
use crate::{Invite, NodeId, RelayHint, relay_trust::Pins, uri::Host};
use iroh::{Endpoint, RelayUrl, SecretKey, dns::DnsResolver};
use iroh_relay::{RelayConfig, RelayMap, RelayQuicConfig};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// This node's own relay, where it runs one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnRelay {
    /// What others are told: its public place.
    pub told: RelayHint,
    /// Where the node itself reaches it, which on a home network is not the public place.
    pub reached: RelayHint,
}

/// A relay, as the node uses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayReport {
    /// The relay, as others are told of it.
    pub relay: RelayHint,
    /// The node runs it itself.
    pub own: bool,
    /// A peer runs it and has offered it.
    pub offered: bool,
    /// Others are told of it, as one at which to find the node.
    pub named: bool,
    /// Iroh's home: where the node tells others to look for it first.
    pub home: bool,
    /// How the node stands with it.
    pub state: RelayState,
    /// Why it is not well, in words: the relay's where it turned us away.
    pub reason: Option<String>,
}

/// How a node stands with a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RelayState {
    /// Not there yet, or nothing is known.
    Connecting,
    /// The node is reached through it.
    Connected,
    /// It does not take this node.
    Denied,
    /// It does not answer, or not with the right key.
    Unreachable,
}

impl RelayState {
    /// Every state.
    pub const ALL: [RelayState; 4] =
        [RelayState::Connecting, RelayState::Connected, RelayState::Denied, RelayState::Unreachable];

    /// A word for it: `connecting`, `connected`, `denied` or `unreachable`.
    pub fn name(self) -> &'static str {
        match self {
            RelayState::Connecting => "connecting",
            RelayState::Connected => "connected",
            RelayState::Denied => "denied",
            RelayState::Unreachable => "unreachable",
        }
    }
}

/// Most relays that one node keeps in mind.
pub(super) const MOST: usize = 32;

/// The relays of a node. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Relays {
    node: NodeId,
    pins: Pins,
    commands: mpsc::Sender<Command>,
    reports: watch::Receiver<Arc<[RelayReport]>>,
    /// What an invite names, best first.
    told: watch::Receiver<Arc<[RelayHint]>>,
}

/// What the keeper is asked to do.
#[derive(Debug)]
enum Command {
    /// Look after this one too, which Iroh knows already.
    Keep(Known),
    /// Have Iroh use this one, and look after it.
    Use(Known),
    /// Forget an offered one.
    Leave(RelayHint),
}

/// A relay that the node knows.
#[derive(Clone, Debug)]
struct Known {
    told: RelayHint,
    url: RelayUrl,
    config: Arc<RelayConfig>,
    own: bool,
    /// The node waits there for others; else it only dials through it.
    waits: bool,
    /// A peer has offered it.
    offered: bool,
}

/// What must be there before the endpoint is, which is made with it.
pub(super) struct Prepared {
    node: SecretKey,
    pins: Pins,
    known: Vec<Known>,
    commands: mpsc::Sender<Command>,
    asked: mpsc::Receiver<Command>,
}

impl Prepared {
    /// # Errors
    /// When a relay has a name that no URL can hold.
    pub(super) fn new(
        node: &SecretKey,
        own: Option<&OwnRelay>,
        others: &[RelayHint],
    ) -> Result<Prepared, IrohError> {
        let pins = Pins::default();
        let mut known: Vec<Known> = Vec::new();
        let own = own.map(|own| (own.told.clone(), &own.reached, true));
        let others = others.iter().map(|other| (other.clone(), other, false));
        for (told, reached, own) in own.into_iter().chain(others).take(MOST) {
            let relay = Known::new(told, reached, own, true)?;
            if known.iter().all(|before| before.url != relay.url) {
                pins.expect(&reached.host, reached.pinned_key(node.public()));
                known.push(relay);
            }
        }
        const WAITING_COMMANDS: usize = 64;
        let (commands, asked) = mpsc::channel(WAITING_COMMANDS);
        Ok(Prepared { node: node.clone(), pins, known, commands, asked })
    }

    /// For relays that a search has found a node by: has one known by its key, and used like
    /// those of an invite, for this node's own address too; without that, two nodes behind
    /// routers would never find a direct way. `false` where it must not be used.
    pub(super) fn learner(&self) -> impl Fn(NodeId, &RelayHint) -> bool + Send + Sync + 'static {
        let (own, pins, commands) = (self.node.public(), self.pins.clone(), self.commands.clone());
        move |node, hint| {
            let Ok(relay) = Known::new(hint.clone(), hint, false, false) else { return false };
            let key = hint.pinned_key(node);
            if !pins.expect(&hint.host, key) {
                return false;
            }
            if key != Some(own) {
                // With so many of them waiting, one more is not missed.
                let _ = commands.try_send(Command::Use(relay));
            }
            true
        }
    }

    pub(super) fn pins(&self) -> &Pins {
        &self.pins
    }

    pub(super) fn map(&self) -> RelayMap {
        self.known.iter().map(|relay| Arc::clone(&relay.config)).collect()
    }

    /// Looks after the relays as long as `endpoint` is open.
    pub(super) fn start(self, endpoint: Endpoint, resolver: DnsResolver) -> Relays {
        let (reporter, reports) = watch::channel(Arc::from([]));
        let configured = self.known.iter().map(|relay| relay.told.clone()).collect();
        let (teller, told) = watch::channel(configured);
        let (node, pins) = (self.node.public(), self.pins.clone());
        let relays = Relays { node, pins, commands: self.commands.clone(), reports, told };
        tokio::spawn(keeper::keep(endpoint, resolver, self, Public { reporter, teller }));
        relays
    }
}

/// What the keeper lets be known.
struct Public {
    reporter: watch::Sender<Arc<[RelayReport]>>,
    teller: watch::Sender<Arc<[RelayHint]>>,
}

impl Relays {
    /// What an invite names, best first.
    pub(super) fn told(&self) -> Arc<[RelayHint]> {
        self.told.borrow().clone()
    }

    /// Waits at a relay that a peer has offered, too; `false` where that is impossible.
    pub(super) async fn wait_at(&self, relay: RelayHint) -> bool {
        let Ok(mut known) = Known::new(relay.clone(), &relay, false, true) else { return false };
        known.offered = true;
        self.pins.expect(&relay.host, relay.pinned_key(self.node))
            && self.commands.send(Command::Use(known)).await.is_ok()
    }

    /// Waits no longer at a relay that was offered.
    pub(super) async fn leave(&self, relay: &RelayHint) {
        // Fails only when the endpoint is closed.
        let _ = self.commands.send(Command::Leave(relay.clone())).await;
    }

    /// Waits until the endpoint is closed.
    pub(super) async fn closed(&self) {
        self.commands.closed().await;
    }

    /// Takes note of an invite's relays, so that it can be dialled through them. They are
    /// asked for this node's own address too.
    pub(super) async fn learn(&self, endpoint: &Endpoint, invite: &Invite) -> Vec<RelayUrl> {
        let mut urls = Vec::new();
        for hint in &invite.relays {
            let Ok(relay) = Known::new(hint.clone(), hint, false, false) else { continue };
            // Without room for the pin it must not be dialled: any authority could pose as it.
            if !self.pins.expect(&hint.host, hint.pinned_key(invite.node)) {
                continue;
            }
            urls.push(relay.url.clone());
            let known = self.reports.borrow().iter().any(|report| report.relay == relay.told);
            if !known && hint.pinned_key(invite.node) != Some(self.node) {
                endpoint.insert_relay(relay.url.clone(), Arc::clone(&relay.config)).await;
                // Fails only when the endpoint is closed.
                let _ = self.commands.send(Command::Keep(relay)).await;
            }
        }
        urls
    }

    /// How the node stands with each relay.
    pub(super) fn reports(&self) -> watch::Receiver<Arc<[RelayReport]>> {
        self.reports.clone()
    }
}

impl Known {
    fn new(told: RelayHint, reached: &RelayHint, own: bool, waits: bool) -> Result<Known, IrohError> {
        let wrong = |source| IrohError::Relay { relay: told.to_string(), source };
        let url = reached.url().map_err(wrong)?;
        // A node that asks itself for its address is told that of its own network, and then
        // believes it to be its public one; so it is with a neighbour.
        let asks = !own && !is_nearby(&reached.host) && reached.qad != 0;
        let quic = asks.then(|| RelayQuicConfig::new(reached.qad));
        let config = Arc::new(RelayConfig::new(url.clone(), quic));
        Ok(Known { told, url, config, own, waits, offered: false })
    }
}

fn is_nearby(host: &Host) -> bool {
    matches!(host, Host::Ip(ip) if super::path::is_local(*ip))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn hint(text: &str) -> RelayHint {
        text.parse().unwrap()
    }

    #[test]
    fn a_node_never_asks_itself_or_a_neighbour_for_its_public_address() {
        let asked =
            |text: &str, own| Known::new(hint(text), &hint(text), own, true).unwrap().config.quic.is_some();
        assert!(asked("203.0.113.7", false) && asked("relay.example,ca", false));
        assert!(!asked("203.0.113.7,qad=0", false), "it does not tell");
        assert!(!asked("203.0.113.7", true), "itself");
        for neighbour in ["192.168.1.9", "127.0.0.1", "[fd00::1]"] {
            assert!(!asked(neighbour, false), "{neighbour}");
        }
    }

    #[test]
    fn a_relay_is_asked_at_the_port_that_it_names() {
        let port = |text: &str| {
            Known::new(hint(text), &hint(text), false, true).unwrap().config.quic.as_ref().unwrap().port
        };
        assert_eq!((port("203.0.113.7"), port("203.0.113.7:8443,qad=7900")), (7842, 7900));
    }

    #[test]
    fn a_relay_that_is_named_twice_is_used_once() {
        let secret = SecretKey::from_bytes(&[1; 32]);
        let own = OwnRelay { told: hint("203.0.113.7"), reached: hint("192.168.1.4") };
        let others = [hint("198.51.100.7,ca"), hint("198.51.100.7,ca"), hint("relay.example,ca")];
        let prepared = Prepared::new(&secret, Some(&own), &others).unwrap();
        assert_eq!(prepared.map().len(), 3);
        assert!(prepared.map().contains(&"https://192.168.1.4/".parse().unwrap()));
    }
}
