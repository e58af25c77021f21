//! Taking TCP connections: no faster from one address than is sensible, and each into the
//! waiting room first.

use super::{counts::Counters, serve::Front, waiting::WaitingRoom};
use crate::iroh::rate::Rates;
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, warn};

/// Connections that the system keeps for us while we are busy.
const BACKLOG: i32 = 256;
/// How long to leave it when the system has no more file descriptors.
const BREATHER: Duration = Duration::from_millis(100);

/// Listens on `address`; on `[::]` for IPv4 too.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // After a restart the port is to be had at once.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(StdListener::from(socket))
}

pub(super) async fn accept(
    listener: TcpListener,
    front: Front,
    room: Arc<WaitingRoom>,
    counters: Arc<Counters>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let mut rates = Rates::default();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                warn!(%error, "the relay cannot take a connection");
                tokio::time::sleep(BREATHER).await;
                continue;
            }
        };
        if !rates.allow(from.ip(), Instant::now()) {
            counters.hurried.one();
            debug!(%from, "came too often");
            continue;
        }
        counters.accepted.one();
        let (seat, front, counters, stop) =
            (room.enter(from.ip()), front.clone(), Arc::clone(&counters), stop.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                in_time = front.serve(stream, &seat) => if !in_time {
                    counters.late.one();
                    debug!(%from, "put out: nothing sensible came in time");
                }
            }
        });
    }
}
