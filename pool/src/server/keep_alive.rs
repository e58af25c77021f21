//! How often clients are to say that they are there.
//!
//! A ping wakes a task, opens a frame and seals another one: nothing for one client,
//! much for ten thousand of them. So the pool says how often, and the more clients
//! there are, the less often each: what they cost together is bounded.

use crate::wire::keep_alive::KeepAlive;
use std::time::Duration;

/// Extension 0x5042 for a pool with few clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlivePolicy {
    /// A client that has heard nothing for so long sends a ping.
    pub ping_after: Duration,
    /// It takes the stream for dead after so long.
    pub dead_after: Duration,
}

/// Pings a second that all clients together may send.
const PINGS_PER_SECOND: f64 = 1_000.0;
/// How often a client says something within the time after which it is gone.
const CHANCES: u32 = 3;

impl KeepAlivePolicy {
    /// The times for each of `clients`.
    pub fn pace(&self, clients: usize) -> KeepAlive {
        let together = clients as f64 / self.ping_after.as_secs_f64().max(0.001);
        let slower = (together / PINGS_PER_SECOND).max(1.0);
        let dead_after = self.dead_after.mul_f64(slower);
        KeepAlive {
            ping_after: self.ping_after.mul_f64(slower),
            dead_after,
            gone_after: dead_after * CHANCES,
        }
    }
}

/// Whether `now` differs from what a client was `told` by so much that it is worth a
/// message.
pub fn is_news(told: &KeepAlive, now: &KeepAlive) -> bool {
    now.ping_after >= told.ping_after * 2 || now.ping_after * 2 <= told.ping_after
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: KeepAlivePolicy =
        KeepAlivePolicy { ping_after: Duration::from_secs(1), dead_after: Duration::from_secs(3) };

    #[test]
    fn few_clients_ping_as_often_as_configured() {
        let pace = POLICY.pace(1_000);
        assert_eq!((pace.ping_after, pace.dead_after), (POLICY.ping_after, POLICY.dead_after));
        assert_eq!(pace.gone_after, Duration::from_secs(9));
    }

    #[test]
    fn however_many_there_are_together_they_ping_a_thousand_times_a_second() {
        for clients in [1_001usize, 10_000, 1_000_000] {
            let pace = POLICY.pace(clients);
            let together = clients as f64 / pace.ping_after.as_secs_f64();
            assert!((999.0..=1_000.5).contains(&together), "{together}");
            assert!(pace.dead_after > pace.ping_after * 2);
        }
    }

    #[test]
    fn clients_are_told_when_the_pace_has_doubled_or_halved() {
        let told = POLICY.pace(2_000);
        for (clients, news) in [(2_000, false), (3_900, false), (4_000, true), (1_100, false), (1_000, true)]
        {
            assert_eq!(is_news(&told, &POLICY.pace(clients)), news, "{clients}");
        }
    }
}
