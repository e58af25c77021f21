//! Keeps a relay offered to pools, for as long as it runs.

use crate::upstream::Backoff;
use anyhow::{Context, Result};
use p2p::iroh::{IrohConfig, OfferError, OfferNews, Policy, SecretKey};
use p2p::{Invite, IrohNode, NodeId, RelayHint};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tracing::{info, warn};

/// Whom a relay serves that is offered to `pools` and has not heard from any: the pools alone.
pub fn before_any_answer(pools: &[Invite]) -> Policy {
    served(&vec![None; pools.len()], pools)
}

/// Offers `relay`, which has the key `secret`, to each of `pools` until it is dropped; whom it
/// should serve goes to `serve`. Without any pool there is nothing to do, for ever.
///
/// # Errors
/// When there is no UDP socket to dial them with.
pub async fn keep(
    secret: &SecretKey,
    pools: Vec<Invite>,
    relay: RelayHint,
    serve: impl Fn(Policy),
) -> Result<()> {
    if pools.is_empty() {
        return std::future::pending().await;
    }
    let node = IrohNode::bind(IrohConfig::for_dialling(secret.clone(), &pools));
    let node = node.await.context("dialling the pools that the relay is offered to")?;
    let policies = Mutex::new(vec![None; pools.len()]);
    let learned = |index: usize, policy: Policy| {
        let mut policies = policies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = policies.get_mut(index) {
            *known = Some(policy);
        }
        serve(served(&policies, &pools));
    };
    let offers = pools.iter().enumerate().map(|(index, pool)| {
        let (node, relay, learned) = (&node, &relay, &learned);
        async move {
            let mut backoff = Backoff::default();
            loop {
                let fault = offer(node, pool, relay, &mut backoff, |policy| learned(index, policy)).await;
                let wait = backoff.lost(Instant::now(), rand::random());
                warn!(pool = pool.node.to_z32(), error = %fault, again_in = ?wait, "the relay is not offered now");
                tokio::time::sleep(wait).await;
            }
        }
    });
    futures_util::future::join_all(offers).await;
    Ok(())
}

/// Offers it once, and tells what becomes of it until the offer ends.
async fn offer(
    node: &IrohNode,
    pool: &Invite,
    relay: &RelayHint,
    backoff: &mut Backoff,
    learned: impl Fn(Policy),
) -> OfferError {
    let mut offer = match node.offer_relay(pool, relay).await {
        Ok(offer) => offer,
        Err(fault) => return fault,
    };
    backoff.serving(Instant::now());
    let pool = pool.node.to_z32();
    info!(pool, "the pool has taken the offer");
    loop {
        match offer.next().await {
            Ok(OfferNews::Serves(policy)) => learned(policy),
            Ok(OfferNews::Named) => info!(pool, "the pool waits at this relay and names it in its invite"),
            Ok(OfferNews::Unnamed(reason)) => {
                warn!(pool, reason, "the pool does not name this relay in its invite");
            }
            Err(fault) => return fault,
        }
    }
}

/// Whom a relay serves, by what each of `pools` has said so far.
fn served(policies: &[Option<Policy>], pools: &[Invite]) -> Policy {
    if policies.contains(&Some(Policy::Open)) {
        return Policy::Open;
    }
    let of_pools = policies.iter().flatten().flat_map(|policy| match policy {
        Policy::Open => None,
        Policy::Members(members) => Some(members),
    });
    // A pool waits at its relays under its own node id.
    let mut nodes: HashSet<NodeId> = of_pools.flatten().copied().collect();
    nodes.extend(pools.iter().map(|pool| pool.node));
    Policy::Members(nodes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use p2p::AuthorityKeypair;

    fn node(number: u8) -> NodeId {
        SecretKey::from_bytes(&[number; 32]).public()
    }

    fn pool(number: u8) -> Invite {
        let authority = AuthorityKeypair::from_secret_bytes(&[7; 32]).unwrap().public_key();
        Invite { node: node(number), authority, relays: vec![], addresses: vec![] }
    }

    #[test]
    fn a_relay_serves_its_pools_and_those_whom_they_let_in() {
        let pools = [pool(1), pool(2)];
        assert_eq!(before_any_answer(&pools), Policy::Members([node(1), node(2)].into()));
        let members = Policy::Members([node(3)].into());
        let one = served(&[Some(members.clone()), None], &pools);
        assert_eq!(one, Policy::Members([node(1), node(2), node(3)].into()));
        assert_eq!(served(&[Some(members), Some(Policy::Open)], &pools), Policy::Open);
    }
}
