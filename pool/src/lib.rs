//! The Punchbowl node.

pub mod config;
pub mod payout;
