//! MQTT over TLS: a way to the broker that begins on the loopback address.
//!
//! The MQTT client's own TLS would bring a second, older check of certificates into the tree.
//! So it dials this tunnel, and the tunnel the broker, with the TLS that notifications have.

use crate::roots::{Roots, RootsError};
use rustls::pki_types::ServerName;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tracing::warn;

/// A tunnel whose near end listens.
pub struct Tunnel {
    listener: TcpListener,
    far: Arc<FarEnd>,
}

struct FarEnd {
    host: String,
    port: u16,
    name: ServerName<'static>,
    tls: TlsConnector,
}

/// Why there is no tunnel.
#[derive(Debug, Error)]
pub enum TunnelError {
    /// Certificates.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// No certificate can be made out for such a name.
    #[error("{0} is no name of a TLS server")]
    Name(String),
    /// The system's word.
    #[error("cannot listen on the loopback address: {0}")]
    Listen(#[from] io::Error),
}

/// Connections at a time: the client's, and its next one while the last is not quite gone.
const MOST: usize = 4;
/// How long the broker may take to be there.
const PATIENCE: Duration = Duration::from_secs(10);

impl Tunnel {
    /// To `host` and `port`, whose certificate `roots` must vouch for. To be called in a runtime.
    ///
    /// # Errors
    /// When it cannot begin.
    pub fn open(host: &str, port: u16, roots: Roots) -> Result<Tunnel, TunnelError> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| TunnelError::Name(host.to_owned()))?;
        let tls = TlsConnector::from(Arc::new(roots.client()?));
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        Ok(Tunnel { listener, far: Arc::new(FarEnd { host: host.to_owned(), port, name, tls }) })
    }

    /// The port of its near end.
    ///
    /// # Errors
    /// The system's word.
    pub fn port(&self) -> Result<u16, TunnelError> {
        Ok(self.listener.local_addr()?.port())
    }

    /// Carries, until it is dropped.
    pub async fn run(self) {
        let mut carried = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if carried.len() < MOST => match accepted {
                    Ok((near, _)) => _ = carried.spawn(self.far.clone().carry(near)),
                    Err(_) => tokio::time::sleep(Duration::from_secs(1)).await,
                },
                Some(_) = carried.join_next() => {}
            }
        }
    }
}

impl FarEnd {
    async fn carry(self: Arc<Self>, mut near: TcpStream) {
        let dialling = async {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
            stream.set_nodelay(true)?;
            self.tls.connect(self.name.clone(), stream).await
        };
        let fault = match timeout(PATIENCE, dialling).await {
            Ok(Ok(mut far)) => {
                // However it ends, the client at the near end sees it, and comes again.
                let _ = copy_bidirectional(&mut near, &mut far).await;
                return;
            }
            Ok(Err(fault)) => fault,
            Err(_) => io::ErrorKind::TimedOut.into(),
        };
        warn!(host = self.host, port = self.port, %fault, "Home Assistant's broker is not reached over TLS");
    }
}
