//! Which offers stand: logic alone.

use crate::{Host, NodeId, RelayHint, RelayTrust, invite::public_address::is_public};
use std::collections::HashMap;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// The offers that stand, one of each node.
#[derive(Debug, Default)]
pub(super) struct Book {
    offers: HashMap<NodeId, Offer>,
    leases: u64,
}

#[derive(Debug)]
struct Offer {
    relay: RelayHint,
    lease: u64,
    replaced: CancellationToken,
}

/// An offer that was taken.
#[derive(Debug)]
pub(super) struct Lease {
    number: u64,
    /// Another connection of the same node has taken its place.
    pub(super) replaced: CancellationToken,
    /// The node's relay until now, where it was another one.
    pub(super) instead_of: Option<RelayHint>,
}

/// Why an offer is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    #[error("a relay is offered in one line, `relay host:port,<its node id>`")]
    NoOffer,
    #[error(
        "it takes none; its host allows some with accept_relays in the section [p2p] of the configuration"
    )]
    NoneWanted,
    #[error("it has as many as it takes")]
    Full,
    #[error("a relay is offered by the node whose key it has")]
    AnothersKey,
    #[error("that is no address which the whole internet reaches; say with --public how it does")]
    NotPublic,
    #[error("it knows a relay on that host already")]
    Known,
}

impl Book {
    /// Takes `peer`'s relay, if there is room for it among `most`; `known` are the relays that
    /// the pool knows, offered ones included.
    pub(super) fn take(
        &mut self,
        peer: NodeId,
        relay: RelayHint,
        most: usize,
        known: &[RelayHint],
    ) -> Result<Lease, Refusal> {
        if most == 0 {
            return Err(Refusal::NoneWanted);
        }
        if relay.trust != RelayTrust::Peer(peer) {
            return Err(Refusal::AnothersKey);
        }
        if !is_on_the_internet(&relay.host) {
            return Err(Refusal::NotPublic);
        }
        let before = self.offers.get(&peer).map(|offer| offer.relay.clone());
        // Of two relays on one host either key is taken: only its owner may speak for a host.
        let others = known.iter().filter(|other| Some(*other) != before.as_ref());
        if others.into_iter().any(|other| other.host == relay.host) {
            return Err(Refusal::Known);
        }
        if before.is_none() && self.offers.len() >= most {
            return Err(Refusal::Full);
        }
        self.leases += 1;
        let (number, replaced) = (self.leases, CancellationToken::new());
        let offer = Offer { relay: relay.clone(), lease: number, replaced: replaced.clone() };
        if let Some(before) = self.offers.insert(peer, offer) {
            before.replaced.cancel();
        }
        Ok(Lease { number, replaced, instead_of: before.filter(|before| *before != relay) })
    }

    /// The offer has ended; the relay that is to be left, unless another connection of its
    /// node has offered it again.
    pub(super) fn end(&mut self, peer: NodeId, lease: &Lease) -> Option<RelayHint> {
        self.offers.get(&peer).filter(|offer| offer.lease == lease.number)?;
        self.offers.remove(&peer).map(|offer| offer.relay)
    }
}

/// Whether the pool may be sent to that host: one of the internet's, not of its own network.
fn is_on_the_internet(host: &Host) -> bool {
    match host {
        Host::Ip(ip) => is_public(*ip),
        Host::Name(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let last = name.rsplit('.').next().unwrap_or_default();
            // RFC 6761, RFC 6762, RFC 8375 and what routers use.
            let private =
                ["local", "localhost", "internal", "intranet", "lan", "home", "arpa", "test", "invalid"];
            name.contains('.') && !private.contains(&last)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use iroh::SecretKey;

    fn node(number: u8) -> NodeId {
        SecretKey::from_bytes(&[number; 32]).public()
    }

    fn relay(place: &str, number: u8) -> RelayHint {
        format!("{place},{}", node(number).to_z32()).parse().unwrap()
    }

    #[test]
    fn a_member_offers_its_own_public_relay_and_nothing_else() {
        let mut book = Book::default();
        let mut offered = |relay: RelayHint| book.take(node(1), relay, 4, &[]).map(drop);
        assert_eq!(offered(relay("8.8.8.8", 1)), Ok(()));
        assert_eq!(offered(relay("relay.example", 1)), Ok(()));
        assert_eq!(offered(relay("8.8.8.8", 2)), Err(Refusal::AnothersKey));
        assert_eq!(offered("8.8.8.8".parse().unwrap()), Err(Refusal::AnothersKey));
        assert_eq!(offered("relay.example,ca".parse().unwrap()), Err(Refusal::AnothersKey));
        for own_network in
            ["192.168.1.1", "127.0.0.1", "[fd00::1]", "localhost", "nas.local", "printer", "x.lan"]
        {
            assert_eq!(offered(relay(own_network, 1)), Err(Refusal::NotPublic), "{own_network}");
        }
    }

    #[test]
    fn the_host_decides_how_many_and_each_node_has_one() {
        let mut book = Book::default();
        assert_eq!(book.take(node(1), relay("8.8.8.1", 1), 0, &[]).unwrap_err(), Refusal::NoneWanted);
        let mut known = Vec::new();
        for number in 1..=2 {
            let relay = relay(&format!("8.8.8.{number}"), number);
            known.push(relay.clone());
            book.take(node(number), relay, 2, &[]).unwrap();
        }
        assert_eq!(book.take(node(3), relay("8.8.8.3", 3), 2, &known).unwrap_err(), Refusal::Full);
        let moved = book.take(node(2), relay("9.9.9.9", 2), 2, &known).unwrap();
        assert_eq!(moved.instead_of, Some(relay("8.8.8.2", 2)));
        assert_eq!(book.take(node(2), relay("8.8.8.1", 2), 2, &known).unwrap_err(), Refusal::Known);
    }

    #[test]
    fn who_comes_back_takes_its_own_place_and_the_end_of_before_changes_nothing() {
        let (mut book, own) = (Book::default(), relay("8.8.8.1", 1));
        let first = book.take(node(1), own.clone(), 1, &[]).unwrap();
        let second = book.take(node(1), own.clone(), 1, std::slice::from_ref(&own)).unwrap();
        assert!(first.replaced.is_cancelled() && !second.replaced.is_cancelled());
        assert_eq!(second.instead_of, None);
        assert_eq!(book.end(node(1), &first), None);
        assert_eq!(book.end(node(1), &second), Some(own));
        assert!(book.take(node(2), relay("8.8.8.2", 2), 1, &[]).is_ok());
    }
}
