//! Noise sessions as the peer sees them: against ourselves, against SRI's codec, against
//! another Noise implementation, and against peers that mean no good.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod between_ourselves;
mod codec_oracle;
mod hostile_bytes;
mod identity;
mod slow_peer;
mod snow_oracle;

use p2p::{AuthorityKeypair, Frame, FrameHeader, FrameReader, FrameWriter, WireLimits, noise};
use tokio::io::{DuplexStream, ReadHalf, WriteHalf, duplex, split};

/// One side of a session over a pipe.
struct Side {
    reader: FrameReader<ReadHalf<DuplexStream>>,
    writer: FrameWriter<WriteHalf<DuplexStream>>,
}

/// Payload lengths on both sides of every edge between blocks.
const TELLING_LENGTHS: [usize; 10] = [0, 1, 15, 4096, 65518, 65519, 65520, 131_038, 131_039, 200_000];

fn authority() -> AuthorityKeypair {
    AuthorityKeypair::from_secret_bytes(&[0x42; 32]).unwrap()
}

/// Limits that let the longest of [`TELLING_LENGTHS`] through.
fn wide() -> WireLimits {
    WireLimits { max_frame: 1 << 20, max_queued: 1 << 20, ..WireLimits::server() }
}

/// A session of two of our own, client first. The pipe between holds `pipe` bytes.
async fn session(pipe: usize, limits: WireLimits) -> (Side, Side) {
    let (near, far) = duplex(pipe);
    let authority = authority();
    let (near_read, near_write) = split(near);
    let (far_read, far_write) = split(far);
    let (client, server) = tokio::join!(
        noise::connect(near_read, near_write, Some(authority.public_key()), &limits),
        noise::accept(far_read, far_write, &authority, &limits),
    );
    let side = |(reader, writer)| Side { reader, writer };
    (side(client.unwrap()), side(server.unwrap()))
}

/// Our server over `stream`.
async fn serve(stream: DuplexStream, limits: WireLimits) -> Side {
    let (read, write) = split(stream);
    let (reader, writer) = noise::accept(read, write, &authority(), &limits).await.unwrap();
    Side { reader, writer }
}

/// Bytes that differ from place to place and from length to length.
fn payload(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + length) as u8).collect()
}

fn owned(frame: Frame<'_>) -> (FrameHeader, Vec<u8>) {
    (frame.header, frame.payload.to_vec())
}

/// What `future` has to say without waiting for anything.
async fn at_once<F: Future>(future: F) -> Option<F::Output> {
    tokio::select! {
        biased;
        value = future => Some(value),
        () = std::future::ready(()) => None,
    }
}
