//! Channels: opened, changed, closed.

use super::{Session, Stage};
use crate::channel::group::Group;
use crate::channel::{Channel, ChannelKind, ChannelTerms};
use crate::extranonces::ExtranonceFault;
use crate::job::board::PayTo;
use crate::job::limit::CoinbaseLimit;
use crate::server::Closed;
use crate::status::ChannelInfo;
use crate::wire::{self, tlv};
use channels_sv2::extranonce_manager::AllocatedExtranoncePrefix;
use mining_sv2 as mining;
use tokio::io::AsyncWrite;
use tracing::{debug, info};
use translator::CoinbaseClass;
use work::{HashRate, Target, VardiffConfig};

/// What both kinds of channels are asked for.
struct Request<'a> {
    request_id: u32,
    user_identity: &'a [u8],
    nominal_hash_rate: f32,
    max_target: Target,
    kind: ChannelKind,
    min_extranonce: usize,
    /// How large a coinbase the miner takes, if a proxy has said so.
    class: Option<CoinbaseClass>,
}

impl<W: AsyncWrite + Unpin> Session<W> {
    pub(super) async fn open_standard(&mut self, payload: &mut [u8]) -> Result<(), Closed> {
        let message: mining::OpenStandardMiningChannel<'_> =
            binary_sv2::from_bytes(payload).map_err(|_| Closed::Malformed("OpenStandardMiningChannel"))?;
        self.open(Request {
            request_id: message.request_id,
            user_identity: message.user_identity.as_bytes(),
            nominal_hash_rate: message.nominal_hash_rate,
            max_target: target(message.max_target.as_bytes()),
            kind: ChannelKind::Standard,
            min_extranonce: 0,
            class: None,
        })
        .await
    }

    pub(super) async fn open_extended(&mut self, payload: &mut [u8]) -> Result<(), Closed> {
        // Without its extension what follows the message means nothing.
        let class =
            self.lifeline.as_ref().and_then(|_| tlv::coinbase_class(tlv::behind_open_extended(payload)));
        let class = class.and_then(CoinbaseClass::by_name);
        let message: mining::OpenExtendedMiningChannel<'_> =
            binary_sv2::from_bytes(payload).map_err(|_| Closed::Malformed("OpenExtendedMiningChannel"))?;
        self.open(Request {
            request_id: message.request_id,
            user_identity: message.user_identity.as_bytes(),
            nominal_hash_rate: message.nominal_hash_rate,
            max_target: target(message.max_target.as_bytes()),
            kind: ChannelKind::Extended { rolled: self.context.extranonces.rolled() },
            min_extranonce: usize::from(message.min_extranonce_size),
            class,
        })
        .await
    }

    /// Opens a channel or answers with the reason why not; the connection stays usable
    /// (SV2 section 5.3.6).
    async fn open(&mut self, request: Request<'_>) -> Result<(), Closed> {
        match self.try_open(&request).await {
            Ok(index) => {
                self.welcome(index, request.request_id)?;
                self.onboard(index)
            }
            Err(code) => {
                debug!(code, "channel refused");
                self.context.status.counters.channels_refused.add(1);
                let payload = [&request.request_id.to_le_bytes()[..], &wire::short_string(code)];
                self.send(false, mining::MESSAGE_TYPE_OPEN_MINING_CHANNEL_ERROR, &payload)
            }
        }
    }

    async fn try_open(&mut self, request: &Request<'_>) -> Result<usize, &'static str> {
        if self.standard_jobs() && request.kind != ChannelKind::Standard {
            return Err(
                mining::ERROR_CODE_OPEN_MINING_CHANNEL_EXTENDED_CHANNELS_NOT_SUPPORTED_FOR_STANDARD_JOBS,
            );
        }
        if self.channels.len() >= self.context.max_channels {
            return Err(mining::ERROR_CODE_OPEN_MINING_CHANNEL_CHANNEL_CAPACITY_EXHAUSTED);
        }
        if request.max_target == Target::ZERO {
            return Err(mining::ERROR_CODE_OPEN_MINING_CHANNEL_MAX_TARGET_OUT_OF_RANGE);
        }
        let hash_rate = hash_rate(request.nominal_hash_rate)
            .ok_or(mining::ERROR_CODE_OPEN_MINING_CHANNEL_INVALID_NOMINAL_HASHRATE)?;
        let identity = self.context.payouts.identify(request.user_identity).map_err(|fault| {
            info!(%fault, "user identity refused");
            mining::ERROR_CODE_OPEN_MINING_CHANNEL_UNKNOWN_USER
        })?;
        let limit = request.class.map_or_else(|| self.coinbase_limit(), CoinbaseLimit::from);
        let pay_to = PayTo::of(&self.context.payouts, &identity, limit);
        let allocation = self.allocate(request)?;
        let group = self.group_for(pay_to).await?;

        let id = self.take_id();
        let terms = ChannelTerms {
            id,
            kind: request.kind,
            group,
            identity,
            allocation,
            hash_rate,
            max_target: request.max_target,
            max_workers: self.context.max_workers,
            retarget: self.context.retarget,
        };
        let vardiff = VardiffConfig { power_of_two: self.translates(), ..self.context.vardiff };
        let channel = Channel::open(terms, &vardiff, self.clock.now);
        let class = request.class.map(CoinbaseClass::name);
        self.status.channel_opened(ChannelInfo { class, ..ChannelInfo::from(&channel) });
        self.channels.push(channel);
        Ok(self.channels.len() - 1)
    }

    fn allocate(&self, request: &Request<'_>) -> Result<AllocatedExtranoncePrefix, &'static str> {
        let allocated = match request.kind {
            ChannelKind::Standard => self.context.extranonces.standard(),
            ChannelKind::Extended { .. } => self.context.extranonces.extended(request.min_extranonce),
        };
        allocated.map_err(|fault| match fault {
            ExtranonceFault::TooLarge { .. } => {
                mining::ERROR_CODE_OPEN_MINING_CHANNEL_MIN_EXTRANONCE_SIZE_TOO_LARGE
            }
            ExtranonceFault::Exhausted | ExtranonceFault::Layout(_) => {
                mining::ERROR_CODE_OPEN_MINING_CHANNEL_CHANNEL_CAPACITY_EXHAUSTED
            }
        })
    }

    /// How large a coinbase this client takes.
    fn coinbase_limit(&self) -> CoinbaseLimit {
        match &self.stage {
            // It is sent merkle roots only.
            Stage::SetUp(client) if client.standard_jobs => CoinbaseLimit::NONE,
            Stage::SetUp(client) => CoinbaseLimit::of_sv2(&client.agent),
            Stage::Fresh => CoinbaseLimit::SV2,
        }
    }

    /// The id of the group that mines for `pay_to`, made if this connection has none.
    async fn group_for(&mut self, pay_to: PayTo) -> Result<u32, &'static str> {
        if let Some(group) = self.groups.iter().find(|group| group.pay_to == pay_to) {
            return Ok(group.id);
        }
        let jobs = self.context.board.subscribe(pay_to.clone()).await.map_err(|fault| {
            info!(%fault, "no jobs for this payout");
            mining::ERROR_CODE_OPEN_MINING_CHANNEL_CHANNEL_CAPACITY_EXHAUSTED
        })?;
        let id = self.take_id();
        let mut group = Group::new(id, pay_to, jobs);
        // Its first member is sent these jobs by name, so they count as sent.
        let moment = self.next_moment();
        group.update(moment);
        self.groups.push(group);
        Ok(id)
    }

    fn welcome(&mut self, index: usize, request_id: u32) -> Result<(), Closed> {
        let Some(channel) = self.channels.get(index) else { return Ok(()) };
        let (id, group, prefix) = (channel.id.to_le_bytes(), channel.group.to_le_bytes(), *channel.prefix());
        let (request_id, target) = (request_id.to_le_bytes(), channel.target().to_le_bytes());
        let length = [u8::try_from(prefix.len()).unwrap_or(u8::MAX)];
        match channel.kind {
            ChannelKind::Standard => self.send(
                false,
                mining::MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL_SUCCESS,
                &[&request_id, &id, &target, &length, prefix.as_bytes(), &group],
            ),
            ChannelKind::Extended { rolled } => {
                let rolled = u16::try_from(rolled).unwrap_or(u16::MAX).to_le_bytes();
                self.send(
                    false,
                    mining::MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL_SUCCESS,
                    &[&request_id, &id, &target, &rolled, &length, prefix.as_bytes(), &group],
                )
            }
        }
    }

    pub(super) fn update_channel(&mut self, payload: &mut [u8]) -> Result<(), Closed> {
        let message: mining::UpdateChannel<'_> =
            binary_sv2::from_bytes(payload).map_err(|_| Closed::Malformed("UpdateChannel"))?;
        let (id, max_target) = (message.channel_id, target(message.maximum_target.as_bytes()));
        let changed = self.try_update(id, message.nominal_hash_rate, max_target);
        match changed {
            Ok(Some((index, target))) => self.send_target(index, target),
            Ok(None) => Ok(()),
            Err(code) => {
                let payload = [&id.to_le_bytes()[..], &wire::short_string(code)];
                self.send(true, mining::MESSAGE_TYPE_UPDATE_CHANNEL_ERROR, &payload)
            }
        }
    }

    fn try_update(
        &mut self,
        id: u32,
        nominal: f32,
        max_target: Target,
    ) -> Result<Option<(usize, Target)>, &'static str> {
        let index = self.channel_index(id).ok_or(mining::ERROR_CODE_UPDATE_CHANNEL_INVALID_CHANNEL_ID)?;
        let hash_rate =
            hash_rate(nominal).ok_or(mining::ERROR_CODE_UPDATE_CHANNEL_INVALID_NOMINAL_HASHRATE)?;
        if max_target == Target::ZERO {
            return Err(mining::ERROR_CODE_UPDATE_CHANNEL_MAX_TARGET_OUT_OF_RANGE);
        }
        let (moment, now) = (self.next_moment(), self.clock.now);
        let Some(channel) = self.channels.get_mut(index) else { return Ok(None) };
        Ok(channel.update(hash_rate, max_target, moment, now).map(|target| (index, target)))
    }

    /// Closes a channel, or every channel of a group (SV2 section 5.3.9). Shares that
    /// were accepted are acknowledged first.
    pub(super) async fn close_channel(&mut self, payload: &mut [u8]) -> Result<(), Closed> {
        let message: mining::CloseChannel<'_> =
            binary_sv2::from_bytes(payload).map_err(|_| Closed::Malformed("CloseChannel"))?;
        let id = message.channel_id;
        self.record()?;
        self.settle().await?;
        let log = &mut self.log;
        let status = &self.status;
        self.channels.retain(|channel| {
            let keep = channel.id != id && channel.group != id;
            if !keep {
                status.channel_closed(channel.id);
                log.forgive(channel.id);
            }
            keep
        });
        if self.channels.is_empty() {
            self.waiting_since = self.clock.now;
        }
        let channels = &self.channels;
        self.groups.retain(|group| channels.iter().any(|channel| channel.group == group.id));
        Ok(())
    }

    fn take_id(&mut self) -> u32 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }
}

fn target(bytes: &[u8]) -> Target {
    // A U256 is always 32 bytes once it is parsed.
    bytes.try_into().map_or(Target::ZERO, Target::from_le_bytes)
}

/// Zero is a proxy without devices yet (SV2 section 5.3.2); what is no number is refused.
fn hash_rate(nominal: f32) -> Option<HashRate> {
    (nominal.is_finite() && nominal >= 0.0).then(|| HashRate(f64::from(nominal)))
}
