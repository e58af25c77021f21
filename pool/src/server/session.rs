//! One miner's connection after the handshake: its channels, its jobs, its shares.
//!
//! A session is owned by one task. It shares nothing that it writes, waits for nobody
//! while it judges a share, and what it sends is bounded by its writer: a peer that
//! does not read is disconnected, not buffered for.

mod distribute;
mod keep_alive;
mod open;
mod resume;
mod share;

use super::block::FoundBlock;
use super::parking::{Asker, Peer, Ticket};
use super::setup::{self, Client};
use super::share_log::ShareLog;
use super::{Closed, ServerContext, audit};
use crate::channel::Channel;
use crate::channel::group::Group;
use crate::channel::history::Moment;
use crate::job::wave::Listener;
use crate::status::connections::ConnectionGuard;
use crate::wire::{self, audit as wire_audit, keep_alive as wire_keep_alive};
use common_messages_sv2 as common;
use extensions_sv2 as extensions;
use mining_sv2 as mining;
use p2p::{Frame, FrameHeader, FrameReader, FrameWriter, WireError};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Frames handled before waiting tips and writes get their turn.
const BURST: usize = 512;
/// How often targets are looked at when no share comes.
const TICK: Duration = Duration::from_secs(10);
/// Bytes queued after which they are written out before more is answered or broadcast.
const FLUSH_AT: usize = 64 * 1024;
/// How far ahead of our clock a share's time may be. Consensus allows two hours, but a
/// block must also pass where clocks differ; and devices are seen to be a minute ahead.
pub(crate) const NTIME_AHEAD: u32 = 10 * 60;
/// How long a connection that ends waits for the ledger to take its last shares.
pub(crate) const LAST_SHARES: Duration = Duration::from_secs(3);

/// How the agent of `punchbowl join` begins (see [`crate::upstream`]).
const TRANSLATOR: &str = "punchbowl translator";

/// Serves one connection until it closes, and leaves its channels to the client's next
/// one if it died.
///
/// # Errors
/// Why it closed, unless the peer simply left.
pub async fn serve<R, W>(
    mut reader: FrameReader<R>,
    writer: FrameWriter<W>,
    context: Arc<ServerContext>,
    status: ConnectionGuard,
    peer: Peer,
    shutdown: CancellationToken,
) -> Result<(), Closed>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let (asker, mut asked) = oneshot::channel();
    let mut session = Session::new(writer, context, status, asker);
    let served = tokio::select! {
        biased;
        // Also while it waits for a peer that does not read: that is when it is asked.
        Ok(handover) = &mut asked => {
            session.hand_over_channels(handover);
            Ok(())
        }
        served = async {
            let served = session.run(&mut reader, shutdown.clone()).await;
            let Some(open) = session.auditing.take() else { return served };
            // It mines nothing: from here on it reads the ledger.
            let listeners = session.context.listeners.clone();
            Box::pin(audit::serve(&mut reader, &mut session.writer, open, peer, &listeners, &shutdown)).await
        } => {
            if may_go_on(&served) {
                session.leave_channels(peer, asked).await;
            }
            served
        }
    };
    // Whatever happened: a block that was found is worth more than the connection, and what
    // was accepted counts.
    session.hand_over_blocks().await;
    let _ = tokio::time::timeout(LAST_SHARES, session.log.settle()).await;
    served
}

/// Whether the client may take its channels up again: they died with the connection, by
/// nobody's intention.
fn may_go_on(served: &Result<(), Closed>) -> bool {
    match served {
        Ok(()) | Err(Closed::Silent(_)) => true,
        Err(Closed::Wire(fault)) => {
            !matches!(fault, WireError::Oversize { .. } | WireError::TooLong { .. } | WireError::Full { .. })
        }
        Err(_) => false,
    }
}

struct Session<W> {
    writer: FrameWriter<W>,
    context: Arc<ServerContext>,
    status: ConnectionGuard,
    stage: Stage,
    /// Where it is reported that the client has a new tip.
    tips: Listener,
    /// Extension 0x0002 is on.
    worker_names: bool,
    /// Extension 0x5043 is on.
    audits: bool,
    /// The client wants to read the ledger instead of mining.
    auditing: Option<wire_audit::Open>,
    /// Extension 0x5042 is on.
    lifeline: Option<Lifeline>,
    /// How the session is asked for its channels; in the parking lot once that is on.
    asker: Option<Asker>,
    /// When the client was last heard.
    heard: Instant,
    groups: Vec<Group>,
    /// Sorted by id, because ids only grow.
    channels: Vec<Channel>,
    next_id: u32,
    /// Counts what was sent; see [`crate::channel::history`].
    moment: Moment,
    /// The largest id of a job that was sent.
    newest_job: u32,
    found: Vec<FoundBlock>,
    /// Channels with accepted shares in this burst.
    touched: Vec<u32>,
    /// Some shares of this burst were for warmth alone.
    warmed: bool,
    /// Shares that are not on disk yet, and what is owed for them.
    log: ShareLog,
    clock: Clock,
    /// Since when the client has owed us `SetupConnection`, or a channel: from the
    /// connection, from `SetupConnection`, from the end of its last channel.
    waiting_since: Instant,
}

/// How far a connection has come.
enum Stage {
    /// Waiting for `SetupConnection`.
    Fresh,
    /// It may negotiate extensions and open channels.
    SetUp(Client),
}

/// What is agreed upon with a client that says when it is there.
struct Lifeline {
    /// Where its channels wait for it.
    ticket: Ticket,
    /// What it was told of how often to say so.
    pace: wire_keep_alive::KeepAlive,
}

/// The time, read once for a burst of frames.
struct Clock {
    now: Instant,
    unix: u32,
}

impl Clock {
    fn new() -> Clock {
        let mut clock = Clock { now: Instant::now(), unix: 0 };
        clock.read();
        clock
    }

    fn read(&mut self) {
        self.now = Instant::now();
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.unix = u32::try_from(since_epoch.as_secs()).unwrap_or(u32::MAX);
    }
}

impl<W: AsyncWrite + Unpin> Session<W> {
    fn new(
        writer: FrameWriter<W>,
        context: Arc<ServerContext>,
        status: ConnectionGuard,
        asker: Asker,
    ) -> Self {
        let clock = Clock::new();
        let tips = context.board.wave().listen();
        let log = ShareLog::new(&context.ledger);
        Session {
            tips,
            log,
            writer,
            context,
            status,
            stage: Stage::Fresh,
            worker_names: false,
            audits: false,
            auditing: None,
            lifeline: None,
            asker: Some(asker),
            heard: clock.now,
            groups: Vec::new(),
            channels: Vec::new(),
            next_id: 1,
            moment: 0,
            newest_job: 0,
            found: Vec::new(),
            touched: Vec::new(),
            warmed: false,
            waiting_since: clock.now,
            clock,
        }
    }

    async fn run<R: AsyncRead + Unpin>(
        &mut self,
        reader: &mut FrameReader<R>,
        shutdown: CancellationToken,
    ) -> Result<(), Closed> {
        let mut news = self.context.board.news().listen();
        // Both are made once: to register with a timer and a signal anew after each burst
        // would cost as much as the burst.
        let mut stop = pin!(shutdown.cancelled_owned());
        let mut timer = pin!(tokio::time::sleep(self.next_tick()));
        loop {
            tokio::select! {
                biased;
                changed = news.next() => match changed {
                    true => self.distribute().await?,
                    // The job maker stops with the pool, perhaps a moment earlier.
                    false => return self.drain().await,
                },
                () = &mut stop => return self.drain().await,
                () = &mut timer => {
                    self.tick()?;
                    timer.as_mut().reset(tokio::time::Instant::now() + self.next_tick());
                }
                stored = self.log.changed(), if self.log.is_busy() => {
                    stored?;
                    self.log.hand_over()?;
                    self.acknowledge()?;
                }
                // Last, so that a peer that never stops sending holds up nothing else; and not
                // while the disk does not keep up.
                frame = reader.next(), if !self.log.is_behind() => {
                    let Some(frame) = frame? else { return Ok(()) };
                    self.clock.read();
                    self.heard = self.clock.now;
                    self.handle(frame).await?;
                    for _ in 1..BURST {
                        if self.is_crowded() || self.auditing.is_some() {
                            break;
                        }
                        let Some(frame) = reader.try_next()? else { break };
                        self.handle(frame).await?;
                    }
                    self.record()?;
                    self.hand_over_blocks().await;
                    if self.auditing.is_some() {
                        return Ok(());
                    }
                }
            }
            self.writer.flush().await?;
        }
    }

    async fn handle(&mut self, frame: Frame<'_>) -> Result<(), Closed> {
        let (header, payload) = (frame.header, frame.payload);
        self.check_order(header)?;
        match (header.extension_type, header.msg_type) {
            (0, mining::MESSAGE_TYPE_SUBMIT_SHARES_STANDARD) => self.submit_standard(payload),
            (0, mining::MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED) => self.submit_extended(payload),
            (0, common::MESSAGE_TYPE_SETUP_CONNECTION) => self.setup(payload).await,
            (
                extensions::EXTENSION_TYPE_EXTENSIONS_NEGOTIATION,
                extensions::MESSAGE_TYPE_REQUEST_EXTENSIONS,
            ) if self.negotiates() => self.request_extensions(payload),
            (0, mining::MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL) => self.open_standard(payload).await,
            (0, mining::MESSAGE_TYPE_OPEN_EXTENDED_MINING_CHANNEL) => self.open_extended(payload).await,
            (0, mining::MESSAGE_TYPE_UPDATE_CHANNEL) => self.update_channel(payload),
            (0, mining::MESSAGE_TYPE_CLOSE_CHANNEL) => self.close_channel(payload).await,
            (0, mining::MESSAGE_TYPE_SET_CUSTOM_MINING_JOB) => self.refuse_custom_job(payload),
            (wire_keep_alive::EXTENSION, wire_keep_alive::message::PING) if self.lifeline.is_some() => {
                self.pong(payload)
            }
            (wire_keep_alive::EXTENSION, wire_keep_alive::message::RESUME) if self.lifeline.is_some() => {
                self.resume(payload).await
            }
            (wire_audit::EXTENSION, wire_audit::message::OPEN) if self.audits => self.open_audit(payload),
            // Unknown messages and extensions are ignored, not punished (SV2 section 3.4.1).
            _ => {
                self.context.status.counters.unknown_messages.add(1);
                Ok(())
            }
        }
    }

    /// `SetupConnection` comes first (SV2 section 3.6.1), then the extensions that the
    /// pool insists on (extension 0x0001 section 4), then mining.
    fn check_order(&self, header: FrameHeader) -> Result<(), Closed> {
        // A channel is opened only when all of it is done; this is all that a share pays.
        if !self.channels.is_empty() {
            return Ok(());
        }
        let FrameHeader { extension_type, msg_type, .. } = header;
        let is_setup = (extension_type, msg_type) == (0, common::MESSAGE_TYPE_SETUP_CONNECTION);
        if matches!(self.stage, Stage::Fresh) && !is_setup {
            return Err(Closed::SetupMissing { msg_type });
        }
        if extension_type == 0 && is_mining(msg_type) && self.extensions_missing() {
            return Err(Closed::ExtensionsMissing);
        }
        Ok(())
    }

    async fn setup(&mut self, payload: &mut [u8]) -> Result<(), Closed> {
        if matches!(self.stage, Stage::SetUp(_)) {
            return Err(Closed::SetupTwice);
        }
        match setup::setup(payload).ok_or(Closed::Malformed("SetupConnection"))? {
            Ok(client) => {
                self.status.set_agent(&client.agent);
                self.stage = Stage::SetUp(client);
                self.waiting_since = self.clock.now;
                self.send(false, common::MESSAGE_TYPE_SETUP_CONNECTION_SUCCESS, &[&setup::success()])
            }
            Err(refusal) => {
                let payload = [&refusal.flags.to_le_bytes()[..], &wire::short_string(refusal.code)];
                self.send(false, common::MESSAGE_TYPE_SETUP_CONNECTION_ERROR, &payload)?;
                self.writer.flush().await?;
                Err(Closed::SetupRefused(refusal.code))
            }
        }
    }

    fn request_extensions(&mut self, payload: &mut [u8]) -> Result<(), Closed> {
        let config = &self.context.extensions;
        let negotiated = setup::request_extensions(payload, &config.supported, &config.required)
            .ok_or(Closed::Malformed("RequestExtensions"))?;
        let mut lifeline = false;
        if let Some(granted) = &negotiated.granted {
            self.status.set_extensions_negotiated();
            self.worker_names = granted.contains(&setup::WORKER_NAMES);
            lifeline = granted.contains(&wire_keep_alive::EXTENSION);
            self.audits = granted.contains(&wire_audit::EXTENSION);
        }
        let extension = extensions::EXTENSION_TYPE_EXTENSIONS_NEGOTIATION;
        self.writer.queue(extension, false, negotiated.msg_type, &[&negotiated.payload])?;
        if lifeline { self.hold_out_a_line() } else { Ok(()) }
    }

    /// Extension 0x5043: the client reads the ledger over this connection from now on.
    fn open_audit(&mut self, payload: &[u8]) -> Result<(), Closed> {
        let open = wire_audit::Open::parse(payload).ok_or(Closed::Malformed("audit Open"))?;
        if self.channels.is_empty() {
            self.auditing = Some(open);
            return Ok(());
        }
        let payload = [
            wire::short_string(wire_audit::error_code::CHANNELS_OPEN),
            wire::short_string("read the ledger over a connection of its own"),
        ];
        let [code, words] = &payload;
        self.writer
            .queue(wire_audit::EXTENSION, false, wire_audit::message::OPEN_ERROR, &[code, words])
            .map_err(Closed::Wire)
    }

    /// Whether extensions can be negotiated; where not, the request is one that nobody
    /// knows (extension 0x0001 section 4.3).
    fn negotiates(&self) -> bool {
        self.context.extensions.supported.contains(&extensions::EXTENSION_TYPE_EXTENSIONS_NEGOTIATION)
    }

    /// Whether the pool insists on extensions that this client did not negotiate.
    fn extensions_missing(&self) -> bool {
        let required = &self.context.extensions.required;
        (required.contains(&setup::WORKER_NAMES) && !self.worker_names)
            || (required.contains(&wire_keep_alive::EXTENSION) && self.lifeline.is_none())
    }

    /// Templates of the client's own come with job declaration; without
    /// `REQUIRES_WORK_SELECTION`, which setup refuses, they are out of place.
    fn refuse_custom_job(&mut self, payload: &mut [u8]) -> Result<(), Closed> {
        let message: mining::SetCustomMiningJob<'_> =
            binary_sv2::from_bytes(payload).map_err(|_| Closed::Malformed("SetCustomMiningJob"))?;
        let code = wire::short_string(mining::ERROR_CODE_SET_CUSTOM_MINING_JOB_JD_NOT_SUPPORTED);
        let ids = [message.channel_id.to_le_bytes(), message.request_id.to_le_bytes()];
        self.send(true, mining::MESSAGE_TYPE_SET_CUSTOM_MINING_JOB_ERROR, &[ids.as_flattened(), &code])
    }

    /// Enforces deadlines and looks after the targets of quiet channels.
    fn tick(&mut self) -> Result<(), Closed> {
        self.clock.read();
        let waited = self.clock.now.saturating_duration_since(self.waiting_since);
        match self.stage {
            Stage::Fresh if waited >= self.context.deadlines.setup => return Err(Closed::SetupLate),
            Stage::SetUp(_) if self.channels.is_empty() && waited >= self.context.deadlines.first_channel => {
                return Err(Closed::NoChannel);
            }
            _ => {}
        }
        for channel in &self.channels {
            self.status.report_channel(channel.id, channel.report());
        }
        self.check_lifeline()?;
        self.adjust_all()
    }

    /// When [`tick`](Self::tick) is next needed.
    fn next_tick(&self) -> Duration {
        let waited = self.waiting_since.elapsed();
        let deadline = match self.stage {
            Stage::Fresh => self.context.deadlines.setup,
            Stage::SetUp(_) if self.channels.is_empty() => self.context.deadlines.first_channel,
            Stage::SetUp(_) => return self.gone_in().map_or(TICK, |gone| gone.min(TICK)),
        };
        deadline.saturating_sub(waited).max(Duration::from_millis(1))
    }

    /// The pool stops: the client is told to come back (SV2 section 3.6.5).
    async fn drain(&mut self) -> Result<(), Closed> {
        const SAME_HOST_AND_PORT: [u8; 3] = [0, 0, 0];
        self.record()?;
        self.hand_over_blocks().await;
        self.settle().await?;
        if matches!(self.stage, Stage::SetUp(_)) {
            self.send(false, common::MESSAGE_TYPE_RECONNECT, &[&SAME_HOST_AND_PORT])?;
        }
        self.writer.flush().await?;
        Err(Closed::Stopping)
    }

    async fn hand_over_blocks(&mut self) {
        for block in self.found.drain(..) {
            // Fails only when the pool has stopped and nobody submits blocks any more.
            let _ = self.context.blocks.send(block).await;
        }
    }

    /// Whether what waits to be sent should leave before more is added. Requests are
    /// small and answers may hold whole jobs, so that a burst of them could fill the
    /// queue of a client that reads as it should.
    fn is_crowded(&self) -> bool {
        self.writer.queued() >= FLUSH_AT.min(self.context.limits.max_queued / 2)
    }

    fn send(&mut self, channel_msg: bool, msg_type: u8, payload: &[&[u8]]) -> Result<(), Closed> {
        self.writer.queue(0, channel_msg, msg_type, payload).map_err(Closed::Wire)
    }

    fn standard_jobs(&self) -> bool {
        matches!(&self.stage, Stage::SetUp(client) if client.standard_jobs)
    }

    /// Whether the client is a translator of ours: its miners take powers of two only.
    fn translates(&self) -> bool {
        matches!(&self.stage, Stage::SetUp(client) if client.agent.starts_with(TRANSLATOR))
    }

    fn next_moment(&mut self) -> Moment {
        self.moment += 1;
        self.moment
    }

    fn channel_index(&self, id: u32) -> Option<usize> {
        self.channels.binary_search_by_key(&id, |channel| channel.id).ok()
    }
}

fn is_mining(msg_type: u8) -> bool {
    (mining::MESSAGE_TYPE_OPEN_STANDARD_MINING_CHANNEL..=mining::MESSAGE_TYPE_SET_GROUP_CHANNEL)
        .contains(&msg_type)
}

impl From<WireError> for Closed {
    fn from(fault: WireError) -> Closed {
        Closed::Wire(fault)
    }
}
