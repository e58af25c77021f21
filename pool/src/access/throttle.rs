//! Slows down guessing: each wrong password from an address makes it wait longer, and all
//! addresses together are let through at a pace that no guesser lives on. Time is given.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Wrong passwords that cost nothing.
const FREE: u32 = 4;
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Addresses that are remembered; more push out the one that failed longest ago.
const MOST: usize = 1_024;
/// Wrong passwords of everybody together.
const ALL: (u32, Duration) = (60, Duration::from_secs(600));

/// Who guessed wrong.
#[derive(Debug, Default)]
pub struct Throttle {
    wrong: HashMap<IpAddr, Wrong>,
    /// Since when, and how many.
    all: Option<(Instant, u32)>,
}

#[derive(Debug)]
struct Wrong {
    count: u32,
    last: Instant,
}

impl Throttle {
    /// Whether somebody at `from` may try a password at `now`.
    ///
    /// # Errors
    /// How long they have to wait.
    pub fn admit(&self, from: IpAddr, now: Instant) -> Result<(), Duration> {
        let own = self.wrong.get(&block(from)).map_or(Duration::ZERO, |wrong| {
            let doublings = wrong.count.saturating_sub(FREE).min(16);
            let wait = if doublings == 0 { 0 } else { 1u64 << doublings };
            (wrong.last + Duration::from_secs(wait).min(LONGEST)).saturating_duration_since(now)
        });
        let all = match self.all {
            Some((since, count)) if count >= ALL.0 => (since + ALL.1).saturating_duration_since(now),
            _ => Duration::ZERO,
        };
        // Whoever has not failed is not kept out by those who have.
        let all = if self.wrong.contains_key(&block(from)) { all } else { Duration::ZERO };
        match own.max(all) {
            Duration::ZERO => Ok(()),
            wait => Err(wait),
        }
    }

    /// A password from `from` was wrong.
    pub fn failed(&mut self, from: IpAddr, now: Instant) {
        if self.wrong.len() >= MOST {
            let oldest = self.wrong.iter().min_by_key(|(_, wrong)| wrong.last).map(|(address, _)| *address);
            oldest.map(|address| self.wrong.remove(&address));
        }
        let wrong = self.wrong.entry(block(from)).or_insert(Wrong { count: 0, last: now });
        *wrong = Wrong { count: wrong.count.saturating_add(1), last: now };
        self.all = match self.all {
            Some((since, count)) if now.saturating_duration_since(since) < ALL.1 => {
                Some((since, count.saturating_add(1)))
            }
            _ => Some((now, 1)),
        };
    }

    /// A password from `from` was right.
    pub fn succeeded(&mut self, from: IpAddr) {
        self.wrong.remove(&block(from));
    }
}

/// An IPv6 network is one guesser: it has more addresses than there are passwords.
fn block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) >> 64 << 64).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_guesser_gets_a_hundred_tries_a_day_and_a_slip_costs_nothing() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        let guesser = address("192.168.1.66");
        let mut tries = 0;
        for second in 0..86_400 {
            let now = start + Duration::from_secs(second);
            if throttle.admit(guesser, now).is_ok() {
                throttle.failed(guesser, now);
                tries += 1;
                assert!(tries > 4 || throttle.admit(guesser, now).is_ok(), "the first few are free");
            }
        }
        assert!((50..150).contains(&tries), "{tries}");
        assert_eq!(throttle.admit(address("192.168.1.2"), start), Ok(()), "the host is not kept out");
    }

    #[test]
    fn an_ipv6_network_is_one_guesser_and_memory_is_bounded() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        for number in 0..20 {
            throttle.failed(address(&format!("2001:db8::{number:x}")), start);
        }
        assert!(throttle.admit(address("2001:db8::ffff"), start).is_err());
        for number in 0..5_000u32 {
            throttle.failed(IpAddr::V4(number.into()), start);
        }
        assert!(throttle.wrong.len() <= MOST);
    }

    #[test]
    fn the_right_password_makes_all_good() {
        let start = Instant::now();
        let mut throttle = Throttle::default();
        let host = address("10.0.0.1");
        (0..9).for_each(|_| throttle.failed(host, start));
        assert!(throttle.admit(host, start).is_err());
        throttle.succeeded(host);
        assert_eq!(throttle.admit(host, start), Ok(()));
    }
}
