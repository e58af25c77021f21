//! The waiting room: connections that have not proved who they are.
//!
//! Whoever means well is through in a fraction of a second. So when the room is full, or
//! one address has its share of it, the one that waits longest is put out, and not the
//! newcomer: a flood of silent connections pushes out itself.

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio_util::sync::CancellationToken;

/// The room.
#[derive(Debug)]
pub(super) struct WaitingRoom {
    most: usize,
    most_per_address: usize,
    seats: Mutex<Seats>,
}

#[derive(Debug, Default)]
struct Seats {
    next: u64,
    /// In the order in which they came.
    taken: BTreeMap<u64, Seat>,
    by_address: HashMap<IpAddr, usize>,
    put_out: u64,
}

#[derive(Debug)]
struct Seat {
    address: IpAddr,
    /// Cancelled when the one on it must go.
    go: CancellationToken,
    /// Cancelled when it is known who it is.
    known: CancellationToken,
}

/// A seat in the room, given back on drop.
#[derive(Debug)]
pub(super) struct Waiting {
    room: Arc<WaitingRoom>,
    number: u64,
    /// Cancelled when the connection must end.
    pub(super) go: CancellationToken,
    /// Cancelled when it is known who it is, welcome or not: nothing is waited for any more.
    pub(super) known: CancellationToken,
}

impl WaitingRoom {
    pub(super) fn new(most: usize, most_per_address: usize) -> WaitingRoom {
        WaitingRoom { most: most.max(1), most_per_address: most_per_address.max(1), seats: Mutex::default() }
    }

    /// A seat for a newcomer, at the cost of who waits longest where there is none.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Waiting {
        let address = household(address);
        let mut seats = self.seats();
        if seats.by_address.get(&address).is_some_and(|taken| *taken >= self.most_per_address) {
            let oldest =
                seats.taken.iter().find(|(_, seat)| seat.address == address).map(|(number, _)| *number);
            seats.put_out(oldest);
        }
        if seats.taken.len() >= self.most {
            let oldest = seats.taken.keys().next().copied();
            seats.put_out(oldest);
        }
        let number = seats.next;
        seats.next += 1;
        let (go, known) = (CancellationToken::new(), CancellationToken::new());
        seats.taken.insert(number, Seat { address, go: go.clone(), known: known.clone() });
        *seats.by_address.entry(address).or_default() += 1;
        Waiting { room: Arc::clone(self), number, go, known }
    }

    /// It is known who sits on seat `number`.
    pub(super) fn known(&self, number: u64) {
        if let Some(seat) = self.seats().free(number) {
            seat.known.cancel();
        }
    }

    /// How many wait now, and how many were put out.
    pub(super) fn counts(&self) -> (u64, u64) {
        let seats = self.seats();
        (seats.taken.len() as u64, seats.put_out)
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seats {
    fn put_out(&mut self, number: Option<u64>) {
        if let Some(seat) = number.and_then(|number| self.free(number)) {
            seat.go.cancel();
            self.put_out += 1;
        }
    }

    fn free(&mut self, number: u64) -> Option<Seat> {
        let seat = self.taken.remove(&number)?;
        match self.by_address.get_mut(&seat.address) {
            Some(taken) if *taken > 1 => *taken -= 1,
            _ => drop(self.by_address.remove(&seat.address)),
        }
        Some(seat)
    }
}

impl Waiting {
    /// What tells this connection from others.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.room.seats().free(self.number);
    }
}

/// An IPv6 address counts as its /64, which is one household.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn gone(waiting: &[Waiting]) -> Vec<usize> {
        (0..waiting.len()).filter(|index| waiting[*index].go.is_cancelled()).collect()
    }

    #[test]
    fn who_waits_longest_makes_room_first_of_all_in_its_own_household() {
        let room = Arc::new(WaitingRoom::new(4, 2));
        let mut waiting: Vec<Waiting> =
            ["203.0.113.1", "203.0.113.2", "203.0.113.2"].iter().map(|text| room.enter(ip(text))).collect();
        waiting.push(room.enter(ip("203.0.113.2")));
        assert_eq!(gone(&waiting), [1], "its own household had its share");
        waiting.push(room.enter(ip("203.0.113.3")));
        waiting.push(room.enter(ip("203.0.113.4")));
        assert_eq!(gone(&waiting), [0, 1], "the room was full");
        assert_eq!(room.counts(), (4, 2));
    }

    #[test]
    fn a_seat_is_free_when_it_is_known_who_sits_there_or_when_it_is_left() {
        let room = Arc::new(WaitingRoom::new(4, 2));
        let (first, second) = (room.enter(ip("203.0.113.1")), room.enter(ip("203.0.113.1")));
        room.known(first.number());
        assert!(first.known.is_cancelled() && !first.go.is_cancelled());
        assert_eq!(room.counts().0, 1);
        drop(second);
        drop(first);
        assert_eq!(room.counts(), (0, 0));
        assert!(room.seats().by_address.is_empty());
    }

    #[test]
    fn a_household_with_ipv6_is_one_address() {
        assert_eq!(household(ip("2001:db8::1")), household(ip("2001:db8::2")));
        assert_ne!(household(ip("2001:db8::1")), household(ip("2001:db8:0:1::1")));
        assert_eq!(household(ip("::ffff:203.0.113.1")), ip("203.0.113.1"));
    }
}
