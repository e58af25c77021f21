//! A member's own check of its pool, all the time and without being asked.
//!
//! Beside mining, over a connection of its own, the pool's ledger is followed: every share,
//! slice, payout and job of everybody from now on, and of the past what it adds up to. And
//! the member knows more than the ledger says: each share that it was told is accepted must
//! be in the answer when it asks the next time, credited at what it was worked at, on the very
//! job that it was given; and each block pays it, or leaves to its credit, what the rule says. What is wrong is said loudly, by the name of the fraud.

mod own;
mod status;

pub use own::Checker;
pub use status::{CheckState, CheckStatus};

use crate::follow::{Follow, FollowConfig, FollowError, Place, Told};
use crate::known_heads::KnownHeads;
use crate::upstream::Backoff;
use ledger::audit::{Auditor, Evidence, OwnShares, amount_paid};
use ledger::{RecordedShare, SignedHead};
use own::Own;
use p2p::iroh::{LookupConfig, SecretKey};
use p2p::{IrohNode, Target};
use status::Reporter;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Which pool is checked, and how it is reached.
#[derive(Clone, Debug)]
pub struct CheckConfig {
    /// The pool.
    pub pool: Target,
    /// The node that the miner dials it with.
    pub node: Option<IrohNode>,
    /// What we are known by where a node id is dialled.
    pub identity: SecretKey,
    /// How its node id is looked for, where the invite does not lead to it.
    pub lookup: LookupConfig,
    /// Dial a node id through relays only.
    pub relay_only: bool,
    /// The heads that pools have shown before.
    pub heads: KnownHeads,
}

/// How long the pool may wait for news.
const WAIT: Duration = Duration::from_secs(10);
/// How long the check may be impossible before that is said loudly.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// A pool that does not let us look is asked again after so long.
const ASK_AGAIN: Duration = Duration::from_secs(10 * 60);

/// One pool's ledger, as a member follows it.
struct Check {
    config: CheckConfig,
    own: OwnShares,
    told: mpsc::Receiver<Own>,
    auditor: Auditor,
    follow: Follow,
    heads: KnownHeads,
    newest: Option<SignedHead>,
    reporter: Reporter,
    /// Since when the ledger could not be read to its end.
    blind_since: Option<Instant>,
}

impl Check {
    fn new(config: CheckConfig, told: mpsc::Receiver<Own>, reporter: Reporter) -> Check {
        let heads = config.heads.clone();
        let (auditor, follow) = begin(&config, &heads);
        let own = OwnShares::default();
        Check { config, own, told, auditor, follow, heads, newest: None, reporter, blind_since: None }
    }

    /// Until `stop` is cancelled.
    async fn run(mut self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.check() => {}
        }
        self.follow.close().await;
    }

    async fn check(&mut self) {
        // Nothing is asked for a pool that has never accepted anything of ours.
        while self.own.waiting() == 0 {
            let Some(own) = self.told.recv().await else { return };
            note(&mut self.own, &mut self.reporter, own);
        }
        let mut backoff = Backoff::default();
        loop {
            while let Ok(own) = self.told.try_recv() {
                note(&mut self.own, &mut self.reporter, own);
            }
            // Whatever is accepted by now must be in the answer.
            let mark = self.own.mark();
            match self.answer().await {
                None => return,
                Some(Ok(())) => {
                    backoff.serving(Instant::now());
                    let missing = self.own.caught_up(mark);
                    self.reporter.wrong(missing.iter().map(ToString::to_string));
                    let unpaid = self.own.unpaid(&self.auditor);
                    self.reporter.wrong(unpaid.iter().map(ToString::to_string));
                    self.caught_up();
                }
                Some(Err(fault)) => {
                    let wait = self.failed(&fault, &mut backoff);
                    // What is accepted meanwhile is noted.
                    let until = tokio::time::Instant::now() + wait;
                    while let Ok(own) = tokio::time::timeout_at(until, self.told.recv()).await {
                        let Some(own) = own else { return };
                        note(&mut self.own, &mut self.reporter, own);
                    }
                }
            }
        }
    }

    /// Everything that the pool has by now; none when nobody tells us of shares any more.
    async fn answer(&mut self) -> Option<Result<(), FollowError>> {
        let Check { own, told, auditor, follow, newest, reporter, .. } = self;
        loop {
            // Not begun anew with each share that comes meanwhile: a dial takes its time.
            let mut next = pin!(follow.next());
            let next = loop {
                tokio::select! {
                    share = told.recv() => note(own, reporter, share?),
                    next = &mut next => break next,
                }
            };
            match next {
                Ok(Told::Ledger(ledger)) => auditor.ledger_is(ledger),
                Ok(Told::Shares(shares)) => {
                    shares.iter().for_each(|share| recorded(auditor, own, reporter, share));
                }
                Ok(Told::Evidence(evidence)) => {
                    auditor.add(&evidence);
                    if let Evidence::Slice { head, .. } = evidence {
                        *newest = Some(*head);
                    }
                }
                Ok(Told::CaughtUp) => return Some(Ok(())),
                Err(fault) => return Some(Err(fault)),
            }
        }
    }

    fn caught_up(&mut self) {
        self.blind_since = None;
        self.auditor.caught_up();
        self.reporter.found(self.auditor.found(), self.auditor.discrepancies());
        // A head of a ledger in which something is wrong does not replace one that was right.
        if self.reporter.is_clean()
            && let Some(head) = self.newest.take()
            && let Err(fault) = self.heads.note(&head)
        {
            warn!(%fault, "the pool's newest head is not kept; a history that changes while we are away is not noticed");
        }
        self.reporter.checked(&self.auditor, &self.own);
    }

    /// How long to wait after a failure.
    fn failed(&mut self, fault: &FollowError, backoff: &mut Backoff) -> Duration {
        let now = Instant::now();
        let since = *self.blind_since.get_or_insert(now);
        self.reporter.cannot(fault, now.saturating_duration_since(since) >= PATIENCE);
        match fault {
            FollowError::OtherLedger { .. } | FollowError::Intake(_) => {
                self.reporter.wrong([format!("the pool's ledger: {fault}")].into_iter());
                (self.auditor, self.follow) = begin(&self.config, &self.heads);
                self.reporter.begin_again();
                backoff.lost(now, rand::random())
            }
            fault if fault.is_final() => ASK_AGAIN,
            _ => backoff.lost(now, rand::random()),
        }
    }
}

/// A share that the pool has accepted.
fn note(own: &mut OwnShares, reporter: &mut Reporter, share: Own) {
    let found = own.accepted(&share.member, share.hash, share.target, share.at);
    reporter.wrong(found.iter().map(ToString::to_string));
}

/// A share in the ledger.
fn recorded(auditor: &mut Auditor, own: &mut OwnShares, reporter: &mut Reporter, share: &RecordedShare) {
    let Some(hash) = auditor.share(share) else { return };
    let seen = own.seen();
    let found = own.recorded(share, &hash);
    reporter.wrong(found.iter().map(ToString::to_string));
    if own.seen() > seen {
        let terms = share.context.terms();
        let ruled = !terms.job.basis.is_empty();
        reporter.paid(amount_paid(&terms.job, &terms.member).filter(|_| ruled));
    }
}

/// From now on, knowing what the pool has shown before.
fn begin(config: &CheckConfig, heads: &KnownHeads) -> (Auditor, Follow) {
    let authority = config.pool.authority().to_bytes();
    let follow = FollowConfig {
        place: Place::Pool(config.pool.clone()),
        node: config.node.clone(),
        identity: config.identity.clone(),
        lookup: config.lookup.clone(),
        relay_only: config.relay_only,
        whole_from: u64::MAX,
        wait: WAIT,
    };
    info!("checking the pool's ledger");
    (Auditor::new(Some(authority), heads.of(&authority)), Follow::new(follow))
}
