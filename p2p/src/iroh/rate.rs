//! How many attempts a second one address may make.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

/// Leaky buckets by address; an IPv6 address is its /64, which is one household.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    buckets: HashMap<IpAddr, Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// Attempts made and not yet forgiven.
    filled: f64,
    at: Instant,
}

/// Attempts that one address may make at once: a farm whose power came back.
const BURST: f64 = 128.0;
/// Attempts a second that it is forgiven.
const PER_SECOND: f64 = 8.0;
/// Addresses that are remembered; at the limit those that are forgiven are forgotten,
/// and where there are none, newcomers are refused until there are.
const ADDRESSES: usize = 16_384;

impl Rates {
    /// Whether so many are remembered that only proved addresses should be added.
    pub(crate) fn is_crowded(&self) -> bool {
        self.buckets.len() >= ADDRESSES / 2
    }

    /// Whether `address` may try once more. This machine itself always may.
    pub(crate) fn allow(&mut self, address: IpAddr, now: Instant) -> bool {
        let address = match address.to_canonical() {
            address if address.is_loopback() => return true,
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
            address => address,
        };
        if self.buckets.len() >= ADDRESSES && !self.buckets.contains_key(&address) {
            let forgiven = Duration::from_secs_f64(BURST / PER_SECOND);
            self.buckets.retain(|_, bucket| now.saturating_duration_since(bucket.at) < forgiven);
            if self.buckets.len() >= ADDRESSES {
                return false;
            }
        }
        let bucket = self.buckets.entry(address).or_insert(Bucket { filled: 0.0, at: now });
        let forgiven = now.saturating_duration_since(bucket.at).as_secs_f64() * PER_SECOND;
        bucket.filled = (bucket.filled - forgiven).max(0.0);
        bucket.at = now;
        if bucket.filled + 1.0 > BURST {
            return false;
        }
        bucket.filled += 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn allowed(rates: &mut Rates, address: &str, now: Instant) -> usize {
        (0..1000).filter(|_| rates.allow(ip(address), now)).count()
    }

    #[test]
    fn an_address_has_a_burst_and_then_its_rate_and_another_one_is_not_held_to_account() {
        let (mut rates, start) = (Rates::default(), Instant::now());
        assert_eq!(allowed(&mut rates, "203.0.113.5", start), BURST as usize);
        assert_eq!(allowed(&mut rates, "203.0.113.6", start), BURST as usize);
        assert_eq!(allowed(&mut rates, "203.0.113.5", start + Duration::from_secs(1)), PER_SECOND as usize);
    }

    #[test]
    fn a_household_with_ipv6_is_one_address_and_loopback_is_free() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        assert_eq!(allowed(&mut rates, "2001:db8::1", now), BURST as usize);
        assert_eq!(allowed(&mut rates, "2001:db8::2", now), 0);
        assert_eq!(allowed(&mut rates, "2001:db8:0:1::1", now), BURST as usize);
        assert_eq!(allowed(&mut rates, "::1", now), 1000);
    }

    #[test]
    fn memory_is_bounded_and_frees_itself() {
        let (mut rates, now) = (Rates::default(), Instant::now());
        for number in 0..ADDRESSES as u32 {
            assert!(rates.allow(IpAddr::V4((0x0b00_0000 + number).into()), now));
        }
        assert!(!rates.allow(ip("203.0.113.5"), now));
        assert!(rates.allow(ip("11.0.0.1"), now), "whoever is known goes on");
        assert!(rates.allow(ip("203.0.113.5"), now + Duration::from_secs(60)));
        assert_eq!(rates.buckets.len(), 1);
    }
}
