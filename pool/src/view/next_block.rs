//! Which coinbases are shown, whose their outputs are, and what the payout rules are.

use super::coinbase::{CoinbaseView, Named};
use super::members::MemberView;
use crate::described;
use crate::job::Job;
use crate::job::board::{JobBoard, PayTo};
use crate::job::limit::CoinbaseLimit;
use crate::payout::{PayoutMode, RuledPayout, Standpoint, address};
use bitcoin::{Address, Network};
use ledger::payout::{HOST_NAME, Mode, Ppm};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use translator::CoinbaseClass;

described! {
    /// How blocks are paid by the ledger.
    #[derive(Clone, Debug, Default, PartialEq, Serialize)]
    pub struct RulesView {
        /// The host's part of every block, 0 to 1.
        pub host_fee: f64,
        /// The finder's part of what is left, 0 to 1.
        pub finder_bonus: f64,
        /// No output below this, in satoshi; what is due stays a credit.
        pub min_payout: u64,
        /// Which work counts, in words.
        pub window: String,
        /// How full the window is; a window without a limit may hold more than 1.
        pub fullness: f64,
        /// What to know about a window that is nearly empty.
        pub warning: Option<String>,
    }
}

/// Coinbases of single members that are shown.
const SINGLE: usize = 12;

/// The coinbases that the online ones of `members` work on now.
pub(super) async fn coinbases(
    payouts: &PayoutMode,
    board: &JobBoard,
    network: Network,
    members: &[MemberView],
) -> Vec<CoinbaseView> {
    let online = || members.iter().filter(|member| member.online);
    match payouts {
        PayoutMode::Fixed(_) => {
            let named = |_: &str| -> Named {
                (Some("the host".to_owned()), "the host's address takes every block".to_owned())
            };
            let Some(job) = job(board, PayTo::Pool).await else { return Vec::new() };
            let note = "every miner works on this one".to_owned();
            CoinbaseView::read(&job, network, "Every miner", note, named).into_iter().collect()
        }
        PayoutMode::Solo(network) => {
            let mut shown = Vec::new();
            for member in online().take(SINGLE) {
                let Ok(own) = address::parse(&member.name, *network) else { continue };
                let named = |_: &str| -> Named {
                    (Some(member.name.to_string()), "who finds a block takes it".to_owned())
                };
                let Some(job) = job(board, PayTo::Script(own.script)).await else { continue };
                let note = "if this member finds the block".to_owned();
                shown.extend(CoinbaseView::read(&job, *network, &member.label, note, named));
            }
            shown
        }
        PayoutMode::Ruled(ruled) => by_ledger(ruled, board, members).await,
    }
}

/// One for each size of coinbase that firmware takes here; one for each member where it makes
/// a difference who finds the block.
async fn by_ledger(ruled: &RuledPayout, board: &JobBoard, members: &[MemberView]) -> Vec<CoinbaseView> {
    let standpoint = ruled.watch().borrow().clone();
    let Some(standpoint) = standpoint else { return Vec::new() };
    let online: Vec<&MemberView> = members.iter().filter(|member| member.online).collect();
    let mut wanted: Vec<(PayTo, String, String)> = Vec::new();
    if standpoint.needs_finder() {
        for member in online.iter().take(SINGLE) {
            let pay_to = PayTo::Member { name: member.name.clone(), limit: CoinbaseLimit::SV2 };
            wanted.push((pay_to, member.label.clone(), "if this member finds the block".to_owned()));
        }
    } else if let Some(first) = online.first() {
        let of = |limit| PayTo::Member { name: first.name.clone(), limit };
        let whole = "for miners that take a coinbase of any size".to_owned();
        wanted.push((of(CoinbaseLimit::SV2), "Stratum V2".to_owned(), whole));
        let connections =
            online.iter().flat_map(|member| &member.workers).flat_map(|worker| &worker.connections);
        let classes: BTreeSet<&str> =
            connections.filter_map(|connection| connection.class.as_deref()).collect();
        for class in classes.into_iter().filter_map(CoinbaseClass::by_name) {
            let most = class.max_coinbase();
            let note =
                format!("for firmware of the class {}: a coinbase of {most} bytes at most", class.name());
            wanted.push((of(class.into()), format!("Class {}", class.name()), note));
        }
    }
    let mut shown = Vec::new();
    for (pay_to, class, note) in wanted {
        let Some(job) = job(board, pay_to).await else { continue };
        let owners = owners(&job, ruled.network);
        let named = |address: &str| {
            owners.get(address).cloned().unwrap_or((None, "by the ledger's rules".to_owned()))
        };
        shown.extend(CoinbaseView::read(&job, ruled.network, &class, note, named));
    }
    shown
}

async fn job(board: &JobBoard, pay_to: PayTo) -> Option<Arc<Job>> {
    let jobs = board.subscribe(pay_to).await.ok()?;
    let set = jobs.borrow().clone()?;
    Some(set.active.job.clone())
}

/// Whose the addresses in a coinbase are and why they are paid.
fn owners(job: &Job, network: Network) -> BTreeMap<String, Named> {
    let Some(plan) = job.paid_out().ok().and_then(|paid| paid.plan) else { return BTreeMap::new() };
    let due: BTreeMap<Arc<str>, (u64, u64)> =
        plan.payments().into_iter().map(|payment| (payment.member, (payment.due, payment.paid))).collect();
    let outputs = plan.plan().outputs().iter().filter_map(|output| {
        let address = Address::from_script(&output.script, network).ok()?.to_string();
        let name = plan.name(output.member)?;
        Some((address, (Some(owner(name)), why(name, due.get(name).copied()))))
    });
    outputs.collect()
}

fn owner(name: &str) -> String {
    if name == HOST_NAME { "the host".to_owned() } else { name.to_owned() }
}

fn why(name: &str, payment: Option<(u64, u64)>) -> String {
    let part = if name == HOST_NAME { "the host's fee" } else { "a part of the work that counts" };
    match payment {
        Some((due, paid)) if paid > due => {
            format!("{part}, {due} sat, and {} sat of what earlier blocks left", paid - due)
        }
        Some((due, paid)) if paid < due => {
            format!("{part}, {due} sat, of which {} sat stay a credit", due - paid)
        }
        _ => part.to_owned(),
    }
}

/// What the next block pays each member, and what it leaves as credit; empty where that
/// depends on who finds it.
pub(super) async fn payments(
    payouts: &PayoutMode,
    board: &JobBoard,
    members: &[MemberView],
) -> BTreeMap<Arc<str>, u64> {
    let PayoutMode::Ruled(ruled) = payouts else { return BTreeMap::new() };
    let depends = ruled.watch().borrow().as_ref().is_none_or(|standpoint| standpoint.needs_finder());
    let Some(first) = members.iter().find(|member| member.online).filter(|_| !depends) else {
        return BTreeMap::new();
    };
    let pay_to = PayTo::Member { name: first.name.clone(), limit: CoinbaseLimit::SV2 };
    let job = job(board, pay_to).await;
    let plan = job.and_then(|job| job.paid_out().ok()?.plan);
    let payments = plan.map(|plan| plan.payments()).unwrap_or_default();
    payments.into_iter().map(|payment| (payment.member, payment.paid)).collect()
}

/// What earlier blocks left for each member.
pub(super) fn credits(payouts: &PayoutMode) -> BTreeMap<Arc<str>, i64> {
    let PayoutMode::Ruled(ruled) = payouts else { return BTreeMap::new() };
    let standpoint = ruled.watch().borrow().clone();
    standpoint.map(|now| now.present.standing.balances.iter().cloned().collect()).unwrap_or_default()
}

/// The rules, where the ledger decides.
pub(super) fn rules(payouts: &PayoutMode) -> Option<RulesView> {
    let PayoutMode::Ruled(ruled) = payouts else { return None };
    let standpoint: Option<Arc<Standpoint>> = ruled.watch().borrow().clone();
    let rules = &ruled.rules;
    let fullness = standpoint.map(|now| now.present.fullness).unwrap_or_default();
    let part = |ppm: Ppm| f64::from(ppm.0) / 1e6;
    let shared = rules.mode == Mode::Shared;
    Some(RulesView {
        host_fee: part(rules.host_fee),
        finder_bonus: part(rules.finder_bonus),
        min_payout: rules.min_payout,
        window: if shared { rules.window.to_string() } else { "whoever finds it takes it".to_owned() },
        fullness: fullness.ppm as f64 / 1e6,
        warning: fullness.warning().filter(|_| shared),
    })
}
