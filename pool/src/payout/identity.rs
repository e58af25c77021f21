//! What a channel's user identity means: `member.worker`.
//!
//! The part before the first dot is the member: where each is paid by itself an address,
//! several (`a:60,b:40`), or a short name that the host has given to them. The rest names
//! the device. Identities come from the wire: at most 255
//! bytes (SV2 STR0_255), otherwise anything.

use super::address::{self, AddressError};
use super::aliases::Aliases;
use bitcoin::ScriptBuf;
use ledger::payout::split::{self, SplitError};
use template_provider::Network;
use thiserror::Error;

/// The longest worker name in bytes.
pub const MAX_WORKER_BYTES: usize = 128;

/// The longest identity in bytes (SV2 STR0_255).
pub const MAX_IDENTITY_BYTES: usize = 255;

/// Who mines on a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Before the first dot; in solo mode the address in its canonical spelling.
    pub member: String,
    /// After the first dot; often empty.
    pub worker: String,
    /// Whom this channel's blocks pay alone; `None` for the pool's own payout set, and where
    /// the ledger decides.
    pub script: Option<ScriptBuf>,
}

/// Why a user identity is refused. The text is safe to log and to show.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdentityError {
    /// Nothing was said.
    #[error("the user name is empty; this pool pays each miner at its own address: use `address.worker`")]
    Empty,
    /// Longer than the protocol allows.
    #[error("the user name is {0} bytes; at most {MAX_IDENTITY_BYTES} are allowed")]
    TooLong(usize),
    /// The worker's name is too long.
    #[error("the worker name is {0} bytes; at most {MAX_WORKER_BYTES} are allowed")]
    WorkerTooLong(usize),
    /// Several addresses that cannot be paid as they stand.
    #[error("{0}")]
    Split(#[from] SplitError),
    /// The parts of a split are too long together, in their canonical spelling.
    #[error("the addresses have {0} characters together; at most {MAX_IDENTITY_BYTES} are allowed")]
    SplitTooLong(usize),
    /// Not text.
    #[error("the user name is not UTF-8 text")]
    NotText,
    /// Would garble logs and pages.
    #[error("the user name contains control characters")]
    ControlCharacter,
    /// The member is not an address that can be paid.
    #[error("this pool pays each miner at the address in its user name, `address.worker`: {0}")]
    Address(#[from] AddressError),
}

impl Identity {
    /// Fixed mode: any identity is fine. What cannot be shown is replaced, what is
    /// too long is cut.
    pub fn of_member(user_identity: &[u8]) -> Identity {
        let kept = user_identity.get(..MAX_IDENTITY_BYTES).unwrap_or(user_identity);
        let text: String = String::from_utf8_lossy(kept)
            .chars()
            .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
            .collect();
        let (member, worker) = split(&text);
        Identity { member: member.to_owned(), worker: cut(worker, MAX_WORKER_BYTES).to_owned(), script: None }
    }

    /// Solo mode: an address of `network`, and perhaps a worker.
    ///
    /// # Errors
    /// When the member is not such an address or the identity is not presentable.
    pub fn of_address(user_identity: &[u8], network: Network) -> Result<Identity, IdentityError> {
        let (member, worker) = presentable(user_identity)?;
        let address = address::parse(member, network)?;
        Ok(Identity { member: address.text, worker: worker.to_owned(), script: Some(address.script) })
    }

    /// Where the ledger decides: an address of `network`, a split of addresses or a short name
    /// for one of these, and perhaps a worker.
    ///
    /// # Errors
    /// When the member cannot be paid or the identity is not presentable.
    pub fn of_payee(
        user_identity: &[u8],
        aliases: &Aliases,
        network: Network,
    ) -> Result<Identity, IdentityError> {
        let (member, worker) = presentable(user_identity)?;
        let member = match aliases.get(member) {
            Some(member) => member.to_owned(),
            None => payable(member, network)?,
        };
        Ok(Identity { member, worker: worker.to_owned(), script: None })
    }
}

/// Member and worker of an identity that may be shown.
fn presentable(user_identity: &[u8]) -> Result<(&str, &str), IdentityError> {
    if user_identity.len() > MAX_IDENTITY_BYTES {
        return Err(IdentityError::TooLong(user_identity.len()));
    }
    let text = std::str::from_utf8(user_identity).map_err(|_| IdentityError::NotText)?;
    if text.chars().any(char::is_control) {
        return Err(IdentityError::ControlCharacter);
    }
    let (member, worker) = split(text);
    if member.is_empty() {
        return Err(IdentityError::Empty);
    }
    if worker.len() > MAX_WORKER_BYTES {
        return Err(IdentityError::WorkerTooLong(worker.len()));
    }
    Ok((member, worker))
}

/// An address or a split of addresses, in the canonical spelling by which the ledger knows it.
///
/// # Errors
/// When it is none of `network` that can be paid.
pub fn payable(member: &str, network: Network) -> Result<String, IdentityError> {
    let Some(parts) = split::parse(member)? else { return Ok(address::parse(member, network)?.text) };
    let mut canonical = Vec::with_capacity(parts.len());
    for (part, share) in parts {
        canonical.push(format!("{}:{share}", address::parse(part, network)?.text));
    }
    let member = canonical.join(",");
    if member.len() > MAX_IDENTITY_BYTES {
        return Err(IdentityError::SplitTooLong(member.len()));
    }
    // The same address in two spellings shows only now.
    split::parse(&member)?;
    Ok(member)
}

fn split(text: &str) -> (&str, &str) {
    text.split_once('.').unwrap_or((text, ""))
}

/// `text` cut to at most `bytes`, between characters.
pub fn cut(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::payout::REGTEST_BURN_ADDRESS;
    use proptest::prelude::*;

    fn solo(text: &str) -> Result<Identity, IdentityError> {
        Identity::of_address(text.as_bytes(), Network::Regtest)
    }

    #[test]
    fn an_address_with_a_worker_is_split_at_the_first_dot() {
        let identity = solo(&format!("{REGTEST_BURN_ADDRESS}.garage.s9")).unwrap();
        assert_eq!((identity.member.as_str(), identity.worker.as_str()), (REGTEST_BURN_ADDRESS, "garage.s9"));
        assert!(identity.script.is_some());
    }

    #[test]
    fn an_address_alone_has_no_worker_and_upper_case_is_the_same_member() {
        let identity = solo(&REGTEST_BURN_ADDRESS.to_uppercase()).unwrap();
        assert_eq!((identity.member.as_str(), identity.worker.as_str()), (REGTEST_BURN_ADDRESS, ""));
    }

    #[test]
    fn what_is_wrong_with_a_solo_identity_is_said() {
        assert_eq!(solo(""), Err(IdentityError::Empty));
        assert_eq!(solo(".worker"), Err(IdentityError::Empty));
        assert_eq!(solo(&"x".repeat(256)), Err(IdentityError::TooLong(256)));
        assert_eq!(solo("a\u{1b}[31m"), Err(IdentityError::ControlCharacter));
        assert_eq!(Identity::of_address(&[0xff], Network::Regtest), Err(IdentityError::NotText));
        let long = format!("{REGTEST_BURN_ADDRESS}.{}", "w".repeat(129));
        assert_eq!(solo(&long), Err(IdentityError::WorkerTooLong(129)));
        let mainnet = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4.rig";
        assert!(matches!(solo(mainnet), Err(IdentityError::Address(AddressError::WrongNetwork { .. }))));
        assert!(matches!(solo("alice.rig"), Err(IdentityError::Address(AddressError::NotAnAddress { .. }))));
    }

    #[test]
    fn where_the_ledger_decides_an_address_a_split_or_a_short_name_is_a_member() {
        const OTHER: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
        let ann = crate::config::Alias { name: "ann".into(), identity: OTHER.into() };
        let aliases = Aliases::new(&[ann], Network::Regtest).unwrap();
        let of = |text: &str| Identity::of_payee(text.as_bytes(), &aliases, Network::Regtest);
        let split = format!("{}:60,{OTHER}:40", REGTEST_BURN_ADDRESS.to_uppercase());
        let identity = of(&format!("{split}.garage.s9")).unwrap();
        assert_eq!(identity.member, format!("{REGTEST_BURN_ADDRESS}:60,{OTHER}:40"));
        assert_eq!((identity.worker.as_str(), identity.script), ("garage.s9", None));
        let short = of("Ann.rig").unwrap();
        assert_eq!((short.member.as_str(), short.worker.as_str()), (OTHER, "rig"));
        let twice = format!("{REGTEST_BURN_ADDRESS}:1,{}:1", REGTEST_BURN_ADDRESS.to_uppercase());
        assert_eq!(of(&twice), Err(IdentityError::Split(SplitError::Twice)));
        assert!(matches!(of("bob.rig"), Err(IdentityError::Address(_))));
        assert!(matches!(of(&format!("{OTHER}:1,bob:1")), Err(IdentityError::Address(_))));
        assert_eq!(of(""), Err(IdentityError::Empty));
    }

    #[test]
    fn a_member_of_a_fixed_pool_may_be_called_anything() {
        let identity = Identity::of_member("alice.garage.s9".as_bytes());
        assert_eq!((identity.member.as_str(), identity.worker.as_str()), ("alice", "garage.s9"));
        assert_eq!(identity.script, None);
        assert_eq!(Identity::of_member(b"").member, "");
    }

    proptest! {
        #[test]
        fn no_identity_makes_the_parser_panic_or_lets_control_characters_through(
            bytes in prop::collection::vec(any::<u8>(), 0..400),
        ) {
            let member = Identity::of_member(&bytes);
            let has_control = |text: &str| text.chars().any(char::is_control);
            prop_assert!(!has_control(&member.member) && !has_control(&member.worker));
            prop_assert!(member.worker.len() <= MAX_WORKER_BYTES);
            let refusal = Identity::of_address(&bytes, Network::Regtest);
            prop_assert!(refusal.is_err_and(|error| !has_control(&error.to_string())));
        }

        #[test]
        fn every_presentable_worker_of_an_address_is_kept_as_it_is(worker in "[^\\p{Cc}]{0,30}") {
            let identity = solo(&format!("{REGTEST_BURN_ADDRESS}.{worker}")).unwrap();
            prop_assert_eq!(identity.worker, worker);
        }

        #[test]
        fn a_presentable_fixed_identity_loses_nothing(member in "[a-z0-9é]{0,20}", worker in "[a-zß.]{1,20}") {
            let text = format!("{member}.{worker}");
            let identity = Identity::of_member(text.as_bytes());
            prop_assert_eq!(format!("{}.{}", identity.member, identity.worker), text);
        }
    }
}
