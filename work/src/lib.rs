//! The pure arithmetic of mining: no IO, no async, no clock, no randomness.
//!
//! Everything that decides whether a share counts, what a coinbase looks like and
//! what a difficulty means is here, as functions of their arguments, so that it
//! can be tested by property and against independent oracles.
//!
//! Byte order: hashes are 32 bytes in *internal* order (as they are hashed and as
//! they stand in a block header), never in the reversed display order.

pub mod bip34;
pub mod coinbase;
pub mod extranonce;
pub mod hash;
pub mod header;
pub mod job;
pub mod merkle;
pub mod seen;
mod sha256;
pub mod share;
pub mod subsidy;
pub mod target;
pub mod units;
pub mod vardiff;
pub mod weight;

pub use bip34::HeightPush;
pub use coinbase::{CoinbaseError, CoinbaseTemplate, SplitCoinbase};
pub use extranonce::{Extranonce, ExtranonceError};
pub use hash::{Hash256, sha256d};
pub use header::Header;
pub use job::JobWork;
pub use seen::SeenShares;
pub use share::{BIP323_MASK, Judged, ShareFault, Submission, Tip, judge, judge_extended};
pub use subsidy::block_subsidy;
pub use target::Target;
pub use units::{Difficulty, HashRate, ShareRate};
pub use vardiff::{Vardiff, VardiffConfig};
pub use weight::reserved_weight;
