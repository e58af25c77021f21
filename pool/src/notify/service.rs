//! Notifications of a running pool: looks, tells, and lets it be seen how that goes.

use super::courier::{self, SharedOutbox, SinkState, unix_time};
use super::event::{Event, EventKind};
use super::limiter::Limiter;
use super::notice::Notice;
use super::outbox::{Outbox, OutboxError};
use super::plan::Plan;
use super::sink::Sink;
use super::view::{BestView, View, worker_name};
use super::watcher::Watcher;
use super::web::Web;
use crate::described;
use crate::history::Following;
use crate::status::Observed;
use serde::Serialize;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use work::Target;

/// How often the pool is looked at.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
/// Events of others that may wait.
const WAITING: usize = 64;
/// Connections that are looked at one by one.
const LOOKED_AT: usize = 20_000;

/// Tells of events, and shows how the sinks fare. Cheap to clone.
#[derive(Clone, Debug)]
pub struct NotifyHandle {
    events: mpsc::Sender<Event>,
    plan: watch::Sender<Arc<Plan>>,
    sinks: watch::Receiver<Vec<Running>>,
    outbox: SharedOutbox,
}

/// The service's task.
#[derive(Debug)]
pub struct NotifyService {
    outbox: SharedOutbox,
    plan: watch::Receiver<Arc<Plan>>,
    events: mpsc::Receiver<Event>,
    sinks: watch::Sender<Vec<Running>>,
    watcher: Watcher,
    limiter: Limiter,
}

#[derive(Clone, Debug)]
struct Running {
    sink: Sink,
    web: Web,
    state: Arc<Mutex<SinkState>>,
}

described! {
    /// How notifications fare.
    #[derive(Clone, Debug, Serialize)]
    pub struct NotifyStatus {
        /// Where they go.
        pub sinks: Vec<SinkStatus>,
        /// Which kinds are told.
        pub events: Vec<EventKind>,
    }
}

described! {
    /// How one sink fares.
    #[derive(Clone, Debug, Serialize)]
    pub struct SinkStatus {
        /// `ntfy`, `webhook` or `nostr`.
        pub name: &'static str,
        /// Where it is.
        pub host: String,
        /// Notices that wait for it.
        pub waiting: u64,
        /// Notices that it took since the start.
        pub delivered: u64,
        /// When it took the last, seconds since the Unix epoch.
        pub last_delivery: Option<u64>,
        /// Why it did not take the last one.
        pub trouble: Option<String>,
    }
}

described! {
    /// What came of a test at one sink.
    #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
    pub struct TestOutcome {
        /// `ntfy`, `webhook` or `nostr`.
        pub name: &'static str,
        /// Where it is.
        pub host: String,
        /// Why it did not take the notice; none when it did.
        pub error: Option<String>,
    }
}

impl NotifyHandle {
    /// Starts telling what `observed` does, by `plan`; what must outlive the process is kept
    /// in the data folder `folder`. It ends, with nothing lost, when `shutdown` is cancelled.
    ///
    /// # Errors
    /// When the folder cannot be written to.
    pub fn start(
        plan: Plan,
        folder: &Path,
        observed: Observed,
        history: Following,
        tasks: &TaskTracker,
        shutdown: CancellationToken,
    ) -> Result<NotifyHandle, OutboxError> {
        let outbox = Outbox::open(folder)?;
        let best_known = outbox.remembered(BEST).ok().flatten().unwrap_or_default();
        let (events, told) = mpsc::channel(WAITING);
        let (sinks_sender, sinks) = watch::channel(Vec::new());
        let service = NotifyService {
            outbox: SharedOutbox::new(outbox),
            watcher: Watcher::new(plan.rules.clone(), best_known, Instant::now()),
            limiter: Limiter::new(plan.per_hour),
            events: told,
            sinks: sinks_sender,
            plan: watch::channel(Arc::new(Plan::default())).1,
        };
        let plan = watch::Sender::new(Arc::new(plan));
        let service = NotifyService { plan: plan.subscribe(), ..service };
        let outbox = service.outbox.clone();
        tasks.spawn(service.run(observed, history, shutdown));
        Ok(NotifyHandle { events, plan, sinks, outbox })
    }

    /// Tells of `event`, if there is room for it.
    pub fn tell(&self, event: Event) {
        if self.events.try_send(event).is_err() {
            tracing::warn!("too many events at once to tell of all");
        }
    }

    /// Goes on by another plan.
    pub fn follow(&self, plan: Plan) {
        self.plan.send_replace(Arc::new(plan));
    }

    /// Sends a test to every sink, now, and waits for what they say.
    pub async fn test(&self) -> Vec<TestOutcome> {
        let plan = self.plan.borrow().clone();
        test(&plan).await
    }

    /// How it goes.
    pub async fn status(&self) -> NotifyStatus {
        let running = self.sinks.borrow().clone();
        let mut sinks = Vec::new();
        for Running { sink, state, .. } in running {
            let name = sink.name();
            let waiting = self.outbox.with(move |outbox| outbox.waiting(name)).await.unwrap_or_default();
            let state = state.lock().unwrap_or_else(PoisonError::into_inner).clone();
            sinks.push(SinkStatus {
                name,
                host: sink.host(),
                waiting,
                delivered: state.delivered,
                last_delivery: state.last_delivery,
                trouble: state.trouble,
            });
        }
        let events = self.plan.borrow().events.iter().copied().collect();
        NotifyStatus { sinks, events }
    }
}

/// Sends a test by `plan`, past the outbox.
pub async fn test(plan: &Plan) -> Vec<TestOutcome> {
    let now = unix_time();
    let notice = Notice::new(&Event::Test, &plan.pool, now, 0, rand::random());
    let mut outcomes = Vec::new();
    for sink in &plan.sinks {
        let sent = match &plan.web {
            Some(web) => sink.send(web, &notice, now).await.map_err(|error| error.to_string()),
            None => Err("there is no HTTP client".to_owned()),
        };
        outcomes.push(TestOutcome { name: sink.name(), host: sink.host(), error: sent.err() });
    }
    outcomes
}

/// The best share ever, as far as the ledger has been read again.
fn best(observed: &Observed, history: &Following) -> Option<BestView> {
    let template = observed.templates.borrow().clone();
    let network = template.map(|template| Target::from_compact(template.nbits).difficulty().0);
    let known = history.known();
    let all = known.bests.all().filter_map(|(member, of)| Some((member, of.ever.as_ref()?)));
    let (member, best) = all.max_by(|(_, a), (_, b)| a.difficulty.total_cmp(&b.difficulty))?;
    Some(BestView {
        difficulty: best.difficulty,
        worker: worker_name(member, &best.worker),
        network_difficulty: network,
    })
}

/// The best share that was told.
const BEST: &str = "best share";

impl NotifyService {
    async fn run(mut self, observed: Observed, history: Following, shutdown: CancellationToken) {
        let couriers = TaskTracker::new();
        let mut stop = self.staff(&couriers, &shutdown);
        let mut looks = tokio::time::interval(BETWEEN_LOOKS);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = looks.tick() => self.look(&observed, &history).await,
                Some(event) = self.events.recv() => self.tell(vec![event]).await,
                Ok(()) = self.plan.changed() => {
                    stop.cancel();
                    stop = self.staff(&couriers, &shutdown);
                }
            }
        }
        couriers.close();
        couriers.wait().await;
    }

    /// Follows the present plan: one courier a sink, until the token is cancelled.
    fn staff(&mut self, couriers: &TaskTracker, shutdown: &CancellationToken) -> CancellationToken {
        let plan = self.plan.borrow_and_update().clone();
        self.watcher.follow(plan.rules.clone());
        self.limiter = Limiter::new(plan.per_hour);
        let stop = shutdown.child_token();
        let web = plan.web.iter();
        let running: Vec<Running> = web
            .flat_map(|web| plan.sinks.iter().map(move |sink| (sink, web)))
            .map(|(sink, web)| Running { sink: sink.clone(), web: web.clone(), state: Arc::default() })
            .collect();
        for Running { sink, web, state } in running.clone() {
            couriers.spawn(courier::run(self.outbox.clone(), sink, web, state, stop.clone()));
        }
        self.sinks.send_replace(running);
        stop
    }

    async fn look(&mut self, observed: &Observed, history: &Following) {
        if self.plan.borrow().sinks.is_empty() {
            return;
        }
        let now = Instant::now();
        let mut view = View::of(&observed.snapshot(now, LOOKED_AT), unix_time());
        view.best = best(observed, history);
        let best = self.watcher.best_known();
        let news = self.watcher.look(now, &view);
        if self.watcher.best_known() != best {
            let best = self.watcher.best_known();
            self.outbox.with(move |outbox| outbox.remember(BEST, best)).await;
        }
        self.tell(news).await;
    }

    async fn tell(&mut self, news: Vec<Event>) {
        let plan = self.plan.borrow().clone();
        let (now, time) = (Instant::now(), unix_time());
        for event in news {
            let kind = event.kind();
            if plan.sinks.is_empty() || !(plan.events.contains(&kind) || kind == EventKind::Test) {
                continue;
            }
            let Some(missed) = self.limiter.pass(kind, now) else { continue };
            let notice = Notice::new(&event, &plan.pool, time, missed, rand::random());
            let names: Vec<&'static str> = plan.sinks.iter().map(Sink::name).collect();
            let dropped = self.outbox.with(move |outbox| outbox.put(&notice, &names, time)).await;
            if dropped.is_some_and(|count| count > 0) {
                tracing::warn!("the outbox is full; the oldest notifications were thrown away");
            }
        }
        self.outbox.wake();
    }
}
