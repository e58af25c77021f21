//! What miners are told unasked: one file for each notice, as lines.

pub mod message;
pub mod notify;
pub mod set_difficulty;
pub mod set_extranonce;
pub mod set_version_mask;

pub use notify::{JobText, Notify};
