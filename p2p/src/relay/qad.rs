//! QUIC address discovery: whoever asks is told the address that its packets come from.
//!
//! Without it a node behind a router does not know its public address, and cannot be
//! reached directly. Iroh's own server for it takes as many askers as come; this one has
//! limits.

use super::{RelayLimits, RelayServerError, counts::Counters};
use crate::iroh::rate::Rates;
use iroh_relay::quic::{ALPN_QUIC_ADDR_DISC, QUIC_ADDR_DISC_CLOSE_CODE, QUIC_ADDR_DISC_CLOSE_REASON};
use noq::crypto::rustls::QuicServerConfig;
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::debug;

/// How long the handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// How long an asker may stay; nodes ask again every half a minute or so, and keep the
/// connection in between.
const STAY: Duration = Duration::from_secs(60 * 60);

/// Listens on `address`; returns it with its real port.
pub(super) fn start(
    address: SocketAddr,
    tls: &rustls::ServerConfig,
    limits: RelayLimits,
    counters: &Arc<Counters>,
    stop: &CancellationToken,
    tasks: &TaskTracker,
) -> Result<SocketAddr, RelayServerError> {
    let mut tls = tls.clone();
    tls.alpn_protocols = vec![ALPN_QUIC_ADDR_DISC.to_vec()];
    let crypto =
        QuicServerConfig::try_from(tls).map_err(|error| RelayServerError::Ciphers(error.to_string()))?;
    let mut config = noq::ServerConfig::with_crypto(Arc::new(crypto));
    let mut transport = noq::TransportConfig::default();
    transport
        .max_concurrent_uni_streams(0_u8.into())
        .max_concurrent_bidi_streams(0_u8.into())
        .datagram_receive_buffer_size(None)
        .send_observed_address_reports(true);
    config.transport_config(Arc::new(transport));
    config.max_incoming(limits.askers.min(1024));

    let failed = |source| RelayServerError::Qad { address, source };
    let endpoint = noq::Endpoint::server(config, address).map_err(failed)?;
    let bound = endpoint.local_addr().map_err(failed)?;
    let asking = answer(endpoint, limits.askers.max(1), Arc::clone(counters), stop.clone(), tasks.clone());
    tasks.spawn(asking);
    Ok(bound)
}

async fn answer(
    endpoint: noq::Endpoint,
    most: usize,
    counters: Arc<Counters>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let mut rates = Rates::default();
    let seats = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
    loop {
        let incoming = tokio::select! {
            () = stop.cancelled() => break,
            incoming = endpoint.accept() => incoming,
        };
        let Some(incoming) = incoming else { break };
        let proved = incoming.remote_address_validated();
        let pressed = seats.available_permits() <= most / 2 || rates.is_crowded();
        if !proved && pressed {
            // It fails for attempts that have been retried, which are proved.
            drop(incoming.retry());
            continue;
        }
        if !rates.allow(incoming.remote_address().ip(), Instant::now()) {
            counters.askers_refused.one();
            incoming.ignore();
            continue;
        }
        match Arc::clone(&seats).try_acquire_owned() {
            Ok(seat) => {
                tasks.spawn(tell(incoming, seat, Arc::clone(&counters), stop.clone()));
            }
            Err(_) => {
                counters.askers_refused.one();
                incoming.refuse();
            }
        }
    }
    endpoint.close(QUIC_ADDR_DISC_CLOSE_CODE, QUIC_ADDR_DISC_CLOSE_REASON);
    // A moment for the farewell; nobody is waited for.
    let _ = timeout(Duration::from_millis(200), endpoint.wait_idle()).await;
}

async fn tell(
    incoming: noq::Incoming,
    _seat: OwnedSemaphorePermit,
    counters: Arc<Counters>,
    stop: CancellationToken,
) {
    let from = incoming.remote_address();
    let connection = match timeout(HANDSHAKE, incoming).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return debug!(%from, %error, "did not ask for its address after all"),
        Err(_) => return debug!(%from, "asked for its address too slowly"),
    };
    counters.told.one();
    tokio::select! {
        () = stop.cancelled() => {}
        // The address is told by QUIC itself, now and whenever it changes.
        _ = timeout(STAY, connection.closed()) => {}
    }
    connection.close(QUIC_ADDR_DISC_CLOSE_CODE, QUIC_ADDR_DISC_CLOSE_REASON);
}
