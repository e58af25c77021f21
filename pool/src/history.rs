//! What was mined, as charts and lists show it: followed in the ledger, share by share, by a
//! thread of its own.
//!
//! The ledger is the one truth: whatever is shown here is computed from what stands in it,
//! so that charts and best shares outlive a restart, and those who take shares do nothing
//! for those who look. Memory is bounded, whatever miners call themselves.

pub mod beginning;
pub mod bests;
pub mod event;
pub mod follower;
pub mod rate;
pub mod round;
pub mod series;
pub mod tally;

pub use bests::{Best, Bests};
pub use event::Event;
pub use follower::{Follower, Following};
pub use rate::{Rate, Windows};
pub use series::{Line, Point, Range, Series};
pub use tally::{MemberTally, Tally, WorkerTally};
