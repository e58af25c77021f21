//! Following a pool's ledger from elsewhere: over its HTTP, or by its invite alone, through
//! the same door as miners and behind the same NATs.
//!
//! What comes is [`Told`], piece by piece. When the connection is lost, the next call makes
//! another one and goes on from where the last one stopped; waiting in between is the
//! caller's.

mod http;
mod pool;
mod sse;

use crate::upstream::{UpstreamConfig, UpstreamError};
use http::Events;
use hyper::Uri;
use ledger::LedgerId;
use ledger::RecordedShare;
use ledger::audit::Evidence;
use ledger::evidence::{Cursor, Intake, IntakeError, Received};
use p2p::iroh::{LookupConfig, SecretKey};
use p2p::{IrohNode, Target};
use pool::Reading;
use std::time::Duration;
use thiserror::Error;

/// Where a ledger is followed.
#[derive(Clone, Debug)]
pub enum Place {
    /// At a pool's HTTP: `http://host:port`.
    Http(Uri),
    /// By its invite.
    Pool(Target),
}

/// What to follow, and from where on.
#[derive(Clone, Debug)]
pub struct FollowConfig {
    /// Where.
    pub place: Place,
    /// A node that dials this pool already, if there is one.
    pub node: Option<IrohNode>,
    /// What we are known by where a node id is dialled and there is none.
    pub identity: SecretKey,
    /// How its node id is looked for, where the invite does not lead to it.
    pub lookup: LookupConfig,
    /// Dial a node id through relays only.
    pub relay_only: bool,
    /// Slices before this one are wanted without their shares; `u64::MAX`: all that are
    /// closed by now.
    pub whole_from: u64,
    /// How long the pool may wait for something new before it says that there is nothing.
    pub wait: Duration,
}

/// A piece of the ledger.
#[derive(Clone, Debug)]
pub enum Told {
    /// Which ledger it is: first of all, and again over each connection.
    Ledger(LedgerId),
    /// Shares, one after the other.
    Shares(Vec<RecordedShare>),
    /// Something else for the auditor.
    Evidence(Evidence),
    /// Nothing is newer. By invite: than when [`Follow::next`] was first called after the
    /// last time that it said so.
    CaughtUp,
}

/// Why there is no more at present.
#[derive(Debug, Error)]
pub enum FollowError {
    /// There is no connection to the pool.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// HTTP does not work.
    #[error("{0}")]
    Http(String),
    /// It answers with an error.
    #[error("{status}: {detail}")]
    Status {
        /// The status.
        status: u16,
        /// Its words.
        detail: String,
    },
    /// The pool does not let members read its ledger this way.
    #[error("this pool does not let members read its ledger (extension 0x5043)")]
    NotOffered,
    /// The pool has no room.
    #[error("the pool does not let us read its ledger now: {0}")]
    Refused(String),
    /// It sends what is no ledger.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// It has another ledger than before.
    #[error(
        "the pool has another ledger than before ({now} instead of {before}): it has lost the old one, or hides it"
    )]
    OtherLedger {
        /// The one before.
        before: String,
        /// The present one.
        now: String,
    },
}

/// A ledger that is being followed.
pub struct Follow {
    config: FollowConfig,
    intake: Intake,
    ledger: Option<LedgerId>,
    connection: Connection,
}

enum Connection {
    None,
    Http(Events),
    Pool(Box<Reading>),
}

impl FollowError {
    /// Whether trying again does not help.
    pub fn is_final(&self) -> bool {
        match self {
            FollowError::Upstream(fault) => fault.is_final(),
            FollowError::Status { status, .. } => (400..500).contains(status),
            FollowError::NotOffered | FollowError::Intake(_) | FollowError::OtherLedger { .. } => true,
            FollowError::Http(_) | FollowError::Refused(_) => false,
        }
    }
}

impl Follow {
    /// Nothing is dialled yet.
    pub fn new(config: FollowConfig) -> Follow {
        Follow { config, intake: Intake::default(), ledger: None, connection: Connection::None }
    }

    /// Where it stands.
    pub fn cursor(&self) -> Cursor {
        self.intake.cursor()
    }

    /// What comes next. Dropped before it is done, it goes on with the next call; after an
    /// error too, over another connection.
    ///
    /// # Errors
    /// [`FollowError`].
    pub async fn next(&mut self) -> Result<Told, FollowError> {
        let next = self.try_next().await;
        if next.is_err() {
            self.intake = Intake::new(self.intake.cursor());
            match std::mem::replace(&mut self.connection, Connection::None) {
                Connection::Pool(reading) => reading.close().await,
                Connection::Http(_) | Connection::None => {}
            }
        }
        next
    }

    /// Takes leave.
    pub async fn close(self) {
        if let Connection::Pool(reading) = self.connection {
            reading.close().await;
        }
    }

    async fn try_next(&mut self) -> Result<Told, FollowError> {
        loop {
            let received = match &mut self.connection {
                Connection::None => {
                    self.connect().await?;
                    continue;
                }
                Connection::Http(events) => {
                    let (kind, body) = events.next().await?;
                    self.intake.take(kind, &body)?
                }
                Connection::Pool(reading) => match self.intake.received()? {
                    Some(received) => received,
                    None => match reading.next(self.config.wait).await? {
                        Some(bytes) => {
                            self.intake.push(&bytes);
                            continue;
                        }
                        None => Received::CaughtUp,
                    },
                },
            };
            match received {
                Received::Nothing => {}
                Received::Ledger { id, .. } => return self.same_ledger(id).map(|()| Told::Ledger(id)),
                Received::Shares(shares) => return Ok(Told::Shares(shares)),
                Received::Evidence(evidence) => return Ok(Told::Evidence(evidence)),
                Received::CaughtUp => return Ok(Told::CaughtUp),
            }
        }
    }

    async fn connect(&mut self) -> Result<(), FollowError> {
        let cursor = self.intake.cursor();
        // Once something was told without its shares, the rest follows whole.
        let whole_from = if cursor == Cursor::START { self.config.whole_from } else { 1 };
        self.connection = match &self.config.place {
            Place::Http(uri) => Connection::Http(Events::open(uri, cursor, whole_from).await?),
            Place::Pool(pool) => {
                let upstream = UpstreamConfig {
                    pool: pool.clone(),
                    identity: self.config.identity.clone(),
                    lookup: self.config.lookup.clone(),
                    relay_only: self.config.relay_only,
                    flags: 0,
                    role: "auditor",
                    extensions: vec![crate::wire::audit::EXTENSION],
                };
                let node = self.config.node.clone();
                Connection::Pool(Box::new(Reading::open(upstream, node, cursor, whole_from).await?))
            }
        };
        Ok(())
    }

    fn same_ledger(&mut self, id: LedgerId) -> Result<(), FollowError> {
        let before = *self.ledger.get_or_insert(id);
        if before == id {
            return Ok(());
        }
        let hex = |id: LedgerId| id.0.iter().map(|byte| format!("{byte:02x}")).collect();
        Err(FollowError::OtherLedger { before: hex(before), now: hex(id) })
    }
}
