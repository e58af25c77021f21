//! The sending direction.
//!
//! Frames are sealed straight into one outgoing buffer, and a flush hands all of
//! them to the transport at once. The buffer is bounded, and a peer that takes
//! nothing for too long is given up rather than buffered for.

use super::{
    WireError, WireLimits,
    sealed::{CHUNK, Refused, SEALED_HEADER, seal_tail, sealed_length},
};
use crate::frame::FrameHeader;
use noise_sv2::NoiseEncryptor;
use std::{
    fmt,
    future::poll_fn,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::AsyncWrite,
    time::{Instant, timeout_at},
};

/// Writes frames to `W`.
pub struct FrameWriter<W> {
    write: W,
    cipher: NoiseEncryptor,
    /// Sealed frames; those bytes before `sent` have left.
    out: Vec<u8>,
    sent: usize,
    /// Since when bytes have waited without one leaving. Kept here rather than in
    /// `flush`, so that a caller who drops and repeats it does not reset the clock.
    waiting_since: Option<Instant>,
    max_queued: usize,
    write_stall: Duration,
    ended: bool,
}

/// Room for a burst of small frames, so that it costs one allocation.
const FIRST_ROOM: usize = 1024;

impl<W: AsyncWrite + Unpin> FrameWriter<W> {
    pub(crate) fn new(write: W, cipher: NoiseEncryptor, limits: &WireLimits) -> FrameWriter<W> {
        FrameWriter {
            write,
            cipher,
            out: Vec::new(),
            sent: 0,
            waiting_since: None,
            max_queued: limits.max_queued,
            write_stall: limits.write_stall,
            ended: false,
        }
    }

    /// Seals a frame into the outgoing buffer. Nothing leaves before [`flush`](Self::flush).
    ///
    /// `payload` is the message in pieces, so that a body shared between connections
    /// and the few bytes that differ need not be put together first. The top bit of
    /// `extension_type` is ignored; `channel_msg` says it.
    ///
    /// # Errors
    /// [`WireError::Full`] and [`WireError::TooLong`] leave the session as it was;
    /// others end it.
    pub fn queue(
        &mut self,
        extension_type: u16,
        channel_msg: bool,
        msg_type: u8,
        payload: &[&[u8]],
    ) -> Result<(), WireError> {
        if self.ended {
            return Err(WireError::Ended);
        }
        let length = payload.iter().map(|piece| piece.len()).sum::<usize>();
        let on_wire = SEALED_HEADER + sealed_length(length);
        if length > FrameHeader::MAX_LENGTH as usize || on_wire > self.max_queued {
            let max = self.max_queued.min(FrameHeader::MAX_LENGTH as usize);
            return Err(WireError::TooLong { length, max });
        }
        if self.queued() + on_wire > self.max_queued {
            return Err(WireError::Full { queued: self.queued(), max: self.max_queued });
        }
        self.out.reserve(if self.out.is_empty() { on_wire.max(FIRST_ROOM) } else { on_wire });
        let header = FrameHeader { extension_type, channel_msg, msg_type, length: length as u32 };
        self.seal(header, payload).map_err(|Refused| {
            self.ended = true;
            WireError::KeyExhausted
        })
    }

    /// Bytes that wait to leave, as they stand on the wire.
    pub fn queued(&self) -> usize {
        self.out.len() - self.sent
    }

    /// Writes everything that is queued, usually in one call of the transport.
    ///
    /// Cancel-safe: what had not left when the future was dropped leaves with the next
    /// flush.
    ///
    /// # Errors
    /// [`WireError::SlowReader`] when no byte has left for
    /// [`WireLimits::write_stall`], [`WireError::Io`] when the transport fails. Either
    /// ends the session.
    pub async fn flush(&mut self) -> Result<(), WireError> {
        if self.ended {
            return Err(WireError::Ended);
        }
        self.write_out().await.inspect_err(|_| self.ended = true)
    }

    /// Flushes, then tells the peer that nothing more comes.
    ///
    /// # Errors
    /// As [`flush`](Self::flush).
    pub async fn shutdown(&mut self) -> Result<(), WireError> {
        self.flush().await?;
        self.ended = true;
        let closed = poll_fn(|context| Pin::new(&mut self.write).poll_shutdown(context));
        match tokio::time::timeout(self.write_stall, closed).await {
            Ok(closed) => Ok(closed?),
            Err(_) => Err(WireError::SlowReader(self.write_stall)),
        }
    }

    fn seal(&mut self, header: FrameHeader, payload: &[&[u8]]) -> Result<(), Refused> {
        let mut block = self.out.len();
        self.out.extend_from_slice(&header.to_bytes());
        seal_tail(&mut self.cipher, &mut self.out, block)?;
        block = self.out.len();
        for piece in payload {
            let mut piece = *piece;
            while !piece.is_empty() {
                let room = CHUNK - (self.out.len() - block);
                let (now, later) = piece.split_at(room.min(piece.len()));
                self.out.extend_from_slice(now);
                piece = later;
                if self.out.len() - block == CHUNK {
                    seal_tail(&mut self.cipher, &mut self.out, block)?;
                    block = self.out.len();
                }
            }
        }
        if self.out.len() > block {
            seal_tail(&mut self.cipher, &mut self.out, block)?;
        }
        Ok(())
    }

    async fn write_out(&mut self) -> Result<(), WireError> {
        while self.queued() > 0 {
            self.sent += match poll_fn(|context| Poll::Ready(self.poll_some(context))).await {
                Poll::Ready(written) => written?,
                // Only now is there anything to time.
                Poll::Pending => {
                    let since = *self.waiting_since.get_or_insert_with(Instant::now);
                    let stall = self.write_stall;
                    let step = timeout_at(since + stall, poll_fn(|context| self.poll_some(context)));
                    step.await.map_err(|_| WireError::SlowReader(stall))??
                }
            };
            self.waiting_since = None;
        }
        // Silent connections hold no buffer.
        self.out = Vec::new();
        self.sent = 0;
        poll_fn(|context| Pin::new(&mut self.write).poll_flush(context)).await?;
        Ok(())
    }

    fn poll_some(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let waiting = self.out.get(self.sent..).unwrap_or_default();
        match ready!(Pin::new(&mut self.write).poll_write(context, waiting))? {
            0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            written => Poll::Ready(Ok(written)),
        }
    }
}

impl<W> fmt::Debug for FrameWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameWriter").field("queued", &(self.out.len() - self.sent)).finish_non_exhaustive()
    }
}

/// How a writer uses its transport and memory; what it writes is tested in `tests/wire`.
#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::super::test_engines::engines;
    use super::*;

    /// Takes everything and counts the calls.
    #[derive(Default)]
    struct Counting {
        calls: usize,
        bytes: usize,
    }

    impl AsyncWrite for &mut Counting {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.calls += 1;
            self.bytes += bytes.len();
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_flush_is_one_write_and_leaves_no_buffer_behind() {
        let mut transport = Counting::default();
        let mut writer = FrameWriter::new(&mut transport, engines().0.into_split().0, &WireLimits::server());
        for length in [0, 100, 70_000] {
            writer.queue(0, false, 1, &[&vec![0; length]]).unwrap();
        }
        let queued = writer.queued();
        writer.flush().await.unwrap();
        assert_eq!((writer.queued(), writer.out.capacity()), (0, 0));
        writer.flush().await.unwrap();
        assert_eq!((transport.calls, transport.bytes), (1, queued));
    }
}
