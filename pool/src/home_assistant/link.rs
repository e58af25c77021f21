//! The connection to the broker: announces, tells, and comes back when it was lost.

use super::discovery::{Message, Topics};
use super::standings::Standings;
use super::tunnel::{Tunnel, TunnelError};
use crate::config;
use crate::config::home_assistant::Address;
use crate::config::notify::SecretError;
use crate::notify::View;
use crate::notify::courier::unix_time;
use crate::status::Observed;
use rumqttc::{AsyncClient, Event, EventLoop, LastWill, MqttOptions, Packet, QoS};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Tells Home Assistant.
pub struct HomeAssistant {
    client: AsyncClient,
    events: EventLoop,
    topics: Topics,
    name: String,
    places: usize,
    interval: Duration,
    broker: String,
    /// The way to a broker that speaks TLS.
    tunnel: Option<Tunnel>,
}

/// Why Home Assistant cannot be told.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The broker's address is none.
    #[error("home_assistant.broker: {0:?} is not an address such as mqtt://homeassistant.local:1883")]
    Broker(String),
    /// The password cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// TLS cannot be had.
    #[error("home_assistant.broker: {0}")]
    Tunnel(#[from] TunnelError),
}

/// Messages that may wait to be sent.
const WAITING: usize = 64;
/// Connections that are looked at one by one.
const LOOKED_AT: usize = 20_000;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long the broker may take when the pool stops.
const LEAVE: Duration = Duration::from_secs(2);

impl HomeAssistant {
    /// From the configuration, for the pool with this authority key and name; none where no
    /// broker is named.
    ///
    /// # Errors
    /// When the broker's address is none, or its password cannot be had.
    pub fn from_config(
        config: &config::HomeAssistant,
        authority: &[u8],
        name: &str,
    ) -> Result<Option<HomeAssistant>, SetupError> {
        let Some(broker) = &config.broker else { return Ok(None) };
        let address =
            config::home_assistant::address(broker).ok_or_else(|| SetupError::Broker(broker.clone()))?;
        let tunnel = match &address {
            Address { host, port, sealed: true } => Some(Tunnel::open(host, *port, config.roots)?),
            _ => None,
        };
        let (host, port) = match &tunnel {
            Some(tunnel) => (Ipv4Addr::LOCALHOST.to_string(), tunnel.port()?),
            None => (address.host, address.port),
        };
        let topics = Topics::new(&config.discovery_prefix, &config.topic, authority);
        let mut options = MqttOptions::new(topics.pool(), host, port);
        options.set_keep_alive(KEEP_ALIVE);
        options.set_last_will(LastWill::new(topics.availability(), "offline", QoS::AtLeastOnce, true));
        if let Some(user) = &config.username {
            options.set_credentials(user.clone(), config.password()?.unwrap_or_default());
        }
        let (client, events) = AsyncClient::new(options, WAITING);
        Ok(Some(HomeAssistant {
            client,
            events,
            topics,
            name: name.to_owned(),
            places: usize::try_from(config.workers).unwrap_or(usize::MAX),
            interval: config.interval.duration(),
            broker: broker.clone(),
            tunnel,
        }))
    }

    /// Tells of `observed` until `shutdown` is cancelled; then takes its leave.
    pub async fn run(self, observed: Observed, shutdown: CancellationToken) {
        let HomeAssistant { client, events, topics, name, places, interval, broker, tunnel } = self;
        // Ended when it is dropped.
        let mut tunnels = JoinSet::new();
        if let Some(tunnel) = tunnel {
            tunnels.spawn(tunnel.run());
        }
        let (announce, due) = watch::channel(0u64);
        let mut link = tokio::spawn(keep(events, topics.birth(), client.clone(), announce, broker));
        let mut teller = Teller {
            client,
            topics,
            name,
            standings: Standings::new(places),
            told: BTreeMap::new(),
            due,
            announced: 0,
        };
        let telling = async {
            let mut looks = tokio::time::interval(interval);
            looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = looks.tick() => {}
                    changed = teller.due.changed() => if changed.is_err() { return },
                }
                if teller.look(&observed).await.is_none() {
                    return;
                }
            }
        };
        tokio::select! {
            () = telling => {}
            () = shutdown.cancelled() => {}
        }
        let leave = async {
            teller
                .publish(Message { topic: teller.topics.availability(), payload: "offline".into() })
                .await?;
            teller.client.disconnect().await.ok()?;
            // The link ends when all of that is sent.
            (&mut link).await.ok()
        };
        if tokio::time::timeout(LEAVE, leave).await.is_err() {
            link.abort();
        }
    }
}

struct Teller {
    client: AsyncClient,
    topics: Topics,
    name: String,
    standings: Standings,
    /// The states that the broker holds.
    told: BTreeMap<String, String>,
    /// How often everything was to be announced.
    due: watch::Receiver<u64>,
    announced: u64,
}

impl Teller {
    /// Tells what is news; none when the link is gone.
    async fn look(&mut self, observed: &Observed) -> Option<()> {
        let now = Instant::now();
        let status = observed.snapshot(now, LOOKED_AT);
        let view = View::of(&status, unix_time());
        let changes = self.standings.look(now, &view, status.shares.difficulty);
        let due = *self.due.borrow_and_update();
        if due == 0 {
            // Never connected: nothing piles up for a broker that may never be there.
            return Some(());
        }
        for name in &changes.gone {
            self.told.remove(&self.topics.worker_state(name));
            for message in self.topics.forget_worker(name) {
                self.publish(message).await?;
            }
        }
        let come: Vec<String> = if self.announced == due {
            changes.come
        } else {
            self.announced = due;
            self.told.clear();
            for message in self.topics.pool_entities(&self.name) {
                self.publish(message).await?;
            }
            self.standings.workers().map(str::to_owned).collect()
        };
        for name in &come {
            for message in self.topics.worker_entities(name) {
                self.publish(message).await?;
            }
        }
        let mut states = vec![(self.topics.pool_state(), self.standings.pool_state(&status, &view))];
        for name in self.standings.workers() {
            states.push((self.topics.worker_state(name), self.standings.worker_state(name)));
        }
        for (topic, state) in states {
            let payload = state.to_string();
            if self.told.get(&topic) != Some(&payload) {
                self.told.insert(topic.clone(), payload.clone());
                self.publish(Message { topic, payload }).await?;
            }
        }
        // Last, so that nothing is shown before it has a state.
        let availability = self.topics.availability();
        if !self.told.contains_key(&availability) {
            self.told.insert(availability.clone(), "online".into());
            self.publish(Message { topic: availability, payload: "online".into() }).await?;
        }
        Some(())
    }

    async fn publish(&self, message: Message) -> Option<()> {
        self.client.publish(message.topic, QoS::AtLeastOnce, true, message.payload).await.ok()
    }
}

/// Keeps the connection. Whenever it is there anew, or Home Assistant is, everything is to be
/// announced.
async fn keep(
    mut events: EventLoop,
    birth: String,
    client: AsyncClient,
    announce: watch::Sender<u64>,
    broker: String,
) {
    const FIRST_WAIT: Duration = Duration::from_secs(1);
    const LONGEST_WAIT: Duration = Duration::from_secs(60);
    let mut wait = FIRST_WAIT;
    let mut told = false;
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                info!(%broker, "Home Assistant's broker is connected");
                (wait, told) = (FIRST_WAIT, false);
                // There is room: nothing else subscribes. Without it, a restart of Home Assistant
                // finds what is retained.
                let _ = client.try_subscribe(&birth, QoS::AtMostOnce);
                announce.send_modify(|count| *count += 1);
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                if publish.topic == birth && publish.payload.as_ref() == b"online" && !publish.retain {
                    announce.send_modify(|count| *count += 1);
                }
            }
            // The pool takes its leave.
            Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect)) => return,
            Ok(_) => {}
            Err(fault) => {
                if !told {
                    warn!(%broker, %fault, "Home Assistant's broker is not connected; trying again");
                    told = true;
                }
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}
