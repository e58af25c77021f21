//! What a session is given, and what it gives.

use super::ExtranonceSizes;
use crate::firmware::{CoinbaseClass, FirmwareRule, WorkerRule};
use crate::sv1::quantity::VersionMask;
use crate::upstream::Command;
use std::time::Duration;
use thiserror::Error;
use work::Difficulty;

/// What all sessions of a port have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionConfig {
    /// The host's own word on some firmware.
    pub rules: Vec<FirmwareRule>,
    /// The host's own word on some workers.
    pub workers: Vec<WorkerRule>,
    /// The class of every miner at this port, whatever its firmware.
    pub class: Option<CoinbaseClass>,
    /// Never easier than this, whatever the firmware: a port for rented hash rate.
    pub floor: Option<Difficulty>,
    /// The version bits that miners may roll.
    pub version_mask: VersionMask,
    /// How many bytes of extranonce are a miner's.
    pub extranonce_sizes: ExtranonceSizes,
    /// How long the pool may be gone before miners work for warmth alone; never, if none.
    pub heat_after: Option<Duration>,
}

impl Default for SessionConfig {
    fn default() -> SessionConfig {
        SessionConfig {
            rules: Vec::new(),
            workers: Vec::new(),
            class: None,
            floor: None,
            version_mask: VersionMask::BIP320,
            extranonce_sizes: ExtranonceSizes::default(),
            heat_after: None,
        }
    }
}

impl SessionConfig {
    /// The class of the miner that calls itself `name`, if anybody has said it: the host of
    /// this worker, the miner itself, or the host of this port.
    pub fn class_of(&self, name: &str, asked: Option<CoinbaseClass>) -> Option<CoinbaseClass> {
        let rule = self.workers.iter().find(|rule| rule.worker.eq_ignore_ascii_case(name));
        rule.map(|rule| rule.class).or(asked).or(self.class)
    }
}

/// What a session has to say and wants done. Appended to; the driver empties it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Output {
    /// For the miner.
    pub lines: String,
    /// For the upstream.
    pub commands: Vec<Command>,
    /// The connection is to be closed, once the lines are written.
    pub close: Option<Goodbye>,
}

/// Why a session ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Goodbye {
    /// Too much of what the miner sent was no request.
    #[error("it sent what is no Stratum V1")]
    Unreadable,
    /// It did not subscribe, or named no worker, in time.
    #[error("it did not subscribe and name a worker in time")]
    Late,
    /// Nothing but refused shares for minutes: another connection may do better.
    #[error("all of its shares were refused for minutes")]
    NoGoodShares,
    /// The search space has changed in a way that this miner cannot follow.
    #[error("it cannot be given another extranonce")]
    Extranonce,
    /// The pool does not take the worker's name any more.
    #[error("the pool refused its worker's name")]
    Unauthorized,
}
