//! Carries what is in the outbox to one sink, and comes again when nobody takes it.

use super::outbox::{Delivery, Outbox};
use super::sink::{Sink, SinkError};
use super::web::Web;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

/// How one sink fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SinkState {
    /// Notices that it took since the start.
    pub delivered: u64,
    /// When it took the last, seconds since the Unix epoch.
    pub last_delivery: Option<u64>,
    /// Why it did not take the last one, until it takes one.
    pub trouble: Option<String>,
}

/// The outbox, shared by those who fill it and those who empty it.
#[derive(Clone, Debug)]
pub struct SharedOutbox {
    outbox: Arc<Mutex<Outbox>>,
    /// Changes when something was put in.
    news: watch::Sender<u64>,
}

/// The longest between two tries.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// A notice that nobody takes is given up after so long.
const TOO_OLD: u64 = 3 * 24 * 3_600;
/// And one that is refused for good after so many tries.
const REFUSALS: u32 = 5;

impl SharedOutbox {
    /// Shares `outbox`.
    pub fn new(outbox: Outbox) -> SharedOutbox {
        SharedOutbox { outbox: Arc::new(Mutex::new(outbox)), news: watch::Sender::new(0) }
    }

    /// Does something with the outbox, where waiting for the disk is allowed.
    pub async fn with<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Outbox) -> rusqlite::Result<T> + Send + 'static,
    ) -> Option<T> {
        let outbox = self.outbox.clone();
        let done = tokio::task::spawn_blocking(move || {
            job(&mut outbox.lock().unwrap_or_else(PoisonError::into_inner))
        });
        match done.await {
            Ok(Ok(value)) => Some(value),
            Ok(Err(fault)) => {
                warn!(%fault, "the outbox of notifications cannot be used");
                None
            }
            Err(_) => None,
        }
    }

    /// Wakes the couriers.
    pub fn wake(&self) {
        self.news.send_modify(|count| *count += 1);
    }
}

/// Delivers to `sink` until `stop` is cancelled.
pub async fn run(
    outbox: SharedOutbox,
    sink: Sink,
    web: Web,
    state: Arc<Mutex<SinkState>>,
    stop: CancellationToken,
) {
    let deliver = async {
        let mut news = outbox.news.subscribe();
        let mut failures = 0;
        loop {
            news.mark_unchanged();
            let (name, now) = (sink.name(), unix_time());
            let due = outbox.with(move |outbox| outbox.due(name, now)).await.flatten();
            if let Some(delivery) = due {
                failures = attempt(&outbox, &sink, &web, &state, delivery, failures).await;
                if failures > 0 {
                    // Whoever does not answer is not asked again for the next notice.
                    tokio::time::sleep(backoff(failures, rand::random())).await;
                }
                continue;
            }
            let next = outbox.with(move |outbox| outbox.next_due(name)).await.flatten();
            let wait = next.map_or(LONGEST, |due| Duration::from_secs(due.saturating_sub(now).max(1)));
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = news.changed() => {}
            }
        }
    };
    tokio::select! {
        () = deliver => {}
        () = stop.cancelled() => {}
    }
}

/// Tries one delivery. Returns how often in a row the sink has failed.
async fn attempt(
    outbox: &SharedOutbox,
    sink: &Sink,
    web: &Web,
    state: &Mutex<SinkState>,
    delivery: Delivery,
    failures: u32,
) -> u32 {
    let (name, now) = (sink.name(), unix_time());
    let outcome = sink.send(web, &delivery.notice, now).await;
    let mut failing = 0;
    let update =
        |change: &dyn Fn(&mut SinkState)| change(&mut state.lock().unwrap_or_else(PoisonError::into_inner));
    match outcome {
        Ok(()) => {
            debug!(sink = name, id = delivery.notice.id, "notification delivered");
            update(&|state| {
                state.delivered += 1;
                state.last_delivery = Some(now);
                state.trouble = None;
            });
            outbox.with(move |outbox| outbox.sent(&delivery, name, now)).await;
        }
        Err(fault) => {
            update(&|state| state.trouble = Some(fault.to_string()));
            if is_hopeless(&delivery, &fault, now) {
                warn!(sink = name, host = sink.host(), title = delivery.notice.title, %fault, "notification given up");
                outbox.with(move |outbox| outbox.give_up(&delivery)).await;
            } else {
                if failures == 0 {
                    info!(sink = name, host = sink.host(), %fault, "notification not delivered; trying again");
                }
                // One that is refused must not hold up the others.
                failing = if fault.is_final() { 0 } else { failures.saturating_add(1) };
                let due = now + backoff(delivery.attempts + 1, rand::random()).as_secs();
                outbox.with(move |outbox| outbox.postpone(&delivery, due)).await;
            }
        }
    }
    failing
}

fn is_hopeless(delivery: &Delivery, fault: &SinkError, now: u64) -> bool {
    now.saturating_sub(delivery.since) > TOO_OLD || (fault.is_final() && delivery.attempts + 1 >= REFUSALS)
}

/// How long to wait after so many failures (from 1); `jitter` is from 0 to 1.
fn backoff(failures: u32, jitter: f64) -> Duration {
    let longest = LONGEST.as_secs_f64();
    let plain = (2f64.powi(failures.min(20).cast_signed() - 1)).min(longest);
    Duration::from_secs_f64(plain * (0.75 + jitter.clamp(0.0, 1.0) / 2.0))
}

/// Seconds since the Unix epoch.
pub fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::notify::{Event, Notice};

    #[test]
    fn waits_double_up_to_a_quarter_of_an_hour() {
        let plain: Vec<f64> = (1..=4).map(|failures| backoff(failures, 0.5).as_secs_f64()).collect();
        assert_eq!(plain, [1.0, 2.0, 4.0, 8.0]);
        assert_eq!(backoff(u32::MAX, 0.5), LONGEST);
        assert!(backoff(3, 0.0) < backoff(3, 1.0));
    }

    #[test]
    fn a_refusal_is_hopeless_in_the_end_and_a_dead_line_only_after_days() {
        let delivery = |attempts| Delivery {
            number: 1,
            notice: Notice::new(&Event::Test, "p", 0, 0, 1),
            attempts,
            since: 1_000,
        };
        let refused = SinkError::Refused { status: 403, said: String::new() };
        let busy = SinkError::Refused { status: 503, said: String::new() };
        assert!(!is_hopeless(&delivery(3), &refused, 1_010));
        assert!(is_hopeless(&delivery(4), &refused, 1_010));
        assert!(!is_hopeless(&delivery(99), &busy, 1_000 + TOO_OLD));
        assert!(is_hopeless(&delivery(99), &busy, 1_001 + TOO_OLD));
    }
}
