//! Noise over any ordered byte stream (SV2 section 4).
//!
//! [`accept`] and [`connect`] run the handshake `Noise_NX_Secp256k1+EllSwift_ChaChaPoly_SHA256`
//! and hand back the two directions of the session as a [`FrameReader`] and a
//! [`FrameWriter`]. Neither half knows what it reads from or writes to, so that TCP,
//! an Iroh stream and a pipe in a test are all the same.
//!
//! The cipher comes from `noise_sv2`; the buffers are ours, so that an idle
//! connection holds none and a busy one copies nothing twice.
//!
//! ```
//! use p2p::{AuthorityKeypair, WireLimits, noise};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let authority = AuthorityKeypair::generate(&mut rand::thread_rng());
//! let limits = WireLimits::server();
//! let (miner, pool) = tokio::io::duplex(4096); // any ordered byte stream
//! let (miner_read, miner_write) = tokio::io::split(miner);
//! let (pool_read, pool_write) = tokio::io::split(pool);
//! let (miner, pool) = tokio::join!(
//!     noise::connect(miner_read, miner_write, Some(authority.public_key()), &limits),
//!     noise::accept(pool_read, pool_write, &authority, &limits),
//! );
//! let (_, mut to_pool) = miner?;
//! let (mut from_miner, _) = pool?;
//!
//! to_pool.queue(0, true, 0x1b, &[b"first", b"second"])?; // in pieces, sealed as one
//! to_pool.flush().await?;
//! let frame = from_miner.next().await?.ok_or("the miner has left")?;
//! assert_eq!(frame.payload, b"firstsecond");
//! # Ok(())
//! # }
//! ```

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
