//! Who is let in over Iroh, decided as early as it can be.
//!
//! An attempt through a relay names its node, which the relay has made it prove: it is
//! judged before any cryptography of ours, and told no address of ours. A direct attempt
//! shows its id only in the handshake; before that, its address must not be in a hurry.

use super::rate::Rates;
use crate::{
    NodeId,
    admission::{Admission, Permit, Refusal},
};
use iroh::endpoint::IncomingAddr;
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Which nodes may connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// All of them.
    Open,
    /// These only.
    Members(HashSet<NodeId>),
}

/// How much those may take who have not proved themselves yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateLimits {
    /// QUIC handshakes at a time; whoever comes on top is turned away.
    pub handshakes: usize,
    /// How long one may take.
    pub handshake: Duration,
    /// Connections at a time whose stream has not begun.
    pub silent: usize,
    /// How long one may take for its first byte.
    pub first_byte: Duration,
}

impl Default for GateLimits {
    fn default() -> GateLimits {
        GateLimits {
            handshakes: 64,
            handshake: Duration::from_secs(5),
            silent: 512,
            first_byte: Duration::from_secs(10),
        }
    }
}

/// What happened so far, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GateCounts {
    /// Streams handed on.
    pub admitted: u64,
    /// Turned away because the node is not a member.
    pub not_member: u64,
    /// Turned away because too many handshakes ran, or too many connections were silent.
    pub busy: u64,
    /// Not answered because their address tried too often.
    pub hurried: u64,
    /// Asked to prove their address first.
    pub retried: u64,
    /// Turned away because the pool or the node has its share; [`Admission`] tells which.
    pub full: u64,
    /// The QUIC handshake failed or took too long, another protocol was wanted, or no
    /// byte came.
    pub failed: u64,
}

/// Decides, and counts.
#[derive(Debug)]
pub struct Gate {
    policy: RwLock<Policy>,
    pub(super) limits: GateLimits,
    admission: Arc<Admission>,
    rates: Mutex<Rates>,
    handshakes: Arc<Semaphore>,
    silent: Arc<Semaphore>,
    counters: [AtomicU64; Outcome::ALL.len()],
}

/// What became of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Admitted,
    NotMember,
    Busy,
    Hurried,
    Retried,
    Full,
    Failed,
}

impl Outcome {
    const ALL: [Outcome; 7] = {
        use Outcome::*;
        [Admitted, NotMember, Busy, Hurried, Retried, Full, Failed]
    };
}

/// What to answer to an attempt that nothing was spent on yet.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Shake hands; the slot is held while doing so.
    Proceed(OwnedSemaphorePermit),
    /// Have the address prove itself.
    Retry,
    /// Say no.
    Refuse,
    /// Say nothing.
    Ignore,
}

impl Gate {
    pub(super) fn new(policy: Policy, limits: GateLimits, admission: Arc<Admission>) -> Arc<Gate> {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.clamp(1, Semaphore::MAX_PERMITS)));
        Arc::new(Gate {
            policy: RwLock::new(policy),
            limits,
            admission,
            rates: Mutex::default(),
            handshakes: semaphore(limits.handshakes),
            silent: semaphore(limits.silent),
            counters: Default::default(),
        })
    }

    /// Lets in by another rule from now on. Who is in stays in.
    pub fn set_policy(&self, policy: Policy) {
        *self.policy.write().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    /// By what rule it lets in.
    pub fn policy(&self) -> Policy {
        self.policy.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What happened so far.
    pub fn counts(&self) -> GateCounts {
        let count = |outcome: Outcome| {
            self.counters.get(outcome as usize).map_or(0, |counter| counter.load(Ordering::Relaxed))
        };
        GateCounts {
            admitted: count(Outcome::Admitted),
            not_member: count(Outcome::NotMember),
            busy: count(Outcome::Busy),
            hurried: count(Outcome::Hurried),
            retried: count(Outcome::Retried),
            full: count(Outcome::Full),
            failed: count(Outcome::Failed),
        }
    }

    pub(super) fn count(&self, outcome: Outcome) {
        if let Some(counter) = self.counters.get(outcome as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn allows(&self, node: NodeId) -> bool {
        match &*self.policy.read().unwrap_or_else(PoisonError::into_inner) {
            Policy::Open => true,
            Policy::Members(members) => members.contains(&node),
        }
    }

    /// The answer to an attempt, before any cryptography. `proved` says that the sender
    /// receives what is sent to its address.
    pub(super) fn judge(&self, from: &IncomingAddr, proved: bool, now: Instant) -> Verdict {
        match from {
            IncomingAddr::Relay { endpoint_id, .. } if !self.allows(*endpoint_id) => {
                self.count(Outcome::NotMember);
                return Verdict::Refuse;
            }
            IncomingAddr::Relay { .. } => {}
            IncomingAddr::Ip(address) => {
                let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
                // Only a real address is worth a place in the books or a handshake.
                let pressed = self.handshakes.available_permits() <= self.limits.handshakes / 2;
                if !proved && (pressed || rates.is_crowded()) {
                    self.count(Outcome::Retried);
                    return Verdict::Retry;
                }
                if !rates.allow(address.ip(), now) {
                    self.count(Outcome::Hurried);
                    return Verdict::Ignore;
                }
            }
            _ => return Verdict::Refuse,
        }
        match Arc::clone(&self.handshakes).try_acquire_owned() {
            Ok(slot) => Verdict::Proceed(slot),
            Err(_) => {
                self.count(Outcome::Busy);
                Verdict::Refuse
            }
        }
    }

    /// A place for a node that has proved its id.
    pub(super) fn admit(&self, node: NodeId) -> Result<Permit, Refusal> {
        self.admission.admit_node(node).inspect_err(|_| self.count(Outcome::Full))
    }

    /// Leave to be silent for a while.
    pub(super) fn silence(&self) -> Option<OwnedSemaphorePermit> {
        let slot = Arc::clone(&self.silent).try_acquire_owned().ok();
        if slot.is_none() {
            self.count(Outcome::Busy);
        }
        slot
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::AdmissionLimits;

    fn node(number: u8) -> NodeId {
        iroh::SecretKey::from_bytes(&[number; 32]).public()
    }

    fn gate(policy: Policy, handshakes: usize) -> Arc<Gate> {
        let limits = GateLimits { handshakes, ..GateLimits::default() };
        Gate::new(policy, limits, Admission::new(AdmissionLimits::default()))
    }

    fn relayed(node: NodeId) -> IncomingAddr {
        IncomingAddr::Relay { url: "https://192.0.2.1".parse().unwrap(), endpoint_id: node }
    }

    fn direct(text: &str) -> IncomingAddr {
        IncomingAddr::Ip(text.parse().unwrap())
    }

    #[test]
    fn a_stranger_behind_a_relay_is_refused_before_a_handshake_is_spent_on_it() {
        let gate = gate(Policy::Members([node(1)].into()), 1);
        let now = Instant::now();
        assert!(matches!(gate.judge(&relayed(node(2)), true, now), Verdict::Refuse));
        assert!(matches!(gate.judge(&relayed(node(1)), true, now), Verdict::Proceed(_)));
        assert_eq!(gate.counts(), GateCounts { not_member: 1, ..GateCounts::default() });
    }

    #[test]
    fn a_new_policy_counts_from_the_next_attempt_on() {
        let gate = gate(Policy::Open, 4);
        assert!(gate.allows(node(1)));
        gate.set_policy(Policy::Members([node(2)].into()));
        assert!(!gate.allows(node(1)) && gate.allows(node(2)));
    }

    #[test]
    fn under_pressure_an_address_must_prove_itself_and_beyond_it_nobody_is_let_in() {
        let gate = gate(Policy::Open, 2);
        let now = Instant::now();
        let Verdict::Proceed(_first) = gate.judge(&direct("203.0.113.1:1"), false, now) else { panic!() };
        assert!(matches!(gate.judge(&direct("203.0.113.2:1"), false, now), Verdict::Retry));
        let Verdict::Proceed(second) = gate.judge(&direct("203.0.113.2:1"), true, now) else { panic!() };
        assert!(matches!(gate.judge(&direct("203.0.113.3:1"), true, now), Verdict::Refuse));
        drop(second);
        assert!(matches!(gate.judge(&direct("203.0.113.3:1"), true, now), Verdict::Proceed(_)));
        assert_eq!(gate.counts(), GateCounts { retried: 1, busy: 1, ..GateCounts::default() });
    }

    #[test]
    fn an_address_in_a_hurry_is_not_answered() {
        let gate = gate(Policy::Open, 4);
        let now = Instant::now();
        let verdicts: Vec<_> = (0..1000).map(|_| gate.judge(&direct("203.0.113.1:1"), true, now)).collect();
        assert!(matches!(verdicts.first(), Some(Verdict::Proceed(_))));
        assert!(matches!(verdicts.last(), Some(Verdict::Ignore)));
    }
}
