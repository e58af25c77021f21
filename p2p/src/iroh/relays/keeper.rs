//! The task that owns what a node knows of its relays.

use super::{
    Known, MOST, Prepared, RelayReport, RelayState,
    registration::{self, Standing, Teller},
    watchdog::{Act, Health, Seen, Watchdog},
};
use iroh::{Endpoint, Watcher, dns::DnsResolver};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{Notify, mpsc, watch},
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};
use tracing::{error, info, warn};

/// How often is looked after everything.
const LOOK: Duration = Duration::from_millis(250);

/// One relay and what is heard of it.
struct Kept {
    known: Known,
    /// None where the node does not wait there.
    standing: Option<watch::Receiver<Standing>>,
}

pub(super) async fn keep(
    endpoint: Endpoint,
    resolver: DnsResolver,
    prepared: Prepared,
    mut learned: mpsc::Receiver<Known>,
    reporter: watch::Sender<Arc<[RelayReport]>>,
) {
    let Prepared { node, pins, known } = prepared;
    // Ends with this task.
    let mut registrations = JoinSet::new();
    let news = Arc::new(Notify::new());
    let mut kept = Vec::new();
    for known in known {
        let standing = match pins.client_config() {
            Ok(tls) if known.waits => {
                let (sender, standing) = watch::channel(Standing::unknown());
                let teller = Teller { standing: sender, news: Arc::clone(&news) };
                let (endpoint, node) = (endpoint.clone(), node.clone());
                let (url, resolver) = (known.url.clone(), resolver.clone());
                registrations.spawn(registration::keep(endpoint, node, url, resolver, tls, teller));
                Some(standing)
            }
            Ok(_) => None,
            Err(error) => {
                error!(%error, "no TLS for relays");
                None
            }
        };
        kept.push(Kept { known, standing });
    }

    let mut watchdog = Watchdog::default();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut home = endpoint.home_relay_status();
    let closed = endpoint.closed();
    tokio::pin!(closed);
    loop {
        tokio::select! {
            _ = &mut closed => return,
            _ = look.tick(), if !kept.is_empty() => {}
            () = news.notified() => {}
            known = learned.recv() => match known {
                Some(known) => learn(&mut kept, known),
                None => return,
            },
        }
        let home = home.get().into_iter().next();
        let seen = Seen {
            relays: kept.iter().map(|kept| (kept.known.url.clone(), health(kept))).collect(),
            home: home.as_ref().map(|home| (home.url().clone(), home.is_connected())),
        };
        let acts = watchdog.step(&seen, Instant::now(), rand::random());
        let changed = !acts.is_empty();
        for act in acts {
            carry_out(&endpoint, &kept, act).await;
        }
        if changed {
            endpoint.network_change().await;
        }
        let reports: Arc<[RelayReport]> = kept.iter().map(|kept| report(kept, home.as_ref())).collect();
        let before = Arc::clone(&reporter.borrow());
        if before != reports {
            reporter.send_replace(Arc::clone(&reports));
            kept.iter().zip(reports.iter()).for_each(|(kept, report)| say(kept, report, &before));
        }
    }
}

/// Logs what has become of a relay that the node waits at, each thing once.
fn say(kept: &Kept, report: &RelayReport, before: &[RelayReport]) {
    let was = before.iter().find(|before| before.relay == report.relay);
    let same = was.is_some_and(|was| (was.state, &was.reason) == (report.state, &report.reason));
    if same || kept.standing.is_none() {
        return;
    }
    let (relay, reason) = (&report.relay, report.reason.as_deref().unwrap_or_default());
    match report.state {
        RelayState::Connecting => {}
        RelayState::Connected => info!(%relay, "waiting for members at a relay"),
        RelayState::Denied => warn!(%relay, reason, "a relay does not take this node"),
        RelayState::Unreachable => warn!(%relay, reason, "a relay is not to be had"),
    }
}

fn learn(kept: &mut Vec<Kept>, known: Known) {
    if kept.len() < MOST && kept.iter().all(|kept| kept.known.url != known.url) {
        kept.push(Kept { known, standing: None });
    }
}

fn health(kept: &Kept) -> Health {
    match kept.standing.as_ref().map(|standing| standing.borrow().clone()) {
        None => Health::Unknown,
        Some(standing) if standing.answers => Health::Well,
        Some(Standing { state: RelayState::Connecting, .. }) => Health::Unknown,
        Some(_) => Health::Bad,
    }
}

async fn carry_out(endpoint: &Endpoint, kept: &[Kept], act: Act) {
    match act {
        Act::Remove(url) => {
            info!(relay = %url, "set aside: it does not work");
            endpoint.remove_relay(&url).await;
        }
        Act::Insert(url) => {
            let Some(kept) = kept.iter().find(|kept| kept.known.url == url) else { return };
            info!(relay = %url, "used again");
            endpoint.insert_relay(url, Arc::clone(&kept.known.config)).await;
        }
    }
}

fn report(kept: &Kept, home: Option<&iroh::endpoint::RelayStatus>) -> RelayReport {
    let at_home = home.filter(|home| *home.url() == kept.known.url);
    let (state, reason) = match &kept.standing {
        Some(standing) => {
            let standing = standing.borrow();
            (standing.state, standing.reason.clone())
        }
        // Nobody was there but Iroh, which tells of its home alone.
        None => match at_home {
            Some(home) if home.is_connected() => (RelayState::Connected, None),
            Some(home) => match (home.auth_denied_reason(), home.last_error()) {
                (Some(reason), _) => (RelayState::Denied, Some(reason.to_owned())),
                (None, Some(error)) => (RelayState::Unreachable, Some(format!("{error:#}"))),
                (None, None) => (RelayState::Connecting, None),
            },
            None => (RelayState::Connecting, None),
        },
    };
    RelayReport {
        relay: kept.known.told.clone(),
        own: kept.known.own,
        home: at_home.is_some(),
        state,
        reason,
    }
}
