//! Which key a relay's certificate must carry, for whoever dials.
//!
//! TLS tells the host that is dialled but not its port, so pins are kept by host: of two
//! relays on one machine either key is taken. A host that is pinned is never believed for
//! another key, and not for an authority's word either, unless an invite says `,ca` of it.

use super::ciphers;
use crate::{NodeId, uri::Host};
use iroh::tls::CaTlsConfig;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
};

/// The pins of one endpoint, which grow as invites are dialled. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Pins(Arc<RwLock<HashMap<String, Expected>>>);

/// What is known of the relays on one host.
#[derive(Clone, Debug, Default)]
struct Expected {
    keys: Vec<NodeId>,
    /// An authority's word is enough.
    authorities: bool,
}

/// Most hosts that are remembered, and most keys of one: more than any pool names.
const MAX_HOSTS: usize = 1024;
const MAX_KEYS: usize = 8;

impl Pins {
    /// From now on the relay on `host` is known by `key`; where that is none, by the word
    /// of an authority. Returns whether there was room to remember it.
    pub fn expect(&self, host: &Host, key: Option<NodeId>) -> bool {
        let mut hosts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let host = name_of(host);
        if hosts.len() >= MAX_HOSTS && !hosts.contains_key(&host) {
            return false;
        }
        let expected = hosts.entry(host).or_default();
        match key {
            None => expected.authorities = true,
            Some(key) if expected.keys.contains(&key) => {}
            Some(_) if expected.keys.len() >= MAX_KEYS => return false,
            Some(key) => expected.keys.push(key),
        }
        true
    }

    /// The relay on `host` is known by `key` no longer. The host stays pinned while another of
    /// its keys is.
    pub fn forget(&self, host: &Host, key: NodeId) {
        let mut hosts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let host = name_of(host);
        let Some(expected) = hosts.get_mut(&host) else { return };
        expected.keys.retain(|known| *known != key);
        if expected.keys.is_empty() && !expected.authorities {
            hosts.remove(&host);
        }
    }

    /// For Iroh: pinned hosts by their keys, all others by the authorities that browsers
    /// believe.
    pub fn for_iroh(&self) -> CaTlsConfig {
        let pins = self.clone();
        CaTlsConfig::custom_server_cert_verifier(Arc::new(move |provider| {
            let authorities = CaTlsConfig::embedded().server_cert_verifier(Arc::clone(&provider))?;
            let verifier = PinVerifier { pins: pins.clone(), provider, authorities };
            Ok(Arc::new(verifier) as Arc<dyn ServerCertVerifier>)
        }))
    }

    /// The same for a TLS client of our own.
    ///
    /// # Errors
    /// When the libraries disagree about ciphers, which they do not.
    pub fn client_config(&self) -> io::Result<ClientConfig> {
        self.for_iroh().client_config(ciphers())
    }

    fn of(&self, host: &str) -> Option<Expected> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(host).cloned()
    }
}

/// The host as TLS names it.
fn name_of(host: &Host) -> String {
    match host {
        Host::Ip(ip) => ip.to_string(),
        Host::Name(name) => name.trim_end_matches('.').to_ascii_lowercase(),
    }
}

#[derive(Debug)]
struct PinVerifier {
    pins: Pins,
    provider: Arc<CryptoProvider>,
    authorities: Arc<dyn ServerCertVerifier>,
}

/// What stands before the 32 bytes of an Ed25519 key in a certificate's field for it
/// (SubjectPublicKeyInfo, RFC 8410, section 4).
const SPKI_ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The node key in a certificate, if it has one.
fn node_key_of(certificate: &CertificateDer<'_>) -> Result<Option<NodeId>, Error> {
    let parsed = webpki::EndEntityCert::try_from(certificate)
        .map_err(|_| Error::InvalidCertificate(CertificateError::BadEncoding))?;
    let field = parsed.subject_public_key_info();
    let key = field.as_ref().strip_prefix(SPKI_ED25519.as_slice()).and_then(|key| key.try_into().ok());
    Ok(key.and_then(|key: &[u8; 32]| NodeId::from_bytes(key).ok()))
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let host = match server {
            ServerName::DnsName(name) => name.as_ref().trim_end_matches('.').to_ascii_lowercase(),
            ServerName::IpAddress(ip) => IpAddr::from(*ip).to_string(),
            _ => return Err(Error::UnsupportedNameType),
        };
        let by_authority =
            || self.authorities.verify_server_cert(certificate, intermediates, server, ocsp, now);
        let Some(expected) = self.pins.of(&host) else { return by_authority() };
        // How long a certificate says it is valid does not matter: the key does, and clocks
        // at home are often wrong.
        match node_key_of(certificate)? {
            Some(key) if expected.keys.contains(&key) => Ok(ServerCertVerified::assertion()),
            _ if expected.authorities => by_authority(),
            _ => Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::relay_trust::server_config;
    use iroh_base::SecretKey;
    use rustls::{ClientConnection, ServerConnection};

    fn secret(number: u8) -> SecretKey {
        SecretKey::from_bytes(&[number; 32])
    }

    fn host(text: &str) -> Host {
        match text.parse() {
            Ok(ip) => Host::Ip(ip),
            Err(_) => Host::Name(text.to_owned()),
        }
    }

    /// A whole TLS handshake in memory with the relay of `secret(1)`, dialled at `name`.
    fn handshake(pins: &Pins, name: &str) -> Result<(), String> {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let mut client = ClientConnection::new(Arc::new(pins.client_config().unwrap()), name).unwrap();
        let mut server = ServerConnection::new(Arc::new(server_config(&secret(1)).unwrap())).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut wire).unwrap();
            }
            let mut read = wire.as_slice();
            while !read.is_empty() {
                server.read_tls(&mut read).unwrap();
                server.process_new_packets().map_err(|error| error.to_string())?;
            }
            let mut wire = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut wire).unwrap();
            }
            let mut read = wire.as_slice();
            while !read.is_empty() {
                client.read_tls(&mut read).unwrap();
                client.process_new_packets().map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    #[test]
    fn a_relay_is_believed_for_its_own_key_at_a_bare_address_and_at_a_name() {
        for place in ["203.0.113.7", "relay.example", "2001:db8::7"] {
            let pins = Pins::default();
            assert!(pins.expect(&host(place), Some(secret(1).public())));
            handshake(&pins, place).unwrap();
        }
    }

    #[test]
    fn another_key_is_refused_and_no_authority_is_asked() {
        let pins = Pins::default();
        pins.expect(&host("203.0.113.7"), Some(secret(2).public()));
        let error = handshake(&pins, "203.0.113.7").unwrap_err();
        assert!(error.contains("certificate"), "{error}");
    }

    #[test]
    fn a_self_signed_certificate_is_nothing_where_an_authority_or_nobody_vouches() {
        let pins = Pins::default();
        assert!(handshake(&pins, "relay.example").is_err(), "not pinned");
        pins.expect(&host("relay.example"), None);
        assert!(handshake(&pins, "relay.example").is_err(), ",ca");
    }

    #[test]
    fn a_pin_can_be_added_while_the_endpoint_runs_and_does_not_take_away_another() {
        let pins = Pins::default();
        pins.expect(&host("203.0.113.7"), Some(secret(2).public()));
        assert!(handshake(&pins, "203.0.113.7").is_err());
        pins.expect(&host("203.0.113.7"), Some(secret(1).public()));
        handshake(&pins, "203.0.113.7").unwrap();
    }

    #[test]
    fn a_pin_that_is_taken_back_is_believed_no_longer_and_leaves_room() {
        let (pins, place) = (Pins::default(), "203.0.113.7");
        pins.expect(&host(place), Some(secret(1).public()));
        pins.expect(&host(place), Some(secret(2).public()));
        pins.forget(&host(place), secret(1).public());
        assert!(handshake(&pins, place).is_err());
        pins.forget(&host(place), secret(2).public());
        assert!(pins.of(place).is_none());
    }

    #[test]
    fn a_key_that_merely_stands_somewhere_in_a_certificate_is_not_the_certificates_key() {
        let other = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["relay.example".to_owned()]).unwrap();
        let planted = [SPKI_ED25519.as_slice(), secret(1).public().as_bytes()].concat();
        parameters.custom_extensions =
            vec![rcgen::CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 55555, 1], planted.clone())];
        let certificate = parameters.self_signed(&other).unwrap();
        assert!(certificate.der().windows(planted.len()).any(|window| window == planted));
        assert_ne!(node_key_of(certificate.der()).unwrap(), Some(secret(1).public()));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let pins = Pins::default();
        for number in 0..MAX_HOSTS {
            assert!(pins.expect(&host(&format!("r{number}.example")), None));
        }
        assert!(!pins.expect(&host("one-more.example"), None));
        for number in 1..=MAX_KEYS {
            assert!(pins.expect(&host("r0.example"), Some(secret(number as u8).public())));
        }
        assert!(!pins.expect(&host("r0.example"), Some(secret(99).public())));
    }
}
