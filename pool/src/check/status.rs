//! What a member is told about its pool: in the log, loudly, and as a value for status pages.

use crate::follow::FollowError;
use ledger::audit::{Auditor, Discrepancy, OwnShares};
use serde::Serialize;
use tokio::sync::watch;
use tracing::{error, info, warn};

/// How a pool's check stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckStatus {
    /// In a word.
    pub state: CheckState,
    /// Why the ledger cannot be read at present.
    pub fault: Option<String>,
    /// Shares of everybody that were checked since the check began.
    pub shares_checked: u64,
    /// Signed slices that were checked.
    pub slices: u64,
    /// Own accepted shares that were found in the ledger.
    pub own_shares_found: u64,
    /// Own accepted shares that are not there yet.
    pub own_shares_waiting: u64,
    /// What the job of the last own share pays this member if it is a block, in sat, where
    /// the ledger's rules decide.
    pub paid_by_last_job: Option<u64>,
    /// Things that are wrong.
    pub wrong: u64,
    /// The first of them, each by the name of the fraud.
    pub findings: Vec<String>,
}

/// How a pool's check stands, in a word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckState {
    /// No share has been accepted yet.
    #[default]
    Waiting,
    /// Everything so far is as it must be.
    Clean,
    /// The ledger cannot be read at present.
    Blind,
    /// The pool cheats, or its ledger is broken.
    Wrong,
}

impl CheckStatus {
    /// In a sentence.
    pub fn words(&self) -> String {
        let CheckStatus { shares_checked, own_shares_found, wrong, .. } = self;
        match self.state {
            CheckState::Waiting => "the pool's ledger is checked once a share is accepted".to_owned(),
            CheckState::Clean => format!(
                "the pool's ledger is in order so far: {shares_checked} shares checked, {own_shares_found} of ours found"
            ),
            CheckState::Blind => {
                let fault = self.fault.as_deref().unwrap_or_default();
                format!("the pool's ledger cannot be checked at present: {fault}")
            }
            CheckState::Wrong => {
                let first = self.findings.first().map_or("", String::as_str);
                format!("THE POOL'S LEDGER IS WRONG in {wrong} places: {first}")
            }
        }
    }
}

/// Writes the status and the log.
pub(super) struct Reporter {
    status: watch::Sender<CheckStatus>,
    /// Of the auditor's findings, those that were told.
    told: usize,
    /// Of the status's count, those that came from the auditor.
    from_auditor: u64,
    /// Whether it was said that nothing can be seen.
    said_blind: bool,
}

/// Findings that are told one by one.
const MOST: usize = 50;

impl Reporter {
    pub(super) fn new() -> (Reporter, watch::Receiver<CheckStatus>) {
        let (status, seen) = watch::channel(CheckStatus::default());
        (Reporter { status, told: 0, from_auditor: 0, said_blind: false }, seen)
    }

    /// Whether nothing was wrong so far.
    pub(super) fn is_clean(&self) -> bool {
        self.status.borrow().wrong == 0
    }

    /// Tells of what is wrong.
    pub(super) fn wrong(&mut self, found: impl Iterator<Item = String>) {
        for found in found {
            self.status.send_modify(|status| status.wrong += 1);
            self.tell(found);
        }
    }

    /// Tells of what the auditor has found since the last time; `count` in all.
    pub(super) fn found(&mut self, found: &[Discrepancy], count: u64) {
        for discrepancy in found.get(self.told..).unwrap_or_default() {
            self.tell(discrepancy.to_string());
        }
        self.told = found.len();
        let more = count.saturating_sub(self.from_auditor);
        self.from_auditor = count;
        self.status.send_if_modified(|status| {
            status.wrong += more;
            more > 0
        });
    }

    /// Another auditor has taken over.
    pub(super) fn begin_again(&mut self) {
        (self.told, self.from_auditor) = (0, 0);
    }

    /// What the job of an own share pays its member.
    pub(super) fn paid(&self, amount: Option<u64>) {
        self.status
            .send_if_modified(|status| std::mem::replace(&mut status.paid_by_last_job, amount) != amount);
    }

    /// The ledger has been read to its end.
    pub(super) fn checked(&mut self, auditor: &Auditor, own: &OwnShares) {
        let before = self.status.borrow().state;
        self.said_blind = false;
        self.status.send_modify(|status| {
            status.fault = None;
            status.shares_checked = auditor.shares();
            status.slices = auditor.slices();
            status.own_shares_found = own.seen();
            status.own_shares_waiting = own.waiting() as u64;
            status.state = if status.wrong > 0 { CheckState::Wrong } else { CheckState::Clean };
        });
        if before != CheckState::Clean && self.is_clean() {
            info!("{}", self.status.borrow().words());
        }
    }

    /// The ledger cannot be read, and perhaps has not been for a while.
    pub(super) fn cannot(&mut self, fault: &FollowError, for_long: bool) {
        let text = fault.to_string();
        if self.status.borrow().fault.as_ref() != Some(&text) {
            info!(fault = text, "the pool's ledger cannot be read at present");
        }
        self.status.send_modify(|status| {
            status.fault = Some(text.clone());
            if status.wrong == 0 {
                status.state = CheckState::Blind;
            }
        });
        if (for_long || matches!(fault, FollowError::NotOffered)) && !self.said_blind {
            self.said_blind = true;
            warn!(
                fault = text,
                "THE POOL CANNOT BE CHECKED: whether it counts your shares is its word alone"
            );
        }
    }

    fn tell(&self, found: String) {
        if self.status.borrow().findings.len() >= MOST {
            return;
        }
        error!("THE POOL'S LEDGER IS WRONG: {found}");
        self.status.send_modify(|status| {
            status.findings.push(found);
            status.state = CheckState::Wrong;
        });
    }
}
