//! Connections that have opened their channels.

use super::{Dial, Kind, Target, target::dial_node};
use crate::client::{Channel, Message, Wire, flags, message};
use anyhow::{Context, Result, bail};
use common_messages_sv2::{MESSAGE_TYPE_SETUP_CONNECTION, Protocol, SetupConnection};
use mining_sv2::{
    MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL, MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL,
    OpenExtendedMiningChannel, OpenStandardMiningChannel,
};
use p2p::IrohNode;
use std::sync::Arc;
use tokio::{sync::Semaphore, task::JoinSet};

/// Many connections.
pub struct Crowd {
    /// Each of them.
    pub members: Vec<Member>,
}

/// One connection, with work on each of its channels.
pub struct Member {
    /// The connection.
    pub wire: Wire,
    /// Its channels.
    pub channels: Vec<Channel>,
    /// What it dialled a node from.
    _node: Option<IrohNode>,
}

/// How many connections may be in the middle of their handshake at a time.
const AT_A_TIME: usize = 64;
/// The same where each comes from a node of its own, which this one thread has to start.
const NODES_AT_A_TIME: usize = 8;

impl Crowd {
    /// Opens `connections` connections with `channels` channels each, and waits until
    /// every channel has work.
    ///
    /// # Errors
    /// When any of them fails.
    pub async fn gather(target: &Target, connections: usize, channels: usize) -> Result<Crowd> {
        let at_a_time = match &target.dial {
            Dial::Tcp(_) => AT_A_TIME,
            Dial::Node { .. } => NODES_AT_A_TIME,
        };
        let (target, gate) = (Arc::new(target.clone()), Arc::new(Semaphore::new(at_a_time)));
        let mut arriving = JoinSet::new();
        for _ in 0..connections {
            let (target, gate) = (Arc::clone(&target), Arc::clone(&gate));
            arriving.spawn_local(async move {
                let _turn = gate.acquire().await?;
                Member::join(&target, channels).await
            });
        }
        let mut members = Vec::with_capacity(connections);
        while let Some(member) = arriving.join_next().await {
            members.push(member?.with_context(|| format!("connection {}", members.len() + 1))?);
        }
        Ok(Crowd { members })
    }
}

impl Member {
    async fn join(target: &Target, channels: usize) -> Result<Member> {
        let (wire, node) = match &target.dial {
            Dial::Tcp(address) => (Wire::connect(*address, target.authority).await?, None),
            Dial::Node { invite, relayed } => {
                let (node, stream) = dial_node(invite, *relayed).await?;
                (Wire::over_iroh(stream, target.authority).await?, Some(node))
            }
        };
        let mut member = Member { wire, channels: Vec::with_capacity(channels), _node: node };
        member.set_up(target.kind).await?;
        for request_id in 0..channels {
            member.request_channel(target, request_id as u32)?;
        }
        member.wire.flush().await?;
        while member.channels.len() < channels
            || member.channels.iter().any(|channel| channel.work().is_err())
        {
            let message = member.wire.next().await?.context("the pool closed the connection")?;
            member.take(&message)?;
        }
        Ok(member)
    }

    /// Enters a message into the books; true when it changes the work.
    ///
    /// # Errors
    /// When the pool contradicts itself or refuses a channel.
    pub fn take(&mut self, message: &Message) -> Result<bool> {
        match message {
            Message::OpenStandardSuccess(open) => self.channels.push(Channel::standard(open)?),
            Message::OpenExtendedSuccess(open) => self.channels.push(Channel::extended(open)?),
            Message::OpenError(error) => bail!("channel refused: {}", error.error_code.as_utf8_or_hex()),
            Message::CloseChannel(close) => bail!("the pool closed channel {}", close.channel_id),
            Message::SubmitSuccess(_) | Message::SubmitError(_) => return Ok(false),
            other => {
                let Some(id) = other.channel_id() else { return Ok(false) };
                for channel in
                    self.channels.iter_mut().filter(|channel| channel.id == id || channel.group_id == id)
                {
                    channel.take(other)?;
                }
            }
        }
        Ok(true)
    }

    async fn set_up(&mut self, kind: Kind) -> Result<()> {
        let setup = SetupConnection {
            protocol: Protocol::MiningProtocol,
            min_version: 2,
            max_version: 2,
            flags: match kind {
                Kind::Standard => flags::REQUIRES_STANDARD_JOBS,
                Kind::Extended => 0,
            },
            endpoint_host: message::text("127.0.0.1")?,
            endpoint_port: 0,
            vendor: message::text("punchbowl load")?,
            hardware_version: message::text("")?,
            firmware: message::text("")?,
            device_id: message::text("")?,
        };
        self.wire.queue(0, false, MESSAGE_TYPE_SETUP_CONNECTION, &message::bytes(setup)?)?;
        self.wire.flush().await?;
        match self.wire.next().await?.context("the pool closed the connection")? {
            Message::SetupConnectionSuccess(_) => Ok(()),
            other => bail!("SetupConnection was answered with {other:?}"),
        }
    }

    fn request_channel(&mut self, target: &Target, request_id: u32) -> Result<()> {
        let (user_identity, nominal_hash_rate) = (message::text(&target.user)?, target.hash_rate);
        let max_target = (&[0xff; 32]).into();
        let (msg_type, bytes) = match target.kind {
            Kind::Standard => {
                let open =
                    OpenStandardMiningChannel { request_id, user_identity, nominal_hash_rate, max_target };
                (MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL, message::bytes(open)?)
            }
            Kind::Extended => {
                let min_extranonce_size = 8;
                let open = OpenExtendedMiningChannel {
                    request_id,
                    user_identity,
                    nominal_hash_rate,
                    max_target,
                    min_extranonce_size,
                };
                (MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL, message::bytes(open)?)
            }
        };
        self.wire.queue(0, false, msg_type, &bytes)
    }
}
