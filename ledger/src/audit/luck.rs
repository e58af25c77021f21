//! Whether targets follow the hashes found.
//!
//! A share weighs the target that was in force when its job was sent. That target is the
//! pool's word; but whatever it was, the hashes that meet it lie evenly between zero and it.
//! A pool that chooses the target when it has seen the hash, so that a lucky share weighs
//! more, gives itself away: the hashes then lie close below their targets.

use super::discrepancy::Discrepancy;
use crate::share::RecordedShare;
use std::collections::HashMap;
use std::sync::Arc;
use work::{Hash256, Target};

/// How high in their targets each member's hashes lie.
#[derive(Default)]
pub(super) struct Luck {
    members: HashMap<Arc<str>, Sum>,
    /// The member of the last shares and what is not yet added for them.
    last: Option<(Arc<str>, Sum)>,
}

#[derive(Clone, Copy, Default)]
struct Sum {
    shares: u64,
    /// Of hash over target, each from 0 to 1.
    ratios: f64,
}

impl Luck {
    /// With so few shares nothing can be said.
    const FEW: u64 = 64;
    /// Deviations of the mean that chance does not bring about: one member in 10^12.
    const DEVIATIONS: f64 = 7.0;

    /// Takes a share that meets its target.
    pub(super) fn push(&mut self, share: &RecordedShare, hash: &Hash256) {
        let terms = share.context.terms();
        let ratio = (as_f64(Target::from_le_bytes(hash.0)) / as_f64(terms.target).max(1.0)).min(1.0);
        match &mut self.last {
            Some((member, sum)) if Arc::ptr_eq(member, &terms.member) => sum.add(1, ratio),
            _ => {
                self.settle();
                self.last = Some((terms.member.clone(), Sum { shares: 1, ratios: ratio }));
            }
        }
    }

    /// Members whose hashes lie too close below their targets. That they lie lower is no
    /// fraud: some devices keep their easiest shares to themselves.
    pub(super) fn suspicious(mut self) -> Vec<Discrepancy> {
        self.settle();
        let mut suspicious: Vec<Discrepancy> = self
            .members
            .iter()
            .filter(|(_, sum)| sum.shares >= Self::FEW && sum.deviations() > Self::DEVIATIONS)
            .map(|(member, sum)| Discrepancy::CreditedByLuck {
                member: member.to_string(),
                shares: sum.shares,
                mean_milli: (sum.mean() * 1_000.0) as u32, // from 0 to 1000
            })
            .collect();
        suspicious.sort();
        suspicious
    }

    fn settle(&mut self) {
        if let Some((member, sum)) = self.last.take() {
            self.members.entry(member).or_default().add(sum.shares, sum.ratios);
        }
    }
}

impl Sum {
    fn add(&mut self, shares: u64, ratios: f64) {
        self.shares += shares;
        self.ratios += ratios;
    }

    fn mean(&self) -> f64 {
        self.ratios / self.shares.max(1) as f64
    }

    /// How far the mean is above a half, in standard deviations of a mean of so many even
    /// chances: 1 / sqrt(12 n).
    fn deviations(&self) -> f64 {
        (self.mean() - 0.5) * (12.0 * self.shares as f64).sqrt()
    }
}

fn as_f64(target: Target) -> f64 {
    let bytes = target.to_le_bytes();
    let (low, high) = bytes.split_at(16);
    let half = |half: &[u8]| half.try_into().map_or(0.0, |half| u128::from_le_bytes(half) as f64);
    half(high) * 2f64.powi(128) + half(low)
}
