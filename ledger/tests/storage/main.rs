//! The ledger as a pool uses it: shares in, acknowledgements out, and everything still there
//! whatever happens to the process, the disk or the clock.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod blocks;
mod disk;
mod killed;
mod proofs;
mod replay;
mod sending;
mod slices;
mod stream;
mod support;
