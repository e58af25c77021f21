//! Who may use the relay.

use super::{RelayLimits, serve::SEAT, waiting::WaitingRoom};
use crate::{NodeId, iroh::Policy, relay_trust::vouch};
use iroh_relay::server::{Access as Answer, AccessControl, ClientRequest, ConnectionId};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};
use tracing::debug;

/// Decides who may use the relay, and counts.
#[derive(Debug)]
pub(super) struct Access {
    own: NodeId,
    policy: RwLock<Policy>,
    limits: RelayLimits,
    waiting: Arc<WaitingRoom>,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    connections: HashMap<ConnectionId, NodeId>,
    by_node: HashMap<NodeId, usize>,
    denied: u64,
}

/// What a stranger is told; a node shows it to its host.
pub(super) const NOT_MEMBER: &str = "not a member of this pool";
const FULL: &str = "this relay has as many nodes as it may have";
const TOO_MANY: &str = "this node has too many connections to the relay";

impl Access {
    pub(super) fn new(own: NodeId, policy: Policy, limits: RelayLimits, waiting: Arc<WaitingRoom>) -> Access {
        Access { own, policy: RwLock::new(policy), limits, waiting, inside: Mutex::default() }
    }

    pub(super) fn set_policy(&self, policy: Policy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    /// Connections inside now, and how many were turned away.
    pub(super) fn counts(&self) -> (u64, u64) {
        let inside = self.inside();
        (inside.connections.len() as u64, inside.denied)
    }

    fn judge(&self, node: NodeId, connection: ConnectionId) -> Result<(), &'static str> {
        let member = node == self.own
            || match &*self.policy.read().unwrap_or_else(PoisonError::into_inner) {
                Policy::Open => true,
                Policy::Members(members) => members.contains(&node),
            };
        let mut inside = self.inside();
        let here = inside.by_node.get(&node).copied().unwrap_or(0);
        let refusal = match () {
            () if !member => Some(NOT_MEMBER),
            () if here >= self.limits.connections_per_node => Some(TOO_MANY),
            // The pool itself always finds room: without it the relay is of no use.
            () if inside.connections.len() >= self.limits.clients && node != self.own => Some(FULL),
            () => None,
        };
        if let Some(reason) = refusal {
            inside.denied += 1;
            return Err(reason);
        }
        inside.connections.insert(connection, node);
        inside.by_node.insert(node, here + 1);
        Ok(())
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AccessControl for Access {
    async fn on_connect(&self, request: &ClientRequest) -> Answer {
        let seat = request.headers().get(SEAT).and_then(|number| number.to_str().ok()?.parse().ok());
        if let Some(seat) = seat {
            self.waiting.known(seat);
        }
        let client = request.endpoint_id();
        let node = request.auth_token().and_then(|word| vouch::voucher(&word, client)).unwrap_or(client);
        match self.judge(node, request.connection_id()) {
            Ok(()) => {
                debug!(node = node.to_z32(), "let in");
                Answer::Allow
            }
            Err(reason) => {
                debug!(node = node.to_z32(), reason, "turned away");
                Answer::Deny { reason: Some(reason.to_owned()) }
            }
        }
    }

    fn on_disconnect(&self, _client: NodeId, connection: ConnectionId) {
        let mut inside = self.inside();
        let Some(node) = inside.connections.remove(&connection) else { return };
        match inside.by_node.get_mut(&node) {
            Some(here) if *here > 1 => *here -= 1,
            _ => drop(inside.by_node.remove(&node)),
        }
    }
}
