//! Shares: judged in place, written down in bursts, answered once they are on disk.

use super::{LAST_SHARES, NTIME_AHEAD, Session};
use crate::channel::ChannelKind;
use crate::channel::group::LiveJob;
use crate::server::Closed;
use crate::server::block::FoundBlock;
use crate::server::share_log::cannot_count;
use crate::wire::{self, SubmitShares, tlv};
use mining_sv2 as mining;
use std::time::Instant;
use tokio::io::AsyncWrite;
use work::{Difficulty, ShareFault, Submission};

impl<W: AsyncWrite + Unpin> Session<W> {
    pub(super) fn submit_standard(&mut self, payload: &[u8]) -> Result<(), Closed> {
        let share = SubmitShares::standard(payload).ok_or(Closed::Malformed("SubmitSharesStandard"))?;
        self.submit(share)
    }

    pub(super) fn submit_extended(&mut self, payload: &[u8]) -> Result<(), Closed> {
        let share = SubmitShares::extended(payload).ok_or(Closed::Malformed("SubmitSharesExtended"))?;
        self.submit(share)
    }

    fn submit(&mut self, share: SubmitShares<'_>) -> Result<(), Closed> {
        let worker = match self.worker_names.then(|| tlv::worker_name(share.tlvs)) {
            Some(Ok(worker)) => worker,
            // Over-long and cut fields make the message one to refuse (SV2 section 3.4.3);
            // a proxy is not disconnected for the name of one of its miners.
            Some(Err(_)) => return self.reject(&share, None, ShareFault::BadExtension),
            // Without extension 0x0002 what follows the share means nothing.
            None => None,
        };
        match self.judge(&share, worker) {
            Ok(()) => Ok(()),
            Err(fault) => self.reject(&share, worker, fault),
        }
    }

    fn judge(&mut self, share: &SubmitShares<'_>, worker: Option<&str>) -> Result<(), ShareFault> {
        let index = self.channel_index(share.channel_id).ok_or(ShareFault::InvalidChannelId)?;
        let channel = self.channels.get_mut(index).ok_or(ShareFault::InvalidChannelId)?;
        let group = self.groups.iter().find(|group| group.id == channel.group);
        let group = group.ok_or(ShareFault::InvalidChannelId)?;

        let reissued: LiveJob;
        let live = match group.job(share.job_id) {
            Some(live) => live,
            None => {
                let Some(found) = channel.reissued(share.job_id) else {
                    // Ids only grow: one that is not beyond the newest was sent once and is
                    // over, unless it is held for the next block.
                    let held = group.future().is_some_and(|job| job.id == share.job_id);
                    let over = share.job_id <= self.newest_job && !held;
                    return Err(if over { ShareFault::Stale } else { ShareFault::InvalidJobId });
                };
                reissued = found.clone();
                &reissued
            }
        };

        let submission = Submission { version: share.version, ntime: share.ntime, nonce: share.nonce };
        let ntime_max = self.clock.unix.max(live.tip.ntime).saturating_add(NTIME_AHEAD);
        let verdict = channel.judge(live, share.extranonce, &submission, ntime_max)?;
        if live.job.is_heat {
            if channel.unacknowledged.count == 0 {
                self.touched.push(channel.id);
            }
            channel.credit_warmth(share.sequence_number, verdict.credited, self.clock.now);
            self.context.status.heat.share();
            self.warmed = true;
            return Ok(());
        }
        let context = channel.context(live, worker).map_err(cannot_count)?;
        if verdict.credited.is_some() {
            self.log.add(&context, submission, share.extranonce.unwrap_or_default());
        }
        if verdict.judged.is_block {
            let extranonce = channel.extranonce(live, share.extranonce);
            let identity = &channel.identity;
            let name = worker.unwrap_or(&identity.worker).to_owned();
            let hash = verdict.judged.hash;
            self.log.add_block(live.job.found_block(hash, &context, self.clock.unix));
            self.found.push(FoundBlock::new(
                live,
                &extranonce,
                &submission,
                hash,
                identity.member.clone(),
                name,
            ));
        }
        if channel.unacknowledged.count == 0 {
            self.touched.push(channel.id);
        }
        channel.credit(share.sequence_number, worker, verdict.credited, self.clock.now);
        self.status.accepted(verdict.credited.unwrap_or(Difficulty(0.0)));
        Ok(())
    }

    /// Waits until what was accepted is on disk, and answers it. A disk that takes nothing
    /// leaves the last shares unanswered.
    pub(super) async fn settle(&mut self) -> Result<(), Closed> {
        if let Ok(settled) = tokio::time::timeout(LAST_SHARES, self.log.settle()).await {
            settled?;
        }
        self.acknowledge()
    }

    /// Every refused share is answered at once (SV2 section 5.3.14).
    fn reject(
        &mut self,
        share: &SubmitShares<'_>,
        worker: Option<&str>,
        fault: ShareFault,
    ) -> Result<(), Closed> {
        if let Some(index) = self.channel_index(share.channel_id)
            && let Some(channel) = self.channels.get_mut(index)
        {
            let identity = &channel.identity;
            self.status.refused(fault, &identity.member, worker.unwrap_or(&identity.worker));
            channel.refuse(share.sequence_number, worker);
            if channel.should_move() {
                self.move_channel(index)?;
            }
        } else {
            self.status.rejected(fault);
        }
        let code = fault.error_code();
        let ids = [share.channel_id.to_le_bytes(), share.sequence_number.to_le_bytes()];
        let length = [u8::try_from(code.len()).unwrap_or(u8::MAX)];
        self.send(
            true,
            mining::MESSAGE_TYPE_SUBMIT_SHARES_ERROR,
            &[ids.as_flattened(), &length, code.as_bytes()],
        )
    }

    /// Hands the accepted shares of this burst to the ledger, and lets busy channels find
    /// their target at once.
    pub(super) fn record(&mut self) -> Result<(), Closed> {
        let mut touched = std::mem::take(&mut self.touched);
        for id in touched.drain(..) {
            let Some(index) = self.channel_index(id) else { continue };
            let Some(channel) = self.channels.get_mut(index) else { continue };
            self.log.owe(id, std::mem::take(&mut channel.unacknowledged));
            self.adjust(index)?;
        }
        // The buffer is kept for the next burst.
        self.touched = touched;
        self.log.hand_over()?;
        // Where nothing was taken down, nothing will be heard of it.
        if std::mem::take(&mut self.warmed) { self.acknowledge() } else { Ok(()) }
    }

    /// Answers the accepted shares that are on disk by now.
    pub(super) fn acknowledge(&mut self) -> Result<(), Closed> {
        while let Some(mut owed) = self.log.next_settled()? {
            let Some((last, count, sum)) = owed.shares.take() else { continue };
            let payload = wire::submit_shares_success(owed.channel, last, count, sum);
            self.writer.queue(0, true, mining::MESSAGE_TYPE_SUBMIT_SHARES_SUCCESS, &[&payload])?;
        }
        Ok(())
    }

    /// Looks after every channel's target.
    pub(super) fn adjust_all(&mut self) -> Result<(), Closed> {
        (0..self.channels.len()).try_for_each(|index| self.adjust(index))
    }

    fn adjust(&mut self, index: usize) -> Result<(), Closed> {
        let (moment, now): (_, Instant) = (self.moment + 1, self.clock.now);
        let Some(channel) = self.channels.get_mut(index) else { return Ok(()) };
        let Some(target) = channel.adjust(moment, now) else { return Ok(()) };
        self.moment = moment;
        self.send_target(index, target)
    }

    fn move_channel(&mut self, index: usize) -> Result<(), Closed> {
        let Some(channel) = self.channels.get(index) else { return Ok(()) };
        let allocated = match channel.kind {
            ChannelKind::Standard => self.context.extranonces.standard(),
            ChannelKind::Extended { rolled } => self.context.extranonces.extended(rolled),
        };
        // With no other space to go to, the duplicates simply stay refused.
        let Ok(allocation) = allocated else { return Ok(()) };
        let moment = self.next_moment();
        let Some(channel) = self.channels.get_mut(index) else { return Ok(()) };
        channel.move_to(allocation, moment);
        let (id, prefix) = (channel.id.to_le_bytes(), *channel.prefix());
        let length = [u8::try_from(prefix.len()).unwrap_or(u8::MAX)];
        self.send(true, mining::MESSAGE_TYPE_SET_EXTRANONCE_PREFIX, &[&id, &length, prefix.as_bytes()])?;
        self.reissue(index)
    }
}
