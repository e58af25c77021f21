//! Stratum V2 miners at `punchbowl join`: their channels are carried to the pool as those
//! of old miners are.
//!
//! A channel here is a channel there, and nothing about it changes when that one is another
//! tomorrow: the extranonce prefix that a miner is told is this helper's own, and the pool's
//! goes to the end of the coinbase's first part. So a miner that heeds neither
//! SetExtranoncePrefix nor Reconnect (ESP-Miner) lives through everything too. A standard
//! channel is an extended one at the pool, whose extranonce is fixed here.

mod channel;
mod lifeline;

use super::miner::{Miners, Request};
use super::news::{Mailbox, News};
use super::status::Present;
use crate::server::Closed;
use crate::server::setup::{self, Client};
use crate::sv1::Sv1Port;
use crate::wire::keep_alive;
use crate::wire::{self, SubmitShares, tlv};
use binary_sv2::from_bytes;
use channel::{Channel, Kind, Message, Start};
use common_messages_sv2 as common;
use extensions_sv2 as extensions;
use mining_sv2 as mining;
use p2p::{Admission, AuthorityKeypair, Deadlines, Frame, FrameReader, FrameWriter, WireLimits, noise};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use translator::upstream::Command;
use translator::{CoinbaseClass, SessionConfig};
use work::{Difficulty, HashRate, Target};

/// What all connections share.
pub(super) struct Sv2Port {
    /// Proves to miners that this is their helper.
    pub(super) authority: Arc<AuthorityKeypair>,
    /// Who may be in the middle of a handshake.
    pub(super) admission: Arc<Admission>,
    /// Where miners' own parts of the search space come from.
    pub(super) extranonces: Arc<Sv1Port>,
    /// Where channels come from.
    pub(super) miners: Miners,
    /// How miners are served, whatever they speak.
    pub(super) session: SessionConfig,
}

/// Channels of one connection: a proxy may have a rack behind it.
const MAX_CHANNELS: usize = 1_000;
/// What may wait for one connection.
const WAITING_NEWS: usize = 16_384;
/// Frames handled before jobs and answers get their turn.
const BURST: usize = 64;
/// How often deadlines are looked at.
const TICK: Duration = Duration::from_secs(1);
/// Bytes queued after which they are written out before more is made.
const FLUSH_AT: usize = 64 * 1024;
/// Extensions that are known here: their negotiation, workers' names, keep-alive.
const EXTENSIONS: [u16; 3] =
    [extensions::EXTENSION_TYPE_EXTENSIONS_NEGOTIATION, setup::WORKER_NAMES, keep_alive::EXTENSION];

/// Serves one connection until it closes.
///
/// # Errors
/// Why it was closed, unless the miner simply left.
pub(super) async fn serve<R, W>(
    read: R,
    write: W,
    port: Arc<Sv2Port>,
    stop: CancellationToken,
) -> Result<(), Closed>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let deadlines = Deadlines::default();
    let limits = WireLimits::server();
    let handshake = async {
        let _slot = port.admission.handshake_slot().await;
        noise::accept(read, write, &port.authority, &limits).await
    };
    let shaken = tokio::time::timeout(deadlines.handshake, Box::pin(handshake)).await;
    let (mut reader, writer) = shaken.map_err(|_| Closed::HandshakeLate)??;

    let status = port.miners.status().clone();
    let _present = Present::in_count(&status.sv2);
    let (mailbox, mut news) = mpsc::channel(WAITING_NEWS);
    let mut session = Session::new(writer, port, mailbox);
    let served = session.run(&mut reader, &mut news, &deadlines, stop).await;
    session.close_all().await;
    served
}

struct Session<W> {
    writer: FrameWriter<W>,
    port: Arc<Sv2Port>,
    mailbox: Mailbox,
    client: Option<Client>,
    worker_names: bool,
    /// Since extension 0x5042 is on: what the miner was told of how often to say something.
    pace: Option<keep_alive::KeepAlive>,
    /// When it was last heard.
    heard: Instant,
    /// When deadlines were last looked at.
    looked: Instant,
    channels: Vec<Channel>,
    /// Channels, jobs and the group have their ids from one sequence.
    next_id: u32,
    /// Since when something has been owed: a setup, then a channel.
    waiting_since: Instant,
}

/// The group of every channel: its number is never used, as each is told alone.
const GROUP: u32 = 1;

impl<W: AsyncWrite + Unpin> Session<W> {
    fn new(writer: FrameWriter<W>, port: Arc<Sv2Port>, mailbox: Mailbox) -> Session<W> {
        Session {
            writer,
            port,
            mailbox,
            client: None,
            worker_names: false,
            pace: None,
            heard: Instant::now(),
            looked: Instant::now(),
            channels: Vec::new(),
            next_id: GROUP + 1,
            waiting_since: Instant::now(),
        }
    }

    async fn run<R: AsyncRead + Unpin>(
        &mut self,
        reader: &mut FrameReader<R>,
        news: &mut mpsc::Receiver<(u64, News)>,
        deadlines: &Deadlines,
        stop: CancellationToken,
    ) -> Result<(), Closed> {
        let mut stop = pin!(stop.cancelled_owned());
        let mut timer = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => return self.drain().await,
                Some((miner, item)) = news.recv() => {
                    self.hear(miner, item).await?;
                    while self.writer.queued() < FLUSH_AT && let Ok((miner, item)) = news.try_recv() {
                        self.hear(miner, item).await?;
                    }
                }
                _ = timer.tick() => self.tick(deadlines)?,
                frame = reader.next() => {
                    let Some(frame) = frame? else { return Ok(()) };
                    self.heard = Instant::now();
                    self.handle(frame).await?;
                    for _ in 1..BURST {
                        if self.writer.queued() >= FLUSH_AT {
                            break;
                        }
                        let Some(frame) = reader.try_next()? else { break };
                        self.handle(frame).await?;
                    }
                }
            }
            self.acknowledge()?;
            self.writer.flush().await?;
        }
    }

    async fn handle(&mut self, frame: Frame<'_>) -> Result<(), Closed> {
        let (header, payload) = (frame.header, frame.payload);
        let is_setup = (header.extension_type, header.msg_type) == (0, common::MESSAGE_TYPE_SETUP_CONNECTION);
        if self.client.is_none() && !is_setup {
            return Err(Closed::SetupMissing { msg_type: header.msg_type });
        }
        match (header.extension_type, header.msg_type) {
            (0, mining::MESSAGE_TYPE_SUBMIT_SHARES_STANDARD) => {
                let share = SubmitShares::standard(payload);
                self.submit(share.ok_or(Closed::Malformed("SubmitSharesStandard"))?).await
            }
            (0, mining::MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED) => {
                let share = SubmitShares::extended(payload);
                self.submit(share.ok_or(Closed::Malformed("SubmitSharesExtended"))?).await
            }
            (0, common::MESSAGE_TYPE_SETUP_CONNECTION) => self.set_up(payload).await,
            (
                extensions::EXTENSION_TYPE_EXTENSIONS_NEGOTIATION,
                extensions::MESSAGE_TYPE_REQUEST_EXTENSIONS,
            ) => self.request_extensions(payload),
            (0, mining::MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL) => self.open_standard(payload).await,
            (0, mining::MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL) => self.open_extended(payload).await,
            (0, mining::MESSAGE_TYPE_UPDATE_CHANNEL) => self.update(payload).await,
            (0, mining::MESSAGE_TYPE_CLOSE_CHANNEL) => self.close(payload).await,
            (keep_alive::EXTENSION, msg_type) if self.pace.is_some() => self.line(msg_type, payload),
            // Unknown messages and extensions are ignored (SV2 section 3.4.1).
            _ => Ok(()),
        }
    }

    async fn set_up(&mut self, payload: &mut [u8]) -> Result<(), Closed> {
        if self.client.is_some() {
            return Err(Closed::SetupTwice);
        }
        match setup::setup(payload).ok_or(Closed::Malformed("SetupConnection"))? {
            Ok(client) => {
                self.client = Some(client);
                self.waiting_since = Instant::now();
                self.send(&(common::MESSAGE_TYPE_SETUP_CONNECTION_SUCCESS, false, setup::success().to_vec()))
            }
            Err(refusal) => {
                let payload = [&refusal.flags.to_le_bytes()[..], &wire::short_string(refusal.code)].concat();
                self.send(&(common::MESSAGE_TYPE_SETUP_CONNECTION_ERROR, false, payload))?;
                self.writer.flush().await?;
                Err(Closed::SetupRefused(refusal.code))
            }
        }
    }

    fn request_extensions(&mut self, payload: &mut [u8]) -> Result<(), Closed> {
        let negotiated = setup::request_extensions(payload, &EXTENSIONS, &[])
            .ok_or(Closed::Malformed("RequestExtensions"))?;
        let extension = extensions::EXTENSION_TYPE_EXTENSIONS_NEGOTIATION;
        self.writer.queue(extension, false, negotiated.msg_type, &[&negotiated.payload])?;
        let Some(granted) = negotiated.granted else { return Ok(()) };
        self.worker_names = granted.contains(&setup::WORKER_NAMES);
        if granted.contains(&keep_alive::EXTENSION) { self.hold_out_a_line() } else { Ok(()) }
    }

    async fn open_standard(&mut self, payload: &mut [u8]) -> Result<(), Closed> {
        let message: mining::OpenStandardMiningChannel<'_> =
            from_bytes(payload).map_err(|_| Closed::Malformed("OpenStandardMiningChannel"))?;
        let start = Start {
            request_id: message.request_id,
            name: printable(message.user_identity.as_bytes()),
            hash_rate: HashRate(f64::from(message.nominal_hash_rate)),
            max_target: target(message.max_target.as_bytes()),
            kind: Kind::Standard,
        };
        self.open(start, None).await
    }

    async fn open_extended(&mut self, payload: &mut [u8]) -> Result<(), Closed> {
        // Without its extension what follows the message means nothing.
        let class = self.pace.and_then(|_| tlv::coinbase_class(tlv::behind_open_extended(payload)));
        let class = class.and_then(CoinbaseClass::by_name);
        let message: mining::OpenExtendedMiningChannel<'_> =
            from_bytes(payload).map_err(|_| Closed::Malformed("OpenExtendedMiningChannel"))?;
        let start = Start {
            request_id: message.request_id,
            name: printable(message.user_identity.as_bytes()),
            hash_rate: HashRate(f64::from(message.nominal_hash_rate)),
            max_target: target(message.max_target.as_bytes()),
            kind: Kind::Extended { rolled: usize::from(message.min_extranonce_size) },
        };
        self.open(start, class).await
    }

    async fn open(&mut self, start: Start, class: Option<CoinbaseClass>) -> Result<(), Closed> {
        let standard_jobs = self.client.as_ref().is_some_and(|client| client.standard_jobs);
        let fault = if standard_jobs && start.kind != Kind::Standard {
            Some(mining::ERROR_CODE_OPEN_MINING_CHANNEL_EXTENDED_CHANNELS_NOT_SUPPORTED_FOR_STANDARD_JOBS)
        } else if self.channels.len() >= MAX_CHANNELS {
            Some(mining::ERROR_CODE_OPEN_MINING_CHANNEL_CHANNEL_CAPACITY_EXHAUSTED)
        } else {
            start.fault()
        };
        if let Some(code) = fault {
            let payload = [&start.request_id.to_le_bytes()[..], &wire::short_string(code)].concat();
            return self.send(&(mining::MESSAGE_TYPE_OPEN_MINING_CHANNEL_ERROR, false, payload));
        }
        let agent = self.client.as_ref().map_or_else(String::new, |client| client.agent.clone());
        let (miner, own) = (self.port.miners.number(), self.port.extranonces.own_part());
        let status = self.port.miners.status().clone();
        let class = self.class_of(&start, class, &agent);
        let mut channel = Channel::new(self.take_id(), miner, own, start, agent, class, status);
        let command = channel.open();
        self.channels.push(channel);
        self.ask(miner, command, None).await;
        Ok(())
    }

    /// How large a coinbase a miner takes: the host's word counts first, then that of a proxy.
    /// One with a standard channel is not sent any.
    fn class_of(&self, start: &Start, asked: Option<CoinbaseClass>, agent: &str) -> CoinbaseClass {
        let session = &self.port.session;
        match start.kind {
            Kind::Standard => CoinbaseClass::Yuge,
            Kind::Extended { .. } => session
                .class_of(&start.name, asked)
                .unwrap_or_else(|| translator::classify_sv2(agent, &session.rules)),
        }
    }

    async fn update(&mut self, payload: &mut [u8]) -> Result<(), Closed> {
        let message: mining::UpdateChannel<'_> =
            from_bytes(payload).map_err(|_| Closed::Malformed("UpdateChannel"))?;
        let (id, max_target) = (message.channel_id, target(message.maximum_target.as_bytes()));
        let hash_rate = HashRate(f64::from(message.nominal_hash_rate));
        let channel = self.channels.iter_mut().find(|channel| channel.id == id);
        match channel.map(|channel| (channel.miner, channel.update(hash_rate, max_target))) {
            Some((miner, Ok(command))) => {
                self.ask(miner, command, None).await;
                Ok(())
            }
            Some((_, Err(code))) => self.send(&update_error(id, code)),
            None => self.send(&update_error(id, mining::ERROR_CODE_UPDATE_CHANNEL_INVALID_CHANNEL_ID)),
        }
    }

    async fn close(&mut self, payload: &mut [u8]) -> Result<(), Closed> {
        let message: mining::CloseChannel<'_> =
            from_bytes(payload).map_err(|_| Closed::Malformed("CloseChannel"))?;
        let id = message.channel_id;
        let gone = |channel: &mut Channel| channel.id == id || id == GROUP;
        let gone: Vec<Channel> = self.channels.extract_if(.., gone).collect();
        for channel in gone {
            self.ask(channel.miner, Command::Close, None).await;
        }
        self.waiting_since = Instant::now();
        Ok(())
    }

    async fn submit(&mut self, share: SubmitShares<'_>) -> Result<(), Closed> {
        let worker = match self.worker_names.then(|| tlv::worker_name(share.tlvs)) {
            Some(Ok(worker)) => worker.map(Arc::from),
            Some(Err(_)) => return self.send(&channel::share_error(&share, "invalid-share")),
            None => None,
        };
        let channel = self.channels.iter_mut().find(|channel| channel.id == share.channel_id);
        let Some(channel) = channel else {
            return self.send(&channel::share_error(&share, "invalid-channel-id"));
        };
        let miner = channel.miner;
        match channel.submit(&share) {
            Ok(Some(command)) => {
                self.ask(miner, command, worker).await;
                Ok(())
            }
            // Warmth is all that it was for.
            Ok(None) => Ok(()),
            Err(code) => {
                self.port.miners.status().refused_here();
                self.send(&channel::share_error(&share, code))
            }
        }
    }

    /// What happens to the channel of `miner`.
    async fn hear(&mut self, miner: u64, news: News) -> Result<(), Closed> {
        let Some(index) = self.channels.iter().position(|channel| channel.miner == miner) else {
            return Ok(());
        };
        let is_job = matches!(news, News::Job(_));
        let job_id = if is_job { self.take_id() } else { 0 };
        let Some(channel) = self.channels.get_mut(index) else { return Ok(()) };
        let outcome = channel.hear(news, job_id, Instant::now());
        for message in &outcome.messages {
            self.send(message)?;
        }
        if let Some(command) = outcome.command {
            self.ask(miner, command, None).await;
        }
        if outcome.over {
            self.channels.remove(index);
            self.waiting_since = Instant::now();
            self.ask(miner, Command::Close, None).await;
        }
        match outcome.end {
            Some(goodbye) => {
                self.writer.flush().await?;
                Err(Closed::Sv1(goodbye))
            }
            None => Ok(()),
        }
    }

    /// One message for all accepted shares that a channel is owed an answer for.
    fn acknowledge(&mut self) -> Result<(), Closed> {
        let answers: Vec<Message> = self.channels.iter_mut().filter_map(Channel::acknowledge).collect();
        answers.iter().try_for_each(|message| self.send(message))
    }

    fn tick(&mut self, deadlines: &Deadlines) -> Result<(), Closed> {
        let now = Instant::now();
        let waited = now.saturating_duration_since(self.waiting_since);
        match self.client {
            None if waited >= deadlines.setup => return Err(Closed::SetupLate),
            Some(_) if self.channels.is_empty() && waited >= deadlines.first_channel => {
                return Err(Closed::NoChannel);
            }
            _ => {}
        }
        self.check_lifeline(now)?;
        let Some(patience) = self.port.session.heat_after else { return Ok(()) };
        for index in 0..self.channels.len() {
            let id = self.next_id;
            let Some(channel) = self.channels.get_mut(index) else { break };
            let messages = channel.start_heat(patience, id, now);
            if !messages.is_empty() {
                self.next_id = self.next_id.wrapping_add(1);
            }
            messages.iter().try_for_each(|message| self.send(message))?;
        }
        Ok(())
    }

    /// The helper stops: the miner is told to come back (SV2 section 3.6.5).
    async fn drain(&mut self) -> Result<(), Closed> {
        const SAME_HOST_AND_PORT: [u8; 3] = [0, 0, 0];
        if self.client.is_some() {
            self.send(&(common::MESSAGE_TYPE_RECONNECT, false, SAME_HOST_AND_PORT.to_vec()))?;
        }
        self.writer.flush().await?;
        Err(Closed::Stopping)
    }

    async fn close_all(&mut self) {
        for channel in std::mem::take(&mut self.channels) {
            self.ask(channel.miner, Command::Close, None).await;
        }
    }

    async fn ask(&self, miner: u64, command: Command, worker: Option<Arc<str>>) {
        let mailbox = self.mailbox.clone();
        self.port.miners.ask(Request { miner, command, worker, mailbox }).await;
    }

    fn send(&mut self, (msg_type, channel_msg, payload): &Message) -> Result<(), Closed> {
        self.writer.queue(0, *channel_msg, *msg_type, &[payload]).map_err(Closed::Wire)
    }

    fn take_id(&mut self) -> u32 {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        id
    }
}

fn update_error(channel: u32, code: &str) -> Message {
    let payload = [&channel.to_le_bytes()[..], &wire::short_string(code)].concat();
    (mining::MESSAGE_TYPE_UPDATE_CHANNEL_ERROR, true, payload)
}

fn target(bytes: &[u8]) -> Target {
    // A U256 is always 32 bytes once it is parsed.
    bytes.try_into().map_or(Target::ZERO, Target::from_le_bytes)
}

fn printable(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().filter(|letter| !letter.is_control()).collect()
}

/// The least difficulty whose target is no easier than `target`: the conversion rounds.
fn at_least(target: Target) -> Difficulty {
    Difficulty(target.difficulty().0 * (1.0 + 1e-12))
}
