//! `mining.suggest_difficulty`: what a miner would like.

use crate::sv1::request::Params;
use work::Difficulty;

/// The difficulty, a number or a number in a string.
pub fn read(params: Params<'_>) -> Option<Difficulty> {
    let number = params.get(0, &["difficulty", "diff"])?.number()?;
    (number > 0.0).then_some(Difficulty(number))
}
