//! The pool and its workers in Home Assistant, over MQTT.
//!
//! Home Assistant finds them by itself (MQTT discovery): retained messages describe each entity,
//! retained states follow every few seconds, and a last will at the broker says `offline` when
//! the pool dies. The number of entities is bounded whatever miners do.

pub mod discovery;
pub mod link;
pub mod rates;
pub mod standings;
pub mod tunnel;

pub use link::{HomeAssistant, SetupError};
