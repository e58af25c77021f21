//! The text that a node publishes beside its relays: how to know them.
//!
//! Of a relay, Iroh publishes the URL alone, and by that nobody can tell whose key its
//! certificate must carry. The note names the relays as an invite does, a space between
//! them; it is signed with the node's key, as all that is published in the DHT.

use crate::RelayHint;
use iroh::{RelayUrl, address_lookup::UserData};

/// A note that names as many of `relays` as fit, in their order; none without any.
pub(in crate::iroh) fn write(relays: &[RelayHint]) -> Option<UserData> {
    let mut note = String::new();
    for relay in relays {
        let relay = relay.to_string();
        let space = usize::from(!note.is_empty());
        if note.len() + space + relay.len() <= UserData::MAX_LENGTH {
            note.extend(std::iter::repeat_n(' ', space));
            note += &relay;
        }
    }
    if note.is_empty() { None } else { UserData::try_from(note).ok() }
}

/// The relays of which a record tells by its URLs and its note. One that the note does not
/// name is taken for the node's own, whose key nobody else has.
pub(super) fn read<'a>(urls: impl Iterator<Item = &'a RelayUrl>, note: Option<&UserData>) -> Vec<RelayHint> {
    let named = note.map(AsRef::<str>::as_ref).unwrap_or_default();
    let mut relays: Vec<RelayHint> = named.split(' ').filter_map(|relay| relay.parse().ok()).collect();
    for url in urls {
        if relays.iter().any(|relay| relay.url().is_ok_and(|known| known == *url)) {
            continue;
        }
        // The node's own key is what a hint without a key stands for.
        let own = match (url.scheme(), url.host_str(), url.port()) {
            ("https", Some(host), Some(port)) => format!("{host}:{port}").parse().ok(),
            ("https", Some(host), None) => host.parse().ok(),
            _ => None,
        };
        relays.extend(own);
    }
    relays.truncate(crate::invite::MAX_RELAYS);
    relays
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    const PEER: &str = "47pjoycnsrfmxikm95jh13y88e8qnhzu5kungjpxyepgt7a8krpy";

    fn relay(text: &str) -> RelayHint {
        text.parse().unwrap()
    }

    #[test]
    fn relays_are_read_back_with_what_their_certificates_must_show() {
        let relays =
            [relay("203.0.113.7"), relay("relay.example,ca"), relay(&format!("r.example:8443,{PEER}"))];
        let urls: Vec<RelayUrl> = relays.iter().map(|relay| relay.url().unwrap()).collect();
        assert_eq!(read(urls.iter(), write(&relays).as_ref()), relays);
        assert_eq!(write(&[]), None);
    }

    #[test]
    fn a_relay_without_a_note_is_the_nodes_own() {
        let urls: Vec<RelayUrl> =
            ["https://203.0.113.7/", "https://[2001:db8::1]:8443/", "http://plain.example/"]
                .map(|url| url.parse().unwrap())
                .to_vec();
        assert_eq!(read(urls.iter(), None), [relay("203.0.113.7"), relay("[2001:db8::1]:8443")]);
    }

    #[test]
    fn a_note_names_as_many_relays_as_fit_and_nonsense_in_it_is_passed_over() {
        let relays: Vec<RelayHint> =
            (1..=8).map(|index| relay(&format!("relay{index}.example:8443,{PEER}"))).collect();
        let note = write(&relays).unwrap();
        assert!(note.as_ref().len() <= UserData::MAX_LENGTH);
        assert_eq!(read([].iter(), Some(&note)), relays[..3]);
        let strange: UserData = "v=9 relay.example,ca  x:y:z".parse().unwrap();
        assert_eq!(read([].iter(), Some(&strange)), [relay("relay.example,ca")]);
    }
}
