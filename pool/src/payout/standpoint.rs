//! What jobs pay by where the ledger decides: the rules and the state of the ledger that
//! they are applied to, as one immutable value.

use super::PayoutSet;
use bitcoin::Script;
use ledger::payout::{Basis, Mode, NamedPlan, Payees, PlanError, Rules};
use ledger::reader::Present;
use std::sync::Arc;
use work::Hash256;

/// Rules, ledger and host at one moment.
#[derive(Debug)]
pub struct Standpoint {
    /// The rules in force.
    pub rules: Rules,
    /// Where the host is paid, if the rules pay the host.
    pub host: Option<Arc<PayoutSet>>,
    /// What the window's work and the balances are.
    pub present: Present,
    /// The compact network target by which the window was computed.
    pub nbits: u32,
    has_workers: bool,
    /// The standing with everybody's address read.
    payees: Payees,
}

impl Standpoint {
    /// Puts them together.
    pub fn new(rules: Rules, host: Option<Arc<PayoutSet>>, present: Present, nbits: u32) -> Standpoint {
        let has_workers = present.standing.has_workers();
        let payees = Payees::new(host_script(host.as_ref()), &present.standing);
        Standpoint { rules, host, present, nbits, has_workers, payees }
    }

    /// Whether a job's coinbase depends on who mines on it: where the finder earns something
    /// of their own, or all, because nobody has worked yet.
    pub fn needs_finder(&self) -> bool {
        self.rules.depends_on_finder() || (self.rules.mode == Mode::Shared && !self.has_workers)
    }

    /// What a job writes down of it.
    pub fn basis(&self, room: u32) -> Basis {
        Basis {
            rules: self.rules.clone(),
            slice: self.present.slice,
            book: self.present.book,
            nbits: self.nbits,
            room,
            for_finder: self.needs_finder(),
            host: host_script(self.host.as_ref()).to_owned(),
        }
    }

    /// Who is paid what of `value` satoshi in `room` bytes of outputs; `finder` counts only
    /// where one is [needed](Self::needs_finder).
    ///
    /// # Errors
    /// [`PlanError`].
    pub fn plan(&self, value: u64, room: u32, finder: Option<&str>) -> Result<NamedPlan, PlanError> {
        self.payees.plan(&self.basis(room), value, finder)
    }

    /// Whether what the block `hash` has paid is counted.
    pub fn counts(&self, hash: &Hash256) -> bool {
        self.present.paid_by.contains(hash)
    }

    /// Whether payouts by `other` are the same in everything: the ledger may have gone on
    /// without a word about work, balances or blocks.
    pub fn pays_like(&self, other: &Standpoint) -> bool {
        self.rules == other.rules
            && self.host == other.host
            && self.nbits == other.nbits
            && self.present.slice == other.present.slice
            && self.present.standing == other.present.standing
            && self.present.paid_by == other.present.paid_by
    }
}

/// Where the host is paid; empty where it is not.
fn host_script(host: Option<&Arc<PayoutSet>>) -> &Script {
    host.and_then(|set| set.recipients().first()).map_or(Script::new(), |host| host.script.as_script())
}
