//! The SV1 server side: what stands between an old miner and a pool that speaks SV2.
//!
//! No sockets and no clock here. A driver cuts what it reads into lines
//! ([`sv1::LineBuffer`]) and hands them to a [`Session`], which owns one miner; it writes
//! out what the session has to say, does what the session commands upstream
//! ([`upstream::Command`]) and tells it what happens there ([`upstream::Event`]). So the
//! same session serves a miner at the pool's own port and at `punchbowl join`, and is
//! tested by transcripts of what firmware sends.
//!
//! ```text
//!  miner ── lines ──> Session ── commands ──> upstream: the pool's channel,
//!        <── lines ──         <── events ────           here or over SV2
//! ```

pub mod firmware;
pub mod heat;
pub mod identity;
pub mod refusal;
pub mod session;
pub mod sv1;
pub mod upstream;
pub mod wishes;

pub use firmware::{
    CoinbaseClass, Firmware, FirmwareRule, WorkerRule, classify, classify_sv2, takes_small_frames,
};
pub use identity::{MinerName, NameError};
pub use refusal::Refusal;
pub use session::{ExtranonceSizes, Goodbye, Output, Session, SessionConfig};
pub use sv1::{LineBuffer, LineTooLong};
