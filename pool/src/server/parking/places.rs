//! Tokens and what waits under them, bounded in all and by peer. Pure: time is a
//! parameter, and what waits can be anything.

use crate::status::Path;
use crate::wire::keep_alive::Token;
use p2p::NodeId;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Instant;
use tokio::sync::oneshot;

/// Whose channels they are, for limits: what admission goes by too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Whoever comes from this address over TCP.
    Address(IpAddr),
    /// This node over Iroh.
    Node(NodeId),
}

/// How many channels may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In all.
    pub channels: usize,
    /// Of one peer.
    pub channels_per_peer: usize,
}

/// A session's channels are asked for, by the session of the client's next connection.
pub struct Handover<T> {
    /// Where they go.
    pub reply: oneshot::Sender<T>,
}

/// What there is under a token. It is good once: after this there is nothing.
pub(super) enum Claim<T> {
    /// This waited.
    Parked(T),
    /// A session that still lives; it can be asked.
    Living(oneshot::Sender<Handover<T>>),
    /// Nothing.
    Unknown,
}

/// Why a session's channels do not wait.
#[derive(Debug, PartialEq)]
pub(super) enum Refusal<T> {
    /// More wait already than may.
    Full,
    /// The session has been asked for them.
    Asked(T),
}

pub(super) struct Places<T> {
    limits: Limits,
    living: HashMap<Token, oneshot::Sender<Handover<T>>>,
    parked: HashMap<Token, Waiting<T>>,
    channels: usize,
    by_peer: HashMap<Peer, usize>,
}

struct Waiting<T> {
    what: T,
    channels: usize,
    peer: Peer,
    until: Instant,
}

impl<T> Places<T> {
    pub(super) fn new(limits: Limits) -> Places<T> {
        let (living, parked, by_peer) = (HashMap::new(), HashMap::new(), HashMap::new());
        Places { limits, living, parked, channels: 0, by_peer }
    }

    /// Sessions that live.
    pub(super) fn sessions(&self) -> usize {
        self.living.len()
    }

    /// Channels that wait.
    pub(super) fn channels(&self) -> usize {
        self.channels
    }

    pub(super) fn enter(&mut self, token: Token, asker: oneshot::Sender<Handover<T>>) {
        self.living.insert(token, asker);
    }

    /// The session with this token ends and leaves nothing behind.
    pub(super) fn leave(&mut self, token: &Token) {
        self.living.remove(token);
    }

    /// Lets `what`, which is so many channels of `peer`, wait until then.
    pub(super) fn park(
        &mut self,
        token: Token,
        what: T,
        channels: usize,
        peer: Peer,
        until: Instant,
    ) -> Result<(), Refusal<T>> {
        if self.living.remove(&token).is_none() {
            return Err(Refusal::Asked(what));
        }
        let of_peer = self.by_peer.get(&peer).copied().unwrap_or_default() + channels;
        let in_all = self.channels + channels;
        if in_all > self.limits.channels || of_peer > self.limits.channels_per_peer {
            return Err(Refusal::Full);
        }
        self.channels = in_all;
        self.by_peer.insert(peer, of_peer);
        self.parked.insert(token, Waiting { what, channels, peer, until });
        Ok(())
    }

    pub(super) fn claim(&mut self, token: &Token, now: Instant) -> Claim<T> {
        if let Some(asker) = self.living.remove(token) {
            return Claim::Living(asker);
        }
        match self.parked.get(token) {
            Some(waiting) if now < waiting.until => {
                self.take(token).map_or(Claim::Unknown, |waiting| Claim::Parked(waiting.what))
            }
            _ => Claim::Unknown,
        }
    }

    /// Takes out what has waited too long.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<T> {
        let late = self.parked.iter().filter(|(_, waiting)| waiting.until <= now).map(|(token, _)| *token);
        let late: Vec<Token> = late.collect();
        late.iter().filter_map(|token| self.take(token)).map(|waiting| waiting.what).collect()
    }

    fn take(&mut self, token: &Token) -> Option<Waiting<T>> {
        let waiting = self.parked.remove(token)?;
        self.channels = self.channels.saturating_sub(waiting.channels);
        if let Some(of_peer) = self.by_peer.get_mut(&waiting.peer) {
            *of_peer = of_peer.saturating_sub(waiting.channels);
            if *of_peer == 0 {
                self.by_peer.remove(&waiting.peer);
            }
        }
        Some(waiting)
    }
}

impl From<&Path> for Peer {
    fn from(path: &Path) -> Peer {
        match path {
            Path::Tcp(address) => Peer::Address(address.ip()),
            Path::Iroh(path) => Peer::Node(path.node),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    const LIMITS: Limits = Limits { channels: 10, channels_per_peer: 4 };

    fn peer(number: u8) -> Peer {
        Peer::Address([192, 0, 2, number].into())
    }

    fn token(number: u8) -> Token {
        Token([number; 16])
    }

    fn claimed<T>(claim: Claim<T>) -> Option<T> {
        match claim {
            Claim::Parked(what) => Some(what),
            Claim::Living(_) | Claim::Unknown => None,
        }
    }

    /// As a session does whose connection dies.
    fn park<T>(
        places: &mut Places<T>,
        token: Token,
        what: T,
        channels: usize,
        peer: Peer,
        until: Instant,
    ) -> Result<(), Refusal<T>> {
        places.enter(token, oneshot::channel().0);
        places.park(token, what, channels, peer, until)
    }

    #[test]
    fn what_is_parked_is_claimed_once() {
        let (mut places, now) = (Places::new(LIMITS), Instant::now());
        park(&mut places, token(1), 'a', 2, peer(1), now + Duration::from_secs(9)).unwrap();
        assert_eq!(claimed(places.claim(&token(2), now)), None);
        assert_eq!(claimed(places.claim(&token(1), now)), Some('a'));
        assert_eq!(claimed(places.claim(&token(1), now)), None);
        assert_eq!((places.channels(), places.by_peer.len()), (0, 0));
    }

    #[test]
    fn what_has_waited_too_long_is_nobodys_and_makes_room() {
        let (mut places, now) = (Places::new(LIMITS), Instant::now());
        let until = now + Duration::from_secs(9);
        park(&mut places, token(1), 'a', 4, peer(1), until).unwrap();
        park(&mut places, token(2), 'b', 1, peer(2), until + Duration::from_secs(1)).unwrap();
        assert_eq!(claimed(places.claim(&token(1), until)), None);
        assert_eq!(places.expire(until), ['a']);
        assert_eq!(claimed(places.claim(&token(2), until)), Some('b'));
        park(&mut places, token(3), 'c', 4, peer(1), until).unwrap();
    }

    #[test]
    fn nobody_fills_the_lot_alone_nor_all_together() {
        let (mut places, until) = (Places::new(LIMITS), Instant::now() + Duration::from_secs(9));
        park(&mut places, token(1), 'a', 4, peer(1), until).unwrap();
        assert_eq!(park(&mut places, token(2), 'b', 1, peer(1), until), Err(Refusal::Full));
        park(&mut places, token(3), 'c', 4, peer(2), until).unwrap();
        assert_eq!(park(&mut places, token(4), 'd', 3, peer(3), until), Err(Refusal::Full));
        park(&mut places, token(5), 'e', 2, peer(3), until).unwrap();
    }

    #[test]
    fn a_session_that_lives_is_asked_once() {
        let (mut places, now) = (Places::<char>::new(LIMITS), Instant::now());
        let (asker, mut asked) = oneshot::channel();
        places.enter(token(1), asker);
        let Claim::Living(asker) = places.claim(&token(1), now) else { panic!("it lives") };
        let (reply, mut answer) = oneshot::channel();
        assert!(asker.send(Handover { reply }).is_ok());
        asked.try_recv().unwrap().reply.send('a').unwrap();
        assert_eq!(answer.try_recv(), Ok('a'));
        assert!(matches!(places.claim(&token(1), now), Claim::Unknown));
        // It ended before it saw that it was asked: nothing waits, it must still answer.
        let parked = places.park(token(1), 'a', 1, peer(1), now);
        assert_eq!(parked, Err(Refusal::Asked('a')));
        assert_eq!((places.sessions(), places.channels()), (0, 0));
    }

    proptest! {
        /// Whatever happens in whatever order, the counts are those of what waits.
        #[test]
        fn counts_are_of_what_waits(steps in prop::collection::vec((0u8..3, 0u8..6, 0u8..3, 0usize..6), 0..60)) {
            let (mut places, start) = (Places::new(LIMITS), Instant::now());
            for (step, (what, number, of, channels)) in steps.into_iter().enumerate() {
                let now = start + Duration::from_secs(step as u64);
                match what {
                    0 if !places.parked.contains_key(&token(number)) => {
                        let until = now + Duration::from_secs(5);
                        let _ = park(&mut places, token(number), (), channels, peer(of), until);
                    }
                    1 => drop(places.claim(&token(number), now)),
                    _ => drop(places.expire(now)),
                }
                let waiting: usize = places.parked.values().map(|waiting| waiting.channels).sum();
                prop_assert_eq!(places.channels(), waiting);
                prop_assert_eq!(places.by_peer.values().sum::<usize>(), waiting);
                prop_assert!(waiting <= LIMITS.channels);
                prop_assert!(places.by_peer.values().all(|channels| *channels <= LIMITS.channels_per_peer));
            }
        }
    }
}
