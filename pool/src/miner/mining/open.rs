//! The opening of the miner's channel.

use super::fields::{extranonce, le_target};
use super::{Channel, MinerKind, Mining};
use crate::miner::event::MinerEvent;
use crate::miner::jobs::ChannelJobs;
use crate::upstream::{Incoming, Link, PATIENCE, UpstreamError};
use crate::wire::short_string;
use binary_sv2::from_bytes;
use mining_sv2 as mining;
use p2p::{Frame, WireError};

const REQUEST_ID: u32 = 1;

impl Mining<'_> {
    /// Opens a new channel. What was found on an earlier one is nobody's.
    pub(in crate::miner) async fn open(&mut self, link: &mut Link) -> Result<(), UpstreamError> {
        self.lose("its channel is gone").await;
        self.ask(link)?;
        let answered = tokio::time::timeout(PATIENCE, self.answer(link)).await;
        let channel = answered.map_err(|_| UpstreamError::Silent(PATIENCE))??;
        let (channel_id, target) = (channel.id, channel.jobs.target());
        self.channel = Some(channel);
        self.tell(MinerEvent::Connected { channel_id, target }).await;
        Ok(())
    }

    fn ask(&self, link: &mut Link) -> Result<(), WireError> {
        let (request, rate) = (REQUEST_ID.to_le_bytes(), self.config.nominal_hash_rate.to_le_bytes());
        let (user, any_target) = (short_string(&self.config.user), [0xff; 32]);
        match self.config.kind {
            MinerKind::Standard => {
                let payload = [&request[..], &user, &rate, &any_target];
                link.queue(false, mining::MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL, &payload)
            }
            MinerKind::Extended => {
                let min_extranonce = 4u16.to_le_bytes();
                let payload = [&request[..], &user, &rate, &any_target, &min_extranonce];
                link.queue(false, mining::MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL, &payload)
            }
        }
    }

    async fn answer(&self, link: &mut Link) -> Result<Channel, UpstreamError> {
        loop {
            match link.next().await? {
                Incoming::Frame(frame) if frame.header.extension_type == 0 => return self.opened(frame),
                Incoming::Path(kind) => self.tell(MinerEvent::Path(kind)).await,
                Incoming::Frame(_) | Incoming::Nothing => {}
            }
        }
    }

    fn opened(&self, frame: Frame<'_>) -> Result<Channel, UpstreamError> {
        let (id, target, prefix, rolled) = match frame.header.msg_type {
            mining::MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL_SUCCESS => {
                let message: mining::OpenStandardMiningChannelSuccess<'_> = from_bytes(frame.payload)
                    .map_err(|_| UpstreamError::Malformed("OpenStandardMiningChannel.Success"))?;
                let target = le_target(message.target.as_bytes())?;
                (message.channel_id, target, extranonce(message.extranonce_prefix.as_bytes())?, 0)
            }
            mining::MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL_SUCCESS => {
                let message: mining::OpenExtendedMiningChannelSuccess<'_> = from_bytes(frame.payload)
                    .map_err(|_| UpstreamError::Malformed("OpenExtendedMiningChannel.Success"))?;
                let target = le_target(message.target.as_bytes())?;
                let prefix = extranonce(message.extranonce_prefix.as_bytes())?;
                (message.channel_id, target, prefix, usize::from(message.extranonce_size))
            }
            mining::MESSAGE_TYPE_OPEN_MINING_CHANNEL_ERROR => {
                let message: mining::OpenMiningChannelError<'_> = from_bytes(frame.payload)
                    .map_err(|_| UpstreamError::Malformed("OpenMiningChannel.Error"))?;
                let code = message.error_code.as_utf8_or_hex();
                return Err(UpstreamError::ChannelRefused { code, user: self.config.user.clone() });
            }
            _ => return Err(UpstreamError::Malformed("answer to the opening of a channel")),
        };
        let jobs = ChannelJobs::new(self.number, target, prefix, rolled);
        Ok(Channel { id, jobs, accepted: 0, rejected: 0 })
    }
}
