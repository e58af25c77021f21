//! Rounds: what was worked for each block that was found, and for the one that is not found
//! yet.

use super::tally::Done;
use ledger::{Reader, RecordedBlock, StoreError, Work};
use std::collections::HashMap;
use std::sync::Arc;
use work::{Difficulty, Target};

/// The round that is under way.
#[derive(Clone, Debug, Default)]
pub struct Round {
    /// Its first share.
    pub first_share: u64,
    /// When it came, seconds since the Unix epoch; none before it has.
    pub since: Option<u64>,
    /// What each member did in its slices that have ended.
    pub closed: HashMap<Arc<str>, Done>,
}

/// A block that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// The block.
    pub recorded: RecordedBlock,
    /// Difficulty of the network then.
    pub network_difficulty: f64,
    /// Work in the round that it ended, as the sum of the shares' difficulties; none where
    /// it ended none.
    pub round_work: Option<f64>,
    /// Shares in it.
    pub round_shares: u64,
}

impl Round {
    /// The one under way in the ledger.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn read(reader: &Reader) -> Result<Round, StoreError> {
        let last_head = reader.last_head()?;
        let next_share = last_head.map_or(1, |head| head.head.last_share() + 1);
        let Some(open) = reader.rounds()?.into_iter().find(|round| round.last.is_none()) else {
            return Ok(Round { first_share: next_share, ..Round::default() });
        };
        let opened = reader.head(open.first)?.map(|head| head.head);
        let mut closed = HashMap::new();
        for part in reader.round_work(open.first)? {
            let Some(member) = reader.member(part.member)? else { continue };
            closed.insert(member.identity, Done { shares: part.sum.shares, work: difficulty(part.sum.work) });
        }
        Ok(Round {
            first_share: opened.as_ref().map_or(next_share, |head| head.first_share),
            since: opened.map(|head| head.opened.into()),
            closed,
        })
    }
}

/// Every block in the ledger, newest first, at most `limit` of them.
///
/// # Errors
/// [`StoreError`].
pub fn blocks(reader: &Reader, limit: usize) -> Result<Vec<Found>, StoreError> {
    let rounds = reader.rounds()?;
    let mut found = Vec::new();
    for recorded in reader.blocks()?.into_iter().rev().take(limit) {
        let job = reader.job(&recorded.block.job)?;
        let network_difficulty =
            job.map_or(0.0, |job| Target::from_compact(job.template.nbits).difficulty().0);
        let round = rounds.iter().find(|round| round.last == Some(recorded.slice));
        let (mut round_work, mut round_shares) = (None, 0);
        if let Some(round) = round {
            let mut all = 0.0;
            for part in reader.round_work(round.first)? {
                all += difficulty(part.sum.work);
                round_shares += part.sum.shares;
            }
            round_work = Some(all);
        }
        found.push(Found { recorded, network_difficulty, round_work, round_shares });
    }
    Ok(found)
}

/// Work in shares of difficulty 1.
pub fn difficulty(work: Work) -> f64 {
    Difficulty::from_hashes(work.0 as f64).0
}
