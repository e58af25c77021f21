//! Back to the pool that is preferred, once it is there again and stays.
//!
//! While another pool serves, the ones before it in the list are dialled every now and
//! then. One that answers each time for long enough is taken: a pool that comes and goes
//! would cost miners more than a worse one that stays.

use crate::upstream::{Link, Upstream};
use std::time::{Duration, Instant};

/// Comes when one of `preferred` has been reachable for `stays`: which, and a connection to
/// it. Never, when there is none to prefer. A dropped future leaves nothing behind.
pub(super) async fn until_better(preferred: &mut [Upstream], stays: Duration) -> (usize, Link) {
    if preferred.is_empty() {
        return std::future::pending().await;
    }
    let mut trials: Vec<Trial> = preferred.iter().map(|_| Trial::default()).collect();
    loop {
        tokio::time::sleep(pause(stays)).await;
        for (place, (upstream, trial)) in preferred.iter_mut().zip(&mut trials).enumerate() {
            // No channels wait for us there: whatever it remembers is of long ago.
            upstream.forget();
            match upstream.connect().await {
                Ok((link, _)) if trial.answered(Instant::now(), stays) => return (place, link),
                Ok((link, _)) => upstream.lost(link),
                Err(_) => trial.failed(),
            }
        }
    }
}

/// How long a pool has answered without fail.
#[derive(Clone, Copy, Debug, Default)]
struct Trial {
    since: Option<Instant>,
}

impl Trial {
    /// Whether it has now answered for long enough.
    fn answered(&mut self, now: Instant, stays: Duration) -> bool {
        let since = *self.since.get_or_insert(now);
        now.saturating_duration_since(since) >= stays
    }

    fn failed(&mut self) {
        self.since = None;
    }
}

/// Between two dials: some four of them in the time for which a pool has to stay.
fn pause(stays: Duration) -> Duration {
    const LEAST: Duration = Duration::from_millis(200);
    const MOST: Duration = Duration::from_secs(30);
    (stays / 4).clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_must_answer_for_a_while_and_starts_anew_when_it_has_failed_once() {
        let start = Instant::now();
        let (stays, at) = (Duration::from_secs(60), |seconds| start + Duration::from_secs(seconds));
        let mut trial = Trial::default();
        assert!(!trial.answered(at(0), stays));
        assert!(!trial.answered(at(59), stays));
        trial.failed();
        assert!(!trial.answered(at(75), stays));
        assert!(!trial.answered(at(134), stays));
        assert!(trial.answered(at(135), stays));
    }

    #[test]
    fn a_pool_that_need_not_stay_is_taken_when_it_answers() {
        assert!(Trial::default().answered(Instant::now(), Duration::ZERO));
        assert!(pause(Duration::ZERO) > Duration::ZERO);
        assert_eq!(pause(Duration::from_secs(600)), Duration::from_secs(30));
    }
}
