//! The miner's channel after an outage.

use super::Mining;
use crate::miner::event::MinerEvent;
use crate::upstream::{Link, UpstreamError};
use crate::wire::keep_alive::ChannelResumed;

impl Mining<'_> {
    /// Goes on with the channel if it is among `channels`: takes the pool's word on what
    /// it has judged meanwhile, and sends everything else. The jobs follow.
    pub(in crate::miner) async fn resume(
        &mut self,
        link: &mut Link,
        channels: &[ChannelResumed],
    ) -> Result<bool, UpstreamError> {
        let Some(channel) = &mut self.channel else { return Ok(false) };
        let Some(pool) = channels.iter().find(|known| known.channel_id == channel.id) else {
            return Ok(false);
        };
        self.hash_until = None;
        channel.jobs.resume(pool.target, pool.extranonce_prefix);
        let accepted = pool.accepted.saturating_sub(channel.accepted);
        let rejected = pool.rejected.saturating_sub(channel.rejected);
        (channel.accepted, channel.rejected) = (pool.accepted, pool.rejected);
        let (mut judged, mut blocks) = (0, 0);
        // Before the first share was judged the number means nothing.
        if pool.accepted + pool.rejected > 0 {
            for share in self.in_flight.judged_up_to(pool.last_sequence_number) {
                judged += 1;
                blocks += u64::from(share.is_block);
            }
        }
        if accepted > 0 {
            self.tell(MinerEvent::Accepted { shares: accepted, blocks: blocks.min(accepted) }).await;
        }
        for _ in 0..rejected.min(judged) {
            // Which of them, and why, was said when nobody listened.
            self.tell(MinerEvent::Rejected { code: "answer-lost".to_owned(), block: false }).await;
        }
        for (sequence, share) in self.in_flight.iter() {
            self.send(link, sequence, share)?;
        }
        let sent = self.in_flight.len() as u64;
        self.tell(MinerEvent::Resumed { channel_id: pool.channel_id, judged, sent }).await;
        Ok(true)
    }
}
