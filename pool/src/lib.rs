//! The Punchbowl node.

pub mod block_desk;
pub mod channel;
pub mod cli;
pub mod config;
pub mod data_dir;
pub mod demo;
pub mod external_addresses;
pub mod extranonces;
pub mod http;
pub mod identity_file;
pub mod invite_file;
pub mod job;
pub mod join;
pub mod ledger_file;
pub mod logging;
pub mod miner;
pub mod node;
pub mod own_relay;
pub mod payout;
pub mod qr;
pub mod reach;
pub mod server;
pub mod status;
pub mod sv1;
pub mod upstream;
pub mod wire;
