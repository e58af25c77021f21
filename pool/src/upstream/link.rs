//! One connection to a pool, with its pulse.

use super::{Beat, Path, Pulse, UpstreamError};
use crate::wire::keep_alive::{EXTENSION, KeepAlive, message};
use p2p::iroh::{IrohCloser, IrohRead, IrohWrite, Way};
use p2p::{Frame, FrameReader, FrameWriter, WireError};
use std::time::Instant;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_util::either::Either;

type Reader = FrameReader<Either<OwnedReadHalf, IrohRead>>;
type Writer = FrameWriter<Either<OwnedWriteHalf, IrohWrite>>;

/// A connection to a pool, over TCP or Iroh. Asks by itself whether the pool is still
/// there, if the pool takes such questions, as long as somebody waits in
/// [`next`](Self::next).
#[derive(Debug)]
pub struct Link {
    reader: Reader,
    writer: Writer,
    path: Path,
    closer: Option<IrohCloser>,
    pulse: Option<Pulse>,
    pings: u32,
    extensions: Vec<u16>,
}

/// What [`Link::next`] waited for.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// A message.
    Frame(Frame<'a>),
    /// Packets go this way now: `tcp`, `iroh-lan`, `iroh-direct` or `iroh-relayed`.
    Path(&'static str),
    /// Something that concerned the connection alone.
    Nothing,
}

impl Link {
    pub(super) fn new(reader: Reader, writer: Writer, path: Path, closer: Option<IrohCloser>) -> Link {
        Link { reader, writer, path, closer, pulse: None, pings: 0, extensions: Vec::new() }
    }

    /// Seals a message of the mining protocol into what leaves as soon as somebody waits in
    /// [`next`](Self::next).
    ///
    /// # Errors
    /// As [`FrameWriter::queue`].
    pub fn queue(&mut self, channel_msg: bool, msg_type: u8, payload: &[&[u8]]) -> Result<(), WireError> {
        self.writer.queue(0, channel_msg, msg_type, payload)
    }

    /// The same for a message of an extension.
    ///
    /// # Errors
    /// As [`FrameWriter::queue`].
    pub fn queue_extension(
        &mut self,
        extension_type: u16,
        msg_type: u8,
        payload: &[u8],
    ) -> Result<(), WireError> {
        self.writer.queue(extension_type, false, msg_type, &[payload])
    }

    /// How the pool's node was found; none over TCP.
    pub fn found(&self) -> Option<Way> {
        self.path.found()
    }

    /// Extensions that the pool has granted.
    pub fn extensions(&self) -> &[u16] {
        &self.extensions
    }

    pub(super) fn set_extensions(&mut self, granted: Vec<u16>) {
        self.extensions = granted;
    }

    /// What comes next; what is queued leaves meanwhile. Cancel-safe.
    ///
    /// # Errors
    /// When the connection has ended, or is dead.
    pub async fn next(&mut self) -> Result<Incoming<'_>, UpstreamError> {
        let unsent = self.writer.queued() > 0;
        let due = self.pulse.as_ref().map(Pulse::next);
        let frame = tokio::select! {
            biased;
            // First: what has come already is a sign of life.
            frame = self.reader.next() => frame?.ok_or(UpstreamError::Closed)?,
            // Not waited for: a stream that takes nothing any more is dead like any other.
            flushed = self.writer.flush(), if unsent => {
                flushed?;
                if let Some(pulse) = &mut self.pulse {
                    pulse.sent(Instant::now());
                }
                return Ok(Incoming::Nothing);
            }
            way = self.path.changed() => return Ok(Incoming::Path(way)),
            beat = until(due) => {
                let Some(pulse) = &mut self.pulse else { return Ok(Incoming::Nothing) };
                let now = Instant::now();
                if beat == Beat::Dead {
                    return Err(UpstreamError::Dead(pulse.silence(now)));
                }
                pulse.asked(now);
                self.pings = self.pings.wrapping_add(1);
                self.writer.queue(EXTENSION, false, message::PING, &[&self.pings.to_le_bytes()])?;
                return Ok(Incoming::Nothing);
            }
        };
        let now = Instant::now();
        if let Some(pulse) = &mut self.pulse {
            pulse.heard(now);
        }
        if frame.header.extension_type != EXTENSION {
            return Ok(Incoming::Frame(frame));
        }
        match frame.header.msg_type {
            message::KEEP_ALIVE => {
                let pace = KeepAlive::parse(frame.payload).ok_or(UpstreamError::Malformed("KeepAlive"))?;
                self.pulse.get_or_insert_with(|| Pulse::new(pace, now)).set_pace(pace);
                Ok(Incoming::Nothing)
            }
            // It was heard, which is all that it is for.
            message::PONG => Ok(Incoming::Nothing),
            _ => Ok(Incoming::Frame(frame)),
        }
    }

    /// The next message, whatever else happens.
    pub(super) async fn next_frame(&mut self) -> Result<(u16, u8, Vec<u8>), UpstreamError> {
        let message = loop {
            if let Incoming::Frame(frame) = self.next().await? {
                break (frame.header.extension_type, frame.header.msg_type, frame.payload.to_vec());
            }
        };
        // Nobody has been told of the path meanwhile.
        self.path.tell_again();
        Ok(message)
    }

    /// Ends it at once; over Iroh the pool is told `reason`, if it can be told.
    pub(super) fn close(self, reason: &str) {
        if let Some(closer) = &self.closer {
            closer.close(reason);
        }
    }
}

async fn until(due: Option<(Instant, Beat)>) -> Beat {
    match due {
        Some((when, beat)) => {
            tokio::time::sleep_until(when.into()).await;
            beat
        }
        None => std::future::pending().await,
    }
}
