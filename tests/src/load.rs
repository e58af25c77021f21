//! Many miners at once, against any Stratum V2 pool, for measuring it.
//!
//! One thread drives everything: it shares the machine with the pool that it measures,
//! so it must be cheap. Every run is bounded in count and in time.
//!
//! ```text
//!  target    where the pool is, and which process it is
//!  crowd     connections that have opened their channel, made many at a time
//!  hasher    shares, at about one hash each
//!  shares    mode: shares as fast as they are taken
//!  fanout    mode: how long a new block takes to reach everyone
//!  waves     mode: connections that come and go, and what memory they leave behind
//!  listeners pages that are looked at meanwhile
//!  idle      mode: what a connection costs that does nothing
//!  paths     mode: what a share and a member cost over TCP, Iroh and a relay
//!  old       mode: what a Stratum V1 miner costs
//! ```

pub mod crowd;
pub mod fanout;
pub mod hasher;
pub mod idle;
pub mod listeners;
pub mod old;
pub mod paths;
pub mod report;
pub mod server;
pub mod shares;
pub mod target;
pub mod waves;

pub use crowd::{Crowd, Member};
pub use listeners::Listeners;
pub use report::Report;
pub use server::Server;
pub use target::{Dial, Kind, Target};
