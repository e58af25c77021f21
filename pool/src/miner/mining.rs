//! The miner's channel: jobs in, shares out, verdicts in. Outlives connections.

mod fields;
mod open;
mod resume;

use super::event::MinerEvent;
use super::hasher::{FoundShare, Hashers};
use super::jobs::{Assignment, ChannelJobs, Root};
use super::{MinerConfig, MinerKind};
use crate::check::{CheckState, CheckStatus, Checker};
use crate::upstream::{InFlight, Incoming, Link, UpstreamError};
use binary_sv2::from_bytes;
use common_messages_sv2 as common;
use fields::{extranonce, hash, le_target};
use mining_sv2 as mining;
use p2p::{Frame, WireError};
use std::pin::pin;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use work::{Hash256, JobWork, SplitCoinbase};

/// What there is to mine with.
pub(super) struct Mining<'a> {
    config: &'a MinerConfig,
    events: &'a mpsc::Sender<MinerEvent>,
    /// Is told of accepted shares.
    checker: Option<Checker>,
    /// How the check stands, and how it stood when that was told.
    check: Option<watch::Receiver<CheckStatus>>,
    told: CheckState,
    channel: Option<Channel>,
    /// Shares without an answer, sent or not.
    in_flight: InFlight<FoundShare>,
    /// Counts channels: shares of an earlier one are nobody's.
    number: u64,
    found: u64,
    /// Without a connection: how long hashing makes sense.
    hash_until: Option<Instant>,
    /// Before the threads, so that it goes first and none of them is left waiting to
    /// hand over a share.
    shares: mpsc::Receiver<FoundShare>,
    hashers: Hashers,
}

/// An open channel, or one that the pool may still have.
struct Channel {
    id: u32,
    jobs: ChannelJobs,
    /// Shares that the pool said it accepted.
    accepted: u64,
    /// Shares that it said it refused.
    rejected: u64,
}

/// Why a connection was left.
pub(super) enum Served {
    /// The miner was asked to stop.
    Stopped,
    /// The pool asked to connect again (SV2 `Reconnect`).
    Dismissed,
}

/// Shares that hash threads may have found and that nobody has looked at yet.
const WAITING_SHARES: usize = 256;
/// Shares without an answer that are kept.
const IN_FLIGHT: usize = 2048;
/// How long a miner that stops waits for its last answers.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

impl<'a> Mining<'a> {
    pub(super) fn start(
        config: &'a MinerConfig,
        events: &'a mpsc::Sender<MinerEvent>,
    ) -> std::io::Result<Mining<'a>> {
        let (sender, shares) = mpsc::channel(WAITING_SHARES);
        let hashers = Hashers::start(config.threads, config.max_hash_rate, sender)?;
        Ok(Mining {
            config,
            events,
            check: None,
            told: CheckState::Waiting,
            checker: None,
            channel: None,
            in_flight: InFlight::new(IN_FLIGHT),
            number: 0,
            found: 0,
            hash_until: None,
            shares,
            hashers,
        })
    }

    /// From now on `checker` is told of accepted shares, if there is one.
    pub(super) fn check_with(&mut self, checker: Option<Checker>) {
        self.check = checker.as_ref().map(Checker::status);
        self.told = CheckState::Waiting;
        self.checker = checker;
    }

    pub(super) fn has_channel(&self) -> bool {
        self.channel.is_some()
    }

    /// Mines over `link` until that ends or `stop` is cancelled.
    pub(super) async fn serve(
        &mut self,
        link: &mut Link,
        stop: &CancellationToken,
    ) -> Result<Served, UpstreamError> {
        let mut last_moment: Option<Instant> = None;
        loop {
            tokio::select! {
                () = stop.cancelled(), if last_moment.is_none() => {
                    self.hashers.assign(None);
                    last_moment = Some(Instant::now() + LAST_ANSWERS);
                }
                () = sleep_until(last_moment.unwrap_or_else(Instant::now)), if last_moment.is_some() => {
                    return Ok(Served::Stopped);
                }
                Some(share) = self.shares.recv() => {
                    self.submit(link, share).await?;
                    while let Ok(more) = self.shares.try_recv() {
                        self.submit(link, more).await?;
                    }
                }
                Some(status) = changed(&mut self.check) => self.checked(status).await,
                incoming = link.next() => match incoming? {
                    Incoming::Frame(frame) => if self.handle(frame).await? {
                        return Ok(Served::Dismissed);
                    },
                    Incoming::Path(kind) => self.tell(MinerEvent::Path(kind)).await,
                    Incoming::Nothing => {}
                }
            }
            if last_moment.is_some() && self.in_flight.is_empty() {
                return Ok(Served::Stopped);
            }
        }
    }

    /// The connection is gone, and the pool keeps the channel for so long.
    pub(super) async fn disconnected(&mut self, kept_for: Duration) {
        if kept_for.is_zero() {
            self.lose("the pool keeps no channel for a miner that is gone").await;
        } else {
            // Not longer with every dial that fails.
            self.hash_until.get_or_insert(Instant::now() + kept_for);
        }
    }

    /// Keeps what the hash threads find while there is no connection, until `event`.
    pub(super) async fn meanwhile<T>(&mut self, event: impl Future<Output = T>) -> T {
        let mut event = pin!(event);
        loop {
            let until = self.hash_until;
            tokio::select! {
                done = &mut event => return done,
                Some(share) = self.shares.recv() => {
                    self.hold(share).await;
                }
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                    self.lose("the outage has lasted longer than the pool keeps channels").await;
                }
            }
        }
    }

    /// Gives up the channel and what was found on it.
    pub(super) async fn lose(&mut self, reason: &str) {
        self.hash_until = None;
        self.hashers.assign(None);
        self.channel = None;
        self.number += 1;
        let lost = self.in_flight.give_up() as u64;
        if lost > 0 {
            self.tell(MinerEvent::Lost { shares: lost, reason: reason.to_owned() }).await;
        }
    }

    /// The last word.
    pub(super) async fn finish(&mut self) {
        self.hashers.assign(None);
        if let Some(checker) = &self.checker {
            let status = checker.status().borrow().clone();
            self.tell(MinerEvent::Checked(status)).await;
        }
        let unanswered = self.in_flight.len() as u64;
        self.tell(MinerEvent::Ended { found: self.found, unanswered }).await;
    }

    /// Tells how the check of the pool's ledger stands, when that is news.
    async fn checked(&mut self, status: CheckStatus) {
        if std::mem::replace(&mut self.told, status.state) != status.state {
            self.tell(MinerEvent::Checked(status)).await;
        }
    }

    pub(super) async fn tell(&self, event: MinerEvent) {
        // Nobody listening is no reason to stop mining.
        let _ = self.events.send(event).await;
    }

    /// Keeps a share for when it is answered; its number, unless it is lost.
    async fn hold(&mut self, share: FoundShare) -> Option<u32> {
        self.found += 1;
        let reason = if share.channel == self.number {
            match self.in_flight.push(share) {
                Ok(sequence) => return Some(sequence),
                Err(_) => "too many shares wait for the pool already",
            }
        } else {
            "its channel is gone"
        };
        self.tell(MinerEvent::Lost { shares: 1, reason: reason.to_owned() }).await;
        None
    }

    async fn submit(&mut self, link: &mut Link, share: FoundShare) -> Result<(), WireError> {
        let kept = share.clone();
        match self.hold(share).await {
            Some(sequence) => self.send(link, sequence, &kept),
            None => Ok(()),
        }
    }

    fn send(&self, link: &mut Link, sequence: u32, share: &FoundShare) -> Result<(), WireError> {
        let Some(channel) = &self.channel else { return Ok(()) };
        let words = [channel.id, sequence, share.job_id, share.nonce, share.ntime, share.version];
        let words = words.map(u32::to_le_bytes);
        let fields = words.as_flattened();
        match self.config.kind {
            MinerKind::Standard => link.queue(true, mining::MESSAGE_TYPE_SUBMIT_SHARES_STANDARD, &[fields]),
            MinerKind::Extended => {
                let length = [u8::try_from(share.extranonce.len()).unwrap_or(u8::MAX)];
                let payload = [fields, &length, share.extranonce.as_bytes()];
                link.queue(true, mining::MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED, &payload)
            }
        }
    }

    /// Takes a message; `true` when the pool asks to reconnect.
    async fn handle(&mut self, frame: Frame<'_>) -> Result<bool, UpstreamError> {
        let (extension, msg_type, payload) =
            (frame.header.extension_type, frame.header.msg_type, frame.payload);
        let Some(channel) = &mut self.channel else { return Ok(false) };
        let assignment = match (extension, msg_type) {
            (0, common::MESSAGE_TYPE_RECONNECT) => return Ok(true),
            (0, mining::MESSAGE_TYPE_NEW_MINING_JOB) => {
                let job: mining::NewMiningJob<'_> =
                    from_bytes(payload).map_err(|_| UpstreamError::Malformed("NewMiningJob"))?;
                let root = Root::Fixed(hash(job.merkle_root.as_bytes())?);
                channel.jobs.new_job(job.job_id, job.version, root, job.min_ntime.into_inner())
            }
            (0, mining::MESSAGE_TYPE_NEW_EXTENDED_MINING_JOB) => channel.extended_job(payload)?,
            (0, mining::MESSAGE_TYPE_MINING_SET_NEW_PREV_HASH) => {
                let tip: mining::SetNewPrevHash<'_> =
                    from_bytes(payload).map_err(|_| UpstreamError::Malformed("SetNewPrevHash"))?;
                let prev_hash = hash(tip.prev_hash.as_bytes())?;
                channel.jobs.new_prev_hash(tip.job_id, prev_hash, tip.min_ntime, tip.nbits)
            }
            (0, mining::MESSAGE_TYPE_SET_TARGET) => {
                let message: mining::SetTarget<'_> =
                    from_bytes(payload).map_err(|_| UpstreamError::Malformed("SetTarget"))?;
                let target = le_target(message.maximum_target.as_bytes())?;
                channel.jobs.set_target(target);
                self.tell(MinerEvent::NewTarget(target)).await;
                None
            }
            (0, mining::MESSAGE_TYPE_SET_EXTRANONCE_PREFIX) => {
                let message: mining::SetExtranoncePrefix<'_> =
                    from_bytes(payload).map_err(|_| UpstreamError::Malformed("SetExtranoncePrefix"))?;
                channel.jobs.set_prefix(extranonce(message.extranonce_prefix.as_bytes())?);
                None
            }
            (0, mining::MESSAGE_TYPE_SUBMIT_SHARES_SUCCESS) => {
                let message: mining::SubmitSharesSuccess =
                    from_bytes(payload).map_err(|_| UpstreamError::Malformed("SubmitShares.Success"))?;
                let shares = u64::from(message.new_submits_accepted_count);
                channel.accepted += shares;
                self.accepted(message.last_sequence_number, shares).await;
                None
            }
            (0, mining::MESSAGE_TYPE_SUBMIT_SHARES_ERROR) => {
                let message: mining::SubmitSharesError<'_> =
                    from_bytes(payload).map_err(|_| UpstreamError::Malformed("SubmitShares.Error"))?;
                channel.rejected += 1;
                let block =
                    self.in_flight.refused(message.sequence_number).is_some_and(|share| share.is_block);
                let code = message.error_code.as_utf8_or_hex();
                self.tell(MinerEvent::Rejected { code, block }).await;
                None
            }
            // Unknown messages are ignored (SV2 section 3.4.1).
            _ => None,
        };
        if let Some(assignment) = assignment {
            self.tell(MinerEvent::Job { job_id: assignment.job.id, prev_hash: assignment.tip.prev_hash })
                .await;
            self.hashers.assign(Some(assignment));
        }
        Ok(false)
    }

    /// Shares are answered in order, errors at once: what is left up to the last
    /// sequence number was accepted.
    async fn accepted(&mut self, last_sequence: u32, shares: u64) {
        let mut blocks = 0;
        for share in self.in_flight.judged_up_to(last_sequence) {
            blocks += u64::from(share.is_block);
            if let Some(checker) = &self.checker {
                checker.accepted(&self.config.user, share.hash, share.target);
            }
        }
        self.tell(MinerEvent::Accepted { shares, blocks }).await;
    }
}

/// How the check stands, once that has changed; never without one.
async fn changed(check: &mut Option<watch::Receiver<CheckStatus>>) -> Option<CheckStatus> {
    if let Some(status) = check
        && status.changed().await.is_ok()
    {
        return Some(status.borrow_and_update().clone());
    }
    std::future::pending().await
}

impl Channel {
    fn extended_job(&mut self, payload: &mut [u8]) -> Result<Option<Assignment>, UpstreamError> {
        let job: mining::NewExtendedMiningJob<'_> =
            from_bytes(payload).map_err(|_| UpstreamError::Malformed("NewExtendedMiningJob"))?;
        let path: Vec<Hash256> =
            job.merkle_path.iter().map(|item| hash(item.as_bytes())).collect::<Result<_, _>>()?;
        let coinbase = SplitCoinbase {
            prefix: job.coinbase_tx_prefix.as_bytes().to_vec(),
            suffix: job.coinbase_tx_suffix.as_bytes().to_vec(),
            extranonce_size: self.jobs.extranonce_size(),
            witness: None,
        };
        let work = JobWork::new(job.version, job.version_rolling_allowed, coinbase, path);
        let root = Root::Rolled(Box::new(work));
        Ok(self.jobs.new_job(job.job_id, job.version, root, job.min_ntime.into_inner()))
    }
}
