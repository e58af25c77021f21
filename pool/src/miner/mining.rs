//! An open channel of the miner: jobs in, shares out, verdicts in.

use super::MinerKind;
use super::client::{ClientError, MinerEvent, Reader, Writer, bytes, hash, le_target};
use super::hasher::{FoundShare, Hashers};
use super::jobs::{Assignment, ChannelJobs, Root};
use super::path::Path;
use binary_sv2::from_bytes;
use common_messages_sv2 as common;
use mining_sv2 as mining;
use p2p::{Frame, WireError};
use std::collections::VecDeque;
use tokio::sync::mpsc;
use work::{Hash256, JobWork, SplitCoinbase};

/// An open channel.
pub(super) struct Mining<'a> {
    pub(super) kind: MinerKind,
    pub(super) channel_id: u32,
    pub(super) jobs: ChannelJobs,
    pub(super) path: Path,
    /// Shares without an answer, oldest first.
    pub(super) pending: VecDeque<Pending>,
    pub(super) next_sequence: u32,
    pub(super) events: &'a mpsc::Sender<MinerEvent>,
    /// Before the threads, so that it goes first and none of them is left waiting to
    /// hand over a share.
    pub(super) shares: mpsc::Receiver<FoundShare>,
    pub(super) hashers: Hashers,
}

/// A share on its way to the pool.
pub(super) struct Pending {
    sequence: u32,
    block: bool,
}

impl Mining<'_> {
    pub(super) async fn run(mut self, mut reader: Reader, mut writer: Writer) -> Result<(), ClientError> {
        loop {
            tokio::select! {
                frame = reader.next() => {
                    let frame = frame?.ok_or(ClientError::Closed)?;
                    if self.handle(frame).await? {
                        return Ok(());
                    }
                }
                kind = self.path.changed() => self.tell(MinerEvent::Path(kind)).await,
                Some(share) = self.shares.recv() => {
                    self.submit(&mut writer, &share)?;
                    while let Ok(more) = self.shares.try_recv() {
                        self.submit(&mut writer, &more)?;
                    }
                    writer.flush().await?;
                }
            }
        }
    }

    fn submit(&mut self, writer: &mut Writer, share: &FoundShare) -> Result<(), WireError> {
        let sequence = self.next_sequence;
        self.next_sequence = sequence.wrapping_add(1);
        self.pending.push_back(Pending { sequence, block: share.is_block });
        let words = [self.channel_id, sequence, share.job_id, share.nonce, share.ntime, share.version];
        let words = words.map(u32::to_le_bytes);
        let fields = words.as_flattened();
        match self.kind {
            MinerKind::Standard => {
                writer.queue(0, true, mining::MESSAGE_TYPE_SUBMIT_SHARES_STANDARD, &[fields])
            }
            MinerKind::Extended => {
                let length = [u8::try_from(share.extranonce.len()).unwrap_or(u8::MAX)];
                let payload = [fields, &length, share.extranonce.as_bytes()];
                writer.queue(0, true, mining::MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED, &payload)
            }
        }
    }

    /// Takes a message; `true` when the pool asks to reconnect.
    async fn handle(&mut self, frame: Frame<'_>) -> Result<bool, ClientError> {
        let (extension, msg_type, payload) =
            (frame.header.extension_type, frame.header.msg_type, frame.payload);
        let assignment = match (extension, msg_type) {
            (0, common::MESSAGE_TYPE_RECONNECT) => return Ok(true),
            (0, mining::MESSAGE_TYPE_NEW_MINING_JOB) => {
                let job: mining::NewMiningJob<'_> =
                    from_bytes(payload).map_err(|_| ClientError::Malformed("NewMiningJob"))?;
                let root = Root::Fixed(hash(job.merkle_root.as_bytes())?);
                self.jobs.new_job(job.job_id, job.version, root, job.min_ntime.into_inner())
            }
            (0, mining::MESSAGE_TYPE_NEW_EXTENDED_MINING_JOB) => self.extended_job(payload)?,
            (0, mining::MESSAGE_TYPE_MINING_SET_NEW_PREV_HASH) => {
                let tip: mining::SetNewPrevHash<'_> =
                    from_bytes(payload).map_err(|_| ClientError::Malformed("SetNewPrevHash"))?;
                self.jobs.new_prev_hash(tip.job_id, hash(tip.prev_hash.as_bytes())?, tip.min_ntime, tip.nbits)
            }
            (0, mining::MESSAGE_TYPE_SET_TARGET) => {
                let message: mining::SetTarget<'_> =
                    from_bytes(payload).map_err(|_| ClientError::Malformed("SetTarget"))?;
                let target = le_target(message.maximum_target.as_bytes())?;
                self.jobs.set_target(target);
                self.tell(MinerEvent::NewTarget(target)).await;
                None
            }
            (0, mining::MESSAGE_TYPE_SET_EXTRANONCE_PREFIX) => {
                let message: mining::SetExtranoncePrefix<'_> =
                    from_bytes(payload).map_err(|_| ClientError::Malformed("SetExtranoncePrefix"))?;
                self.jobs.set_prefix(bytes(message.extranonce_prefix.as_bytes())?);
                None
            }
            (0, mining::MESSAGE_TYPE_SUBMIT_SHARES_SUCCESS) => {
                let message: mining::SubmitSharesSuccess =
                    from_bytes(payload).map_err(|_| ClientError::Malformed("SubmitShares.Success"))?;
                self.accepted(message.last_sequence_number, message.new_submits_accepted_count).await;
                None
            }
            (0, mining::MESSAGE_TYPE_SUBMIT_SHARES_ERROR) => {
                let message: mining::SubmitSharesError<'_> =
                    from_bytes(payload).map_err(|_| ClientError::Malformed("SubmitShares.Error"))?;
                let code = message.error_code.as_utf8_or_hex();
                self.rejected(message.sequence_number, code).await;
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

    fn extended_job(&mut self, payload: &mut [u8]) -> Result<Option<Assignment>, ClientError> {
        let job: mining::NewExtendedMiningJob<'_> =
            from_bytes(payload).map_err(|_| ClientError::Malformed("NewExtendedMiningJob"))?;
        let path: Vec<Hash256> =
            job.merkle_path.iter().map(|item| hash(item.as_bytes())).collect::<Result<_, _>>()?;
        let coinbase = SplitCoinbase {
            prefix: job.coinbase_tx_prefix.as_bytes().to_vec(),
            suffix: job.coinbase_tx_suffix.as_bytes().to_vec(),
            extranonce_size: self.jobs.extranonce_size(),
            witness: None,
        };
        let work = JobWork::new(job.version, job.version_rolling_allowed, coinbase, path);
        Ok(self.jobs.new_job(
            job.job_id,
            job.version,
            Root::Rolled(Box::new(work)),
            job.min_ntime.into_inner(),
        ))
    }

    /// Shares are answered in order, errors at once: what is left up to the last
    /// sequence number was accepted.
    async fn accepted(&mut self, last_sequence: u32, shares: u32) {
        let mut blocks = 0;
        while let Some(pending) = self.pending.pop_front() {
            blocks += u32::from(pending.block);
            if pending.sequence == last_sequence {
                break;
            }
        }
        self.tell(MinerEvent::Accepted { shares, blocks }).await;
    }

    async fn rejected(&mut self, sequence: u32, code: String) {
        let at = self.pending.iter().position(|pending| pending.sequence == sequence);
        let block = at.and_then(|at| self.pending.remove(at)).is_some_and(|pending| pending.block);
        self.tell(MinerEvent::Rejected { code, block }).await;
    }

    async fn tell(&self, event: MinerEvent) {
        // Nobody listening is no reason to stop mining.
        let _ = self.events.send(event).await;
    }
}
