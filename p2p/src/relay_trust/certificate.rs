//! A relay's certificate: self-signed, with the node key as its key.

use super::ciphers;
use iroh_base::SecretKey;
use rcgen::{CertificateParams, KeyPair, PKCS_ED25519};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use thiserror::Error;
use zeroize::Zeroizing;

/// Why there is no certificate; a fault of the libraries, not of whoever runs the relay.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// The certificate cannot be made.
    #[error("cannot make the relay's certificate: {0}")]
    Make(#[from] rcgen::Error),
    /// TLS does not take it.
    #[error("cannot serve TLS with the relay's certificate: {0}")]
    Serve(#[from] rustls::Error),
}

/// What stands before the 32 bytes of an Ed25519 seed in PKCS#8, version 1 (RFC 8410,
/// section 7).
const PKCS8_ED25519: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// TLS for a relay whose node key is `secret`.
///
/// # Errors
/// When a library refuses the key, which none does.
pub fn server_config(secret: &SecretKey) -> Result<ServerConfig, CertificateError> {
    let seed = Zeroizing::new(secret.to_bytes());
    let key = Zeroizing::new([PKCS8_ED25519.as_slice(), seed.as_slice()].concat());
    let key = PrivatePkcs8KeyDer::from(key.as_slice());
    let pair = KeyPair::from_pkcs8_der_and_sign_algo(&key, &PKCS_ED25519)?;
    // Whoever dials looks at the key alone; a name is there because some clients want one.
    let name = secret.public().to_z32();
    let certificate = CertificateParams::new(vec![name])?.self_signed(&pair)?;
    Ok(ServerConfig::builder_with_provider(ciphers())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.clone_key()))?)
}
