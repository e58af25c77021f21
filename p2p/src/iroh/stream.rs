//! A stream to a peer, in two halves that Noise reads and writes like any other.

use super::{Way, in_words, path::PathWatch};
use crate::NodeId;
use iroh::endpoint::{Connection, RecvStream, SendStream, VarInt, WeakConnectionHandle};
use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::task::TaskTracker;

/// One ordered byte stream to a peer that has proved its node id.
#[derive(Debug)]
pub struct IrohStream {
    read: IrohRead,
    write: IrohWrite,
    path: PathWatch,
    found: Option<Way>,
}

/// The half that is read from.
#[derive(Debug)]
pub struct IrohRead {
    stream: RecvStream,
    _held: Arc<Held>,
}

/// The half that is written to. Dropped, it still sees to it that what was written
/// arrives, for a moment, as a socket would.
#[derive(Debug)]
pub struct IrohWrite {
    stream: SendStream,
    held: Arc<Held>,
    lingering: TaskTracker,
}

/// Ends a stream at once, without waiting for last bytes: it is dead, and another one is
/// to take its place. Does not keep the connection open.
#[derive(Clone, Debug)]
pub struct IrohCloser(WeakConnectionHandle);

/// Keeps the connection open as long as either half lives.
#[derive(Debug)]
pub(super) struct Held(Connection);

/// How long the last bytes may take to arrive after the half was dropped.
const LINGER: Duration = Duration::from_secs(1);

impl IrohStream {
    pub(super) fn new(
        connection: Connection,
        (write, read): (SendStream, RecvStream),
        lingering: TaskTracker,
        found: Option<Way>,
    ) -> IrohStream {
        let held = Arc::new(Held(connection));
        let path = PathWatch::start(&held);
        let read = IrohRead { stream: read, _held: Arc::clone(&held) };
        IrohStream { read, write: IrohWrite { stream: write, held, lingering }, path, found }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> NodeId {
        self.write.held.0.remote_id()
    }

    /// What is spoken on it (ALPN).
    pub(super) fn protocol(&self) -> &[u8] {
        self.write.held.0.alpn()
    }

    /// Looks at the path, for as long as the connection lives.
    pub fn path(&self) -> PathWatch {
        self.path.clone()
    }

    /// How the address came to be known over which the peer was first reached; none where
    /// it was the peer who dialled.
    pub fn found(&self) -> Option<Way> {
        self.found
    }

    /// Ends the connection when the halves are elsewhere.
    pub fn closer(&self) -> IrohCloser {
        IrohCloser(self.write.held.0.weak_handle())
    }

    /// The two directions.
    pub fn into_split(self) -> (IrohRead, IrohWrite) {
        (self.read, self.write)
    }
}

impl IrohCloser {
    /// Tells the peer `reason`, if it can still be told, and lets go of the connection.
    pub fn close(&self, reason: &str) {
        if let Some(connection) = self.0.upgrade() {
            connection.close(VarInt::from_u32(0), reason.as_bytes());
        }
    }
}

impl Held {
    pub(super) fn connection(&self) -> &Connection {
        &self.0
    }
}

impl Drop for IrohWrite {
    fn drop(&mut self) {
        // Unlike a socket's, unsent bytes of a QUIC connection are forgotten when it is
        // let go of: hold it until the peer has them.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        // An error means that the stream has ended already.
        if self.stream.finish().is_err() {
            return;
        }
        let (arrived, held) = (self.stream.stopped(), Arc::clone(&self.held));
        self.lingering.spawn_on(
            async move {
                // Late or lost, there is nothing more to be done.
                let _ = tokio::time::timeout(LINGER, arrived).await;
                // The other half, where it lives, holds on to the connection.
                drop(held);
            },
            &runtime,
        );
    }
}

impl AsyncRead for IrohRead {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        AsyncRead::poll_read(Pin::new(&mut self.stream), context, buffer).map_err(with_reason)
    }
}

impl AsyncWrite for IrohWrite {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(&mut self.stream), context, bytes).map_err(with_reason)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.stream), context).map_err(with_reason)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_shutdown(Pin::new(&mut self.stream), context).map_err(with_reason)
    }
}

/// The same error, with what the peer gave as its reason.
fn with_reason(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), in_words(&error))
}
