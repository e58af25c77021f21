//! The receiving half of a connection, whose bytes can be taken in at one time and opened
//! at another.
//!
//! The load generator runs on the cores of the pool that it measures. While the clock
//! runs it only takes bytes in; decrypting them can wait until it has stopped.

use p2p::iroh::IrohRead;
use std::{
    collections::VecDeque,
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};
use tokio::{
    io::{AsyncRead, ReadBuf},
    net::tcp::OwnedReadHalf,
};
use tokio_util::either::Either;

/// What a connection receives, and when.
pub struct Intake {
    half: Either<OwnedReadHalf, IrohRead>,
    /// Taken in and not read yet, oldest first; of the first, `start` bytes are read.
    waiting: VecDeque<Chunk>,
    start: usize,
    newest: Instant,
}

struct Chunk {
    taken_in: Instant,
    bytes: Vec<u8>,
}

impl Intake {
    /// What comes through `half`.
    pub fn new(half: Either<OwnedReadHalf, IrohRead>) -> Intake {
        Intake { half, waiting: VecDeque::new(), start: 0, newest: Instant::now() }
    }

    /// Takes in what has arrived, at most as much as `scratch` holds, without waiting for
    /// more. Without news this is no system call.
    ///
    /// # Errors
    /// When the connection is closed or broken, or goes over Iroh, where bytes do not wait in
    /// a socket.
    pub fn take_in(&mut self, scratch: &mut [u8]) -> io::Result<()> {
        let Either::Left(socket) = &self.half else { return Err(io::ErrorKind::Unsupported.into()) };
        match socket.try_read(scratch) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => {
                let taken_in = Instant::now();
                self.waiting.push_back(Chunk { taken_in, bytes: scratch[..length].to_vec() });
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether anything was taken in that has not been read.
    pub fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// When the bytes that were read last came out of the socket. No read gives bytes of
    /// more than one time, so after a frame it is the time of that frame's last byte.
    pub fn read_last_at(&self) -> Instant {
        self.newest
    }
}

impl AsyncRead for Intake {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let intake = self.get_mut();
        let Some(chunk) = intake.waiting.front() else {
            ready!(Pin::new(&mut intake.half).poll_read(context, buffer))?;
            intake.newest = Instant::now();
            return Poll::Ready(Ok(()));
        };
        let unread = &chunk.bytes[intake.start..];
        let length = unread.len().min(buffer.remaining());
        buffer.put_slice(&unread[..length]);
        intake.newest = chunk.taken_in;
        intake.start += length;
        if length == unread.len() {
            intake.start = 0;
            intake.waiting.pop_front();
        }
        Poll::Ready(Ok(()))
    }
}
