//! Who may connect: limits in total, per address and per node, and on handshakes at a
//! time.
//!
//! A [`Permit`] is held as long as its connection lives and gives its place back when
//! dropped. Only connecting and disconnecting touch the lock here.

use crate::NodeId;
use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many connections are let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// Connections in all.
    pub total: usize,
    /// Connections from one address: one for IPv4, a /64 for IPv6. A farm or a meetup
    /// behind one router is one address.
    pub per_address: usize,
    /// Connections from this machine itself (127.0.0.0/8 and `::1` together), where
    /// proxies and tests sit.
    pub loopback: usize,
    /// Connections from one node id, which has no address that means anything: it may
    /// come through a relay.
    pub per_node: usize,
    /// Handshakes at a time; others wait.
    pub handshakes: usize,
}

impl Default for AdmissionLimits {
    fn default() -> AdmissionLimits {
        AdmissionLimits { total: 8192, per_address: 1024, loopback: 8192, per_node: 8, handshakes: 512 }
    }
}

/// Why a connection is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The pool is full.
    #[error("{0} connections are open, which is the limit")]
    Total(usize),
    /// The address has its share.
    #[error("{0} connections from the same address are open, which is the limit")]
    PerAddress(usize),
    /// This machine has its share.
    #[error("{0} connections from this machine are open, which is the limit")]
    Loopback(usize),
    /// The node has its share.
    #[error("{0} connections of the same node are open, which is the limit")]
    PerNode(usize),
}

/// What happened so far, for health checks and metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdmissionCounts {
    /// Connections open now.
    pub open: u64,
    /// Connections let in since the start.
    pub admitted: u64,
    /// Refused because the pool was full.
    pub refused_total: u64,
    /// Refused because the address had its share.
    pub refused_per_address: u64,
    /// Refused because this machine had its share.
    pub refused_loopback: u64,
    /// Refused because the node had its share.
    pub refused_per_node: u64,
    /// Handshakes running now.
    pub handshakes: u64,
}

/// Decides who may connect, and counts.
#[derive(Debug)]
pub struct Admission {
    limits: AdmissionLimits,
    open: Mutex<Open>,
    handshakes: Arc<Semaphore>,
    admitted: AtomicU64,
    refused_total: AtomicU64,
    refused_per_address: AtomicU64,
    refused_loopback: AtomicU64,
    refused_per_node: AtomicU64,
}

/// A place in the pool, given back on drop.
#[derive(Debug)]
pub struct Permit {
    admission: Arc<Admission>,
    origin: Origin,
}

/// Leave to run a handshake, given back on drop.
#[derive(Debug)]
pub struct HandshakeSlot {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Admission {
    /// Starts with nobody connected.
    pub fn new(limits: AdmissionLimits) -> Arc<Admission> {
        Arc::new(Admission {
            limits,
            open: Mutex::default(),
            handshakes: Arc::new(Semaphore::new(limits.handshakes.clamp(1, Semaphore::MAX_PERMITS))),
            admitted: AtomicU64::new(0),
            refused_total: AtomicU64::new(0),
            refused_per_address: AtomicU64::new(0),
            refused_loopback: AtomicU64::new(0),
            refused_per_node: AtomicU64::new(0),
        })
    }

    /// Lets `address` in or says why not.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Permit, Refusal> {
        self.admit_origin(Origin::of(address))
    }

    /// Lets a node in that has proved its id, or says why not.
    ///
    /// # Errors
    /// See [`Refusal`].
    pub fn admit_node(self: &Arc<Self>, node: NodeId) -> Result<Permit, Refusal> {
        self.admit_origin(Origin::Node(node))
    }

    fn admit_origin(self: &Arc<Self>, origin: Origin) -> Result<Permit, Refusal> {
        self.take_place(origin).inspect_err(|refusal| count(self.counter(refusal)))?;
        count(&self.admitted);
        Ok(Permit { admission: Arc::clone(self), origin })
    }

    /// Waits for leave to run a handshake, first come first served. Put the deadline of
    /// the handshake around this and the handshake together.
    pub async fn handshake_slot(&self) -> HandshakeSlot {
        // The semaphore is never closed, so that this is never `None`.
        HandshakeSlot { _permit: Arc::clone(&self.handshakes).acquire_owned().await.ok() }
    }

    /// What happened so far.
    pub fn counts(&self) -> AdmissionCounts {
        let limit = self.limits.handshakes.clamp(1, Semaphore::MAX_PERMITS);
        AdmissionCounts {
            open: self.open().total as u64,
            admitted: self.admitted.load(Ordering::Relaxed),
            refused_total: self.refused_total.load(Ordering::Relaxed),
            refused_per_address: self.refused_per_address.load(Ordering::Relaxed),
            refused_loopback: self.refused_loopback.load(Ordering::Relaxed),
            refused_per_node: self.refused_per_node.load(Ordering::Relaxed),
            handshakes: limit.saturating_sub(self.handshakes.available_permits()) as u64,
        }
    }

    fn take_place(&self, origin: Origin) -> Result<(), Refusal> {
        let mut open = self.open();
        if open.total >= self.limits.total {
            return Err(Refusal::Total(open.total));
        }
        let here = open.by_origin.get(&origin).copied().unwrap_or(0);
        match origin {
            Origin::Loopback if here >= self.limits.loopback => return Err(Refusal::Loopback(here)),
            Origin::V4(_) | Origin::V6Network(_) if here >= self.limits.per_address => {
                return Err(Refusal::PerAddress(here));
            }
            Origin::Node(_) if here >= self.limits.per_node => return Err(Refusal::PerNode(here)),
            _ => {}
        }
        open.total += 1;
        open.by_origin.insert(origin, here + 1);
        Ok(())
    }

    fn give_back(&self, origin: Origin) {
        let mut open = self.open();
        open.total = open.total.saturating_sub(1);
        match open.by_origin.get_mut(&origin) {
            Some(here) if *here > 1 => *here -= 1,
            _ => drop(open.by_origin.remove(&origin)),
        }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counter(&self, refusal: &Refusal) -> &AtomicU64 {
        match refusal {
            Refusal::Total(_) => &self.refused_total,
            Refusal::PerAddress(_) => &self.refused_per_address,
            Refusal::Loopback(_) => &self.refused_loopback,
            Refusal::PerNode(_) => &self.refused_per_node,
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.admission.give_back(self.origin);
    }
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    by_origin: HashMap<Origin, usize>,
}

/// What counts as one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Origin {
    Loopback,
    V4(Ipv4Addr),
    /// The upper 64 bits: a household has the lower ones to itself.
    V6Network(u64),
    Node(NodeId),
}

impl Origin {
    fn of(address: IpAddr) -> Origin {
        match address.to_canonical() {
            address if address.is_loopback() => Origin::Loopback,
            IpAddr::V4(address) => Origin::V4(address),
            IpAddr::V6(address) => Origin::V6Network((address.to_bits() >> 64) as u64),
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn admission(total: usize, per_address: usize, loopback: usize) -> Arc<Admission> {
        Admission::new(AdmissionLimits { total, per_address, loopback, per_node: 1, handshakes: 2 })
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_beyond_its_share_is_refused_and_others_are_not() {
        let admission = admission(10, 2, 10);
        let _held = [admission.admit(ip("192.0.2.1")).unwrap(), admission.admit(ip("192.0.2.1")).unwrap()];
        assert_eq!(admission.admit(ip("192.0.2.1")).unwrap_err(), Refusal::PerAddress(2));
        assert!(admission.admit(ip("192.0.2.2")).is_ok());
    }

    #[test]
    fn a_dropped_permit_makes_room_again() {
        let admission = admission(1, 1, 1);
        let held = admission.admit(ip("192.0.2.1")).unwrap();
        assert_eq!(admission.admit(ip("192.0.2.2")).unwrap_err(), Refusal::Total(1));
        drop(held);
        assert!(admission.admit(ip("192.0.2.2")).is_ok());
    }

    #[test]
    fn ipv6_addresses_of_one_64_network_share_a_limit() {
        let admission = admission(10, 1, 10);
        let _held = admission.admit(ip("2001:db8:1:2::1")).unwrap();
        assert!(admission.admit(ip("2001:db8:1:2:ffff::9")).is_err());
        assert!(admission.admit(ip("2001:db8:1:3::1")).is_ok());
    }

    #[test]
    fn an_ipv4_address_seen_through_a_dual_stack_socket_is_the_same_address() {
        let admission = admission(10, 1, 10);
        let _held = admission.admit(ip("::ffff:192.0.2.1")).unwrap();
        assert!(admission.admit(ip("192.0.2.1")).is_err());
        assert!(admission.admit(ip("::ffff:192.0.2.2")).is_ok());
    }

    #[test]
    fn loopback_has_a_limit_of_its_own() {
        let admission = admission(10, 1, 2);
        let _held = [admission.admit(ip("127.0.0.1")).unwrap(), admission.admit(ip("::1")).unwrap()];
        assert_eq!(admission.admit(ip("127.0.0.9")).unwrap_err(), Refusal::Loopback(2));
    }

    #[test]
    fn counts_tell_every_reason_apart() {
        let admission = admission(3, 1, 1);
        let mut held =
            vec![admission.admit(ip("127.0.0.1")).unwrap(), admission.admit(ip("192.0.2.1")).unwrap()];
        admission.admit(ip("127.0.0.1")).unwrap_err();
        admission.admit(ip("192.0.2.1")).unwrap_err();
        held.push(admission.admit(ip("192.0.2.2")).unwrap());
        admission.admit(ip("192.0.2.3")).unwrap_err();
        drop(held.pop());
        let counts = AdmissionCounts {
            open: 2,
            admitted: 3,
            refused_total: 1,
            refused_per_address: 1,
            refused_loopback: 1,
            refused_per_node: 0,
            handshakes: 0,
        };
        assert_eq!(admission.counts(), counts);
    }

    #[test]
    fn a_node_beyond_its_share_is_refused_whatever_its_address_and_counts_towards_the_total() {
        let admission = admission(2, 10, 10);
        let [ann, bob] = [[1; 32], [2; 32]].map(|secret| iroh::SecretKey::from_bytes(&secret).public());
        let first = admission.admit_node(ann).unwrap();
        assert_eq!(admission.admit_node(ann).unwrap_err(), Refusal::PerNode(1));
        let _second = admission.admit_node(bob).unwrap();
        assert_eq!(admission.admit(ip("192.0.2.1")).unwrap_err(), Refusal::Total(2));
        drop(first);
        assert!(admission.admit_node(ann).is_ok());
        assert_eq!(admission.counts().refused_per_node, 1);
    }

    #[test]
    fn nothing_is_remembered_of_who_has_left() {
        let admission = admission(10, 1, 10);
        for last in 0..=255 {
            drop(admission.admit(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))).unwrap());
        }
        assert!(admission.open().by_origin.is_empty());
    }

    #[tokio::test]
    async fn a_handshake_beyond_the_limit_waits_for_a_slot() {
        let admission = admission(10, 10, 10);
        let first = admission.handshake_slot().await;
        let _second = admission.handshake_slot().await;
        assert_eq!(admission.counts().handshakes, 2);
        let mut third = Box::pin(admission.handshake_slot());
        assert!(futures_poll_once(third.as_mut()).await.is_none());
        drop(first);
        third.await;
    }

    /// The value, if it is there without waiting.
    async fn futures_poll_once<F: Future + Unpin>(future: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            value = future => Some(value),
            () = std::future::ready(()) => None,
        }
    }
}
