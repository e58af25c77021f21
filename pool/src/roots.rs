//! Which certificates are believed, where something is sent over TLS.

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use thiserror::Error;

/// Which certificates are believed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Roots {
    /// Those of Mozilla's list, which is built in.
    #[default]
    Mozilla,
    /// Those of this machine (or of the file that `SSL_CERT_FILE` names).
    System,
}

/// Why TLS cannot be had.
#[derive(Debug, Error)]
pub enum RootsError {
    /// The system's certificates cannot be read.
    #[error(
        "this machine's certificates cannot be used: {0}; install the package ca-certificates, or set roots = \"mozilla\""
    )]
    None(String),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl Roots {
    /// What a client believes.
    ///
    /// # Errors
    /// When there are no certificates.
    pub fn client(self) -> Result<ClientConfig, RootsError> {
        let mut store = RootCertStore::empty();
        match self {
            Roots::Mozilla => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Roots::System => {
                let found = rustls_native_certs::load_native_certs();
                let (usable, _) = store.add_parsable_certificates(found.certs);
                if usable == 0 {
                    let why = found.errors.first().map_or("there are none".into(), ToString::to_string);
                    return Err(RootsError::None(why));
                }
            }
        }
        Ok(ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store)
            .with_no_client_auth())
    }
}
