//! Rust code made from `schema/*.capnp`; see `schema/README.md` for how.
//!
//! The generated code names its modules from the crate's root, so `lib.rs` brings
//! them there.

#![allow(missing_docs, unused, unreachable_pub)]
#![allow(clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[rustfmt::skip]
pub mod init_capnp;
#[rustfmt::skip]
pub mod mining_capnp;
#[rustfmt::skip]
pub mod proxy_capnp;
#[rustfmt::skip]
pub mod rpc_capnp;
