//! The mainline DHT (BitTorrent's): relays of a node, under its id, signed by it (BEP 44).
//!
//! Everybody can read what stands there, and some collect it. That is why only relays are
//! published, which are made to be known, and no addresses. A node that has no relay does
//! not join; one that only dials joins for the moment of its question.

use super::{Found, relay_note};
use crate::NodeId;
use iroh::{
    RelayUrl, SecretKey,
    address_lookup::{AddrFilter, AddressLookup, AddressLookupBuilderError, EndpointData},
};
use iroh_mainline_address_lookup::{Builder, DhtAddressLookup};
use n0_mainline::DhtBuilder;
use tokio::sync::watch;
use tokio_stream::StreamExt;
use tracing::{info, warn};

/// Keeps the relays of a node in the DHT: hourly, and whenever they change.
#[derive(Debug)]
pub(super) struct Publisher {
    data: watch::Sender<EndpointData>,
}

impl Publisher {
    /// Waits for the node to have a relay; until then nothing is sent to anybody.
    pub(super) fn start(secret: SecretKey, bootstrap: Vec<String>) -> Publisher {
        let (data, published) = watch::channel(EndpointData::default());
        tokio::spawn(keep_published(secret, bootstrap, published));
        Publisher { data }
    }
}

impl AddressLookup for Publisher {
    fn publish(&self, data: &EndpointData) {
        let data = data.apply_filter(&AddrFilter::relay_only()).into_owned();
        self.data.send_if_modified(|known| {
            let changed = *known != data;
            *known = data;
            changed
        });
    }
}

/// Ends with the publisher, and the DHT node with it.
async fn keep_published(
    secret: SecretKey,
    bootstrap: Vec<String>,
    mut published: watch::Receiver<EndpointData>,
) {
    loop {
        if published.wait_for(EndpointData::has_addrs).await.is_err() {
            return;
        }
        let joined = match join(builder(&bootstrap).secret_key(secret.clone())).await {
            Ok(joined) => joined,
            Err(error) => {
                warn!(
                    error = super::super::in_words(&error),
                    "cannot join the mainline DHT; the relay is not published there"
                );
                return;
            }
        };
        loop {
            let data = published.borrow_and_update().clone();
            if !data.has_addrs() {
                // Dropping it ends the hourly publishing of relays that are no more.
                break;
            }
            let relays: Vec<&RelayUrl> = data.relay_urls().collect();
            info!(?relays, "publishing the relay in the mainline DHT, under the node id");
            joined.publish(&data);
            if published.changed().await.is_err() {
                return;
            }
        }
    }
}

/// Asks the DHT for the relays of `wanted`.
///
/// # Errors
/// When there is no UDP socket to ask with.
pub(super) async fn find(wanted: NodeId, bootstrap: &[String]) -> Result<Found, AddressLookupBuilderError> {
    let dht = join(builder(bootstrap).no_publish()).await?;
    let Some(mut records) = dht.resolve(wanted) else { return Ok(Found::default()) };
    while let Some(record) = records.next().await {
        let Ok(record) = record else { continue };
        let relays = relay_note::read(record.relay_urls(), record.user_data().as_ref());
        return Ok(Found { addresses: Vec::new(), relays });
    }
    Ok(Found::default())
}

fn builder(bootstrap: &[String]) -> Builder {
    let mut dht = DhtBuilder::default();
    if !bootstrap.is_empty() {
        dht.bootstrap(bootstrap);
    }
    DhtAddressLookup::builder().dht_builder(dht).addr_filter(AddrFilter::relay_only())
}

/// The starting nodes' names are looked up in a way that blocks: on a thread for that.
async fn join(builder: Builder) -> Result<DhtAddressLookup, AddressLookupBuilderError> {
    let joining = tokio::task::spawn_blocking(move || builder.build()).await;
    joining.unwrap_or_else(|error| Err(AddressLookupBuilderError::from_err("pkarr-dht", error)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::RelayHint;
    use iroh::TransportAddr;
    use n0_mainline::Testnet;
    use std::time::Duration;

    fn data(relays: &[RelayHint], addresses: &[&str]) -> EndpointData {
        let relays_at = relays.iter().map(|relay| TransportAddr::Relay(relay.url().unwrap()));
        let direct = addresses.iter().map(|address| TransportAddr::Ip(address.parse().unwrap()));
        let mut data = EndpointData::from_iter(relays_at.chain(direct));
        data.set_user_data(relay_note::write(relays));
        data
    }

    /// Publishing says nothing when it is done: asks until the answer is the one wanted.
    async fn found(wanted: NodeId, bootstrap: &[String], is_it: impl Fn(&Found) -> bool) -> Found {
        let asking = async {
            loop {
                let found = find(wanted, bootstrap).await.unwrap();
                if is_it(&found) {
                    return found;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), asking).await.expect("found in the DHT in time")
    }

    #[tokio::test]
    async fn relays_are_found_by_node_id_with_their_keys_and_addresses_never_are() {
        let net = Testnet::new(5).await.unwrap();
        let secret = SecretKey::generate();
        let publisher = Publisher::start(secret.clone(), net.bootstrap.clone());
        let mut relays: Vec<RelayHint> = vec!["203.0.113.7:8443".parse().unwrap()];
        publisher.publish(&data(&relays, &["192.168.1.4:1", "203.0.113.7:34255"]));
        let known = found(secret.public(), &net.bootstrap, |found| !found.relays.is_empty()).await;
        assert_eq!(known.relays, relays);
        assert_eq!(known.addresses, [], "addresses are never published");

        // A relay that comes later is published at once.
        relays.push("relay.example,ca".parse().unwrap());
        publisher.publish(&data(&relays, &[]));
        let known = found(secret.public(), &net.bootstrap, |found| found.relays.len() == 2).await;
        assert_eq!(known.relays, relays);

        let nobody = SecretKey::generate().public();
        assert_eq!(find(nobody, &net.bootstrap).await.unwrap(), Found::default());
    }

    #[tokio::test]
    async fn a_node_without_a_relay_does_not_speak_to_the_dht() {
        let starting_node = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let bootstrap = vec![starting_node.local_addr().unwrap().to_string()];
        let publisher = Publisher::start(SecretKey::generate(), bootstrap);
        publisher.publish(&data(&[], &["192.168.1.4:1"]));
        publisher.publish(&data(&[], &["192.168.1.5:1"]));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let mut packet = [0];
        assert!(starting_node.try_recv(&mut packet).is_err(), "nothing has been sent");

        // The same one, once there is a relay, does: the silence was not for another reason.
        publisher.publish(&data(&["203.0.113.7".parse().unwrap()], &[]));
        let heard = tokio::time::timeout(Duration::from_secs(30), starting_node.readable()).await;
        heard.expect("the starting node is asked").unwrap();
    }
}
