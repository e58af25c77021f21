//! Messages over Noise over TCP or Iroh: what [`Client`](super::Client) and the load generator
//! share.

use super::{Intake, Message};
use crate::{DEADLINE, within_deadline};
use anyhow::{Context, Result, bail};
use p2p::iroh::{IrohRead, IrohWrite};
use p2p::{AuthorityKey, Frame, FrameReader, FrameWriter, IrohStream, WireLimits, noise};
use std::{net::SocketAddr, time::Instant};
use tokio::net::{
    TcpStream,
    tcp::{OwnedReadHalf, OwnedWriteHalf},
};
use tokio_util::either::Either;

/// One Noise session.
pub struct Wire {
    reader: FrameReader<Intake>,
    writer: FrameWriter<Either<OwnedWriteHalf, IrohWrite>>,
    closed: bool,
}

impl Wire {
    /// Connects and runs the handshake.
    ///
    /// # Errors
    /// When the pool cannot be reached or does not prove that it has `authority`.
    pub async fn connect(address: SocketAddr, authority: AuthorityKey) -> Result<Wire> {
        let connecting = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let (read, write) = stream.into_split();
            Wire::shake_hands(Either::Left(read), Either::Left(write), authority).await
        };
        within_deadline("the Noise handshake", connecting)
            .await?
            .with_context(|| format!("connecting to {address}"))
    }

    /// Runs the handshake over a stream to a node.
    ///
    /// # Errors
    /// When the pool does not prove that it has `authority`.
    pub async fn over_iroh(stream: IrohStream, authority: AuthorityKey) -> Result<Wire> {
        let (read, write) = stream.into_split();
        let shaking = Wire::shake_hands(Either::Right(read), Either::Right(write), authority);
        within_deadline("the Noise handshake", shaking).await?
    }

    async fn shake_hands(
        read: Either<OwnedReadHalf, IrohRead>,
        write: Either<OwnedWriteHalf, IrohWrite>,
        authority: AuthorityKey,
    ) -> Result<Wire> {
        let limits = WireLimits::client();
        let (reader, writer) = noise::connect(Intake::new(read), write, Some(authority), &limits).await?;
        Ok(Wire { reader, writer, closed: false })
    }

    /// Queues one frame; it leaves with the next [`flush`](Self::flush).
    ///
    /// # Errors
    /// When too much is queued.
    pub fn queue(
        &mut self,
        extension_type: u16,
        channel_msg: bool,
        msg_type: u8,
        payload: &[u8],
    ) -> Result<()> {
        Ok(self.writer.queue(extension_type, channel_msg, msg_type, &[payload])?)
    }

    /// Sends what is queued.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn flush(&mut self) -> Result<()> {
        Ok(self.writer.flush().await?)
    }

    /// The next message, or `None` when the pool has closed the connection.
    ///
    /// # Errors
    /// When the connection breaks, the message is malformed or the deadline passes first.
    pub async fn next(&mut self) -> Result<Option<Message>> {
        match tokio::time::timeout(DEADLINE, self.reader.next()).await {
            Err(_) => bail!("waited {} s in vain for a message of the pool", DEADLINE.as_secs()),
            Ok(Ok(Some(frame))) => Message::decode(frame).map(Some),
            Ok(Ok(None)) => {
                self.closed = true;
                Ok(None)
            }
            Ok(Err(error)) => {
                self.closed = true;
                Err(error.into())
            }
        }
    }

    /// The next frame as it is, without a deadline; `None` when the pool has closed.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        Ok(self.reader.next().await?)
    }

    /// A frame that has been received already, if there is one.
    ///
    /// # Errors
    /// When the connection breaks.
    pub fn received_frame(&mut self) -> Result<Option<Frame<'_>>> {
        Ok(self.reader.try_next()?)
    }

    /// Takes in what has arrived, without waiting and without opening it; see [`Intake`].
    ///
    /// # Errors
    /// When the pool has closed or broken the connection.
    pub fn take_in(&mut self, scratch: &mut [u8]) -> Result<()> {
        self.reader.transport_mut().take_in(scratch).context("the pool closed a connection")
    }

    /// Whether something was taken in that no frame has been read of.
    pub fn has_taken_in(&self) -> bool {
        self.reader.transport().has_waiting()
    }

    /// When the last byte of the newest frame had been received.
    pub fn received_last_at(&self) -> Instant {
        self.reader.transport().read_last_at()
    }

    /// Whether the pool has closed or broken the connection.
    pub fn is_closed(&self) -> bool {
        self.closed
    }
}
