//! The task that owns what a node knows of its relays.

use super::{
    Command, Known, MOST, Prepared, Public, RelayReport, RelayState,
    naming::Naming,
    registration::{self, Standing, Teller},
    watchdog::{Act, Health, Seen, Watchdog},
};
use crate::{RelayHint, iroh::lookup::relay_note, relay_trust::Pins};
use iroh::{Endpoint, SecretKey, Watcher, dns::DnsResolver};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{Notify, watch},
    task::{AbortHandle, JoinSet},
    time::{MissedTickBehavior, interval},
};
use tracing::{error, info, warn};

/// How often is looked after everything.
const LOOK: Duration = Duration::from_millis(250);

/// One relay and what is heard of it.
struct Kept {
    known: Known,
    /// None where the node does not wait there.
    place: Option<Place>,
    /// Of those that were offered.
    naming: Naming,
}

/// The node's place at a relay.
struct Place {
    standing: watch::Receiver<Standing>,
    keeping: AbortHandle,
}

/// What a place is taken with.
struct Registrar {
    endpoint: Endpoint,
    node: SecretKey,
    resolver: DnsResolver,
    pins: Pins,
    news: Arc<Notify>,
    /// End with this.
    places: JoinSet<()>,
}

impl Registrar {
    fn keep(&mut self, known: Known) -> Kept {
        let place = if known.waits { self.take_place(&known) } else { None };
        Kept { known, place, naming: Naming::default() }
    }

    fn take_place(&mut self, known: &Known) -> Option<Place> {
        let tls = self.pins.client_config().inspect_err(|error| error!(%error, "no TLS for relays")).ok()?;
        let (sender, standing) = watch::channel(Standing::unknown());
        let teller = Teller { standing: sender, news: Arc::clone(&self.news) };
        let (endpoint, node) = (self.endpoint.clone(), self.node.clone());
        let (url, resolver) = (known.url.clone(), self.resolver.clone());
        let keeping = self.places.spawn(registration::keep(endpoint, node, url, resolver, tls, teller));
        Some(Place { standing, keeping })
    }
}

pub(super) async fn keep(endpoint: Endpoint, resolver: DnsResolver, prepared: Prepared, public: Public) {
    // This ends when nobody can ask for anything any more.
    let Prepared { node, pins, known, commands, mut asked } = prepared;
    drop(commands);
    let Public { reporter, teller } = public;
    let news = Arc::new(Notify::new());
    let mut registrar = Registrar {
        endpoint: endpoint.clone(),
        node,
        resolver,
        pins,
        news: Arc::clone(&news),
        places: JoinSet::new(),
    };
    let mut kept: Vec<Kept> = known.into_iter().map(|known| registrar.keep(known)).collect();

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
            command = asked.recv() => match command {
                Some(Command::Keep(known)) => learn(&mut kept, known, &mut registrar),
                Some(Command::Use(known)) if is_new(&kept, &known) => {
                    endpoint.insert_relay(known.url.clone(), Arc::clone(&known.config)).await;
                    learn(&mut kept, known, &mut registrar);
                }
                Some(Command::Use(_)) => {}
                Some(Command::Leave(relay)) => leave(&mut kept, &relay, &registrar).await,
                None => return,
            },
            // Ended places are those that were left.
            Some(_) = registrar.places.join_next() => continue,
        }
        let home = home.get().into_iter().next();
        let seen = Seen {
            relays: kept.iter().map(|kept| (kept.known.url.clone(), health(kept))).collect(),
            home: home.as_ref().map(|home| (home.url().clone(), home.is_connected())),
        };
        let now = Instant::now();
        let acts = watchdog.step(&seen, now, rand::random());
        let changed = !acts.is_empty();
        for act in acts {
            carry_out(&endpoint, &kept, act).await;
        }
        if changed {
            endpoint.network_change().await;
        }
        let reports: Arc<[RelayReport]> =
            kept.iter_mut().map(|kept| report(kept, home.as_ref(), now)).collect();
        let told: Arc<[RelayHint]> =
            reports.iter().filter(|report| report.named).map(|report| report.relay.clone()).collect();
        let changed = teller.send_if_modified(|before| {
            let changed = *before != told;
            *before = Arc::clone(&told);
            changed
        });
        if changed {
            endpoint.set_user_data_for_address_lookup(relay_note::write(&told));
        }
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
    if same || kept.place.is_none() {
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

fn is_new(kept: &[Kept], known: &Known) -> bool {
    kept.len() < MOST && kept.iter().all(|kept| kept.known.url != known.url)
}

fn learn(kept: &mut Vec<Kept>, known: Known, registrar: &mut Registrar) {
    if is_new(kept, &known) {
        kept.push(registrar.keep(known));
    }
}

/// Forgets a relay that was offered, and how it is known.
async fn leave(kept: &mut Vec<Kept>, relay: &RelayHint, registrar: &Registrar) {
    let Some(index) = kept.iter().position(|kept| kept.known.offered && kept.known.told == *relay) else {
        return;
    };
    let left = kept.remove(index);
    if let Some(place) = left.place {
        place.keeping.abort();
    }
    registrar.endpoint.remove_relay(&left.known.url).await;
    if let Some(key) = relay.pinned_key(registrar.node.public()) {
        registrar.pins.forget(&relay.host, key);
    }
    registrar.endpoint.network_change().await;
}

fn health(kept: &Kept) -> Health {
    match kept.place.as_ref().map(|place| place.standing.borrow().clone()) {
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

fn report(kept: &mut Kept, home: Option<&iroh::endpoint::RelayStatus>, now: Instant) -> RelayReport {
    let at_home = home.filter(|home| *home.url() == kept.known.url);
    let (state, reason) = match &kept.place {
        Some(place) => {
            let standing = place.standing.borrow();
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
    let Known { own, waits, offered, .. } = kept.known;
    // What the host has configured is named whatever happens to it: invites last longer than
    // most outages.
    let named = waits && (!offered || kept.naming.step(state == RelayState::Connected, now));
    RelayReport {
        relay: kept.known.told.clone(),
        own,
        offered,
        named,
        home: at_home.is_some(),
        state,
        reason,
    }
}
