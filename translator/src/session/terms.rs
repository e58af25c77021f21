//! How hard a miner's shares should be: what firmware, port, owner and miner say, as one.

use super::Session;
use crate::upstream::{Command, Terms};
use work::Difficulty;

/// What the miner has asked for itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    /// `mining.suggest_difficulty`, `mining.suggest_target`.
    pub(super) suggested: Option<Difficulty>,
    /// `minimum-difficulty` of `mining.configure`.
    pub(super) minimum: Option<Difficulty>,
    /// What the upstream was told last.
    told: Option<Terms>,
}

/// The least that a device may have that nobody knows but that asks for less than 1.
const LEAST: Difficulty = Difficulty(0.000_01);
/// The most that a miner can ask for: beyond it, it would only starve itself.
const MOST: Difficulty = Difficulty(1e12);

impl Session {
    /// The terms at present.
    pub(super) fn terms(&self) -> Terms {
        let wished = self.wishes.difficulty.map(bounded);
        let suggested = self.asked.suggested.map(bounded);
        let start = wished.or(suggested);
        let floor = match self.config.floor {
            Some(port) => max(port, self.firmware.min_difficulty),
            // A device that the table does not know and that knows it is slow. If it is
            // not, the bound on shares a second holds until its difficulty has risen.
            None if self.is_unknown() => min(self.firmware.min_difficulty, start.unwrap_or(MOST)),
            None => self.firmware.min_difficulty,
        };
        let owner = wished.unwrap_or(LEAST);
        let device = self.asked.minimum.map_or(LEAST, bounded);
        let min_difficulty = max(floor, max(owner, device));
        Terms {
            min_difficulty,
            start: start.map(|start| max(start, min_difficulty)),
            hash_rate: self.wishes.hash_rate.unwrap_or(self.firmware.hash_rate),
        }
    }

    /// The terms, for opening a channel.
    pub(super) fn tell_terms(&mut self) -> Terms {
        let terms = self.terms();
        self.asked.told = Some(terms);
        terms
    }

    /// Tells the upstream if they have changed. Some miners repeat what they suggest every
    /// half minute, which is nothing new.
    pub(super) fn update_terms(&mut self, out: &mut super::Output) {
        let Some(told) = self.asked.told else { return };
        let terms = self.terms();
        if terms != told {
            self.asked.told = Some(terms);
            out.commands.push(Command::Update(terms));
        }
    }

    fn is_unknown(&self) -> bool {
        self.firmware.name == "unknown"
    }
}

fn bounded(difficulty: Difficulty) -> Difficulty {
    min(max(difficulty, LEAST), MOST)
}

fn max(a: Difficulty, b: Difficulty) -> Difficulty {
    Difficulty(a.0.max(b.0))
}

fn min(a: Difficulty, b: Difficulty) -> Difficulty {
    Difficulty(a.0.min(b.0))
}
