//! A member's relay for the pool: offered by whoever runs it, used where the host allows.
//!
//! A pool behind a router needs relays, and some of its members have machines that everybody
//! reaches. Such a relay dials the pool, under the very key that its certificate carries, so
//! that nobody can offer another one's:
//!
//! ```text
//!  relay                              pool
//!  relay 203.0.113.9,<its node id>  ->
//!                                   <-  taken | no <reason>
//!                                   <-  serve anyone | serve <node id> <node id> ...
//!                                   <-  named | unnamed <reason>      whenever that changes
//! ```
//!
//! One line each, UTF-8. An offer stands as long as its connection, and a moment longer. The
//! pool waits at the relay ([`relays`](super::relays)) and names it to others only once that
//! has shown it to work, and no longer when it does not.

mod book;
mod desk;
mod line;

pub(super) use desk::Desk;

use super::{IrohError, IrohNode, IrohRead, IrohWrite, Policy};
use crate::{Invite, NodeId, RelayHint, identity::parse_node_id};
use line::Lines;
use std::{collections::HashSet, io, time::Duration};
use thiserror::Error;
use tokio::{io::AsyncWriteExt, time::timeout};

/// The protocol spoken on the stream.
pub const RELAY_OFFER: &[u8] = b"punchbowl/relay-offer/1";

/// Longest line from a relay, in bytes: a relay's name and key.
const LONGEST_OFFER: usize = 512;
/// Longest line from a pool, in bytes: the node ids of some ten thousand members.
const LONGEST_NEWS: usize = 640 * 1024;
/// How long the first line of either side may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// An offer that the pool has taken. It stands until it is dropped.
#[derive(Debug)]
pub struct RelayOffer {
    news: Lines<IrohRead>,
    /// Held, because the end of this direction ends the offer.
    _write: IrohWrite,
}

/// What the pool says of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfferNews {
    /// Whom the pool lets in, and the relay should.
    Serves(Policy),
    /// The pool is at the relay, and names it in its invite.
    Named,
    /// The pool does not name the relay in its invite, for this reason.
    Unnamed(String),
}

/// Why an offer came to nothing, or has ended.
#[derive(Debug, Error)]
pub enum OfferError {
    /// The pool cannot be reached.
    #[error(transparent)]
    Node(#[from] IrohError),
    /// It does not take the relay.
    #[error("the pool does not take the relay: {0}")]
    Refused(String),
    /// The connection broke.
    #[error("the connection to the pool broke: {0}")]
    Broken(#[from] io::Error),
    /// It does not answer.
    #[error("the pool did not answer the offer within {PATIENCE:?}; is it a version that takes none?")]
    Silent,
    /// It has closed the connection.
    #[error("the pool has ended the connection")]
    Ended,
}

impl IrohNode {
    /// Offers `relay`, whose certificate carries this node's own key, to the pool of `invite`.
    ///
    /// # Errors
    /// When the pool cannot be reached or does not take it.
    pub async fn offer_relay(&self, invite: &Invite, relay: &RelayHint) -> Result<RelayOffer, OfferError> {
        let (read, mut write) = self.dial_for(invite, RELAY_OFFER).await?.into_split();
        let mut news = Lines::new(read, LONGEST_NEWS);
        let asked = async {
            write.write_all(format!("relay {relay}\n").as_bytes()).await?;
            write.flush().await?;
            news.next().await
        };
        let answer = timeout(PATIENCE, asked).await.map_err(|_| OfferError::Silent)??;
        match answer.as_deref().map(|answer| answer.split_once(' ').unwrap_or((answer, ""))) {
            Some(("taken", _)) => Ok(RelayOffer { news, _write: write }),
            Some(("no", reason)) => Err(OfferError::Refused(reason.to_owned())),
            Some(_) => Err(OfferError::Refused("its answer is not understood".to_owned())),
            None => Err(OfferError::Ended),
        }
    }
}

impl RelayOffer {
    /// The next thing that the pool says. Lines that are not understood are passed over.
    ///
    /// # Errors
    /// When the connection is gone, and the offer with it.
    pub async fn next(&mut self) -> Result<OfferNews, OfferError> {
        loop {
            let line = self.news.next().await?.ok_or(OfferError::Ended)?;
            if let Some(news) = understood(&line) {
                return Ok(news);
            }
        }
    }
}

fn understood(line: &str) -> Option<OfferNews> {
    match line.split_once(' ').unwrap_or((line, "")) {
        ("serve", "anyone") => Some(OfferNews::Serves(Policy::Open)),
        ("serve", nodes) => {
            let nodes = nodes.split(' ').filter(|node| !node.is_empty());
            let nodes: Result<HashSet<NodeId>, _> = nodes.map(parse_node_id).collect();
            Some(OfferNews::Serves(Policy::Members(nodes.ok()?)))
        }
        ("named", _) => Some(OfferNews::Named),
        ("unnamed", reason) => Some(OfferNews::Unnamed(reason.to_owned())),
        _ => None,
    }
}

fn serves(policy: &Policy) -> String {
    match policy {
        Policy::Open => "serve anyone".to_owned(),
        Policy::Members(nodes) => {
            let mut nodes: Vec<String> = nodes.iter().map(NodeId::to_z32).collect();
            nodes.sort();
            format!("serve {}", nodes.join(" "))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use iroh::SecretKey;
    use proptest::prelude::*;

    #[test]
    fn whom_the_pool_lets_in_is_understood_by_the_relay() {
        let node = |number: u8| SecretKey::from_bytes(&[number; 32]).public();
        for policy in [
            Policy::Open,
            Policy::Members(HashSet::new()),
            Policy::Members([node(1)].into()),
            Policy::Members((1..50).map(node).collect()),
        ] {
            assert_eq!(understood(&serves(&policy)), Some(OfferNews::Serves(policy)));
        }
        assert_eq!(understood("serve anyone else"), None, "a key that is none lets nobody in");
    }

    proptest! {
        #[test]
        fn whatever_a_pool_says_is_no_trouble(line in ".*") {
            let _ = understood(&line);
        }
    }
}
