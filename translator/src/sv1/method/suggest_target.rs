//! `mining.suggest_target`: what a miner would like, as a target.

use crate::sv1::quantity::bytes32;
use crate::sv1::request::Params;
use work::{Difficulty, Target};

/// The difficulty of the target: 64 hexadecimal digits, most significant first.
pub fn read(params: Params<'_>) -> Option<Difficulty> {
    let mut bytes = bytes32(params.text(0, &["target"])?).ok()?;
    bytes.reverse();
    let target = Target::from_le_bytes(bytes);
    (target > Target::ZERO).then(|| target.difficulty())
}
