//! What lies above a session, as plain values: a pool's channel, however it is reached.
//!
//! The session says what it wants ([`Command`]) and is told what happens ([`Event`]). Two
//! drivers fit between: the pool's own, which judges shares in the same task, and one that
//! speaks SV2 to a pool elsewhere.

use crate::firmware::CoinbaseClass;
use crate::refusal::Refusal;
use crate::sv1::notice::JobText;
use std::sync::Arc;
use work::{Difficulty, Extranonce, Hash256, HashRate, ShareFault, Submission, Target};

/// What a session asks of its driver.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Open a channel; answered by [`Event::Opened`] or [`Event::Refused`].
    Open(Box<OpenChannel>),
    /// The miner wants another least difficulty, or is seen to hash more.
    Update(Terms),
    /// A share, to be judged upstream; answered by a verdict for its sequence number.
    Submit(Share),
    /// A share was refused here; for the books.
    Refused(ShareFault),
    /// The channel is of no use any more.
    Close,
}

/// What a channel is opened with.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenChannel {
    /// `member.worker`, cleaned; the pool decides about it.
    pub name: String,
    /// The firmware in its own words, printable.
    pub agent: String,
    /// How large a coinbase it takes.
    pub class: CoinbaseClass,
    /// Difficulty and hash rate.
    pub terms: Terms,
    /// Bytes of extranonce that the session needs below the channel's prefix.
    pub min_rolled: usize,
}

/// What the channel's difficulty should be like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Terms {
    /// Never easier. Difficulties should be powers of two.
    pub min_difficulty: Difficulty,
    /// Where to start, if the miner said.
    pub start: Option<Difficulty>,
    /// What the device is thought to hash.
    pub hash_rate: HashRate,
}

/// A share on its way up.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Counts the shares of a session.
    pub sequence: u32,
    /// The upstream's job.
    pub job: u32,
    /// What lies below the channel's prefix.
    pub rolled: Extranonce,
    /// The header's fields.
    pub submission: Submission,
}

/// What happens upstream.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A channel is open.
    Opened(Opened),
    /// No channel for this name, and why.
    Refused(String),
    /// The channel has another prefix from the next job on.
    Prefix(Extranonce),
    /// The channel has another target from the next job on.
    Target(Target),
    /// A job.
    Job(Job),
    /// All shares up to this one that have no verdict yet are accepted.
    AcceptedThrough(u32),
    /// A share is accepted.
    Accepted(u32),
    /// A share is refused.
    Rejected(u32, Refusal),
    /// There is no upstream any more; shares under way are lost.
    Lost,
    /// There is one again: open the channel again.
    Back,
}

/// An open channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Opened {
    /// Extranonce bytes that are the pool's.
    pub prefix: Extranonce,
    /// Extranonce bytes below it; at least what was asked for.
    pub rolled: usize,
    /// The first target.
    pub target: Target,
}

/// A job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The upstream's id.
    pub id: u32,
    /// The line's shared part.
    pub text: Arc<JobText>,
    /// What it builds on, internal byte order.
    pub prev_hash: Hash256,
    /// The header's version.
    pub version: u32,
    /// Whether its bits may be rolled.
    pub version_rolling: bool,
    /// The network's target in compact form.
    pub nbits: u32,
    /// Where the time starts.
    pub ntime: u32,
}
