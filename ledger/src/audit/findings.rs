//! Where an audit writes down what it finds.

use super::discrepancy::Discrepancy;

/// Discrepancies, as many as are worth reading, and how many there were.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    kept: Vec<Discrepancy>,
    count: u64,
}

impl Findings {
    /// A ledger that was made up from nothing has as many as it has shares.
    const KEPT: usize = 1_000;

    pub(super) fn add(&mut self, discrepancy: Discrepancy) {
        self.count += 1;
        if self.kept.len() < Self::KEPT {
            self.kept.push(discrepancy);
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn kept(&self) -> &[Discrepancy] {
        &self.kept
    }

    pub(super) fn into_kept(self) -> Vec<Discrepancy> {
        self.kept
    }
}
