//! Where peers come in: TCP, or Iroh by node id. What follows is the same for both.

use crate::status::Path;
use crate::status::connections::IrohPath;
use p2p::iroh::{IrohRead, IrohWrite};
use p2p::{IrohAcceptor, Permit, TcpAcceptor};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use translator::sv1::Opening;

/// Lets peers in, one after the other.
pub trait Acceptor: Send + 'static {
    /// What is read from a peer.
    type Read: AsyncRead + FirstBytes + Send + Unpin + 'static;
    /// What is written to it.
    type Write: AsyncWrite + Send + Unpin + 'static;

    /// The next peer; `None` when there will be no other. Cancel-safe.
    fn next(&mut self) -> impl Future<Output = Option<Newcomer<Self::Read, Self::Write>>> + Send;
}

/// A stream whose first bytes can be looked at before they are read.
pub trait FirstBytes {
    /// Whether they are Stratum V1's. Waits until that is clear; cancel-safe.
    fn are_sv1(&mut self) -> impl Future<Output = io::Result<bool>> + Send;
}

impl FirstBytes for OwnedReadHalf {
    async fn are_sv1(&mut self) -> io::Result<bool> {
        /// Only a peer that sends its first line in pieces is waited for so.
        const PAUSE: Duration = Duration::from_millis(20);
        let mut first = [0; 64];
        loop {
            let length = self.peek(&mut first).await?;
            match Opening::of(first.get(..length).unwrap_or_default()) {
                Opening::Sv1 => return Ok(true),
                Opening::Other => return Ok(false),
                // Gone without a word: whoever reads next will see.
                Opening::Unclear if length == 0 => return Ok(false),
                // There is no waiting for more than what has been looked at already.
                Opening::Unclear => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

impl FirstBytes for IrohRead {
    /// Who dials a node id speaks Noise.
    async fn are_sv1(&mut self) -> io::Result<bool> {
        Ok(false)
    }
}

/// A peer that was let in and has said nothing yet.
#[derive(Debug)]
pub struct Newcomer<R, W> {
    /// What is read from it.
    pub read: R,
    /// What is written to it.
    pub write: W,
    /// How it comes.
    pub path: Path,
    /// Its place in the pool.
    pub permit: Permit,
}

impl Acceptor for TcpAcceptor {
    type Read = OwnedReadHalf;
    type Write = OwnedWriteHalf;

    async fn next(&mut self) -> Option<Newcomer<OwnedReadHalf, OwnedWriteHalf>> {
        let (stream, peer, permit) = self.accept().await;
        let (read, write) = stream.into_split();
        Some(Newcomer { read, write, path: Path::Tcp(peer), permit })
    }
}

impl Acceptor for IrohAcceptor {
    type Read = IrohRead;
    type Write = IrohWrite;

    async fn next(&mut self) -> Option<Newcomer<IrohRead, IrohWrite>> {
        let (stream, permit) = self.accept().await?;
        let path = Path::Iroh(Box::new(IrohPath { node: stream.peer(), way: stream.path() }));
        let (read, write) = stream.into_split();
        Some(Newcomer { read, write, path, permit })
    }
}
