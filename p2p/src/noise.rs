//! Noise over any ordered byte stream (SV2 section 4).
//!
//! [`accept`] and [`connect`] run the handshake `Noise_NX_Secp256k1+EllSwift_ChaChaPoly_SHA256`
//! and hand back the two directions of the session as a [`FrameReader`] and a
//! [`FrameWriter`]. Neither half knows what it reads from or writes to, so that TCP,
//! an Iroh stream and a pipe in a test are all the same.
//!
//! The cipher comes from `noise_sv2`; the buffers are ours, so that an idle
//! connection holds none and a busy one copies nothing twice.

mod handshake;
mod limits;
mod reader;
mod sealed;
#[cfg(test)]
mod test_engines;
mod wire_error;
mod writer;

pub use handshake::{HandshakeError, accept, connect};
pub use limits::WireLimits;
pub use reader::FrameReader;
pub use wire_error::WireError;
pub use writer::FrameWriter;
