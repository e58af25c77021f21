//! What the host has configured.
//!
//! One file (TOML, or JSON by its extension), what was set in the browser over it
//! ([`settings`](crate::settings)), `PUNCHBOWL_*` environment variables over that, flags over
//! all. `punchbowl.example.toml` documents every key; a test
//! keeps it complete and its defaults true.
//!
//! Loading never stops at the first mistake: [`load::load`] returns everything
//! that is wrong, each with the place where it was said and the remedy.

pub mod check;
pub mod coinbase;
pub mod environment;
pub mod file;
pub mod home_assistant;
pub mod load;
pub mod notify;
pub mod problem;
pub mod sections;
pub mod setting;
pub mod values;

mod json_lines;
mod suggest;

pub use coinbase::{Blocks, Coinbase};
pub use home_assistant::HomeAssistant;
pub use load::{Loaded, SettingsLayer, Sources, load};
pub use notify::Notify;
pub use problem::{ConfigError, Origin, Problem};
pub use sections::{
    Alias, Authority, Config, DhtPublishing, Discovery, Embedded, Extensions, Http, Limits, Listen, P2p,
    P2pAdmission, P2pRelay, Payout, PayoutKind, RelayMode, RelayServes, Sv1, Template, TemplateSource,
    Vardiff, WindowKind,
};
pub use setting::Setting;
pub use values::{HomePath, HttpListen, Nbits, PublicPlace, Seconds, UtcTime};
