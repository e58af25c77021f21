//! What stands in an address book, and how it is written down.

use crate::{NodeId, RelayHint, identity::parse_node_id, invite::parse_address};
use std::{collections::HashMap, fmt, net::SocketAddr, str::FromStr};
use thiserror::Error;

/// A place at which a peer was met.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Straight at this address.
    Address(SocketAddr),
    /// At this relay.
    Relay(RelayHint),
}

/// The content of an address book: for each node, where and when it was met.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pages {
    nodes: HashMap<NodeId, Vec<Entry>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// Seconds since 1970.
    met: u64,
    place: Place,
}

/// Most nodes in a book; the one not met for longest gives way.
pub const MAX_NODES: usize = 64;
/// Most addresses, and most relays, of one node.
pub const MAX_PLACES: usize = 4;
/// Longest text of a book that is read, in bytes; none that is written is longer.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// A place met again is written down again only after this long, in seconds.
const FRESH: u64 = 3600;

const HEADING: &str = "# Punchbowl's address book: node id, time in seconds since 1970, where it was met.";

/// Why a text is not an address book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PagesError {
    /// Longer than any.
    #[error("it is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// A line is not node id, time and place.
    #[error("line {0} is not a node id, a time and a place")]
    Line(usize),
}

impl Pages {
    /// Notes that `node` was met at `place` at the time `now`, in seconds since 1970.
    /// `false` when that is no news.
    pub fn met(&mut self, now: u64, node: NodeId, place: Place) -> bool {
        let entries = self.nodes.entry(node).or_default();
        if let Some(known) = entries.iter_mut().find(|entry| entry.place == place) {
            let fresh = now < known.met.saturating_add(FRESH);
            if !fresh {
                known.met = now;
            }
            return !fresh;
        }
        entries.push(Entry { met: now, place });
        keep_latest(entries);
        self.drop_oldest_nodes();
        true
    }

    /// Where `node` was met, the latest place first.
    pub fn places_of(&self, node: NodeId) -> impl Iterator<Item = &Place> {
        let mut entries: Vec<&Entry> = self.nodes.get(&node).into_iter().flatten().collect();
        entries.sort_by_key(|entry| std::cmp::Reverse(entry.met));
        entries.into_iter().map(|entry| &entry.place)
    }

    /// Reads a book. Empty lines and those that start with `#` say nothing.
    ///
    /// # Errors
    /// When it is not one, or not a whole one.
    pub fn parse(text: &str) -> Result<Pages, PagesError> {
        if text.len() > MAX_BYTES {
            return Err(PagesError::TooLong);
        }
        let mut pages = Pages::default();
        for (index, line) in text.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let (met, node, place) = parse_line(line).ok_or(PagesError::Line(index + 1))?;
            pages.met(met, node, place);
        }
        Ok(pages)
    }

    fn drop_oldest_nodes(&mut self) {
        while self.nodes.len() > MAX_NODES {
            let last_met = |entries: &[Entry]| entries.iter().map(|entry| entry.met).max();
            let oldest = self.nodes.iter().min_by_key(|(node, entries)| (last_met(entries), **node));
            let Some(oldest) = oldest.map(|(node, _)| *node) else { return };
            self.nodes.remove(&oldest);
        }
    }
}

/// Drops the oldest places of a kind that there are too many of.
fn keep_latest(entries: &mut Vec<Entry>) {
    // Stable, so that of two met in the same second the one noted last stays.
    entries.reverse();
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.met));
    let (mut addresses, mut relays) = (0, 0);
    entries.retain(|entry| {
        let of_kind = match entry.place {
            Place::Address(_) => &mut addresses,
            Place::Relay(_) => &mut relays,
        };
        *of_kind += 1;
        *of_kind <= MAX_PLACES
    });
}

fn parse_line(line: &str) -> Option<(u64, NodeId, Place)> {
    let mut words = line.split_ascii_whitespace();
    let node = parse_node_id(words.next()?).ok()?;
    let met = words.next()?.parse().ok()?;
    let place = words.next()?.parse().ok()?;
    words.next().is_none().then_some((met, node, place))
}

impl fmt::Display for Pages {
    /// In an order that depends on the content alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADING}")?;
        let mut nodes: Vec<_> = self.nodes.iter().collect();
        nodes.sort_by_key(|(node, _)| **node);
        for (node, entries) in nodes {
            // Oldest first: read back in this order, the latest ones win again.
            let mut entries: Vec<&Entry> = entries.iter().collect();
            entries.sort_by_key(|entry| (entry.met, entry.place.to_string()));
            for Entry { met, place } in entries {
                writeln!(f, "{} {met} {place}", node.to_z32())?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Address(address) => address.fmt(f),
            Place::Relay(relay) => write!(f, "relay={relay}"),
        }
    }
}

impl FromStr for Place {
    type Err = crate::InviteError;

    fn from_str(text: &str) -> Result<Place, crate::InviteError> {
        match text.strip_prefix("relay=") {
            Some(relay) => relay.parse().map(Place::Relay),
            None => parse_address(text).map(Place::Address),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use iroh::SecretKey;
    use proptest::prelude::*;

    fn node(number: u64) -> NodeId {
        let mut secret = [0; 32];
        secret[..8].copy_from_slice(&number.to_le_bytes());
        SecretKey::from_bytes(&secret).public()
    }

    fn place(text: &str) -> Place {
        text.parse().unwrap()
    }

    fn places(pages: &Pages, of: u64) -> Vec<String> {
        pages.places_of(node(of)).map(Place::to_string).collect()
    }

    #[test]
    fn the_latest_place_comes_first_and_the_oldest_gives_way() {
        let mut pages = Pages::default();
        for port in 1..=6 {
            assert!(pages.met(port, node(1), place(&format!("10.0.0.1:{port}"))));
        }
        assert!(pages.met(7, node(1), place("relay=relay.example")));
        assert_eq!(
            places(&pages, 1),
            ["relay=relay.example", "10.0.0.1:6", "10.0.0.1:5", "10.0.0.1:4", "10.0.0.1:3"]
        );
    }

    #[test]
    fn a_place_met_again_is_news_only_after_a_while() {
        let mut pages = Pages::default();
        assert!(pages.met(1_000, node(1), place("10.0.0.1:1")));
        assert!(!pages.met(1_001, node(1), place("10.0.0.1:1")));
        assert!(pages.met(1_000 + FRESH, node(1), place("10.0.0.1:1")));
        assert!(!pages.met(5, node(1), place("10.0.0.1:1")), "a clock set back is no news either");
    }

    #[test]
    fn the_node_not_met_for_longest_gives_way() {
        let mut pages = Pages::default();
        for number in 0..MAX_NODES as u64 + 3 {
            pages.met(100 + number, node(number), place("10.0.0.1:1"));
        }
        assert_eq!(pages.nodes.len(), MAX_NODES);
        assert!(places(&pages, 2).is_empty() && !places(&pages, 3).is_empty());
    }

    #[test]
    fn the_longest_book_is_read_back() {
        let mut pages = Pages::default();
        let name = format!("{}.example", vec!["x".repeat(63); 3].join("."));
        for number in 0..MAX_NODES as u64 {
            for port in 1..=MAX_PLACES {
                let key = node(number).to_z32();
                pages.met(u64::MAX, node(number), place(&format!("relay={name}:6553{port},{key}")));
                pages.met(
                    u64::MAX,
                    node(number),
                    place(&format!("[2001:db8:1111:1111:1111:1111:1111:1111]:6553{port}")),
                );
            }
        }
        let text = pages.to_string();
        assert_eq!(text.lines().count(), 1 + MAX_NODES * MAX_PLACES * 2);
        assert!(text.len() <= MAX_BYTES, "{}", text.len());
        assert_eq!(Pages::parse(&text).unwrap().to_string(), text);
    }

    #[test]
    fn a_line_that_is_wrong_is_named() {
        let good = format!("{} 17 10.0.0.1:1", node(1).to_z32());
        for wrong in [
            "nonsense",
            &node(1).to_z32(),
            &format!("{} 17", node(1).to_z32()),
            &format!("{} -1 10.0.0.1:1", node(1).to_z32()),
            &format!("{} 17 0.0.0.0:1", node(1).to_z32()),
            &format!("{good} more"),
        ] {
            let text = format!("# heading\n\n{good}\n{wrong}\n");
            assert_eq!(Pages::parse(&text), Err(PagesError::Line(4)), "{wrong}");
        }
    }

    fn any_place() -> impl Strategy<Value = Place> {
        prop_oneof![
            (any::<[u8; 4]>(), 1u16..)
                .prop_filter("dialled", |(ip, _)| *ip != [0; 4])
                .prop_map(|(ip, port)| Place::Address((ip, port).into())),
            (any::<[u16; 8]>(), 1u16..)
                .prop_filter("dialled", |(ip, _)| *ip != [0; 8])
                .prop_map(|(ip, port)| Place::Address((ip, port).into())),
            ("[a-z]{1,9}\\.example", 1u16.., prop_oneof![Just(""), Just(",ca")])
                .prop_map(|(host, port, trust)| place(&format!("relay={host}:{port}{trust}"))),
        ]
    }

    proptest! {
        #[test]
        fn any_book_is_read_back_and_keeps_its_bounds(
            met in proptest::collection::vec((any::<u64>(), 0u64..80, any_place()), 0..300),
        ) {
            let mut pages = Pages::default();
            for (now, of, place) in met {
                pages.met(now, node(of), place);
            }
            prop_assert!(pages.nodes.len() <= MAX_NODES);
            prop_assert!(pages.nodes.values().all(|entries| entries.len() <= 2 * MAX_PLACES));
            let text = pages.to_string();
            prop_assert_eq!(Pages::parse(&text).unwrap().to_string(), text);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC*|([a-z0-9]{52} [0-9]{1,21} \\PC{0,30}\n)*") {
            let _ = Pages::parse(&text);
        }
    }
}
