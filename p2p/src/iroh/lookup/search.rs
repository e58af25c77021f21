//! One search for one peer: a task that asks in every way, and the dial that it serves.
//!
//! Iroh starts the search when a peer is dialled, and takes addresses from it while the
//! dial is under way. The dialler follows along: it learns in which way what was found,
//! and when it is done, or given up, the search ends.

use super::{DhtUse, Found, LookupConfig, Place, TrustRelay, Way, dht, mdns};
use crate::{Invite, NodeId, RelayHint};
use iroh::{
    TransportAddr,
    address_lookup::{EndpointData, EndpointInfo, Error, Item},
};
use std::{fmt, pin::Pin, time::Duration};
use tokio::sync::{broadcast, mpsc};
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tracing::{debug, info};

/// How long the other ways are given before the DHT is asked.
const BEFORE_DHT: Duration = Duration::from_secs(2);
/// How long the DHT is asked.
const DHT_PATIENCE: Duration = Duration::from_secs(12);
/// Results that may wait for Iroh.
const WAITING_RESULTS: usize = 4;

/// What became of a search in one way, or of all of it.
#[derive(Clone, Debug)]
pub(super) struct Report {
    node: NodeId,
    event: Event,
}

#[derive(Clone, Debug)]
enum Event {
    Found(Way, Vec<TransportAddr>, Vec<RelayHint>),
    Nothing(Way, String),
    /// Every way has been tried.
    Done,
    /// A search begins.
    Begun,
}

/// The task that asks.
pub(super) struct Search {
    pub(super) node: NodeId,
    pub(super) config: LookupConfig,
    pub(super) trust: TrustRelay,
    pub(super) reports: broadcast::Sender<Report>,
}

type Results = mpsc::Sender<Result<Item, Error>>;

impl Search {
    /// Asks until every way is exhausted, the stream is dropped or `over` names the node.
    pub(super) fn start(
        self,
        mut over: broadcast::Receiver<NodeId>,
    ) -> Pin<Box<dyn Stream<Item = Result<Item, Error>> + Send>> {
        let (results, stream) = mpsc::channel(WAITING_RESULTS);
        self.report(Event::Begun);
        tokio::spawn(async move {
            tokio::select! {
                () = self.ask(&results) => self.report(Event::Done),
                () = results.closed() => {}
                () = named(self.node, &mut over) => {}
            }
        });
        Box::pin(ReceiverStream::new(stream))
    }

    async fn ask(&self, results: &Results) {
        tokio::join!(self.ask_book(results), self.ask_neighbours(results), self.ask_dht(results));
    }

    async fn ask_book(&self, results: &Results) {
        let Some(book) = &self.config.address_book else { return };
        let mut found = Found::default();
        for place in book.places_of(self.node) {
            match place {
                Place::Address(address) => found.addresses.push(address),
                Place::Relay(relay) => found.relays.push(relay),
            }
        }
        self.hand_over(Way::AddressBook, found, results).await;
    }

    async fn ask_neighbours(&self, results: &Results) {
        if !self.config.mdns {
            return;
        }
        match mdns::find(self.node).await {
            Ok(found) => self.hand_over(Way::Mdns, found, results).await,
            Err(error) => self.report(Event::Nothing(Way::Mdns, crate::iroh::in_words(&error))),
        }
    }

    async fn ask_dht(&self, results: &Results) {
        let DhtUse::RelayOnly { bootstrap } = &self.config.dht else { return };
        tokio::time::sleep(BEFORE_DHT).await;
        match tokio::time::timeout(DHT_PATIENCE, dht::find(self.node, bootstrap)).await {
            Ok(Ok(found)) => self.hand_over(Way::Dht, found, results).await,
            Ok(Err(error)) => self.report(Event::Nothing(Way::Dht, crate::iroh::in_words(&error))),
            Err(_) => self.report(Event::Nothing(Way::Dht, "no answer".to_owned())),
        }
    }

    async fn hand_over(&self, way: Way, found: Found, results: &Results) {
        let Found { addresses, mut relays } = found;
        relays.retain(|relay| (self.trust)(self.node, relay));
        let urls = relays.iter().filter_map(|relay| relay.url().ok()).map(TransportAddr::Relay);
        let addresses: Vec<TransportAddr> =
            addresses.into_iter().map(TransportAddr::Ip).chain(urls).collect();
        if addresses.is_empty() {
            return self.report(Event::Nothing(way, nothing_in(way).to_owned()));
        }
        let data = EndpointData::from_iter(addresses.iter().cloned());
        let item = Item::new(EndpointInfo::from_parts(self.node, data), way.name(), None);
        self.report(Event::Found(way, addresses, relays));
        // An error means that nobody wants it any more.
        let _ = results.send(Ok(item)).await;
    }

    fn report(&self, event: Event) {
        // An error means that nobody follows.
        let _ = self.reports.send(Report { node: self.node, event });
    }
}

fn nothing_in(way: Way) -> &'static str {
    match way {
        Way::Mdns => "nobody answered",
        Way::Dht => "nothing stands there under its node id, or UDP is blocked",
        Way::AddressBook | Way::Invite | Way::Peer => "nothing",
    }
}

/// Waits until `node` is named.
async fn named(node: NodeId, over: &mut broadcast::Receiver<NodeId>) {
    loop {
        match over.recv().await {
            Ok(named) if named == node => return,
            // Having missed some names, it is better to end.
            Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// The dial's end of a search. Ends it when dropped.
#[derive(Debug)]
pub(crate) struct Followed {
    node: NodeId,
    config: LookupConfig,
    reports: broadcast::Receiver<Report>,
    over: broadcast::Sender<NodeId>,
    known: Vec<(TransportAddr, Way)>,
    relays: Vec<RelayHint>,
    nothing: Vec<(Way, String)>,
    goes_on: bool,
}

impl Followed {
    /// What the invite says is known beforehand.
    pub(super) fn new(
        invite: &Invite,
        config: LookupConfig,
        reports: broadcast::Receiver<Report>,
        over: broadcast::Sender<NodeId>,
    ) -> Followed {
        let relays = invite.relays.iter().filter_map(|relay| relay.url().ok()).map(TransportAddr::Relay);
        let addresses = invite.addresses.iter().copied().map(TransportAddr::Ip);
        Followed {
            node: invite.node,
            config,
            reports,
            over,
            known: addresses.chain(relays).map(|address| (address, Way::Invite)).collect(),
            relays: invite.relays.clone(),
            nothing: Vec::new(),
            goes_on: false,
        }
    }

    /// Runs `dialling` while taking note of what is found.
    pub(crate) async fn beside<T>(&mut self, dialling: impl Future<Output = T>) -> T {
        tokio::pin!(dialling);
        loop {
            tokio::select! {
                // What is found before the dial is done is noted before that.
                biased;
                event = next(&mut self.reports, self.node) => self.note(event),
                done = &mut dialling => return done,
            }
        }
    }

    /// Whether more may be found.
    pub(crate) fn goes_on(&self) -> bool {
        self.goes_on
    }

    /// In which way an address came to be known.
    pub(crate) fn way_to(&self, address: &TransportAddr) -> Way {
        self.known.iter().find(|(known, _)| known == address).map_or(Way::Peer, |(_, way)| *way)
    }

    /// Every relay named so far, by the invite or by what was found.
    pub(crate) fn relays(&self) -> Vec<RelayHint> {
        self.relays.clone()
    }

    /// What has been tried so far.
    pub(crate) fn tried(&self) -> Tried {
        Tried { known: self.known.clone(), nothing: self.nothing.clone(), off: self.config.off() }
    }

    fn note(&mut self, event: Event) {
        match event {
            Event::Begun => self.goes_on = true,
            Event::Done => self.goes_on = false,
            Event::Nothing(way, why) => {
                debug!(node = self.node.to_z32(), way = way.name(), why, "nothing found");
                if !self.nothing.iter().any(|(known, _)| *known == way) {
                    self.nothing.push((way, why));
                }
            }
            Event::Found(way, addresses, relays) => {
                self.relays.extend(relays);
                for address in addresses {
                    if self.known.iter().all(|(known, _)| *known != address) {
                        info!(node = self.node.to_z32(), way = way.name(), ?address, "found an address");
                        self.known.push((address, way));
                    }
                }
            }
        }
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        // An error means that there is no search.
        let _ = self.over.send(self.node);
    }
}

async fn next(reports: &mut broadcast::Receiver<Report>, node: NodeId) -> Event {
    loop {
        match reports.recv().await {
            Ok(report) if report.node == node => return report.event,
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// What was tried to reach a peer, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    known: Vec<(TransportAddr, Way)>,
    nothing: Vec<(Way, String)>,
    off: Vec<Way>,
}

impl Tried {
    /// Whether there was any place to try.
    pub fn any_place(&self) -> bool {
        !self.known.is_empty()
    }
}

impl fmt::Display for Tried {
    /// `tried 203.0.113.7:34255 (from the invite); the mainline DHT: no answer; not asked:
    /// this network (mDNS)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 6;
        let mut parts = Vec::new();
        let places = self.known.iter().take(SHOWN).map(|(place, way)| match place {
            TransportAddr::Ip(address) => format!("{address} (from {way})"),
            TransportAddr::Relay(url) => format!("relay {url} (from {way})"),
            other => format!("{other:?} (from {way})"),
        });
        let mut places: Vec<String> = places.collect();
        if self.known.len() > SHOWN {
            places.push(format!("{} more", self.known.len() - SHOWN));
        }
        if !places.is_empty() {
            parts.push(format!("tried {}", places.join(", ")));
        }
        parts.extend(self.nothing.iter().map(|(way, why)| format!("{way}: {why}")));
        if !self.off.is_empty() {
            let off: Vec<String> = self.off.iter().map(Way::to_string).collect();
            parts.push(format!("not asked: {}", off.join(", ")));
        }
        f.write_str(&parts.join("; "))
    }
}
