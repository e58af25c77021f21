//! An event for Nostr, ready but for what only the host's key can add.
//!
//! The pool holds no Nostr key. It posts the NIP-01 event without `pubkey`, `id` and `sig` to a
//! program of the host's (a bot, a signer such as `nak event`), which adds them and sends the
//! event to relays. `created_at` is the time of what happened, so that a second copy of the same
//! notice becomes the same event, with the same id.

use crate::notify::notice::Notice;
use serde_json::{Value, json};

/// A short text note.
const NOTE: u32 = 1;

pub(super) fn body(notice: &Notice) -> String {
    template(notice).to_string()
}

/// The unsigned event.
pub fn template(notice: &Notice) -> Value {
    json!({
        "kind": NOTE,
        "created_at": notice.time,
        "tags": [
            ["t", "punchbowl"],
            ["t", format!("punchbowl-{}", notice.kind)],
            // NIP-31: what it is, for clients that do not show this kind.
            ["alt", format!("Punchbowl: {}", notice.title)],
            ["punchbowl", notice.id],
        ],
        "content": format!("{}: {}\n{}", notice.pool, notice.title, notice.message),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::notify::Event;

    #[test]
    fn it_is_an_event_that_lacks_only_key_id_and_signature() {
        let event = template(&Notice::new(&Event::Test, "Pool", 7, 0, 1));
        let fields: Vec<&String> = event.as_object().unwrap().keys().collect();
        assert_eq!(fields, ["content", "created_at", "kind", "tags"]);
        assert_eq!((&event["kind"], &event["created_at"]), (&1.into(), &7.into()));
        // NIP-01: tags are lists of texts.
        let tags = event["tags"].as_array().unwrap();
        assert!(tags.iter().all(|tag| tag.as_array().unwrap().iter().all(Value::is_string)));
    }
}
