//! What is sent: an event in words, with an id by which a second copy shows.

use super::event::{Event, EventKind, Severity};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An event in words. As JSON, this is what a webhook is sent: add fields, do not rename.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// The same however often it arrives.
    pub id: String,
    /// What kind of event it is.
    pub kind: EventKind,
    /// How much it matters.
    pub severity: Severity,
    /// When, seconds since the Unix epoch.
    pub time: u64,
    /// Which pool.
    pub pool: String,
    /// A few words.
    pub title: String,
    /// A sentence or two.
    pub message: String,
    /// The same for programs; its fields depend on the kind.
    pub data: Value,
}

impl Notice {
    /// Of `event`, at `time`, by the pool of this name. `missed` others of its kind were not
    /// told. `fresh` makes the id, where the event has none of its own.
    pub fn new(event: &Event, pool: &str, time: u64, missed: u64, fresh: u128) -> Notice {
        let mut message = event.text();
        if missed > 0 {
            message += &format!("\n({missed} more like this since the last message.)");
        }
        Notice {
            id: event.identity().unwrap_or_else(|| format!("{}-{fresh:032x}", event.kind())),
            kind: event.kind(),
            severity: event.severity(),
            time,
            pool: pool.to_owned(),
            title: event.title(),
            message,
            data: event.data(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::notify::event::BlockNews;

    #[test]
    fn a_block_that_is_told_again_has_the_same_id_until_something_else_becomes_of_it() {
        let id = |state| {
            let news = BlockNews {
                height: 1,
                hash: "00ff".into(),
                worker: "ann".into(),
                value: 5_000_000_000,
                state,
                detail: String::new(),
            };
            Notice::new(&Event::Block(news), "pool", 0, 0, rand::random()).id
        };
        assert_eq!(id("in-chain"), id("in-chain"));
        assert_ne!(id("in-chain"), id("orphaned"));
    }

    #[test]
    fn it_says_how_many_were_left_out_and_survives_json() {
        let notice = Notice::new(&Event::Test, "pool", 7, 3, 255);
        assert!(notice.message.contains("(3 more like this"), "{}", notice.message);
        assert!(notice.id.starts_with("test-0") && notice.id.ends_with("ff"));
        let json = serde_json::to_string(&notice).unwrap();
        assert_eq!(serde_json::from_str::<Notice>(&json).unwrap(), notice);
    }
}
