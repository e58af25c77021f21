//! What a member's identity says about where they are paid: nothing else in the ledger
//! does.

use super::split::{self, SplitError};
use bitcoin::address::NetworkUnchecked;
use bitcoin::{Address, ScriptBuf};

/// What the host's account is called in the book. No address is spelled like this.
pub const HOST_NAME: &str = "host";

/// Where an identity is paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payee {
    /// An address, of whatever chain: the pool lets nobody mine with one of another.
    Script(ScriptBuf),
    /// The addresses of others, in parts.
    Split(Vec<(String, u32)>),
    /// Nowhere: a name that is no address.
    Nobody,
}

impl Payee {
    /// Reads an identity, as it stands in share records.
    ///
    /// # Errors
    /// When it is spelled like a split but is none.
    pub fn of(identity: &str) -> Result<Payee, SplitError> {
        if let Some(parts) = split::parse(identity)? {
            let owned = |(name, part): (&str, u32)| (name.to_owned(), part);
            return Ok(Payee::Split(parts.into_iter().map(owned).collect()));
        }
        let address: Result<Address<NetworkUnchecked>, _> = identity.parse();
        Ok(match address {
            // A script has no chain: which it is was checked when the member came.
            Ok(address) => Payee::Script(address.assume_checked().script_pubkey()),
            Err(_) => Payee::Nobody,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ADDRESS: &str = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";

    #[test]
    fn an_address_is_paid_by_its_script_and_a_name_not_at_all() {
        let script = ScriptBuf::from_hex("0014751e76e8199196d454941c45d1b3a323f1433bd6").unwrap();
        assert_eq!(Payee::of(ADDRESS), Ok(Payee::Script(script)));
        assert_eq!(Payee::of("ann"), Ok(Payee::Nobody));
        assert_eq!(Payee::of(HOST_NAME), Ok(Payee::Nobody));
    }

    #[test]
    fn a_split_names_others() {
        let parts = vec![(ADDRESS.to_owned(), 60), ("ann".to_owned(), 40)];
        assert_eq!(Payee::of(&format!("{ADDRESS}:60,ann:40")), Ok(Payee::Split(parts)));
        assert!(Payee::of("a:1,b").is_err());
    }
}
