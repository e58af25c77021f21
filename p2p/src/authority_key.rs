//! The pool's identity: the authority key (SV2 section 4.7).
//!
//! The public half is what a pool publishes and a miner pins; the secret half signs a
//! fresh certificate in every handshake. Keys are secp256k1, the public one x-only.
//! As text both are base58check: the public key after the prefix `[1, 0]`, the secret
//! key bare, as in the configuration files of SRI.

use rand::{CryptoRng, Rng};
use secp256k1::{Keypair, Message, Secp256k1, SecretKey, SignOnly, XOnlyPublicKey};
use std::{fmt, str::FromStr, time::Duration};
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

/// The public authority key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AuthorityKey(XOnlyPublicKey);

/// The authority key with its secret, and how long the certificates hold that it signs.
///
/// `Debug` shows the public half only; the secret is wiped on drop.
pub struct AuthorityKeypair {
    keypair: Keypair,
    certificate_validity: Duration,
}

/// Signs other things in the pool's name than certificates; see
/// [`AuthorityKeypair::digest_signer`]. The secret is wiped on drop.
pub struct DigestSigner {
    keypair: Keypair,
    secp: Secp256k1<SignOnly>,
}

/// Why a text or bytes are not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not base58, or the checksum does not fit: a typing error.
    #[error("the key is not valid base58check; copy it again, a character is wrong or missing")]
    Base58,
    /// The decoded bytes are too many or too few.
    #[error("the key is {found} bytes long but must be {expected}; is it a key of another kind?")]
    Length {
        /// Bytes found.
        found: usize,
        /// Bytes expected.
        expected: usize,
    },
    /// The prefix of a public key is not `[1, 0]`.
    #[error(
        "the key has version {0} but only version 1 is known; is it the secret key, or from newer software?"
    )]
    Version(u16),
    /// Not a node key: those are in hexadecimal.
    #[error(
        "a node key is 64 hexadecimal digits; restore the file from your copy, or move it away to have a new key made \
         (the node id is then another, and earlier invites no longer work)"
    )]
    Hex,
    /// The bytes are not on the curve or zero.
    #[error("the bytes of the key are not a secp256k1 key")]
    NotOnCurve,
}

const VERSION: [u8; 2] = 1u16.to_le_bytes();

/// Public keys whose secrets are printed in documents, example configurations and
/// tests of Stratum V2 software.
const KNOWN_EXAMPLES: [&str; 3] = [
    "9auqWEzQDVyd2oe1JVGFLMLHZtCo2FFqZwtKA5gd9xbuEu7PH72", // SRI's configuration examples and tests
    "9bDuixKmZqAJnrmP746n8zU1wyAQRrus7th9dxnkPg6RzQvCnan", // SRI's key tool and translator examples
    "9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh", // the specification's test vector
];

impl AuthorityKey {
    /// From the 32 bytes of the x coordinate, big-endian as in BIP340.
    ///
    /// # Errors
    /// [`KeyError::NotOnCurve`].
    pub fn from_bytes(x_only: &[u8; 32]) -> Result<AuthorityKey, KeyError> {
        XOnlyPublicKey::from_slice(x_only).map(AuthorityKey).map_err(|_| KeyError::NotOnCurve)
    }

    /// The 32 bytes of the x coordinate, big-endian as in BIP340.
    pub fn to_bytes(self) -> [u8; 32] {
        self.0.serialize()
    }

    /// Whether the secret of this key is public knowledge, so that whoever likes can
    /// pose as its owner.
    pub fn is_known_example(&self) -> bool {
        KNOWN_EXAMPLES.iter().any(|example| example.parse() == Ok(*self))
    }

    pub(crate) fn public(&self) -> &XOnlyPublicKey {
        &self.0
    }
}

impl FromStr for AuthorityKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<AuthorityKey, KeyError> {
        let bytes = bs58::decode(text).with_check(None).into_vec().map_err(|_| KeyError::Base58)?;
        let [low, high, x_only @ ..] = bytes.as_slice() else {
            return Err(KeyError::Length { found: bytes.len(), expected: 34 });
        };
        let x_only = x_only.try_into().map_err(|_| KeyError::Length { found: bytes.len(), expected: 34 })?;
        if [*low, *high] != VERSION {
            return Err(KeyError::Version(u16::from_le_bytes([*low, *high])));
        }
        AuthorityKey::from_bytes(x_only)
    }
}

impl fmt::Display for AuthorityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [VERSION.as_slice(), &self.to_bytes()].concat();
        f.write_str(&bs58::encode(bytes).with_check().into_string())
    }
}

impl fmt::Debug for AuthorityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthorityKey({self})")
    }
}

impl AuthorityKeypair {
    /// How long a certificate holds unless said otherwise. A certificate is made for
    /// one connection and its key is forgotten after the handshake, so that a long
    /// time costs nothing and forgives clocks that run ahead.
    pub const DEFAULT_CERTIFICATE_VALIDITY: Duration = Duration::from_secs(24 * 60 * 60);

    /// Makes a new key.
    pub fn generate<G: Rng + CryptoRng + ?Sized>(rng: &mut G) -> AuthorityKeypair {
        AuthorityKeypair::from_keypair(Keypair::new(&Secp256k1::signing_only(), rng))
    }

    /// From the 32 bytes of the secret, big-endian.
    ///
    /// # Errors
    /// [`KeyError::NotOnCurve`] when they are zero or not below the group order.
    pub fn from_secret_bytes(secret: &[u8; 32]) -> Result<AuthorityKeypair, KeyError> {
        let mut key = SecretKey::from_slice(secret).map_err(|_| KeyError::NotOnCurve)?;
        let keypair = Keypair::from_secret_key(&Secp256k1::signing_only(), &key);
        key.non_secure_erase();
        Ok(AuthorityKeypair::from_keypair(keypair))
    }

    /// From base58check of the 32 secret bytes, the form that SRI uses.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn from_secret_text(text: &str) -> Result<AuthorityKeypair, KeyError> {
        let bytes = bs58::decode(text).with_check(None).into_vec().map_err(|_| KeyError::Base58)?;
        let bytes = Zeroizing::new(bytes);
        let length = KeyError::Length { found: bytes.len(), expected: 32 };
        AuthorityKeypair::from_secret_bytes(bytes.as_slice().try_into().map_err(|_| length)?)
    }

    /// The secret as text; see [`from_secret_text`](Self::from_secret_text). Wiped on drop.
    pub fn secret_text(&self) -> Zeroizing<String> {
        let mut secret = self.keypair.secret_bytes();
        let text = bs58::encode(&secret).with_check().into_string();
        secret.zeroize();
        Zeroizing::new(text)
    }

    /// Sets how long the certificates hold that this key signs. Whole seconds.
    #[must_use]
    pub fn with_certificate_validity(mut self, validity: Duration) -> AuthorityKeypair {
        self.certificate_validity = validity;
        self
    }

    /// The public half, to be published.
    pub fn public_key(&self) -> AuthorityKey {
        AuthorityKey(self.keypair.x_only_public_key().0)
    }

    /// What signs digests with this key. Digests must say what they are of, so that none can
    /// pass for that of a certificate.
    pub fn digest_signer(&self) -> DigestSigner {
        DigestSigner { keypair: self.keypair, secp: Secp256k1::signing_only() }
    }

    /// See [`AuthorityKey::is_known_example`].
    pub fn is_known_example(&self) -> bool {
        self.public_key().is_known_example()
    }

    pub(crate) fn keypair(&self) -> &Keypair {
        &self.keypair
    }

    pub(crate) fn certificate_validity_seconds(&self) -> u32 {
        u32::try_from(self.certificate_validity.as_secs()).unwrap_or(u32::MAX)
    }

    fn from_keypair(keypair: Keypair) -> AuthorityKeypair {
        AuthorityKeypair { keypair, certificate_validity: AuthorityKeypair::DEFAULT_CERTIFICATE_VALIDITY }
    }
}

impl DigestSigner {
    /// The public half.
    pub fn public_key(&self) -> AuthorityKey {
        AuthorityKey(self.keypair.x_only_public_key().0)
    }

    /// A BIP340 signature of `digest`; the same each time.
    pub fn sign(&self, digest: &[u8; 32]) -> [u8; 64] {
        *self.secp.sign_schnorr_no_aux_rand(&Message::from_digest(*digest), &self.keypair).as_ref()
    }
}

impl Drop for DigestSigner {
    fn drop(&mut self) {
        self.keypair.non_secure_erase();
    }
}

impl Drop for AuthorityKeypair {
    fn drop(&mut self) {
        self.keypair.non_secure_erase();
    }
}

impl fmt::Debug for AuthorityKeypair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorityKeypair").field("public", &self.public_key()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use proptest::prelude::*;

    const SRI_PUBLIC: &str = "9auqWEzQDVyd2oe1JVGFLMLHZtCo2FFqZwtKA5gd9xbuEu7PH72";
    const SRI_SECRET: &str = "mkDLTBBRxdBv998612qipDYoTK3YUrqLe8uWw7gu3iXbSrn2n";

    #[test]
    fn the_specs_test_vector_is_read_and_printed() {
        let raw = [
            118, 99, 112, 0, 151, 156, 28, 17, 175, 12, 48, 11, 205, 140, 127, 228, 134, 16, 252, 233, 185,
            193, 30, 61, 174, 227, 90, 224, 176, 138, 116, 85,
        ];
        let text = "9bXiEd8boQVhq7WddEcERUL5tyyJVFYdU8th3HfbNXK3Yw6GRXh";
        assert_eq!(text.parse::<AuthorityKey>().unwrap().to_bytes(), raw);
        assert_eq!(AuthorityKey::from_bytes(&raw).unwrap().to_string(), text);
    }

    #[test]
    fn secrets_have_the_text_form_of_sri() {
        let sri_keys = [
            (SRI_SECRET, SRI_PUBLIC),
            (
                "zmBEmPhqo3A92FkiLVvyCz6htc3e53ph3ZbD4ASqGaLjwnFLi",
                "9bDuixKmZqAJnrmP746n8zU1wyAQRrus7th9dxnkPg6RzQvCnan",
            ),
        ];
        for (secret, public) in sri_keys {
            let key = AuthorityKeypair::from_secret_text(secret).unwrap();
            assert_eq!(key.public_key().to_string(), public);
            assert_eq!(*key.secret_text(), secret);
        }
    }

    #[test]
    fn published_example_keys_are_known_and_a_fresh_one_is_not() {
        for example in KNOWN_EXAMPLES {
            assert!(example.parse::<AuthorityKey>().unwrap().is_known_example());
        }
        assert!(AuthorityKeypair::from_secret_text(SRI_SECRET).unwrap().is_known_example());
        assert!(!AuthorityKeypair::generate(&mut rand::thread_rng()).is_known_example());
    }

    #[test]
    fn every_mistake_in_a_key_has_its_own_answer() {
        let error = |text: &str| text.parse::<AuthorityKey>().unwrap_err();
        assert_eq!(error("9auqWEzQDVyd2oe1JVGFLMLHZtCo2FFqZwtKA5gd9xbuEu7PH73"), KeyError::Base58);
        assert_eq!(error(""), KeyError::Base58);
        assert_eq!(error(SRI_SECRET), KeyError::Length { found: 32, expected: 34 });
        let other_version = bs58::encode([&[2, 0], [7; 32].as_slice()].concat()).with_check().into_string();
        assert_eq!(error(&other_version), KeyError::Version(2));
        let off_curve = bs58::encode([&[1, 0], [0xff; 32].as_slice()].concat()).with_check().into_string();
        assert_eq!(error(&off_curve), KeyError::NotOnCurve);
        let length = KeyError::Length { found: 34, expected: 32 };
        assert_eq!(AuthorityKeypair::from_secret_text(SRI_PUBLIC).unwrap_err(), length);
        assert_eq!(AuthorityKeypair::from_secret_bytes(&[0; 32]).unwrap_err(), KeyError::NotOnCurve);
    }

    #[test]
    fn a_digest_that_is_signed_can_be_checked_with_the_public_key() {
        let signer = AuthorityKeypair::from_secret_text(SRI_SECRET).unwrap().digest_signer();
        let signature = secp256k1::schnorr::Signature::from_slice(&signer.sign(&[7; 32])).unwrap();
        let check = |digest| {
            secp256k1::Secp256k1::verification_only().verify_schnorr(
                &signature,
                &Message::from_digest(digest),
                signer.public_key().public(),
            )
        };
        assert!(check([7; 32]).is_ok() && check([8; 32]).is_err());
    }

    #[test]
    fn debug_shows_the_public_half_only() {
        let key = AuthorityKeypair::from_secret_text(SRI_SECRET).unwrap();
        let shown = format!("{key:?}");
        assert!(shown.contains(SRI_PUBLIC));
        let secret_hex = key.keypair.display_secret().to_string();
        assert!(!shown.contains(SRI_SECRET) && !shown.contains(&secret_hex), "{shown}");
    }

    proptest! {
        #[test]
        fn keys_survive_the_round_trip_through_text(secret in prop::array::uniform32(1u8..=254)) {
            let key = AuthorityKeypair::from_secret_bytes(&secret).unwrap();
            let again = AuthorityKeypair::from_secret_text(&key.secret_text()).unwrap();
            prop_assert_eq!(again.public_key(), key.public_key());
            prop_assert_eq!(key.public_key().to_string().parse(), Ok(key.public_key()));
        }

        #[test]
        fn no_text_makes_the_key_parsers_panic(text in any::<String>()) {
            let _ = text.parse::<AuthorityKey>();
            let _ = AuthorityKeypair::from_secret_text(&text);
        }
    }
}
