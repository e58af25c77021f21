//! One miner's socket: bytes in, lines to its session, lines out; and the deadlines that a
//! session, which has no clock, cannot have.

use crate::server::Closed;
use p2p::WireError;
use std::pin::pin;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use translator::upstream::{Command, Event};
use translator::{LineBuffer, Output, Session};

/// Bytes read at a time. Lines are short, and few.
const CHUNK: usize = 1024;
/// From the first byte of a line to its last.
const LINE: Duration = Duration::from_secs(10);
/// How often targets are looked at when no share comes, and the books brought up to date.
const TICK: Duration = Duration::from_secs(10);

/// What lies above a session: the pool's channel, however it is reached.
pub trait Above {
    /// Carries out what the session wants, and says what has come of it so far.
    fn command(&mut self, command: Command, now: Instant) -> impl Future<Output = Vec<Event>> + Send;

    /// What happens next; `None` when the pool is over. Cancel-safe.
    fn next(&mut self) -> impl Future<Output = Option<Vec<Event>>> + Send;

    /// Looks after the target. `quiet`: nothing has come for a while, so that silence and
    /// the books are to be looked at too.
    fn look(&mut self, now: Instant, quiet: bool) -> Vec<Event>;

    /// Whether the miner works for warmth alone, and how many shares it has sent so.
    fn heat(&mut self, _shares: Option<u64>) {}
}

/// Serves one miner until it leaves. `stall`: how long it may take nothing of what it is
/// sent.
///
/// # Errors
/// Why the connection was closed, unless the miner simply left.
pub async fn serve<R, W>(
    mut read: R,
    mut write: W,
    session: Session,
    above: &mut impl Above,
    stall: Duration,
    shutdown: CancellationToken,
) -> Result<(), Closed>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut miner = Miner::new(session, above);
    let mut stop = pin!(shutdown.cancelled_owned());
    let mut timer = pin!(tokio::time::sleep(TICK));
    let mut chunk = [0; CHUNK];
    loop {
        tokio::select! {
            biased;
            events = miner.above.next() => match events {
                Some(events) => miner.take(events).await,
                None => miner.drain(),
            },
            () = &mut stop => miner.drain(),
            () = &mut timer => miner.tick().await?,
            // Last, so that a peer that never stops sending holds up nothing else.
            length = read.read(&mut chunk) => match length.map_err(WireError::Io)? {
                0 => return Ok(()),
                length => miner.read(chunk.get(..length).unwrap_or_default()).await?,
            }
        }
        miner.flush(&mut write, stall).await?;
        if let Some(closed) = miner.closed.take() {
            return Err(closed);
        }
        timer.as_mut().reset(miner.next_tick().into());
    }
}

/// A miner between its socket and what lies above.
struct Miner<'a, A> {
    session: Session,
    above: &'a mut A,
    lines: LineBuffer,
    /// Since when a line has been unfinished.
    line_since: Option<Instant>,
    next_look: Instant,
    out: Output,
    closed: Option<Closed>,
}

impl<'a, A: Above> Miner<'a, A> {
    fn new(session: Session, above: &'a mut A) -> Miner<'a, A> {
        Miner {
            session,
            above,
            lines: LineBuffer::default(),
            line_since: None,
            next_look: Instant::now() + TICK,
            out: Output::default(),
            closed: None,
        }
    }

    async fn read(&mut self, bytes: &[u8]) -> Result<(), Closed> {
        let now = Instant::now();
        self.lines.push(bytes);
        while let Some(line) = self.lines.next_line()? {
            self.session.line(line, now, &mut self.out);
            self.carry_out(now).await;
            if self.out.close.is_some() {
                break;
            }
        }
        let unfinished = self.lines.is_mid_line();
        self.line_since = unfinished.then(|| self.line_since.unwrap_or(now));
        // Busy miners find their difficulty at once.
        let events = self.above.look(now, false);
        self.take(events).await;
        Ok(())
    }

    async fn take(&mut self, events: Vec<Event>) {
        let now = Instant::now();
        for event in events {
            self.session.event(event, now, &mut self.out);
        }
        self.carry_out(now).await;
    }

    /// Deadlines, keep-alive, and quiet miners' targets.
    async fn tick(&mut self) -> Result<(), Closed> {
        let now = Instant::now();
        if self.line_since.is_some_and(|since| now >= since + LINE) {
            return Err(Closed::LineLate);
        }
        self.session.tick(now, &mut self.out);
        self.carry_out(now).await;
        if now >= self.next_look {
            self.next_look = now + TICK;
            let events = self.above.look(now, true);
            self.take(events).await;
        }
        Ok(())
    }

    /// What the session wants, and what it wants on hearing what has come of that.
    async fn carry_out(&mut self, now: Instant) {
        while !self.out.commands.is_empty() {
            for command in std::mem::take(&mut self.out.commands) {
                for event in self.above.command(command, now).await {
                    self.session.event(event, now, &mut self.out);
                }
            }
        }
    }

    /// The pool stops: the miner is asked to come back.
    fn drain(&mut self) {
        self.session.drain(&mut self.out);
        self.closed = Some(Closed::Stopping);
    }

    fn next_tick(&self) -> Instant {
        let line = self.line_since.map(|since| since + LINE);
        let next = self.next_look.min(self.session.next_tick());
        line.map_or(next, |line| line.min(next))
    }

    /// Writes out what there is to say. While a miner does not read, nothing else is made
    /// for it; jobs that it misses are made up for by the newest.
    async fn flush<W: AsyncWrite + Unpin>(&mut self, write: &mut W, stall: Duration) -> Result<(), Closed> {
        self.above.heat(self.session.heat());
        if !self.out.lines.is_empty() {
            let written = tokio::time::timeout(stall, write.write_all(self.out.lines.as_bytes())).await;
            written.map_err(|_| WireError::SlowReader(stall))?.map_err(WireError::Io)?;
            self.out.lines.clear();
            // A job is some kilobytes; an idle miner keeps none of them.
            self.out.lines.shrink_to(CHUNK);
        }
        if let Some(goodbye) = self.out.close {
            self.closed.get_or_insert(Closed::Sv1(goodbye));
        }
        Ok(())
    }
}
