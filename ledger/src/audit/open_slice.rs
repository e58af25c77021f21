//! The slice whose shares are being read, to be compared with its head.

use super::discrepancy::Discrepancy;
use super::findings::Findings;
use crate::head::{Head, members_root};
use crate::merkle::Frontier;
use crate::share::RecordedShare;
use crate::share_work::WorkSum;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the shares since the last head add up to.
#[derive(Default)]
pub(super) struct OpenSlice {
    tree: Frontier,
    /// In the order of the identities' bytes.
    members: BTreeMap<Arc<str>, WorkSum>,
    /// The member of the last shares and what is not yet added for them.
    last: Option<(Arc<str>, WorkSum)>,
    first: Option<u64>,
    received: Option<(u32, u32)>,
}

impl OpenSlice {
    /// Takes a share.
    pub(super) fn push(&mut self, share: &RecordedShare) {
        self.tree.push(share.leaf());
        self.first.get_or_insert(share.sequence);
        let (earliest, _) = *self.received.get_or_insert((share.received, share.received));
        self.received = Some((earliest.min(share.received), share.received));
        let terms = share.context.terms();
        let weight = WorkSum::of_shares(1, share.context.work(), terms.job.template.fees).unwrap_or_default();
        match &mut self.last {
            Some((member, sum)) if Arc::ptr_eq(member, &terms.member) => *sum = add(*sum, weight),
            _ => {
                self.settle();
                self.last = Some((terms.member.clone(), weight));
            }
        }
    }

    /// How many shares.
    pub(super) fn shares(&self) -> u64 {
        self.tree.leaves()
    }

    /// What each member's shares add up to.
    pub(super) fn members(&mut self) -> &BTreeMap<Arc<str>, WorkSum> {
        self.settle();
        &self.members
    }

    /// Compares the shares with their head, and what the ledger says that members did.
    pub(super) fn compare(&mut self, head: &Head, told: &[(Arc<str>, WorkSum)], findings: &mut Findings) {
        self.settle();
        let slice = head.slice;
        let found = total(self.members.values());
        if found != head.sum {
            findings.add(Discrepancy::WrongSum { slice, claimed: text(&head.sum), found: text(&found) });
        }
        self.compare_members(slice, told, findings);
        if self.tree.root() != head.shares_root {
            findings.add(Discrepancy::SharesRewritten { slice });
        }
        let root = members_root(self.members.iter().map(|(identity, sum)| (&**identity, *sum)));
        if root != head.members_root {
            findings.add(Discrepancy::MembersRewritten { slice });
        }
        if let Some((earliest, latest)) = self.received
            && (head.opened > earliest || head.closed < latest)
        {
            let what = format!(
                "the head says that it lasted from {} to {}, but shares came from {earliest} to {latest}",
                head.opened, head.closed
            );
            findings.add(Discrepancy::Backdated { slice, what });
        }
    }

    fn compare_members(&self, slice: u64, told: &[(Arc<str>, WorkSum)], findings: &mut Findings) {
        for (member, claimed) in told {
            let name = member.to_string();
            match self.members.get(member) {
                Some(found) if found == claimed => {}
                Some(found) => findings.add(Discrepancy::WrongMemberSum {
                    slice,
                    member: name,
                    claimed: text(claimed),
                    found: text(found),
                }),
                None => {
                    findings.add(Discrepancy::InventedMember { slice, member: name, claimed: text(claimed) });
                }
            }
        }
        for (member, found) in &self.members {
            if !told.iter().any(|(other, _)| other == member) {
                findings.add(Discrepancy::WrongMemberSum {
                    slice,
                    member: member.to_string(),
                    claimed: "nothing".to_owned(),
                    found: text(found),
                });
            }
        }
    }

    fn settle(&mut self) {
        if let Some((member, sum)) = self.last.take() {
            let before = self.members.entry(member).or_default();
            *before = add(*before, sum);
        }
    }
}

/// Compares what the ledger says that members did with a head whose shares are not kept.
pub(super) fn compare_sums(head: &Head, told: &[(Arc<str>, WorkSum)], findings: &mut Findings) {
    let slice = head.slice;
    let found = total(told.iter().map(|(_, sum)| sum));
    if found != head.sum {
        findings.add(Discrepancy::WrongSum { slice, claimed: text(&head.sum), found: text(&found) });
    }
    if members_root(told.iter().map(|(identity, sum)| (&**identity, *sum))) != head.members_root {
        findings.add(Discrepancy::MembersRewritten { slice });
    }
}

/// Sums of more work than there can be stay as they are: then nothing fits anyhow.
fn add(one: WorkSum, other: WorkSum) -> WorkSum {
    one.checked_add(other).unwrap_or(one)
}

fn total<'a>(sums: impl Iterator<Item = &'a WorkSum>) -> WorkSum {
    sums.fold(WorkSum::ZERO, |total, sum| add(total, *sum))
}

/// For people.
fn text(sum: &WorkSum) -> String {
    format!("{} shares, {}", sum.shares, sum.work)
}
