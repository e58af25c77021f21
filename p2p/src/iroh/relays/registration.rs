//! One relay that a node waits at: keeps its place there, and knows how it fares.
//!
//! A helper, with a key of its own, is connected to the relay and asks it every second
//! whether it is there. Now and then the node sends the helper a packet through the relay:
//! Iroh keeps a relay connection for a minute after the last packet, so that this keeps it
//! for good, and the packet's arrival shows that the node is there too, for others as well
//! as for the helper.

use super::RelayState;
use crate::relay_trust::vouch;
use futures_util::SinkExt;
use iroh::{Endpoint, EndpointAddr, RelayUrl, SecretKey, dns::DnsResolver};
use iroh_relay::{
    client::{Client, ClientBuilder, ConnectError},
    protos::{
        handshake,
        relay::{ClientToRelayMsg, RelayToClientMsg},
    },
};
use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{Notify, watch},
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_stream::StreamExt;
use tracing::debug;

/// How things stand at a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) state: RelayState,
    /// What is wrong.
    pub(super) reason: Option<String>,
    /// The helper is connected: the relay is well, whatever Iroh makes of it.
    pub(super) answers: bool,
}

impl Standing {
    pub(super) fn unknown() -> Standing {
        Standing { state: RelayState::Connecting, reason: None, answers: false }
    }
}

/// Tells how things stand.
pub(super) struct Teller {
    pub(super) standing: watch::Sender<Standing>,
    /// Wakes whoever looks at all relays.
    pub(super) news: Arc<Notify>,
}

impl Teller {
    fn tell(&self, standing: Standing) {
        self.standing.send_replace(standing);
        self.news.notify_one();
    }
}

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How often the relay is asked whether it is there.
const ASK: Duration = Duration::from_secs(1);
/// Silent for so long: dead.
const SILENT: Duration = Duration::from_secs(3);
/// How often the node shows itself, well within Iroh's minute.
const SHOW: Duration = Duration::from_secs(20);
/// How long one showing may take before it is tried again.
const SHOWING: Duration = Duration::from_millis(1500);
/// Between two attempts to connect, at first and at last; half of it is chance.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// What the node says to its helper, which never answers.
const SHOW_YOURSELF: &[u8] = b"punchbowl/relay-place/1";

/// Keeps `node`'s place at the relay at `url`; `standing` is told how it goes. Runs until
/// it is dropped.
pub(super) async fn keep(
    endpoint: Endpoint,
    node: SecretKey,
    url: RelayUrl,
    resolver: DnsResolver,
    tls: rustls::ClientConfig,
    standing: Teller,
) {
    let helper = SecretKey::generate();
    let word = vouch::word(&node, helper.public());
    let client = ClientBuilder::new(url.clone(), helper.clone(), resolver)
        .tls_client_config(tls)
        .key_cache_capacity(1)
        .auth_token(word);
    let here = EndpointAddr::new(helper.public()).with_relay_url(url.clone());
    let mut wait = FIRST_WAIT;
    loop {
        let (state, reason) = match timeout(CONNECT, client.connect()).await {
            Ok(Ok(connected)) => {
                let began = Instant::now();
                let ended = look_after(&endpoint, &here, connected, &standing).await;
                // A relay that takes us and lets go at once is not to be hammered.
                if began.elapsed() >= LONGEST_WAIT {
                    wait = FIRST_WAIT;
                }
                (RelayState::Unreachable, ended)
            }
            Ok(Err(error)) => why(&error),
            Err(_) => (RelayState::Unreachable, "it does not answer".to_owned()),
        };
        standing.tell(Standing { state, reason: Some(reason), answers: false });
        sleep(wait.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

fn why(error: &ConnectError) -> (RelayState, String) {
    match error {
        ConnectError::Handshake { source: handshake::Error::ServerDeniedAuth { reason, .. }, .. } => {
            (RelayState::Denied, reason.clone())
        }
        error => (RelayState::Unreachable, super::super::in_words(error)),
    }
}

/// Stays connected and has the node show itself; returns why that ended.
async fn look_after(
    endpoint: &Endpoint,
    here: &EndpointAddr,
    mut relay: Client,
    standing: &Teller,
) -> String {
    let connecting = Standing { answers: true, ..Standing::unknown() };
    standing.tell(connecting.clone());
    let mut ask = interval(ASK);
    ask.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    let mut question: u64 = 0;
    // Some while the node is showing itself.
    let mut showing: Option<Pin<Box<dyn Future<Output = ()> + Send + '_>>> = None;
    let mut shown: Option<Instant> = None;
    loop {
        let due = shown.is_none_or(|at| at.elapsed() >= SHOW);
        if due && showing.is_none() {
            showing = Some(Box::pin(async {
                // Nobody answers; the packet alone counts.
                let _ = timeout(SHOWING, endpoint.connect(here.clone(), SHOW_YOURSELF)).await;
            }));
        }
        tokio::select! {
            _ = ask.tick() => {
                if heard.elapsed() >= SILENT {
                    return "it does not answer any more".to_owned();
                }
                if shown.is_some_and(|at| at.elapsed() >= SHOW + 3 * SHOWING) {
                    // The node's own connection is gone; Iroh is trying to have it again.
                    shown = None;
                    standing.tell(connecting.clone());
                }
                question += 1;
                let asked = timeout(ASK, relay.send(ClientToRelayMsg::Ping(question.to_be_bytes()))).await;
                if !matches!(asked, Ok(Ok(()))) {
                    return "the connection broke".to_owned();
                }
            }
            () = async { if let Some(showing) = &mut showing { showing.await } }, if showing.is_some() => {
                showing = None;
            }
            message = relay.next() => {
                heard = Instant::now();
                match message {
                    Some(Ok(RelayToClientMsg::Datagrams { remote_endpoint_id, .. }))
                        if remote_endpoint_id == endpoint.id() =>
                    {
                        showing = None;
                        if shown.replace(Instant::now()).is_none() {
                            let state = RelayState::Connected;
                            standing.tell(Standing { state, reason: None, answers: true });
                        }
                    }
                    Some(Ok(RelayToClientMsg::Ping(question))) => {
                        let answered = timeout(ASK, relay.send(ClientToRelayMsg::Pong(question))).await;
                        if !matches!(answered, Ok(Ok(()))) {
                            return "the connection broke".to_owned();
                        }
                    }
                    Some(Ok(message)) => debug!(?message, "a relay says"),
                    Some(Err(error)) => return super::super::in_words(&error),
                    None => return "it closed the connection".to_owned(),
                }
            }
        }
    }
}
