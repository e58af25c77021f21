//! The way up: one connection to a pool, made again for as long as it takes.
//!
//! Several pools are tried in their order, and after each loss from the first one on. While
//! another than the first serves, the ones before it are [looked for](super::fail_back).
//! While there is no connection, miners' requests are taken all the same: what they submit
//! waits as long as the pool may still have their channels.

use super::channels::Outgoing;
use super::crowd::Crowd;
use super::fail_back;
use super::miner::Request;
use super::status::{JoinStatus, UplinkState};
use super::{JoinConfig, JoinError};
use crate::check::{CheckConfig, Checker};
use crate::server::setup::{REQUIRES_VERSION_ROLLING, WORKER_NAMES};
use crate::upstream::{Backoff, Incoming, Link, Standing, Upstream, UpstreamConfig, UpstreamError};
use common_messages_sv2::MESSAGE_TYPE_RECONNECT;
use p2p::Target;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Keeps miners connected to a pool until `stop` is cancelled.
pub(super) async fn run(
    config: &JoinConfig,
    requests: mpsc::Receiver<Request>,
    status: Arc<JoinStatus>,
    stop: CancellationToken,
) -> Result<(), JoinError> {
    let upstream = |pool: &Target| UpstreamConfig {
        pool: pool.clone(),
        identity: config.identity.clone(),
        lookup: config.lookup.clone(),
        relay_only: config.relay_only,
        flags: REQUIRES_VERSION_ROLLING,
        role: ROLE,
        extensions: vec![WORKER_NAMES],
    };
    let mut upstreams = Upstream::bind_all(config.pools.iter().map(upstream).collect()).await?;
    let checking = stop.child_token();
    let (mut checkers, mut checks) = (Vec::new(), Vec::new());
    for (pool, upstream) in config.pools.iter().zip(&upstreams) {
        let Some(heads) = &config.check else { break };
        let check = CheckConfig {
            pool: pool.clone(),
            node: upstream.node(),
            identity: config.identity.clone(),
            lookup: config.lookup.clone(),
            relay_only: config.relay_only,
            heads: heads.clone(),
        };
        let (checker, check) = Checker::start(check, checking.clone());
        checkers.push(checker);
        checks.push(check);
    }
    status.set_checks(checkers.iter().map(Checker::status).collect());
    let crowd = Crowd::new(config, status.clone());
    let mut uplink = Uplink { config, crowd, requests, backoff: Backoff::default(), status, checkers };
    uplink.run(&mut upstreams, &stop).await;
    checking.cancel();
    for check in checks {
        // A check that panicked has said so.
        let _ = check.await;
    }
    for upstream in upstreams {
        upstream.close().await;
    }
    Ok(())
}

/// What a pool is told that we are.
pub const ROLE: &str = "translator";

/// Dials of a pool that fail before the next one is tried.
const TRIES: u32 = 2;
/// How long a lost pool's channels are waited for where another pool could serve.
const LOYALTY: Duration = Duration::from_secs(15);
/// How often quiet miners' difficulties are looked at.
const TICK: Duration = Duration::from_secs(5);
/// How long the pool that is left may take to answer what is under way.
const LEAVE: Duration = Duration::from_secs(3);

struct Uplink<'a> {
    config: &'a JoinConfig,
    crowd: Crowd,
    requests: mpsc::Receiver<Request>,
    backoff: Backoff,
    status: Arc<JoinStatus>,
    /// One for each pool, where their ledgers are checked.
    checkers: Vec<Checker>,
}

/// Why a connection ended.
enum Ended {
    /// We stop.
    Stopped,
    /// The pool said so: its channels are gone.
    Dismissed,
    /// It is lost.
    Lost(UpstreamError),
    /// A pool that is preferred is there again, and this is the connection to it.
    Better(usize, Box<Link>),
}

impl Uplink<'_> {
    async fn run(&mut self, upstreams: &mut [Upstream], stop: &CancellationToken) {
        let count = upstreams.len().max(1);
        let (mut current, mut failures) = (0, 0);
        // Since when there has been no connection.
        let mut lost_at = Instant::now();
        let mut ready: Option<(Link, Standing)> = None;
        loop {
            self.dialling(current);
            let Some((preferred, upstream)) = at(upstreams, current) else { return };
            let connected = match ready.take() {
                Some(connection) => Some(Ok(connection)),
                None => self.meanwhile(upstream.connect(), stop).await,
            };
            let fault = match connected {
                None => return,
                Some(Ok((link, standing))) => {
                    self.serving(current);
                    self.crowd.set_checker(self.checkers.get(current).cloned());
                    let ended = self.connection(preferred, upstream, link, standing, stop).await;
                    (failures, lost_at) = (0, Instant::now());
                    match ended {
                        Ended::Stopped => return,
                        Ended::Better(better, link) => {
                            info!(pool = better + 1, "a preferred pool is there again: going back to it");
                            upstream.forget();
                            (current, ready) = (better, Some((*link, Standing::Fresh)));
                            continue;
                        }
                        Ended::Dismissed => {
                            upstream.forget();
                            "it asks to come back later".to_owned()
                        }
                        Ended::Lost(fault) => fault.to_string(),
                    }
                }
                Some(Err(fault)) => {
                    failures += 1;
                    fault.to_string()
                }
            };
            warn!(pool = current + 1, fault, "no pool at present; miners stay connected");
            self.lost(fault, failures == 0);
            let waited = lost_at.elapsed();
            let Some((_, upstream)) = at(upstreams, current) else { return };
            let kept_for = if count > 1 { upstream.kept_for().min(LOYALTY) } else { upstream.kept_for() };
            if self.crowd.any_open() && waited < kept_for {
                self.crowd.interrupted(Instant::now());
            } else {
                // Nobody waits for us any more: the preferred pool is as good as any.
                upstream.forget();
                self.crowd.lose_all(Instant::now());
                current = if failures == 0 { 0 } else { current };
                if failures >= TRIES {
                    (current, failures) = ((current + 1) % count, 0);
                }
            }
            let wait = self.backoff.lost(Instant::now(), rand::random());
            if self.meanwhile(tokio::time::sleep(wait), stop).await.is_none() {
                return;
            }
        }
    }

    async fn connection(
        &mut self,
        preferred: &mut [Upstream],
        upstream: &mut Upstream,
        mut link: Link,
        standing: Standing,
        stop: &CancellationToken,
    ) -> Ended {
        self.crowd.set_extensions(link.extensions());
        let now = Instant::now();
        let again = match standing {
            Standing::Resumed(channels) => {
                info!(channels = channels.len(), "connected to the pool again; nothing is lost");
                self.crowd.resume(&channels, now)
            }
            Standing::Fresh | Standing::Gone(_) => {
                info!("connected to the pool");
                self.crowd.start_afresh(now)
            }
        };
        let ended = match send(&mut link, &again) {
            Ok(()) => self.serve(preferred, &mut link, stop).await,
            Err(fault) => Ended::Lost(fault),
        };
        match &ended {
            // Last words may still be under way: it closes by itself.
            Ended::Stopped => drop(link),
            Ended::Dismissed | Ended::Lost(_) | Ended::Better(..) => upstream.lost(link),
        }
        ended
    }

    async fn serve(
        &mut self,
        preferred: &mut [Upstream],
        link: &mut Link,
        stop: &CancellationToken,
    ) -> Ended {
        self.backoff.serving(Instant::now());
        let mut better = pin!(fail_back::until_better(preferred, self.config.fail_back_after));
        let mut found: Option<(usize, Link)> = None;
        // From when on the pool that is left is not waited for any longer.
        let mut leave_at: Option<Instant> = None;
        let mut timer = tokio::time::interval(TICK);
        loop {
            if found.is_some()
                && (self.crowd.in_flight() == 0 || leave_at.is_some_and(|limit| Instant::now() >= limit))
                && let Some((pool, link)) = found.take()
            {
                return Ended::Better(pool, Box::new(link));
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ended::Stopped,
                () = until(leave_at), if leave_at.is_some() => {}
                request = self.requests.recv() => {
                    let Some(request) = request else { return Ended::Stopped };
                    let outgoing = self.crowd.request(request, Instant::now());
                    if let Err(fault) = send(link, &outgoing) {
                        return Ended::Lost(fault);
                    }
                }
                (pool, link) = &mut better, if found.is_none() => {
                    leave_at = Some(Instant::now() + LEAVE);
                    found = Some((pool, link));
                }
                incoming = link.next() => match incoming {
                    Ok(Incoming::Frame(frame)) if frame.header.extension_type == 0 => {
                        if frame.header.msg_type == MESSAGE_TYPE_RECONNECT {
                            return Ended::Dismissed;
                        }
                        let answer = self.crowd.message(frame.header.msg_type, frame.payload, Instant::now());
                        if let Err(fault) = answer.and_then(|outgoing| send(link, &outgoing)) {
                            return Ended::Lost(fault);
                        }
                    }
                    Ok(Incoming::Path(path)) => {
                        info!(path, "packets go this way");
                        self.status.uplink.send_modify(|uplink| uplink.path = Some(path));
                    }
                    Ok(Incoming::Frame(_) | Incoming::Nothing) => {}
                    Err(fault) => return Ended::Lost(fault),
                },
                _ = timer.tick() => self.crowd.tick(Instant::now()),
            }
        }
    }

    /// Awaits `step` while miners are listened to; `None` when we stop first.
    async fn meanwhile<T>(&mut self, step: impl Future<Output = T>, stop: &CancellationToken) -> Option<T> {
        let mut step = pin!(step);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                done = &mut step => return Some(done),
                request = self.requests.recv() => {
                    // Nothing can be sent now.
                    self.crowd.request(request?, Instant::now());
                }
            }
        }
    }

    fn dialling(&self, current: usize) {
        let uri = self.config.pools.get(current).map(ToString::to_string).unwrap_or_default();
        self.status.uplink.send_modify(|uplink| (uplink.pool, uplink.uri) = (current + 1, uri));
    }

    fn serving(&self, current: usize) {
        self.dialling(current);
        self.status.uplink.send_modify(|uplink| (uplink.connected, uplink.fault) = (true, None));
    }

    fn lost(&self, fault: String, is_outage: bool) {
        self.status.uplink.send_modify(|uplink| {
            let outages = uplink.outages + u64::from(is_outage);
            let before = std::mem::take(uplink);
            *uplink = UplinkState { connected: false, path: None, fault: Some(fault), outages, ..before };
        });
    }
}

/// The pools before the one at `current`, and that one.
fn at(upstreams: &mut [Upstream], current: usize) -> Option<(&mut [Upstream], &mut Upstream)> {
    let (preferred, rest) = upstreams.split_at_mut_checked(current)?;
    Some((preferred, rest.first_mut()?))
}

fn send(link: &mut Link, outgoing: &[Outgoing]) -> Result<(), UpstreamError> {
    outgoing.iter().try_for_each(|(msg_type, channel_msg, payload)| {
        Ok(link.queue(*channel_msg, *msg_type, &[payload])?)
    })
}

async fn until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}
