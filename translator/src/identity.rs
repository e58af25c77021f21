//! The names that miners give: cleaned for the pool, which decides about them.
//!
//! Firmware does things to names. It percent-encodes them, cuts them at 63 characters
//! (Avalon; a P2TR address alone is 62), puts spaces around them, or keeps the `bitcoin:`
//! of a scanned QR code. What is left here is `member.worker`, or less.

use std::borrow::Cow;
use thiserror::Error;

/// The longest name that the pool takes in bytes (SV2's STR0_255).
pub const MAX_NAME: usize = 255;

/// Where some firmware cuts names.
pub const CUT_AT: usize = 63;

/// A miner's name, as it is handed to the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MinerName {
    /// `member.worker`.
    text: String,
    /// It is just as long as cut names are.
    perhaps_cut: bool,
}

/// Why a name is refused here already. The words are for the miner's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// Longer than the pool takes.
    #[error("the user name has {0} characters; at most {MAX_NAME} are allowed: use a shorter worker name")]
    TooLong(usize),
}

impl MinerName {
    /// Cleans what a miner calls itself.
    ///
    /// # Errors
    /// [`NameError::TooLong`].
    pub fn of(raw: &str) -> Result<MinerName, NameError> {
        let perhaps_cut = raw.len() == CUT_AT;
        let decoded = percent_decoded(raw);
        let text: String = decoded.chars().filter(|letter| !letter.is_control()).collect();
        let text = text.trim();
        let text = strip_scheme(text);
        if text.len() > MAX_NAME {
            return Err(NameError::TooLong(text.chars().count()));
        }
        Ok(MinerName { text: text.trim_end_matches('.').to_owned(), perhaps_cut })
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Who is credited: what stands before the first dot.
    pub fn member(&self) -> &str {
        self.text.split_once('.').map_or(&self.text, |(member, _)| member)
    }

    /// Which device: what stands behind the first dot; often empty.
    pub fn worker(&self) -> &str {
        self.text.split_once('.').map_or("", |(_, worker)| worker)
    }

    /// What to add to a refusal of this name, if there is something.
    pub fn hint(&self) -> &'static str {
        if self.perhaps_cut {
            " (this miner cuts user names at 63 characters: use a short alias instead of the address)"
        } else {
            ""
        }
    }
}

/// `%40` and the like resolved, if all of it gives text; otherwise as it is.
fn percent_decoded(raw: &str) -> Cow<'_, str> {
    if !raw.contains('%') {
        return Cow::Borrowed(raw);
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = pair
            .filter(|pair| *first == b'%' && pair.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(raw), Cow::Owned)
}

/// The name without the `bitcoin:` that a scanned address comes with.
fn strip_scheme(text: &str) -> &str {
    const SCHEME: &str = "bitcoin:";
    match text.get(..SCHEME.len()) {
        Some(start) if start.eq_ignore_ascii_case(SCHEME) => text.get(SCHEME.len()..).unwrap_or(text),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn name(raw: &str) -> (String, String) {
        let name = MinerName::of(raw).unwrap();
        (name.member().to_owned(), name.worker().to_owned())
    }

    fn pair(member: &str, worker: &str) -> (String, String) {
        (member.to_owned(), worker.to_owned())
    }

    #[test]
    fn names_come_in_every_shape() {
        let address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
        assert_eq!(name(&format!("{address}.garage")), pair(address, "garage"));
        assert_eq!(name("alice.garage.s9"), pair("alice", "garage.s9"));
        assert_eq!(name("alice"), pair("alice", ""));
        assert_eq!(name(""), pair("", ""));
        assert_eq!(name("."), pair("", ""));
        assert_eq!(name("alice."), pair("alice", ""));
        assert_eq!(name("  alice.rig\r\n"), pair("alice", "rig"));
        assert_eq!(name(&format!("bitcoin:{address}.x")), pair(address, "x"));
        assert_eq!(name(&format!("BITCOIN:{}", address.to_uppercase())), pair(&address.to_uppercase(), ""));
    }

    #[test]
    fn percent_encoding_is_undone_where_it_is_one() {
        assert_eq!(name("alice%2Erig%201"), pair("alice", "rig 1"));
        assert_eq!(name("m%C3%BCller.rig"), pair("müller", "rig"));
        assert_eq!(name("100%.rig"), pair("100%", "rig"));
        assert_eq!(name("a%zz.b%"), pair("a%zz", "b%"));
        assert_eq!(name("a%ff.b"), pair("a%ff", "b"));
        assert_eq!(name("a%0a.b"), pair("a", "b"));
    }

    #[test]
    fn over_long_names_are_refused_in_words_and_cut_ones_explained() {
        let refused = MinerName::of(&"x".repeat(256)).unwrap_err().to_string();
        assert!(refused.contains("256 characters") && refused.contains("shorter"), "{refused}");
        assert!(MinerName::of(&"x".repeat(255)).is_ok());
        assert!(MinerName::of(&"x".repeat(63)).unwrap().hint().contains("alias"));
        assert_eq!(MinerName::of("alice.rig").unwrap().hint(), "");
    }

    proptest! {
        #[test]
        fn no_name_brings_control_characters_or_too_many_bytes(raw in "[\\p{Cc}%0-9a-f. é]{0,200}") {
            if let Ok(name) = MinerName::of(&raw) {
                prop_assert!(!name.as_str().chars().any(char::is_control));
                prop_assert!(name.as_str().len() <= MAX_NAME);
            }
        }

        #[test]
        fn a_plain_name_stays_as_it_is(member in "[a-z0-9]{1,62}", worker in "[a-zA-Z0-9_-]{1,40}") {
            let text = format!("{member}.{worker}");
            let name = MinerName::of(&text).unwrap();
            prop_assert_eq!(name.as_str(), text.as_str());
        }
    }
}
