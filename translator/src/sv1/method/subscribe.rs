//! `mining.subscribe`: who the miner is, and its part of the search space.

use crate::sv1::request::Params;

/// What a miner says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribe<'a> {
    /// Firmware and version in its own words; often missing.
    pub agent: &'a str,
}

impl<'a> Subscribe<'a> {
    /// The second parameter, a session to be resumed, is of no use: each connection has a
    /// search space of its own.
    pub fn read(params: Params<'a>) -> Subscribe<'a> {
        Subscribe { agent: params.text(0, &["user_agent", "agent", "useragent"]).unwrap_or_default() }
    }
}
