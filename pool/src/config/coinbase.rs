//! `[blocks]` and `[coinbase]`: when a block counts for good, and what stands in its coinbase
//! besides the payouts.

use super::check::Report;
use super::sections::Config;
use crate::commitments::{Budget, Payload};
use crate::payout::pool_tag;
use serde::{Deserialize, Serialize};

/// `[blocks]`: what becomes of blocks that were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Blocks {
    /// Confirmations from which on a block is settled.
    pub confirmations: u32,
}

impl Default for Blocks {
    fn default() -> Blocks {
        // From then on the coinbase may be spent.
        Blocks { confirmations: 100 }
    }
}

/// `[coinbase]`: what stands in the coinbase besides the payouts. All of it is off by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Coinbase {
    /// So many random bytes in the scriptSig, fresh for each job.
    pub random_bytes: u32,
    /// Bytes of all `OP_RETURN` outputs that may be added, as they stand in the coinbase.
    pub commitment_bytes: u32,
    /// What always is committed to, in hexadecimal.
    pub commitments: Vec<Payload>,
    /// Whether the newest head of the ledger is committed to.
    pub ledger_root: bool,
}

impl Coinbase {
    /// The room that commitments have.
    pub fn budget(&self) -> Budget {
        Budget { output_bytes: self.commitment_bytes, ledger_root: self.ledger_root }
    }
}

/// Reports what is wrong with both sections.
pub(super) fn check(config: &Config, report: &mut Report<'_>) {
    let Config { blocks, coinbase, payout, .. } = config;
    if !(1..=10_000).contains(&blocks.confirmations) {
        report(
            "blocks.confirmations",
            format!("{} is not from 1 to 10000", blocks.confirmations),
            "100 is when the coins can be spent".into(),
        );
    }
    let beside_tag = pool_tag::MAX_BYTES.saturating_sub(payout.pool_tag.len());
    if coinbase.random_bytes as usize > beside_tag {
        report(
            "coinbase.random_bytes",
            format!("{} bytes do not fit; there is room for {beside_tag}", coinbase.random_bytes),
            format!("together with payout.pool_tag they may have {} bytes", pool_tag::MAX_BYTES),
        );
    }
    if coinbase.commitment_bytes > Budget::MAX_BYTES {
        report(
            "coinbase.commitment_bytes",
            format!("{} is more than {}", coinbase.commitment_bytes, Budget::MAX_BYTES),
            "each commitment takes 11 bytes more than its data".into(),
        );
    }
    let needed = coinbase.commitments.iter().map(Payload::output_bytes).fold(0, u32::saturating_add);
    if needed > coinbase.commitment_bytes {
        report(
            "coinbase.commitments",
            format!(
                "take {needed} bytes of the coinbase, and coinbase.commitment_bytes allows {}",
                coinbase.commitment_bytes
            ),
            format!("set coinbase.commitment_bytes to {needed} or more"),
        );
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn wrong_keys(change: impl FnOnce(&mut Config)) -> Vec<&'static str> {
        let mut config = Config::default();
        change(&mut config);
        let mut keys = Vec::new();
        check(&config, &mut |key, _, _| keys.push(key));
        keys
    }

    #[test]
    fn what_does_not_fit_the_coinbase_is_refused_by_its_key() {
        assert!(wrong_keys(|_| {}).is_empty());
        let keys = wrong_keys(|config| {
            config.blocks.confirmations = 0;
            config.payout.pool_tag = "x".repeat(30);
            config.coinbase.random_bytes = 11;
            config.coinbase.commitments = vec!["00".parse().unwrap()];
        });
        assert_eq!(keys, ["blocks.confirmations", "coinbase.random_bytes", "coinbase.commitments"]);
        let fits = |config: &mut Config| {
            config.coinbase.commitments = vec!["00".parse().unwrap()];
            config.coinbase.commitment_bytes = 12;
        };
        assert!(wrong_keys(fits).is_empty());
        let too_many = |config: &mut Config| config.coinbase.commitment_bytes = 1_001;
        assert_eq!(wrong_keys(too_many), ["coinbase.commitment_bytes"]);
    }
}
