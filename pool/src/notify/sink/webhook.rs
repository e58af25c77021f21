//! A program of the host's that takes JSON by POST, signed so that it can tell who sent it.
//!
//! The header `Punchbowl-Signature: t=<seconds>,v1=<hex>` holds HMAC-SHA256, keyed with the
//! shared secret, of `<seconds>.<body>`; the time is signed so that an old message cannot be
//! sent again much later.

use crate::notify::notice::Notice;
use crate::notify::web::Request;
use bitcoin::hashes::{Hash, HashEngine, Hmac, HmacEngine, sha256};

/// Where it listens, and the secret shared with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    url: String,
    secret: Option<String>,
}

impl Webhook {
    /// At `url`; without a secret, messages are not signed.
    pub fn new(url: String, secret: Option<String>) -> Webhook {
        Webhook { url, secret }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn request(&self, id: &str, body: String, now: u64) -> Request {
        let mut headers = vec![("Punchbowl-Id", id.to_owned())];
        if let Some(secret) = &self.secret {
            let signature = signature(secret, now, &body);
            headers.push(("Punchbowl-Signature", format!("t={now},v1={signature}")));
        }
        Request { url: self.url.clone(), headers, body }
    }
}

pub(super) fn body(notice: &Notice) -> String {
    // Nothing in a notice is a map with other keys than text.
    serde_json::to_string(notice).unwrap_or_default()
}

/// HMAC-SHA256 of `<time>.<body>` in hex.
pub fn signature(secret: &str, time: u64, body: &str) -> String {
    let mut engine = HmacEngine::<sha256::Hash>::new(secret.as_bytes());
    engine.input(format!("{time}.").as_bytes());
    engine.input(body.as_bytes());
    Hmac::from_engine(engine).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn the_signature_is_hmac_sha256_over_time_and_body() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret
        let expected = "49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686";
        assert_eq!(signature("secret", 1_700_000_000, "{\"a\":1}"), expected);
        let request = Webhook::new("http://x/".into(), Some("secret".into())).request(
            "id",
            "{\"a\":1}".into(),
            1_700_000_000,
        );
        assert!(request.headers.contains(&("Punchbowl-Signature", format!("t=1700000000,v1={expected}"))));
    }

    #[test]
    fn without_a_secret_nothing_is_signed() {
        let request = Webhook::new("http://x/".into(), None).request("id", "{}".into(), 1);
        assert_eq!(request.headers, [("Punchbowl-Id", "id".to_owned())]);
    }
}
