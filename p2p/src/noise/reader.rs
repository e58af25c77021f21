//! The receiving direction.
//!
//! A read takes whatever the transport has, often several frames; each is opened
//! where it lies and lent to the caller. While the peer is silent there is no
//! buffer at all, and it grows with what has arrived, never with what a header
//! announces (SV2 section 4.6).

use super::{
    WireError, WireLimits,
    sealed::{SEALED_HEADER, open, sealed_length},
};
use crate::frame::{Frame, FrameHeader};
use noise_sv2::NoiseDecryptor;
use std::{fmt, future::poll_fn, ops::Range, pin::Pin};
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

/// Reads frames from `R`.
pub struct FrameReader<R> {
    read: R,
    cipher: NoiseDecryptor,
    /// Received bytes; those before `start` have been handed out.
    buffer: Vec<u8>,
    start: usize,
    /// How much to ask of the transport at once.
    appetite: usize,
    /// Header already opened, payload still to come.
    header: Option<FrameHeader>,
    max_frame: usize,
    ended: bool,
}

const MIN_APPETITE: usize = 2 * 1024;
const MAX_APPETITE: usize = 32 * 1024;

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(read: R, cipher: NoiseDecryptor, limits: &WireLimits) -> FrameReader<R> {
        FrameReader {
            read,
            cipher,
            buffer: Vec::new(),
            start: 0,
            appetite: MIN_APPETITE,
            header: None,
            max_frame: limits.max_frame.min(FrameHeader::MAX_LENGTH as usize),
            ended: false,
        }
    }

    /// The next frame, or `None` when the peer closed between two frames.
    ///
    /// Cancel-safe: dropping the future loses nothing that was received.
    ///
    /// # Errors
    /// Any error ends the session; later calls fail with [`WireError::Ended`].
    pub async fn next(&mut self) -> Result<Option<Frame<'_>>, WireError> {
        loop {
            if let Some((header, payload)) = self.take_received()? {
                return Ok(self.lend(header, payload));
            }
            if self.receive().await.inspect_err(|_| self.ended = true)? == 0 {
                if self.start == self.buffer.len() && self.header.is_none() {
                    return Ok(None);
                }
                self.ended = true;
                return Err(WireError::Truncated);
            }
        }
    }

    /// A frame that has been received in full already, if there is one. Does no IO,
    /// so that a burst can be answered with one flush.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn try_next(&mut self) -> Result<Option<Frame<'_>>, WireError> {
        match self.take_received()? {
            Some((header, payload)) => Ok(self.lend(header, payload)),
            None => Ok(None),
        }
    }

    /// What is read from. Its bytes belong to the session: reading from it directly
    /// breaks the session, looking does not.
    pub fn transport(&self) -> &R {
        &self.read
    }

    /// As [`transport`](Self::transport), for transports that can be told something.
    pub fn transport_mut(&mut self) -> &mut R {
        &mut self.read
    }

    fn lend(&mut self, header: FrameHeader, payload: Range<usize>) -> Option<Frame<'_>> {
        self.buffer.get_mut(payload).map(|payload| Frame { header, payload })
    }

    /// Opens the first received frame and says where in the buffer its payload is.
    fn take_received(&mut self) -> Result<Option<(FrameHeader, Range<usize>)>, WireError> {
        if self.ended {
            return Err(WireError::Ended);
        }
        self.open_received().inspect_err(|_| self.ended = true)
    }

    fn open_received(&mut self) -> Result<Option<(FrameHeader, Range<usize>)>, WireError> {
        let header = match self.header {
            Some(header) => header,
            None => {
                let Some(sealed) = self.buffer.get_mut(self.start..self.start + SEALED_HEADER) else {
                    return Ok(None);
                };
                open(&mut self.cipher, sealed).map_err(|_| WireError::Tampered)?;
                let Some(plain) = sealed.first_chunk() else { return Ok(None) };
                let header = FrameHeader::from_bytes(*plain);
                let declared = header.length as usize;
                if declared > self.max_frame {
                    return Err(WireError::Oversize { declared, max: self.max_frame });
                }
                self.start += SEALED_HEADER;
                self.header = Some(header);
                header
            }
        };
        let length = header.length as usize;
        let end = self.start + sealed_length(length);
        let Some(sealed) = self.buffer.get_mut(self.start..end) else { return Ok(None) };
        open(&mut self.cipher, sealed).map_err(|_| WireError::Tampered)?;
        let payload = self.start..self.start + length;
        self.start = end;
        self.header = None;
        Ok(Some((header, payload)))
    }

    /// Reads once; 0 means that the peer closed.
    async fn receive(&mut self) -> Result<usize, WireError> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let received = poll_fn(|context| {
            let room = self.room();
            if self.buffer.capacity() - self.buffer.len() < room / 2 {
                self.buffer.reserve_exact(room);
            }
            let polled = poll_read_buf(Pin::new(&mut self.read), context, &mut self.buffer);
            if polled.is_pending() && self.buffer.is_empty() {
                self.buffer = Vec::new(); // silent peers cost no buffer
            }
            polled
        })
        .await?;
        if self.buffer.len() == self.buffer.capacity() {
            self.appetite = (self.appetite * 2).min(MAX_APPETITE);
        } else if received < self.appetite / 4 {
            self.appetite = (self.appetite / 2).max(MIN_APPETITE);
        }
        Ok(received)
    }

    /// How many bytes to make room for. A long frame doubles the buffer with what has
    /// arrived of it.
    fn room(&self) -> usize {
        let arrived = self.buffer.len();
        let missing = self.header.map_or(0, |header| sealed_length(header.length as usize) - arrived);
        missing.min(arrived).max(self.appetite)
    }
}

impl<R> fmt::Debug for FrameReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameReader").field("buffered", &self.buffer.len()).finish_non_exhaustive()
    }
}

/// What a reader holds in memory; what it makes of bytes is tested in `tests/wire`.
#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::super::{FrameWriter, sealed::seal_tail, test_engines::engines};
    use super::*;
    use noise_sv2::NoiseEncryptor;
    use tokio::io::{AsyncWriteExt, DuplexStream, duplex};

    const LIMITS: WireLimits = WireLimits { max_queued: 1 << 20, ..WireLimits::server() };

    fn pair() -> (NoiseEncryptor, DuplexStream, FrameReader<DuplexStream>) {
        let (client, server) = engines();
        let (near, far) = duplex(1 << 20);
        (client.into_split().0, near, FrameReader::new(far, server.into_split().1, &LIMITS))
    }

    async fn assert_silent(reader: &mut FrameReader<DuplexStream>) {
        tokio::select! {
            biased;
            frame = reader.next() => panic!("{frame:?}"),
            () = std::future::ready(()) => {}
        }
    }

    #[tokio::test]
    async fn a_silent_peer_costs_no_buffer_before_or_after_a_burst() {
        let (cipher, stream, mut reader) = pair();
        assert_silent(&mut reader).await;
        assert_eq!(reader.buffer.capacity(), 0);

        let mut writer = FrameWriter::new(stream, cipher, &LIMITS);
        writer.queue(0, false, 1, &[&[0; 100_000]]).unwrap();
        for _ in 0..500 {
            writer.queue(0, false, 1, &[&[0; 24]]).unwrap();
        }
        writer.flush().await.unwrap();
        for _ in 0..501 {
            reader.next().await.unwrap().unwrap();
        }
        assert_silent(&mut reader).await;
        assert_eq!(reader.buffer.capacity(), 0);
    }

    #[tokio::test]
    async fn the_buffer_grows_with_what_arrives_and_not_with_what_is_announced() {
        let (mut cipher, mut stream, mut reader) = pair();
        let header = FrameHeader { extension_type: 0, channel_msg: false, msg_type: 1, length: 128 * 1024 };
        let mut announced = header.to_bytes().to_vec();
        seal_tail(&mut cipher, &mut announced, 0).unwrap();
        stream.write_all(&announced).await.unwrap();
        assert_silent(&mut reader).await;
        assert!(reader.buffer.capacity() <= MIN_APPETITE);

        let mut arrived = 0;
        while arrived < 100_000 {
            stream.write_all(&[0; 1000]).await.unwrap();
            arrived += 1000;
            assert_silent(&mut reader).await;
            let capacity = reader.buffer.capacity();
            assert!(capacity <= 2 * arrived + MAX_APPETITE, "{capacity} bytes held of {arrived}");
        }
    }

    #[tokio::test]
    async fn a_refused_length_is_never_made_room_for() {
        let (mut cipher, mut stream, mut reader) = pair();
        let header = FrameHeader { extension_type: 0, channel_msg: false, msg_type: 1, length: 0xff_ffff };
        let mut announced = header.to_bytes().to_vec();
        seal_tail(&mut cipher, &mut announced, 0).unwrap();
        stream.write_all(&announced).await.unwrap();
        assert!(matches!(reader.next().await, Err(WireError::Oversize { declared: 0xff_ffff, .. })));
        assert!(reader.buffer.capacity() <= MIN_APPETITE);
    }
}
