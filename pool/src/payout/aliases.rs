//! Short names that the host gives to addresses and splits: some firmware cuts user names at
//! 63 characters, where an address alone may have 62.

use super::identity::{IdentityError, payable};
use crate::config;
use std::collections::HashMap;
use template_provider::Network;
use thiserror::Error;

/// What each short name stands for, in canonical spelling.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aliases(HashMap<String, String>);

/// What is wrong with a list of aliases.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AliasError {
    /// A name that no user name can have before its first dot.
    #[error("`{0}` is no short name: 1 to {MAX_ALIAS_BYTES} letters, digits, `-` and `_`")]
    Name(String),
    /// The same name again.
    #[error("`{0}` is there twice")]
    Twice(String),
    /// What it stands for cannot be paid.
    #[error("`{name}` stands for something that cannot be paid: {fault}")]
    Identity {
        /// The name.
        name: String,
        /// Why not.
        fault: IdentityError,
    },
}

/// The longest short name in bytes.
pub const MAX_ALIAS_BYTES: usize = 32;

impl Aliases {
    /// Reads the list of the configuration.
    ///
    /// # Errors
    /// [`AliasError`], for the first that is wrong.
    pub fn new(list: &[config::Alias], network: Network) -> Result<Aliases, AliasError> {
        let mut aliases = HashMap::new();
        for config::Alias { name, identity } in list {
            let usual = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            if name.is_empty() || name.len() > MAX_ALIAS_BYTES || !name.bytes().all(usual) {
                return Err(AliasError::Name(name.chars().take(100).collect()));
            }
            let member = payable(identity, network)
                .map_err(|fault| AliasError::Identity { name: name.clone(), fault })?;
            // Firmware changes the case of names; two that differ in nothing else are one.
            if aliases.insert(name.to_ascii_lowercase(), member).is_some() {
                return Err(AliasError::Twice(name.clone()));
            }
        }
        Ok(Aliases(aliases))
    }

    /// What `name` stands for, in whatever case it is written.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_ascii_lowercase()).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::payout::REGTEST_BURN_ADDRESS;

    fn alias(name: &str, identity: &str) -> config::Alias {
        config::Alias { name: name.to_owned(), identity: identity.to_owned() }
    }

    #[test]
    fn a_short_name_stands_for_an_address_in_any_case() {
        let list = [alias("Ann", &REGTEST_BURN_ADDRESS.to_uppercase())];
        let aliases = Aliases::new(&list, Network::Regtest).unwrap();
        assert_eq!(aliases.get("ANN"), Some(REGTEST_BURN_ADDRESS));
        assert_eq!(aliases.get("bob"), None);
    }

    #[test]
    fn what_is_wrong_with_an_alias_is_said_with_its_name() {
        let wrong = |list: &[config::Alias]| Aliases::new(list, Network::Regtest).unwrap_err().to_string();
        assert!(wrong(&[alias("a.b", REGTEST_BURN_ADDRESS)]).starts_with("`a.b` is no short name"));
        assert!(wrong(&[alias("ann", "bob")]).starts_with("`ann` stands for something that cannot be paid"));
        let twice = [alias("ann", REGTEST_BURN_ADDRESS), alias("ANN", REGTEST_BURN_ADDRESS)];
        assert_eq!(wrong(&twice), "`ANN` is there twice");
    }
}
