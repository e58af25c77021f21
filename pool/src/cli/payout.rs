//! `punchbowl payout`: where the next block pays, and moving a descriptor on.

use super::config_flags::ConfigFlags;
use crate::data_dir::DataDir;
use crate::payout::{FixedPayout, PayoutMode};
use anyhow::{Context, Result, bail};
use bitcoin::Address;
use clap::Args;
use serde::Serialize;
use std::io::Write;
use template_provider::Network;

/// Show where the next block pays, or move a descriptor on to its next address.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PayoutArgs {
    /// Give up the present address of the descriptor for its next one
    #[arg(long)]
    next: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// The configuration; last, because its heading covers all flags after it.
    #[command(flatten)]
    config: ConfigFlags,
}

const EXAMPLES: &str = "\
Examples:
  punchbowl payout            the address that the next block pays
  punchbowl payout --next     the next address of the descriptor from now on

A descriptor moves on by itself after each block. The pool must not run meanwhile: it
would not notice, so stop it first.";

/// The JSON output. Scripts rely on its fields: add, do not rename.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Destination {
    /// The address that the next block pays.
    address: String,
    /// Its index, for a ranged descriptor.
    index: Option<u32>,
    /// The address that was given up.
    before: Option<String>,
}

/// Prints the destination.
///
/// # Errors
/// When there is not one destination for all blocks, the pool runs, or the index cannot be
/// stored.
pub fn run(args: &PayoutArgs) -> Result<()> {
    let config = args.config.load().into_config()?;
    let data_dir = DataDir::open(&config.data_dir.to_path())?;
    let payouts = PayoutMode::from_config(&config.payout, config.network, data_dir.path())?;
    let PayoutMode::Fixed(fixed) = &payouts else {
        bail!("blocks of this pool pay its members, not one address (payout.mode is not \"fixed\")");
    };
    let destination = destination(fixed, config.network, args.next)?;
    let text = if args.json {
        format!("{}\n", serde_json::to_string_pretty(&destination)?)
    } else {
        let before = destination.before.map(|before| format!("before: {before}\n")).unwrap_or_default();
        format!("{before}the next block pays {}\n", destination.address)
    };
    std::io::stdout().write_all(text.as_bytes()).context("cannot print the address")
}

fn destination(fixed: &FixedPayout, network: Network, next: bool) -> Result<Destination> {
    let present = address(fixed, network)?;
    let set = fixed.current();
    let index = set.descriptor_index();
    if !next {
        return Ok(Destination { address: present, index, before: None });
    }
    if index.is_none() {
        bail!(
            "there is one address and no next one; set payout.address to another, or a descriptor with a *"
        );
    }
    fixed.block_found(&set)?;
    let index = fixed.current().descriptor_index();
    Ok(Destination { address: address(fixed, network)?, index, before: Some(present) })
}

fn address(fixed: &FixedPayout, network: Network) -> Result<String> {
    let set = fixed.current();
    let recipient = set.recipients().first().context("the payout set pays nobody")?;
    let address = Address::from_script(&recipient.script, network).context("the output has no address")?;
    Ok(address.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::payout::{PayoutDescriptor, address};

    // BIP84's test vector, with the addresses that it gives for 0/0 and 0/1.
    const DESCRIPTOR: &str = "wpkh(xpub6CatWdiZiodmUeTDp8LT5or8nmbKNcuyvz7WyksVFkKB4RHwCD3XyuvPEbvqAQY3rAPshWcMLoP2fMFMKHPJ4ZeZXYVUhLv1VMrjPC7PW6V/0/*)";
    const FIRST: &str = "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu";
    const SECOND: &str = "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g";

    #[test]
    fn a_descriptor_moves_on_only_when_it_is_told_to_and_stays_there() {
        let folder = tempfile::tempdir().unwrap();
        let fixed = || {
            let descriptor = PayoutDescriptor::parse(DESCRIPTOR, Network::Bitcoin).unwrap();
            FixedPayout::descriptor(descriptor, folder.path()).unwrap()
        };
        let at = |next| destination(&fixed(), Network::Bitcoin, next).unwrap();
        let first = Destination { address: FIRST.into(), index: Some(0), before: None };
        assert_eq!((at(false), at(false) == first), (first, true));
        let moved = Destination { address: SECOND.into(), index: Some(1), before: Some(FIRST.into()) };
        assert_eq!(at(true), moved);
        assert_eq!(at(false), Destination { before: None, ..moved });
    }

    #[test]
    fn one_address_has_no_next_one() {
        let parsed = address::parse(FIRST, Network::Bitcoin).unwrap();
        let fixed = FixedPayout::address(&parsed);
        assert_eq!(destination(&fixed, Network::Bitcoin, false).unwrap().address, FIRST);
        let error = destination(&fixed, Network::Bitcoin, true).unwrap_err().to_string();
        assert!(error.contains("payout.address"), "{error}");
    }
}
