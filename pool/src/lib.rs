//! The Punchbowl node.

pub mod block_desk;
pub mod channel;
pub mod config;
pub mod extranonces;
pub mod http;
pub mod job;
pub mod miner;
pub mod node;
pub mod payout;
pub mod server;
pub mod status;
pub mod wire;
