//! Where block templates come from.
//!
//! A source *pushes*: it publishes the template to mine on through a `watch` and
//! takes solved blocks through a bounded channel. Nothing polls it and nothing
//! waits for it, so that a Bitcoin Core restart never stops the pool.

pub mod embedded;
pub mod ipc;
pub mod place;
mod schema;
pub mod solution;
pub mod source;
pub mod template;

pub use place::{Place, PlaceError};
pub use solution::{Solution, SolutionError, SolutionOutcome};
pub use source::{CoinbaseReserve, SourceHandle, SourceStatus};
pub use template::{Network, Template};

use schema::{init_capnp, mining_capnp, proxy_capnp, rpc_capnp};
