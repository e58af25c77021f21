//! The way up: one connection to a pool, made again for as long as it takes.
//!
//! Several pools are tried in their order, and after each loss from the first one on.
//! While there is no connection, miners' requests are taken all the same: what they submit
//! waits as long as the pool may still have their channels.

use super::channels::Channels;
use super::miner::Request;
use super::{JoinConfig, JoinError};
use crate::server::setup::REQUIRES_VERSION_ROLLING;
use crate::upstream::{Backoff, Incoming, Link, Standing, Upstream, UpstreamConfig, UpstreamError};
use common_messages_sv2::MESSAGE_TYPE_RECONNECT;
use p2p::Target;
use std::time::Instant;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Keeps miners connected to a pool until `stop` is cancelled.
pub(super) async fn run(
    config: &JoinConfig,
    requests: mpsc::Receiver<Request>,
    stop: CancellationToken,
) -> Result<(), JoinError> {
    let upstream = |pool: &Target| UpstreamConfig {
        pool: pool.clone(),
        identity: config.identity.clone(),
        lookup: config.lookup.clone(),
        relay_only: config.relay_only,
        flags: REQUIRES_VERSION_ROLLING,
        role: ROLE,
        extensions: Vec::new(),
    };
    let mut upstreams = Upstream::bind_all(config.pools.iter().map(upstream).collect()).await?;
    let channels = Channels::new(config.user.clone());
    let mut uplink = Uplink { channels, requests, backoff: Backoff::default() };
    uplink.run(&mut upstreams, &stop).await;
    for upstream in upstreams {
        upstream.close().await;
    }
    Ok(())
}

/// What a pool is told that we are.
pub const ROLE: &str = "translator";

/// Dials of a pool that fail before the next one is tried.
const TRIES: u32 = 2;

struct Uplink {
    channels: Channels,
    requests: mpsc::Receiver<Request>,
    backoff: Backoff,
}

/// Why a connection ended.
enum Ended {
    /// We stop.
    Stopped,
    /// The pool said so: its channels are gone.
    Dismissed,
    /// It is lost.
    Lost(UpstreamError),
}

impl Uplink {
    async fn run(&mut self, upstreams: &mut [Upstream], stop: &CancellationToken) {
        let count = upstreams.len().max(1);
        let (mut current, mut failures) = (0, 0);
        // Since when there has been no connection.
        let mut lost_at = Instant::now();
        loop {
            let Some(upstream) = upstreams.get_mut(current) else { return };
            let fault = match self.meanwhile(upstream.connect(), stop).await {
                None => return,
                Some(Ok((link, standing))) => {
                    let ended = self.connection(upstream, link, standing, stop).await;
                    (failures, lost_at) = (0, Instant::now());
                    match ended {
                        Ended::Stopped => return,
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
            let waited = lost_at.elapsed();
            if self.channels.any_open() && waited < upstream.kept_for() {
                self.channels.interrupted();
            } else {
                // Nobody waits for us any more: the preferred pool is as good as any.
                upstream.forget();
                self.channels.lose_all();
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
        upstream: &mut Upstream,
        mut link: Link,
        standing: Standing,
        stop: &CancellationToken,
    ) -> Ended {
        let again = match standing {
            Standing::Resumed(channels) => {
                info!(channels = channels.len(), "connected to the pool again; nothing is lost");
                self.channels.resume(&channels)
            }
            Standing::Fresh | Standing::Gone(_) => {
                info!("connected to the pool");
                self.channels.start_afresh();
                Vec::new()
            }
        };
        let sent = again
            .iter()
            .try_for_each(|(msg_type, channel_msg, payload)| link.queue(*channel_msg, *msg_type, &[payload]));
        let ended = match sent {
            Ok(()) => self.serve(&mut link, stop).await,
            Err(fault) => Ended::Lost(fault.into()),
        };
        match &ended {
            // Last words may still be under way: it closes by itself.
            Ended::Stopped => drop(link),
            Ended::Dismissed | Ended::Lost(_) => upstream.lost(link),
        }
        ended
    }

    async fn serve(&mut self, link: &mut Link, stop: &CancellationToken) -> Ended {
        self.backoff.serving(Instant::now());
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ended::Stopped,
                request = self.requests.recv() => {
                    let Some(request) = request else { return Ended::Stopped };
                    for (msg_type, channel_msg, payload) in self.channels.request(request) {
                        if let Err(fault) = link.queue(channel_msg, msg_type, &[&payload]) {
                            return Ended::Lost(fault.into());
                        }
                    }
                }
                incoming = link.next() => match incoming {
                    Ok(Incoming::Frame(frame)) if frame.header.extension_type == 0 => {
                        if frame.header.msg_type == MESSAGE_TYPE_RECONNECT {
                            return Ended::Dismissed;
                        }
                        if let Err(fault) = self.channels.message(frame.header.msg_type, frame.payload) {
                            return Ended::Lost(fault);
                        }
                    }
                    Ok(Incoming::Path(path)) => info!(path, "packets go this way"),
                    Ok(Incoming::Frame(_) | Incoming::Nothing) => {}
                    Err(fault) => return Ended::Lost(fault),
                },
            }
        }
    }

    /// Awaits `step` while miners are listened to; `None` when we stop first.
    async fn meanwhile<T>(&mut self, step: impl Future<Output = T>, stop: &CancellationToken) -> Option<T> {
        let mut step = std::pin::pin!(step);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                done = &mut step => return Some(done),
                request = self.requests.recv() => {
                    // Nothing can be sent now.
                    self.channels.request(request?);
                }
            }
        }
    }
}
