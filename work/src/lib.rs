//! The pure arithmetic of mining: no IO, no async, no clock, no randomness.
//!
//! Everything that decides whether a share counts, what a coinbase looks like and
//! what a difficulty means is here, as functions of their arguments, so that it
//! can be tested by property and against independent oracles.
//!
//! Byte order: hashes are 32 bytes in *internal* order (as they are hashed and as
//! they stand in a block header), never in the reversed display order.

pub mod coinbase;
pub mod hash;
pub mod header;
pub mod merkle;
pub mod target;

pub use coinbase::{CoinbaseError, CoinbaseTemplate, SplitCoinbase};
pub use hash::{Hash256, sha256d};
pub use header::Header;
pub use target::Target;
