//! A scripted Stratum V2 miner for tests: it keeps the books that a real miner keeps
//! (channels, jobs, targets, verdicts), and does exactly what it is told, right or wrong.
//!
//! It reckons by itself, on rust-bitcoin's hashes: a mistake in the `work` crate is not
//! hidden by being made twice.
//!
//! ```no_run
//! # async fn example(pool: &tests::Punchbowl) -> anyhow::Result<()> {
//! use tests::client::{Client, Wanted};
//!
//! let mut miner = Client::connect(pool.address(), pool.authority()).await?;
//! miner.setup(0).await?;
//! let channel = miner.open_extended("alice.rig", 1e6).await?;
//! let share = miner.find(channel, Wanted::Share)?;
//! let verdict = miner.submit_and_wait(&share).await?;
//! assert!(verdict.is_accepted());
//! # Ok(())
//! # }
//! ```

pub mod arithmetic;
pub mod channel;
pub mod intake;
pub mod message;
pub mod search;
pub mod wire;

pub use channel::{Channel, ChannelKind, Job, JobBody, PrevHash};
pub use intake::Intake;
pub use message::Message;
pub use search::{Search, Share, Wanted};
pub use wire::Wire;

use crate::within_deadline;
use anyhow::{Context, Result, bail, ensure};
use common_messages_sv2 as common;
use common_messages_sv2::{Protocol, SetupConnection};
use extensions_sv2::RequestExtensions;
use mining_sv2 as mining;
use p2p::AuthorityKey;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

/// A hashrate that every difficulty is too hard for: with
/// [`every_hash_a_share`](crate::PoolConfig::every_hash_a_share) the pool takes any hash.
pub const SLOW: f32 = 1.0;

/// One connection to a pool.
pub struct Client {
    wire: Wire,
    channels: BTreeMap<u32, Channel>,
    verdicts: Verdicts,
    closed_channels: BTreeSet<u32>,
    /// Future jobs that were sent to a group, by its id.
    group_futures: BTreeMap<u32, BTreeSet<u32>>,
    next_request: u32,
    next_sequence: u32,
}

/// The pool's word on a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Acknowledged, perhaps together with others.
    Accepted,
    /// Refused with this error code.
    Rejected(String),
}

/// The words so far, by channel and sequence number.
#[derive(Default)]
struct Verdicts {
    /// Per channel the last acknowledged sequence number.
    accepted: BTreeMap<u32, u32>,
    rejected: BTreeMap<(u32, u32), String>,
}

/// Flags of SetupConnection for the mining protocol (SV2 section 5.3.1).
pub mod flags {
    /// The client takes standard jobs only.
    pub const REQUIRES_STANDARD_JOBS: u32 = 1;
    /// The client declares its own jobs.
    pub const REQUIRES_WORK_SELECTION: u32 = 1 << 1;
    /// The client rolls the version.
    pub const REQUIRES_VERSION_ROLLING: u32 = 1 << 2;
}

/// What SetupConnection says. The default is what an ordinary miner says.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// 0 is the mining protocol.
    pub protocol: u8,
    /// Smallest version of the protocol that the client speaks.
    pub min_version: u16,
    /// Largest.
    pub max_version: u16,
    /// See [`flags`].
    pub flags: u32,
    /// Who made the client.
    pub vendor: &'a str,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Setup { protocol: 0, min_version: 2, max_version: 2, flags: 0, vendor: "punchbowl tests" }
    }
}

impl Setup<'_> {
    /// The message's payload.
    ///
    /// # Errors
    /// When the vendor is too long.
    pub fn payload(&self) -> Result<Vec<u8>> {
        let setup = SetupConnection {
            protocol: Protocol::MiningProtocol,
            min_version: self.min_version,
            max_version: self.max_version,
            flags: self.flags,
            endpoint_host: message::text("127.0.0.1")?,
            endpoint_port: 0,
            vendor: message::text(self.vendor)?,
            hardware_version: message::text("")?,
            firmware: message::text("")?,
            device_id: message::text("")?,
        };
        let mut payload = message::bytes(setup)?;
        // The reference crate has no way to say a protocol that it does not know.
        if let Some(protocol) = payload.first_mut() {
            *protocol = self.protocol;
        }
        Ok(payload)
    }
}

impl Verdict {
    /// Whether it was taken.
    pub fn is_accepted(&self) -> bool {
        *self == Verdict::Accepted
    }

    /// The error code, when it was refused.
    pub fn rejection(&self) -> Option<&str> {
        match self {
            Verdict::Accepted => None,
            Verdict::Rejected(code) => Some(code),
        }
    }
}

impl Client {
    /// Connects and runs the Noise handshake; no message is sent.
    ///
    /// # Errors
    /// When the pool cannot be reached or does not prove that it has `authority`.
    pub async fn connect(address: SocketAddr, authority: AuthorityKey) -> Result<Client> {
        let wire = Wire::connect(address, authority).await?;
        Ok(Client {
            wire,
            channels: BTreeMap::new(),
            verdicts: Verdicts::default(),
            closed_channels: BTreeSet::new(),
            group_futures: BTreeMap::new(),
            next_request: 1,
            next_sequence: 1,
        })
    }

    /// Sends SetupConnection with `flags` and waits for the answer; returns the
    /// server's flags.
    ///
    /// # Errors
    /// When the server refuses; the message holds its error code.
    pub async fn setup(&mut self, flags: u32) -> Result<u32> {
        match self.try_setup(flags).await? {
            Message::SetupConnectionSuccess(success) => Ok(success.flags),
            other => bail!("SetupConnection was answered with {other:?}"),
        }
    }

    /// As [`setup`](Self::setup), but hands back whatever the server answers.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn try_setup(&mut self, flags: u32) -> Result<Message> {
        self.try_setup_as(&Setup { flags, ..Setup::default() }).await
    }

    /// Sends SetupConnection as it says in `setup` and hands back the answer.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn try_setup_as(&mut self, setup: &Setup<'_>) -> Result<Message> {
        let payload = setup.payload()?;
        self.send_raw(0, false, common::MESSAGE_TYPE_SETUP_CONNECTION, &payload).await?;
        self.next().await
    }

    /// Negotiates extensions and returns those that the server supports.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn request_extensions(&mut self, wanted: &[u16]) -> Result<Vec<u16>> {
        match self.try_request_extensions(1, wanted).await? {
            Message::RequestExtensionsSuccess(answer) => Ok(answer.supported_extensions.into_inner()),
            other => bail!("RequestExtensions was answered with {other:?}"),
        }
    }

    /// As [`request_extensions`](Self::request_extensions), but hands back whatever the
    /// server answers.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn try_request_extensions(&mut self, request_id: u16, wanted: &[u16]) -> Result<Message> {
        let request = RequestExtensions {
            request_id,
            requested_extensions: wanted.to_vec().try_into().map_err(message::codec_error)?,
        };
        let bytes = message::bytes(request)?;
        self.send_raw(1, false, extensions_sv2::MESSAGE_TYPE_REQUEST_EXTENSIONS, &bytes).await?;
        self.next().await
    }

    /// Opens a standard channel and waits until it has work; returns its id.
    ///
    /// # Errors
    /// When the server refuses; the message holds its error code.
    pub async fn open_standard(&mut self, user: &str, hash_rate: f32) -> Result<u32> {
        let request_id = self.request_standard(user, hash_rate, [0xff; 32]).await?;
        self.opened(request_id).await
    }

    /// Opens an extended channel and waits until it has work; returns its id.
    ///
    /// # Errors
    /// When the server refuses; the message holds its error code.
    pub async fn open_extended(&mut self, user: &str, hash_rate: f32) -> Result<u32> {
        let request_id = self.request_extended(user, hash_rate, [0xff; 32], 4).await?;
        self.opened(request_id).await
    }

    /// Sends OpenStandardMiningChannel without waiting; returns the request id.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn request_standard(
        &mut self,
        user: &str,
        hash_rate: f32,
        max_target: [u8; 32],
    ) -> Result<u32> {
        let request_id = self.take_request_id();
        let open = mining::OpenStandardMiningChannel {
            request_id,
            user_identity: message::text(user)?,
            nominal_hash_rate: hash_rate,
            max_target: (&max_target).into(),
        };
        let bytes = message::bytes(open)?;
        self.send_raw(0, false, mining::MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL, &bytes).await?;
        Ok(request_id)
    }

    /// Sends OpenExtendedMiningChannel without waiting; returns the request id.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn request_extended(
        &mut self,
        user: &str,
        hash_rate: f32,
        max_target: [u8; 32],
        min_extranonce_size: u16,
    ) -> Result<u32> {
        self.request_extended_with(user, hash_rate, max_target, min_extranonce_size, &[]).await
    }

    /// As [`request_extended`](Self::request_extended), with `tlvs` behind the message.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn request_extended_with(
        &mut self,
        user: &str,
        hash_rate: f32,
        max_target: [u8; 32],
        min_extranonce_size: u16,
        tlvs: &[u8],
    ) -> Result<u32> {
        let request_id = self.take_request_id();
        let open = mining::OpenExtendedMiningChannel {
            request_id,
            user_identity: message::text(user)?,
            nominal_hash_rate: hash_rate,
            max_target: (&max_target).into(),
            min_extranonce_size,
        };
        let bytes = [message::bytes(open)?, tlvs.to_vec()].concat();
        self.send_raw(0, false, mining::MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL, &bytes).await?;
        Ok(request_id)
    }

    /// Sends UpdateChannel without waiting: the answer, if any, is SetTarget or
    /// UpdateChannelError.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn update_channel(
        &mut self,
        channel_id: u32,
        hash_rate: f32,
        max_target: [u8; 32],
    ) -> Result<()> {
        let maximum_target = (&max_target).into();
        let update = mining::UpdateChannel { channel_id, nominal_hash_rate: hash_rate, maximum_target };
        self.send_raw(0, true, mining::MESSAGE_TYPE_UPDATE_CHANNEL, &message::bytes(update)?).await
    }

    /// Sends CloseChannel, of a channel or of a group.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn close_channel(&mut self, channel_id: u32) -> Result<()> {
        let close = mining::CloseChannel { channel_id, reason_code: message::text("test")? };
        self.send_raw(0, true, mining::MESSAGE_TYPE_CLOSE_CHANNEL, &message::bytes(close)?).await?;
        self.channels.retain(|id, channel| *id != channel_id && channel.group_id != channel_id);
        Ok(())
    }

    /// Takes over the books of a channel from another connection, which the pool is asked
    /// to go on with on this one. Its jobs are sent again.
    pub fn adopt(&mut self, channel: Channel) {
        let channel = Channel { jobs: BTreeMap::new(), current_job: None, prev_hash: None, ..channel };
        self.channels.insert(channel.id, channel);
    }

    /// An open channel.
    ///
    /// # Errors
    /// When there is none with this id.
    pub fn channel(&self, channel_id: u32) -> Result<&Channel> {
        self.channels.get(&channel_id).with_context(|| format!("channel {channel_id} is not open"))
    }

    /// All open channels, by id.
    pub fn channels(&self) -> impl Iterator<Item = &Channel> {
        self.channels.values()
    }

    /// Ids of channels that the server has closed.
    pub fn closed_channels(&self) -> &BTreeSet<u32> {
        &self.closed_channels
    }

    /// Finds a share on the channel's current job; every call finds another one.
    ///
    /// # Errors
    /// When the channel has no work, or none is found in a reasonable number of hashes.
    pub fn find(&mut self, channel_id: u32, wanted: Wanted) -> Result<Share> {
        let channel = self.channel_mut(channel_id)?;
        let share = Search::new(channel)?.wanted(wanted).find()?;
        channel.next_nonce = share.nonce.wrapping_add(1);
        Ok(share)
    }

    /// Submits `share` without waiting; returns the sequence number.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn submit(&mut self, share: &Share) -> Result<u32> {
        self.submit_with_tlvs(share, &[]).await
    }

    /// As [`submit`](Self::submit), with the TLV fields of extensions at the end.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn submit_with_tlvs(&mut self, share: &Share, tlvs: &[u8]) -> Result<u32> {
        let sequence_number = self.next_sequence;
        self.next_sequence += 1;
        let (msg_type, mut bytes) = share.message(sequence_number)?;
        bytes.extend_from_slice(tlvs);
        self.send_raw(0, true, msg_type, &bytes).await?;
        Ok(sequence_number)
    }

    /// Waits for the word on the share with `sequence_number`.
    ///
    /// # Errors
    /// When the connection breaks or the deadline passes first.
    pub async fn verdict(&mut self, channel_id: u32, sequence_number: u32) -> Result<Verdict> {
        let waiting = async {
            loop {
                if let Some(verdict) = self.verdicts.of(channel_id, sequence_number) {
                    return Ok(verdict);
                }
                self.next().await?;
            }
        };
        within_deadline("the word on a share", waiting).await?
    }

    /// Submits `share` and waits for the word on it.
    ///
    /// # Errors
    /// When the connection breaks or the deadline passes first.
    pub async fn submit_and_wait(&mut self, share: &Share) -> Result<Verdict> {
        let sequence_number = self.submit(share).await?;
        self.verdict(share.channel_id, sequence_number).await
    }

    /// Reads until `seen` finds what it looks for in a message. The books are kept first,
    /// so that `seen` may also be followed by a look at [`channel`](Self::channel).
    ///
    /// # Errors
    /// When the connection breaks or the deadline passes first.
    pub async fn until<T>(&mut self, mut seen: impl FnMut(&Message) -> Option<T>) -> Result<T> {
        let waiting = async {
            loop {
                if let Some(found) = seen(&self.next().await?) {
                    return Ok(found);
                }
            }
        };
        within_deadline("a message among others", waiting).await?
    }

    /// Reads until `wanted` is true of the channel's books.
    ///
    /// # Errors
    /// When the connection breaks or the deadline passes first.
    pub async fn until_channel(&mut self, channel_id: u32, wanted: impl Fn(&Channel) -> bool) -> Result<()> {
        let waiting = async {
            while !wanted(self.channel(channel_id)?) {
                self.next().await?;
            }
            Ok(())
        };
        within_deadline("a channel to be as wanted", waiting).await?
    }

    /// Reads until the channel mines on another parent block than `prev_hash` (internal
    /// byte order) and has a job for it.
    ///
    /// # Errors
    /// When the connection breaks or the deadline passes first.
    pub async fn until_tip_after(&mut self, channel_id: u32, prev_hash: [u8; 32]) -> Result<()> {
        self.until_channel(channel_id, |channel| channel.work().is_ok_and(|(_, tip)| tip.hash != prev_hash))
            .await
    }

    /// Asks for something that is always answered (an update of a channel that nobody
    /// has) and returns all that came before the answer: what the pool had to say to
    /// everything sent so far. SetupConnection must be done.
    ///
    /// # Errors
    /// When the connection breaks or the deadline passes first.
    pub async fn fence(&mut self) -> Result<Vec<Message>> {
        const NOBODYS: u32 = u32::MAX;
        self.update_channel(NOBODYS, 1.0, [0xff; 32]).await?;
        let mut before = Vec::new();
        loop {
            match self.next().await? {
                Message::UpdateChannelError(error) if error.channel_id == NOBODYS => return Ok(before),
                other => before.push(other),
            }
        }
    }

    /// The next message, after the books are kept.
    ///
    /// # Errors
    /// When the connection breaks or the deadline passes first.
    pub async fn next(&mut self) -> Result<Message> {
        let message = self.wire.next().await?.context("the pool closed the connection")?;
        self.keep_books(&message)?;
        Ok(message)
    }

    /// Waits until the server closes the connection; messages before that are kept books of.
    ///
    /// # Errors
    /// When the deadline passes first.
    pub async fn until_closed(&mut self) -> Result<()> {
        // A reset is a way to close too.
        while let Ok(Some(message)) = self.wire.next().await {
            self.keep_books(&message)?;
        }
        ensure!(self.wire.is_closed(), "the pool did not close the connection within the deadline");
        Ok(())
    }

    /// Sends any bytes as one frame.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send_raw(
        &mut self,
        extension_type: u16,
        channel_msg: bool,
        msg_type: u8,
        payload: &[u8],
    ) -> Result<()> {
        self.wire.queue(extension_type, channel_msg, msg_type, payload)?;
        self.wire.flush().await
    }

    /// Sends many frames of a type at once, as a proxy does that starts anew.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn send_all(
        &mut self,
        extension_type: u16,
        channel_msg: bool,
        msg_type: u8,
        payloads: &[Vec<u8>],
    ) -> Result<()> {
        for payload in payloads {
            self.wire.queue(extension_type, channel_msg, msg_type, payload)?;
        }
        self.wire.flush().await
    }

    /// Waits until the channel of a request is open and has work; returns its id.
    ///
    /// # Errors
    /// When the server refuses; the message holds its error code.
    pub async fn opened(&mut self, request_id: u32) -> Result<u32> {
        let channel_id = self
            .until(|message| match message {
                Message::OpenStandardSuccess(open) if open.request_id == request_id => {
                    Some(Ok(open.channel_id))
                }
                Message::OpenExtendedSuccess(open) if open.request_id == request_id => {
                    Some(Ok(open.channel_id))
                }
                Message::OpenError(error) if error.request_id == request_id => {
                    Some(Err(error.error_code.as_utf8_or_hex()))
                }
                _ => None,
            })
            .await?;
        let channel_id = match channel_id {
            Ok(channel_id) => channel_id,
            Err(code) => bail!("the channel was refused: {code}"),
        };
        self.until_channel(channel_id, |channel| channel.work().is_ok()).await?;
        Ok(channel_id)
    }

    fn keep_books(&mut self, message: &Message) -> Result<()> {
        match message {
            Message::OpenStandardSuccess(open) => self.add_channel(Channel::standard(open)?),
            Message::OpenExtendedSuccess(open) => self.add_channel(Channel::extended(open)?),
            Message::SubmitSuccess(success) => {
                self.verdicts.accepted.insert(success.channel_id, success.last_sequence_number);
                Ok(())
            }
            Message::SubmitError(error) => {
                let key = (error.channel_id, error.sequence_number);
                self.verdicts.rejected.insert(key, error.error_code.as_utf8_or_hex());
                Ok(())
            }
            Message::CloseChannel(close) => {
                let id = close.channel_id;
                for closed in self.members(id) {
                    self.channels.remove(&closed);
                    self.closed_channels.insert(closed);
                }
                Ok(())
            }
            Message::SetGroupChannel(group) => {
                for id in group.channel_ids.iter() {
                    self.channel_mut(*id)?.group_id = group.group_channel_id;
                }
                Ok(())
            }
            other => {
                let Some(id) = other.channel_id() else { return Ok(()) };
                if !self.channels.contains_key(&id) {
                    self.keep_group_books(id, other)?;
                }
                for member in self.members(id) {
                    self.channel_mut(member)?.take(other)?;
                }
                Ok(())
            }
        }
    }

    /// A client that handles groups knows a group's jobs apart from those that its
    /// members were sent by their own ids; SRI's translator falls back to another pool
    /// when a group's SetNewPrevHash names a job that the group was not sent.
    fn keep_group_books(&mut self, id: u32, message: &Message) -> Result<()> {
        let futures = self.group_futures.entry(id).or_default();
        match message {
            Message::NewExtendedMiningJob(job) if job.min_ntime.as_ref().is_none() => {
                futures.insert(job.job_id);
            }
            Message::SetNewPrevHash(tip) => {
                ensure!(
                    futures.contains(&tip.job_id),
                    "SetNewPrevHash for group {id} names job {}, which the group was not sent as future",
                    tip.job_id
                );
                futures.clear();
            }
            _ => {}
        }
        Ok(())
    }

    fn add_channel(&mut self, channel: Channel) -> Result<()> {
        let id = channel.id;
        ensure!(self.channels.insert(id, channel).is_none(), "the pool gave channel id {id} twice");
        Ok(())
    }

    /// The channel with this id, or the members of the group with it.
    fn members(&self, id: u32) -> Vec<u32> {
        if self.channels.contains_key(&id) {
            return vec![id];
        }
        self.channels.values().filter(|channel| channel.group_id == id).map(|channel| channel.id).collect()
    }

    fn channel_mut(&mut self, channel_id: u32) -> Result<&mut Channel> {
        self.channels.get_mut(&channel_id).with_context(|| format!("channel {channel_id} is not open"))
    }

    fn take_request_id(&mut self) -> u32 {
        let request_id = self.next_request;
        self.next_request += 1;
        request_id
    }
}

impl Verdicts {
    fn of(&self, channel_id: u32, sequence_number: u32) -> Option<Verdict> {
        if let Some(code) = self.rejected.get(&(channel_id, sequence_number)) {
            return Some(Verdict::Rejected(code.clone()));
        }
        let acknowledged = *self.accepted.get(&channel_id)?;
        (acknowledged >= sequence_number).then_some(Verdict::Accepted)
    }
}
