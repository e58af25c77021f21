//! One connection of the miner to a pool: Noise, setup, one channel, shares.

use super::hasher::Hashers;
use super::jobs::ChannelJobs;
use super::mining::Mining;
use super::path::Path;
use super::{MinerConfig, MinerKind};
use crate::server::setup::{REQUIRES_STANDARD_JOBS, REQUIRES_VERSION_ROLLING};
use crate::wire::short_string;
use binary_sv2::from_bytes;
use common_messages_sv2 as common;
use mining_sv2 as mining;
use p2p::iroh::{IrohError, IrohRead, IrohWrite, Way};
use p2p::tcp::ConnectError;
use p2p::{FrameReader, FrameWriter, HandshakeError, IrohNode, WireError, WireLimits, connect_tcp, noise};
use std::collections::VecDeque;
use std::time::Duration;
use thiserror::Error;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio_util::either::Either;
use work::{Extranonce, Hash256, Target};

/// What the miner tells of its work.
#[derive(Clone, Debug, PartialEq)]
pub enum MinerEvent {
    /// A channel is open.
    Connected {
        /// Its id.
        channel_id: u32,
        /// Its first target.
        target: Target,
    },
    /// It hashes on this job now.
    Job {
        /// Its id.
        job_id: u32,
        /// What it builds on.
        prev_hash: Hash256,
    },
    /// The pool asks for shares of another difficulty.
    NewTarget(Target),
    /// The pool accepted shares.
    Accepted {
        /// How many.
        shares: u32,
        /// How many of them are blocks.
        blocks: u32,
    },
    /// The pool refused a share.
    Rejected {
        /// Its SV2 error code.
        code: String,
        /// It was a block.
        block: bool,
    },
    /// The pool's node was found in this way.
    Found(Way),
    /// Packets go this way now: `tcp`, `iroh-lan`, `iroh-direct` or `iroh-relayed`.
    Path(&'static str),
    /// The connection ended; it is tried again.
    Disconnected {
        /// Why.
        reason: String,
        /// After how long.
        retry_in: Duration,
    },
}

/// Why a connection ended.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The pool could not be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The pool's node could not be reached.
    #[error(transparent)]
    Node(#[from] IrohError),
    /// It is not the pool that it should be, or not a Stratum V2 pool.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The connection broke.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The pool closed the connection.
    #[error("the pool closed the connection")]
    Closed,
    /// The pool did not answer.
    #[error("the pool did not answer within {0:?}")]
    Silent(Duration),
    /// The pool does not want this client.
    #[error("the pool refused the connection: {0}")]
    SetupRefused(String),
    /// The pool does not open a channel for this user.
    #[error("the pool opened no channel: {code} (user identity '{user}')")]
    ChannelRefused {
        /// Its SV2 error code.
        code: String,
        /// What the miner called itself.
        user: String,
    },
    /// A message that cannot be read.
    #[error("the pool sent a malformed {0}")]
    Malformed(&'static str),
    /// The hash threads could not be started.
    #[error("could not start a hash thread: {0}")]
    Threads(#[from] std::io::Error),
}

impl ClientError {
    /// Whether trying again would end the same way.
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            ClientError::SetupRefused(_)
                | ClientError::ChannelRefused { .. }
                | ClientError::Threads(_)
                | ClientError::Node(IrohError::NoAddress(_))
        )
    }
}

/// Longest that the pool may take for an answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Shares that hash threads may have found and that are not sent yet.
const WAITING_SHARES: usize = 256;
const REQUEST_ID: u32 = 1;

/// One connection.
pub struct Session<'a> {
    config: &'a MinerConfig,
    node: Option<&'a IrohNode>,
    events: &'a mpsc::Sender<MinerEvent>,
}

pub(super) type Reader = FrameReader<Either<OwnedReadHalf, IrohRead>>;
pub(super) type Writer = FrameWriter<Either<OwnedWriteHalf, IrohWrite>>;

impl<'a> Session<'a> {
    /// A connection to be made; with `node`, where the pool is known by its node id.
    pub fn new(
        config: &'a MinerConfig,
        node: Option<&'a IrohNode>,
        events: &'a mpsc::Sender<MinerEvent>,
    ) -> Session<'a> {
        Session { config, node, events }
    }

    /// Connects and mines until the connection ends; `Ok` when the pool asks to
    /// reconnect. Calls `opened` once the pool has opened a channel.
    ///
    /// # Errors
    /// Why the connection ended.
    pub async fn run(self, opened: impl FnOnce()) -> Result<(), ClientError> {
        let (mut reader, mut writer, path) = self.connect().await?;
        in_time(self.set_up(&mut reader, &mut writer)).await?;
        let (channel_id, jobs) = in_time(self.open_channel(&mut reader, &mut writer)).await?;
        opened();
        let (found, shares) = mpsc::channel(WAITING_SHARES);
        let hashers = Hashers::start(self.config.threads, self.config.max_hash_rate, found)?;
        let mining = Mining {
            kind: self.config.kind,
            channel_id,
            jobs,
            path,
            pending: VecDeque::new(),
            next_sequence: 1,
            events: self.events,
            shares,
            hashers,
        };
        mining.run(reader, writer).await
    }

    async fn connect(&self) -> Result<(Reader, Writer, Path), ClientError> {
        let (read, write, path) = match (&self.config.pool, self.node) {
            (p2p::Target::Tcp(uri), _) => {
                let socket = in_time(async { Ok(connect_tcp(uri).await?) }).await?;
                let (read, write) = socket.into_split();
                (Either::Left(read), Either::Left(write), Path::tcp())
            }
            (p2p::Target::Iroh(invite), Some(node)) => {
                // It has deadlines of its own, which leave time to look for the node.
                let stream = node.dial(invite).await?;
                if let Some(way) = stream.found() {
                    let _ = self.events.send(MinerEvent::Found(way)).await;
                }
                let path = Path::iroh(stream.path());
                let (read, write) = stream.into_split();
                (Either::Right(read), Either::Right(write), path)
            }
            (p2p::Target::Iroh(invite), None) => return Err(IrohError::NoAddress(invite.node).into()),
        };
        let authority = Some(self.config.pool.authority());
        let limits = WireLimits::client();
        let shaking_hands = async { Ok(noise::connect(read, write, authority, &limits).await?) };
        let (reader, writer) = in_time(shaking_hands).await?;
        Ok((reader, writer, path))
    }

    async fn set_up(&self, reader: &mut Reader, writer: &mut Writer) -> Result<(), ClientError> {
        let standard = match self.config.kind {
            MinerKind::Standard => REQUIRES_STANDARD_JOBS,
            MinerKind::Extended => 0,
        };
        let text = |text: &str| short_string(text);
        let payload = [
            &[common::SV2_MINING_PROTOCOL_DISCRIMINANT, 2, 0, 2, 0][..],
            &(standard | REQUIRES_VERSION_ROLLING).to_le_bytes(),
            &text(""),
            &0u16.to_le_bytes(),
            &text("punchbowl"),
            &text("cpu"),
            &text(env!("CARGO_PKG_VERSION")),
            &text(""),
        ];
        writer.queue(0, false, common::MESSAGE_TYPE_SETUP_CONNECTION, &payload)?;
        writer.flush().await?;
        let frame = reader.next().await?.ok_or(ClientError::Closed)?;
        match frame.header.msg_type {
            common::MESSAGE_TYPE_SETUP_CONNECTION_SUCCESS => Ok(()),
            common::MESSAGE_TYPE_SETUP_CONNECTION_ERROR => {
                let message: common::SetupConnectionError<'_> =
                    from_bytes(frame.payload).map_err(|_| ClientError::Malformed("SetupConnection.Error"))?;
                Err(ClientError::SetupRefused(message.error_code.as_utf8_or_hex()))
            }
            _ => Err(ClientError::Malformed("answer to SetupConnection")),
        }
    }

    async fn open_channel(
        &self,
        reader: &mut Reader,
        writer: &mut Writer,
    ) -> Result<(u32, ChannelJobs), ClientError> {
        let (request, rate) = (REQUEST_ID.to_le_bytes(), self.config.nominal_hash_rate.to_le_bytes());
        let (user, any_target) = (short_string(&self.config.user), [0xff; 32]);
        match self.config.kind {
            MinerKind::Standard => {
                let payload = [&request[..], &user, &rate, &any_target];
                writer.queue(0, false, mining::MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL, &payload)?;
            }
            MinerKind::Extended => {
                let min_extranonce = 4u16.to_le_bytes();
                let payload = [&request[..], &user, &rate, &any_target, &min_extranonce];
                writer.queue(0, false, mining::MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL, &payload)?;
            }
        }
        writer.flush().await?;
        let frame = reader.next().await?.ok_or(ClientError::Closed)?;
        let (channel_id, target, prefix, rolled) = match frame.header.msg_type {
            mining::MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL_SUCCESS => {
                let message: mining::OpenStandardMiningChannelSuccess<'_> = from_bytes(frame.payload)
                    .map_err(|_| ClientError::Malformed("OpenStandardMiningChannel.Success"))?;
                (
                    message.channel_id,
                    le_target(message.target.as_bytes())?,
                    bytes(message.extranonce_prefix.as_bytes())?,
                    0,
                )
            }
            mining::MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL_SUCCESS => {
                let message: mining::OpenExtendedMiningChannelSuccess<'_> = from_bytes(frame.payload)
                    .map_err(|_| ClientError::Malformed("OpenExtendedMiningChannel.Success"))?;
                let prefix = bytes(message.extranonce_prefix.as_bytes())?;
                let rolled = usize::from(message.extranonce_size);
                (message.channel_id, le_target(message.target.as_bytes())?, prefix, rolled)
            }
            mining::MESSAGE_TYPE_OPEN_MINING_CHANNEL_ERROR => {
                let message: mining::OpenMiningChannelError<'_> = from_bytes(frame.payload)
                    .map_err(|_| ClientError::Malformed("OpenMiningChannel.Error"))?;
                let code = message.error_code.as_utf8_or_hex();
                return Err(ClientError::ChannelRefused { code, user: self.config.user.clone() });
            }
            _ => return Err(ClientError::Malformed("answer to the opening of a channel")),
        };
        let _ = self.events.send(MinerEvent::Connected { channel_id, target }).await;
        Ok((channel_id, ChannelJobs::new(target, prefix, rolled)))
    }
}

async fn in_time<T>(step: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
    tokio::time::timeout(PATIENCE, step).await.map_err(|_| ClientError::Silent(PATIENCE))?
}

pub(super) fn hash(bytes: &[u8]) -> Result<Hash256, ClientError> {
    bytes.try_into().map(Hash256).map_err(|_| ClientError::Malformed("hash"))
}

pub(super) fn le_target(bytes: &[u8]) -> Result<Target, ClientError> {
    bytes.try_into().map(Target::from_le_bytes).map_err(|_| ClientError::Malformed("target"))
}

pub(super) fn bytes(bytes: &[u8]) -> Result<Extranonce, ClientError> {
    Extranonce::new(bytes).map_err(|_| ClientError::Malformed("extranonce prefix"))
}
