//! TCP: listening and connecting.
//!
//! Small messages must leave at once, so that every socket has `TCP_NODELAY`. Peers
//! that vanish without a word (a miner whose plug was pulled) are noticed by the
//! kernel, through keepalive when nothing is under way to them.

use crate::{
    admission::{Admission, Permit},
    uri::{Endpoint, Host, PoolUri},
};
use socket2::{SockRef, TcpKeepalive};
use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::sleep,
};
use tracing::{debug, warn};

/// Listens on a TCP port and lets in whom [`Admission`] lets in.
#[derive(Debug)]
pub struct TcpAcceptor {
    listener: TcpListener,
    local: SocketAddr,
    admission: Arc<Admission>,
}

/// Why an address cannot be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on {address}: {source}; {remedy}")]
pub struct BindError {
    /// The address asked for.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
    remedy: &'static str,
}

/// Why a pool cannot be reached.
#[derive(Debug, Error)]
#[error("cannot connect to {endpoint}: {source}")]
pub struct ConnectError {
    /// Where to.
    pub endpoint: Endpoint,
    /// What the system said.
    pub source: io::Error,
}

/// Connections that the kernel may hold until they are accepted; it lowers this to
/// `net.core.somaxconn`.
const BACKLOG: u32 = 4096;

impl TcpAcceptor {
    /// Listens on `address`; port 0 takes a free one, see [`local_addr`](Self::local_addr).
    /// A port that a previous run has just left can be taken at once.
    ///
    /// # Errors
    /// [`BindError`], with a remedy.
    pub fn bind(address: SocketAddr, admission: Arc<Admission>) -> Result<TcpAcceptor, BindError> {
        let listen = || {
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            let listener = socket.listen(BACKLOG)?;
            Ok((listener.local_addr()?, listener))
        };
        match listen() {
            Ok((local, listener)) => Ok(TcpAcceptor { listener, local, admission }),
            Err(source) => Err(BindError { address, remedy: remedy(&source), source }),
        }
    }

    /// The address listened on, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The next peer that is let in, with its place in the pool: keep the [`Permit`] as
    /// long as the connection. Whoever is refused is disconnected and counted.
    ///
    /// Never fails: when the system has no file descriptor to spare, it says so in the
    /// log and tries again, as the next peer to leave frees one. Cancel-safe.
    pub async fn accept(&self) -> (TcpStream, SocketAddr, Permit) {
        loop {
            let (stream, peer, permit) = admit_next(|| self.listener.accept(), &self.admission).await;
            match prepare(&stream) {
                Ok(()) => return (stream, peer, permit),
                Err(error) => debug!(%peer, %error, "connection was gone before it was accepted"),
            }
        }
    }
}

/// Connects to the pool at `uri`, trying each of its addresses in turn. The handshake,
/// which proves that it is the pool, is [`noise::connect`](crate::noise::connect).
///
/// # Errors
/// [`ConnectError`], when no address answers.
pub async fn connect_tcp(uri: &PoolUri) -> Result<TcpStream, ConnectError> {
    let Endpoint::Tcp { host, port } = &uri.endpoint;
    let connected = match host {
        Host::Ip(address) => TcpStream::connect((*address, *port)).await,
        Host::Name(name) => TcpStream::connect((name.as_str(), *port)).await,
    };
    connected
        .and_then(|stream| prepare(&stream).map(|()| stream))
        .map_err(|source| ConnectError { endpoint: uri.endpoint.clone(), source })
}

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// The loop of [`TcpAcceptor::accept`] over anything that accepts.
async fn admit_next<S, F>(
    mut accept: impl FnMut() -> F,
    admission: &Arc<Admission>,
) -> (S, SocketAddr, Permit)
where
    F: Future<Output = io::Result<(S, SocketAddr)>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        match accept().await {
            Ok((stream, peer)) => match admission.admit(peer.ip()) {
                Ok(permit) => return (stream, peer, permit),
                Err(refusal) => debug!(%peer, %refusal, "connection refused"),
            },
            Err(error) if is_about_the_peer(&error) => {
                debug!(%error, "connection was gone before it was accepted")
            }
            Err(error) => {
                warn!(%error, "cannot accept connections; raise the limit of open files if this lasts (ulimit -n)");
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Errors of accept(2) that belong to the one connection and not to the listener.
fn is_about_the_peer(error: &io::Error) -> bool {
    use ErrorKind::*;
    matches!(
        error.kind(),
        ConnectionAborted
            | ConnectionReset
            | ConnectionRefused
            | HostUnreachable
            | NetworkUnreachable
            | NetworkDown
            | TimedOut
            | Interrupted
    )
}

/// Sends at once, and gives up a peer that has acknowledged nothing for a minute; the
/// kernel's own patience is a quarter of an hour.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(Duration::from_secs(60)))?;
    socket.set_tcp_keepalive(
        &TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15)),
    )
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::AddrInUse => "another program listens there already: stop it or choose another port",
        ErrorKind::AddrNotAvailable => {
            "this machine does not have that address: use 0.0.0.0 or [::] for all it has"
        }
        ErrorKind::PermissionDenied => "ports below 1024 need privileges: choose a higher one",
        _ => "choose another address or port",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::{AuthorityKeypair, admission::AdmissionLimits};
    use std::collections::VecDeque;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    fn listen(limits: AdmissionLimits) -> TcpAcceptor {
        TcpAcceptor::bind("127.0.0.1:0".parse().unwrap(), Admission::new(limits)).unwrap()
    }

    fn uri_of(acceptor: &TcpAcceptor) -> PoolUri {
        let local = acceptor.local_addr();
        let endpoint = Endpoint::Tcp { host: Host::Ip(local.ip()), port: local.port() };
        let authority = AuthorityKeypair::from_secret_bytes(&[7; 32]).unwrap().public_key();
        PoolUri { endpoint, authority }
    }

    #[tokio::test]
    async fn both_ends_send_at_once_and_notice_a_vanished_peer() {
        let acceptor = listen(AdmissionLimits::default());
        let uri = uri_of(&acceptor);
        let ((accepted, peer, _permit), connected) = tokio::join!(acceptor.accept(), connect_tcp(&uri));
        let connected = connected.unwrap();
        assert_eq!(peer, connected.local_addr().unwrap());
        for stream in [&accepted, &connected] {
            assert!(stream.nodelay().unwrap());
            assert!(SockRef::from(stream).keepalive().unwrap());
            #[cfg(target_os = "linux")]
            assert_eq!(SockRef::from(stream).tcp_user_timeout().unwrap(), Some(Duration::from_secs(60)));
        }
    }

    #[tokio::test]
    async fn a_refused_peer_is_closed_and_the_next_one_let_in() {
        let acceptor = listen(AdmissionLimits { loopback: 1, ..AdmissionLimits::default() });
        let uri = uri_of(&acceptor);
        let (first, connected) = tokio::join!(acceptor.accept(), connect_tcp(&uri));
        let _connected = connected.unwrap();

        let mut refused = connect_tcp(&uri).await.unwrap();
        let mut byte = [0];
        let refused_sees = tokio::select! {
            _ = acceptor.accept() => panic!("let in beyond the limit"),
            read = refused.read(&mut byte) => read.unwrap(),
        };
        assert_eq!(refused_sees, 0);

        drop(first);
        let ((mut accepted, ..), connected) = tokio::join!(acceptor.accept(), connect_tcp(&uri));
        connected.unwrap().write_all(b"x").await.unwrap();
        assert_eq!(accepted.read_u8().await.unwrap(), b'x');
    }

    #[tokio::test(start_paused = true)]
    async fn running_out_of_file_descriptors_is_waited_out() {
        let peer: SocketAddr = "192.0.2.1:1".parse().unwrap();
        let out_of_files = || Err(io::Error::from_raw_os_error(24)); // EMFILE
        let mut results = VecDeque::from([out_of_files(), out_of_files(), Ok(("stream", peer))]);
        let started = tokio::time::Instant::now();
        let admission = Admission::new(AdmissionLimits::default());
        let accept = || std::future::ready(results.pop_front().unwrap());
        let (stream, ..) = admit_next(accept, &admission).await;
        assert_eq!(stream, "stream");
        assert_eq!(started.elapsed(), FIRST_PAUSE * 3, "once the first pause and once twice as long");
    }

    #[tokio::test]
    async fn an_address_in_use_is_refused_with_a_remedy() {
        let acceptor = listen(AdmissionLimits::default());
        let admission = Admission::new(AdmissionLimits::default());
        let error = TcpAcceptor::bind(acceptor.local_addr(), admission).unwrap_err();
        assert!(error.to_string().contains("choose another port"), "{error}");
    }

    #[tokio::test]
    async fn a_port_left_with_open_connections_is_taken_again_at_once() {
        let acceptor = listen(AdmissionLimits::default());
        let uri = uri_of(&acceptor);
        let (accepted, connected) = tokio::join!(acceptor.accept(), connect_tcp(&uri));
        let address = acceptor.local_addr();
        drop((accepted, acceptor)); // the side that closes first keeps the port in TIME_WAIT
        drop(connected);
        TcpAcceptor::bind(address, Admission::new(AdmissionLimits::default())).unwrap();
    }
}
