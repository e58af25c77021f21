//! ntfy (ntfy.sh, or one of the host's own): push messages to telephones.
//!
//! Published as JSON to the server's root, where title and text may hold any letter.

use crate::notify::event::{EventKind, Severity};
use crate::notify::notice::Notice;
use crate::notify::web::Request;
use serde_json::json;

/// A topic of an ntfy server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ntfy {
    server: String,
    topic: String,
    token: Option<String>,
}

impl Ntfy {
    /// The topic at `url`, `https://ntfy.example/topic`, written to with an access token where
    /// the topic needs one. None when the URL names no topic.
    pub fn at(url: &str, token: Option<String>) -> Option<Ntfy> {
        let (server, topic) = url.trim_end_matches('/').rsplit_once('/')?;
        let is_word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-';
        // What stands before the topic must still hold a host.
        let host = server.split("://").nth(1)?;
        (!host.is_empty() && (1..=64).contains(&topic.len()) && topic.chars().all(is_word)).then(|| Ntfy {
            server: server.to_owned(),
            topic: topic.to_owned(),
            token,
        })
    }

    /// Where messages are posted to.
    pub fn server(&self) -> &str {
        &self.server
    }

    pub(super) fn request(&self, notice: &Notice) -> Request {
        let priority = match notice.severity {
            Severity::Info => 3,
            Severity::Warning => 4,
            Severity::Critical => 5,
        };
        // Short codes of ntfy's that are shown as pictures.
        let tag = match notice.kind {
            EventKind::Block => "tada",
            EventKind::BestShare => "star",
            EventKind::WorkerOffline => "zzz",
            EventKind::Rejects => "no_entry_sign",
            EventKind::Node => "electric_plug",
            EventKind::Ledger => "ledger",
            EventKind::Test => "wave",
        };
        let body = json!({
            "topic": self.topic,
            "title": format!("{}: {}", notice.pool, notice.title),
            "message": notice.message,
            "priority": priority,
            "tags": [tag],
        });
        let mut headers = vec![("Punchbowl-Id", notice.id.clone())];
        headers.extend(self.token.as_ref().map(|token| ("Authorization", format!("Bearer {token}"))));
        Request { url: self.server.clone(), headers, body: body.to_string() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::notify::Event;

    #[test]
    fn a_notice_is_posted_to_the_root_with_its_topic_inside() {
        let ntfy = Ntfy::at("https://ntfy.example:8443/my-pool", Some("tk_1".into())).unwrap();
        let request = ntfy.request(&Notice::new(&Event::LedgerWorking, "Pöl", 7, 0, 1));
        assert_eq!(request.url, "https://ntfy.example:8443");
        let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!((&body["topic"], &body["priority"]), (&"my-pool".into(), &3.into()));
        assert_eq!(body["title"], "Pöl: Shares are written down again");
        assert!(request.headers.contains(&("Authorization", "Bearer tk_1".into())));
    }

    #[test]
    fn an_address_without_a_topic_is_none() {
        for wrong in ["https://ntfy.example", "https://ntfy.example/", "https:///x", "x", "https://n/a b"] {
            assert_eq!(Ntfy::at(wrong, None), None, "{wrong}");
        }
    }
}
