//! What a job's coinbase pays, compared with what it must pay.

use super::discrepancy::Discrepancy;
use super::history::History;
use crate::anchor;
use crate::job_record::JobRecord;
use crate::payout::{Basis, NamedPlan};
use crate::tagged_hash::Commitment;
use bitcoin::{ScriptBuf, Transaction, TxOut};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A job, and the share by which it came to light.
pub(super) struct Sighting<'a> {
    pub(super) job: &'a Arc<JobRecord>,
    pub(super) share: u64,
    pub(super) member: &'a str,
}

/// The outputs of a job's coinbase; None when its bytes are no transaction.
pub fn outputs(job: &JobRecord) -> Option<Vec<TxOut>> {
    let bytes = job.coinbase(&vec![0; usize::from(job.extranonce_size)]);
    let coinbase: Transaction = bitcoin::consensus::deserialize(&bytes).ok()?;
    Some(coinbase.output)
}

/// The plan that a job must pay, if it is mined by `member`.
pub(super) fn right_plan(
    job: &JobRecord,
    basis: &Basis,
    member: &str,
    history: &mut History,
) -> Result<NamedPlan, String> {
    let standing = history.standing(basis)?;
    NamedPlan::new(basis, job.template.value, &standing, Some(member))
        .map_err(|fault| format!("cannot be paid by its rule: {fault}"))
}

/// What is wrong with the payouts of a job, and whether it had room for all who are due one.
pub(super) fn check(seen: &Sighting<'_>, basis: &Basis, history: &mut History) -> (Vec<Discrepancy>, bool) {
    let Sighting { job, share, member } = *seen;
    let name = || job.hash().to_string();
    let wrong_basis = |why: String| (vec![Discrepancy::WrongBasis { job: name(), share, why }], true);
    let Some(mut outputs) = outputs(job) else {
        return wrong_basis("has a coinbase that is no transaction".to_owned());
    };
    outputs.retain(|output| !is_remark(output));
    let plan = match right_plan(job, basis, member, history) {
        Ok(plan) => plan,
        Err(why) => return wrong_basis(why),
    };
    let right = plan.plan().tx_outputs();
    let had_room = plan.plan().left_out() == 0;
    if outputs == right {
        return (Vec::new(), had_room);
    }

    // Script by script, so that it is said who is paid too little, and who too much.
    let mut sums: BTreeMap<&ScriptBuf, (u64, u64)> = BTreeMap::new();
    for output in &outputs {
        let (paid, _) = sums.entry(&output.script_pubkey).or_default();
        *paid = paid.saturating_add(output.value.to_sat());
    }
    for output in &right {
        let (_, right) = sums.entry(&output.script_pubkey).or_default();
        *right = right.saturating_add(output.value.to_sat());
    }
    let who = |script: &ScriptBuf| {
        let output = plan.plan().outputs().iter().find(|output| output.script == *script);
        let name = output.and_then(|output| plan.name(output.member));
        name.map_or_else(|| format!("the script {}", script.to_hex_string()), |name| name.to_string())
    };
    let wrong: Vec<Discrepancy> = sums
        .into_iter()
        .filter(|(_, (paid, right))| paid != right)
        .map(|(script, (paid, right))| Discrepancy::WrongPayout {
            job: name(),
            height: job.template.height,
            share,
            member: who(script),
            paid,
            right,
        })
        .collect();
    if wrong.is_empty() {
        return wrong_basis(
            "pays the right sums in another order than the rule's, or has an output that is neither a payout nor \
             a commitment"
                .to_owned(),
        );
    }
    (wrong, had_room)
}

/// An output that pays nobody and may stand anywhere: a commitment, be it the template's, the host's
/// or the ledger's own, or the one that holds the
/// extranonce in a coinbase of the short form. No payout looks like this.
fn is_remark(output: &TxOut) -> bool {
    output.value.to_sat() == 0 && output.script_pubkey.is_op_return()
}

/// The heads of the ledger that a job's coinbase commits to.
pub(super) fn anchored_heads(job: &JobRecord) -> Vec<Commitment> {
    let outputs = outputs(job).unwrap_or_default();
    outputs.iter().filter_map(|output| anchor::head(&output.script_pubkey)).collect()
}
