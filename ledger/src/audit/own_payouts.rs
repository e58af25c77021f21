//! What blocks pay me: each that counts has to pay me in its coinbase, and leave to my credit in
//! the book, what the rule says for the work that the ledger has of me.

use super::blocks::BlockPayout;
use super::coinbase;
use super::discrepancy::Discrepancy;
use crate::book::Payment;
use crate::payout::Payee;
use bitcoin::{ScriptBuf, TxOut};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use work::Hash256;

/// The names that my shares are credited to, and the blocks that were judged for them.
#[derive(Debug, Default)]
pub(super) struct OwnPayouts {
    names: BTreeSet<Arc<str>>,
    judged: HashSet<(Hash256, Arc<str>)>,
}

/// What somebody gets of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    /// In the coinbase, in satoshi.
    paid: u64,
    /// In the book, in satoshi; below zero where a debt is repaid or made.
    credited: i64,
}

impl OwnPayouts {
    /// Names that are told apart.
    const NAMES: usize = 1 << 12;

    /// A share of mine is credited to `name`.
    pub(super) fn worked_as(&mut self, name: &Arc<str>) {
        if self.names.len() < Self::NAMES && !self.names.contains(name) {
            self.names.insert(name.clone());
        }
    }

    /// What is missing for me in these blocks, each told once.
    pub(super) fn missing<'a>(&mut self, blocks: impl Iterator<Item = BlockPayout<'a>>) -> Vec<Discrepancy> {
        let mut found = Vec::new();
        for block in blocks {
            for name in &self.names {
                if self.judged.insert((block.hash, name.clone())) {
                    found.extend(missing(&block, name));
                }
            }
        }
        found
    }
}

/// What `name` does not get of a block.
fn missing(block: &BlockPayout<'_>, name: &str) -> Option<Discrepancy> {
    let scripts = scripts(name);
    let outputs = coinbase::outputs(block.job).unwrap_or_default();
    let real = Part { paid: sum(&outputs, &scripts), credited: credit(block.booked, &scripts) };
    let right = Part {
        paid: sum(&block.right.plan().tx_outputs(), &scripts),
        credited: credit(&block.right.payments(), &scripts),
    };
    (real.paid < right.paid || real.credited < right.credited).then(|| Discrepancy::MyPayoutMissing {
        block: block.hash.to_string(),
        height: block.job.template.height,
        paid: real.paid,
        credited: real.credited,
        right_paid: right.paid,
        right_credited: right.credited,
    })
}

/// Where an identity is paid: its address, or those of its parts.
pub(super) fn scripts(identity: &str) -> Vec<ScriptBuf> {
    match Payee::of(identity) {
        Ok(Payee::Script(script)) => vec![script],
        Ok(Payee::Split(parts)) => parts.iter().filter_map(|(name, _)| script(name)).collect(),
        Ok(Payee::Nobody) | Err(_) => Vec::new(),
    }
}

fn script(name: &str) -> Option<ScriptBuf> {
    match Payee::of(name) {
        Ok(Payee::Script(script)) => Some(script),
        _ => None,
    }
}

/// What outputs pay to scripts, in satoshi.
pub(super) fn sum(outputs: &[TxOut], scripts: &[ScriptBuf]) -> u64 {
    let mine = outputs.iter().filter(|output| scripts.contains(&output.script_pubkey));
    mine.map(|output| output.value.to_sat()).fold(0, u64::saturating_add)
}

/// What payments leave to the credit of those who are paid at `scripts`.
fn credit(payments: &[Payment], scripts: &[ScriptBuf]) -> i64 {
    let is_mine =
        |payment: &&Payment| script(&payment.member).is_some_and(|script| scripts.contains(&script));
    let credits =
        payments.iter().filter(is_mine).map(|payment| i128::from(payment.due) - i128::from(payment.paid));
    let sum = credits.fold(0, i128::saturating_add);
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}
