//! How a node and a relay know each other: by node keys, in TLS and at the relay's door.
//!
//! A relay's certificate is self-signed, and its key *is* the node key: no authority, no
//! domain and no renewal. Whoever dials knows that key from the invite and takes no other
//! one. What passes through a relay is sealed from end to end anyway; the pin sees to it
//! that nobody on the way to the relay learns who talks to whom.

pub mod certificate;
pub mod pins;
pub(crate) mod vouch;

pub use certificate::{CertificateError, server_config};
pub use pins::Pins;

use rustls::crypto::CryptoProvider;
use std::sync::Arc;

/// The ciphers of both ends.
fn ciphers() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
