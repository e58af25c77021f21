//! What an audit has to say, for people and for scripts.

use super::discrepancy::Discrepancy;
use crate::payout::{Mode, Ppm, Rules};
use serde::Serialize;
use std::fmt;

/// The outcome of an audit.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The ledger, in hexadecimal; none while no slice is closed.
    pub ledger: Option<String>,
    /// The key that signs its heads, x-only in hexadecimal.
    pub signer: Option<String>,
    /// Shares whose proof of work was recomputed.
    pub shares: u64,
    /// Of these, shares after the last head, which no signature stands behind yet.
    pub open_shares: u64,
    /// The shares' work in expected hashes, as a decimal number.
    pub work: String,
    /// Closed slices.
    pub slices: u64,
    /// Of these, slices whose shares are no longer kept: only their sums were checked.
    pub slices_without_shares: u64,
    /// Different jobs that shares were mined on.
    pub jobs: u64,
    /// Of these, jobs whose payouts the ledger does not decide.
    pub jobs_without_rule: u64,
    /// How often a job had no room for an output of everybody to whom one was due, by its own
    /// word: those stay credits.
    pub jobs_without_room: u64,
    /// How many jobs commit to a head of the ledger in their coinbase.
    pub jobs_anchored: u64,
    /// The rules that jobs paid by, oldest first.
    pub rules: Vec<RulesInForce>,
    /// Members, by identity.
    pub members: Vec<MemberReport>,
    /// Blocks, oldest first.
    pub blocks: Vec<BlockReport>,
    /// How many discrepancies there are.
    pub discrepancy_count: u64,
    /// The first thousand of them.
    pub discrepancies: Vec<Discrepancy>,
}

/// Rules, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RulesInForce {
    /// The first share that was mined on a job that pays by them.
    pub since_share: u64,
    /// The rules.
    pub rules: Rules,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberReport {
    /// Their identity.
    pub member: String,
    /// Their shares.
    pub shares: u64,
    /// Their work in expected hashes, as a decimal number.
    pub work: String,
    /// What blocks left them short (positive) or paid them ahead (negative), in sat.
    pub balance: i64,
}

/// A block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlockReport {
    /// Its hash, as explorers show it.
    pub hash: String,
    /// Its height.
    pub height: u32,
    /// Who found it.
    pub member: String,
    /// What its coinbase pays, in sat.
    pub value: u64,
    /// How far it has come.
    pub state: &'static str,
    /// Whether a share with this hash was recomputed.
    pub proven: bool,
    /// Whether its credits are in the book.
    pub booked: bool,
}

impl Report {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.discrepancy_count == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let none = "none yet".to_owned();
        writeln!(f, "Ledger     {}", self.ledger.as_ref().unwrap_or(&none))?;
        writeln!(f, "Signed by  {}", self.signer.as_ref().unwrap_or(&none))?;
        writeln!(f, "Shares     {} recomputed, {} hashes of work", self.shares, self.work)?;
        write!(f, "Slices     {} signed", self.slices)?;
        if self.slices_without_shares > 0 {
            write!(
                f,
                ", {} of them without their shares, which are no longer kept",
                self.slices_without_shares
            )?;
        }
        if self.open_shares > 0 {
            write!(f, "; {} shares are newer and not signed for yet", self.open_shares)?;
        }
        writeln!(f)?;
        write!(f, "Jobs       {}, each coinbase compared with the rule", self.jobs - self.jobs_without_rule)?;
        if self.jobs_without_rule > 0 {
            write!(f, "; {} pay by no rule of this ledger", self.jobs_without_rule)?;
        }
        if self.jobs_without_room > 0 {
            write!(f, "; {} say that they had no room to pay everybody", self.jobs_without_room)?;
        }
        if self.jobs_anchored > 0 {
            write!(f, "; {} commit to a head of this ledger", self.jobs_anchored)?;
        }
        writeln!(f)?;
        for RulesInForce { since_share, rules } in &self.rules {
            writeln!(f, "Rule       from share {since_share}: {}", Words(rules))?;
        }
        writeln!(f)?;
        self.write_members(f)?;
        self.write_blocks(f)?;
        self.write_verdict(f)
    }
}

impl Report {
    fn write_members(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.members.is_empty() {
            return writeln!(f, "No member has a share.");
        }
        let width = self.members.iter().map(|member| member.member.chars().count()).max().unwrap_or(0).max(6);
        writeln!(f, "{:width$} {:>10} {:>28} {:>14}", "member", "shares", "hashes", "owed (sat)")?;
        for MemberReport { member, shares, work, balance } in &self.members {
            writeln!(f, "{member:width$} {shares:>10} {work:>28} {balance:>14}")?;
        }
        Ok(())
    }

    fn write_blocks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.blocks.is_empty() {
            return Ok(());
        }
        writeln!(f)?;
        writeln!(f, "Blocks")?;
        for block in &self.blocks {
            let booked = if block.booked { ", booked" } else { "" };
            let proven = if block.proven { "" } else { ", not among the shares" };
            writeln!(
                f,
                "  {} height {} {}{booked}{proven}: {} sat, found by {}",
                block.hash, block.height, block.state, block.value, block.member
            )?;
        }
        Ok(())
    }

    fn write_verdict(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        if self.is_clean() {
            return write!(f, "Nothing is wrong.");
        }
        writeln!(f, "{} THINGS ARE WRONG:", self.discrepancy_count)?;
        for discrepancy in &self.discrepancies {
            writeln!(f, "  {discrepancy}")?;
        }
        let more = self.discrepancy_count - self.discrepancies.len() as u64;
        if more > 0 { write!(f, "  and {more} more") } else { Ok(()) }
    }
}

/// Rules in a line.
struct Words<'a>(&'a Rules);

impl fmt::Display for Words<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rules = self.0;
        match rules.mode {
            Mode::Shared => write!(f, "shared, {}", rules.window)?,
            Mode::Solo => f.write_str("solo")?,
            Mode::Fixed => f.write_str("fixed")?,
        }
        if rules.host_fee > Ppm(0) {
            write!(f, ", {} to the host", rules.host_fee)?;
        }
        if rules.finder_bonus > Ppm(0) {
            write!(f, ", {} of the rest to the finder", rules.finder_bonus)?;
        }
        write!(f, ", payments of at least {} sat", rules.min_payout)
    }
}
