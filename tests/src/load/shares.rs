//! Shares as fast as they are taken.

use super::{Crowd, Member, Report, Server, Target, hasher::Hasher, report::milliseconds};
use crate::client::Message;
use anyhow::{Context, Result};
use mining_sv2::{MESSAGE_TYPE_SUBMIT_SHARES_ERROR, MESSAGE_TYPE_SUBMIT_SHARES_SUCCESS};
use p2p::Frame;
use std::{
    collections::BTreeMap,
    ops::AddAssign,
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::timeout};

/// How hard to press.
#[derive(Clone, Copy, Debug)]
pub struct Pressure {
    /// Connections.
    pub connections: usize,
    /// Channels on each.
    pub channels: usize,
    /// How long to send.
    pub duration: Duration,
    /// Shares that each connection may have under way without an answer.
    pub window: u32,
}

/// The pool's words, added up.
#[derive(Clone, Debug, Default)]
struct Tally {
    sent: u64,
    accepted: u64,
    rejected: BTreeMap<String, u64>,
    /// Connections that ended before their time, by reason.
    broken: BTreeMap<String, u64>,
}

/// One connection at work.
struct Sender {
    member: Member,
    hashers: Vec<Hasher>,
    /// Channel whose turn it is.
    turn: usize,
    under_way: u32,
    next_sequence: u32,
    work_changed: bool,
    tally: Tally,
}

/// After the end, how long to wait for further answers once they stop coming. A pool
/// that acknowledges in batches may keep the last few for itself.
const LAST_ANSWERS: Duration = Duration::from_millis(300);

/// Runs the load.
///
/// # Errors
/// When the connections cannot be set up or the server's process ends.
pub async fn run(target: &Target, pressure: Pressure, server: Option<Server>) -> Result<Report> {
    let crowd = Crowd::gather(target, pressure.connections, pressure.channels).await?;
    let cpu_before = server.map(Server::cpu).transpose()?;
    let start = Instant::now();
    let mut senders = JoinSet::new();
    for member in crowd.members {
        let sender = Sender::new(member)?;
        senders.spawn_local(sender.run(start + pressure.duration, pressure.window));
    }
    let mut total = Tally::default();
    while let Some(tally) = senders.join_next().await {
        total += tally?;
    }
    let cpu = server.map(Server::cpu).transpose()?.zip(cpu_before).map(|(after, before)| after - before);

    let mut report = Report::default();
    report.add("connections", pressure.connections as f64);
    report.add("shares_sent", total.sent as f64);
    report.add("shares_accepted", total.accepted as f64);
    report
        .add("shares_accepted_per_second", (total.accepted as f64 / pressure.duration.as_secs_f64()).round());
    if let Some(cpu) = cpu {
        report.add("server_cpu_ms", milliseconds(cpu));
        report.add(
            "shares_accepted_per_server_cpu_second",
            (total.accepted as f64 / cpu.as_secs_f64()).round(),
        );
    }
    for (reason, count) in total.rejected {
        report.add(format!("rejected: {reason}"), count as f64);
    }
    for (reason, count) in total.broken {
        report.add(format!("broken: {reason}"), count as f64);
    }
    Ok(report)
}

impl Sender {
    fn new(member: Member) -> Result<Sender> {
        let hashers = member.channels.iter().map(Hasher::new).collect::<Result<Vec<_>>>()?;
        Ok(Sender {
            member,
            hashers,
            turn: 0,
            under_way: 0,
            next_sequence: 1,
            work_changed: false,
            tally: Tally::default(),
        })
    }

    async fn run(mut self, end: Instant, window: u32) -> Tally {
        if let Err(error) = self.send_until(end, window).await {
            *self.tally.broken.entry(error.to_string()).or_default() += 1;
            return self.tally;
        }
        // Silence and errors alike mean that nothing more comes.
        while self.under_way > 0 && matches!(timeout(LAST_ANSWERS, self.receive()).await, Ok(Ok(()))) {}
        self.tally
    }

    async fn send_until(&mut self, end: Instant, window: u32) -> Result<()> {
        while Instant::now() < end {
            // Half a window at a time: as a busy proxy sends, and few system calls.
            if self.under_way <= window / 2 {
                while self.under_way < window {
                    self.queue_share()?;
                }
                self.member.wire.flush().await?;
            }
            self.receive().await?;
        }
        Ok(())
    }

    fn queue_share(&mut self) -> Result<()> {
        self.turn = (self.turn + 1) % self.hashers.len();
        let hasher = &mut self.hashers[self.turn];
        let share = hasher.share(self.next_sequence);
        self.member.wire.queue(0, true, hasher.msg_type(), share.bytes())?;
        self.next_sequence += 1;
        self.under_way += 1;
        self.tally.sent += 1;
        Ok(())
    }

    /// Waits for the pool, then takes everything that has come.
    async fn receive(&mut self) -> Result<()> {
        let frame = self.member.wire.next_frame().await?.context("closed by the pool")?;
        let mut message = take_frame(frame, &mut self.under_way, &mut self.tally)?;
        loop {
            if let Some(message) = message {
                self.work_changed |= self.member.take(&message)?;
            }
            let Some(frame) = self.member.wire.received_frame()? else { break };
            message = take_frame(frame, &mut self.under_way, &mut self.tally)?;
        }
        if self.work_changed {
            for (hasher, channel) in self.hashers.iter_mut().zip(&self.member.channels) {
                hasher.follow(channel)?;
            }
            self.work_changed = false;
        }
        Ok(())
    }
}

/// Counts an answer to a share, without an allocation; hands back any other message.
fn take_frame(frame: Frame<'_>, under_way: &mut u32, tally: &mut Tally) -> Result<Option<Message>> {
    let word = |index: usize| {
        frame
            .payload
            .chunks_exact(4)
            .nth(index)
            .and_then(|bytes| bytes.try_into().ok())
            .map(u32::from_le_bytes)
    };
    match frame.header.msg_type {
        MESSAGE_TYPE_SUBMIT_SHARES_SUCCESS => {
            let accepted = word(2).context("SubmitShares.Success is too short")?;
            *under_way = under_way.saturating_sub(accepted);
            tally.accepted += u64::from(accepted);
            Ok(None)
        }
        MESSAGE_TYPE_SUBMIT_SHARES_ERROR => {
            // channel, sequence number, then the code behind its length
            let code = String::from_utf8_lossy(frame.payload.get(9..).unwrap_or_default()).into_owned();
            *under_way = under_way.saturating_sub(1);
            *tally.rejected.entry(code).or_default() += 1;
            Ok(None)
        }
        _ => Message::decode(frame).map(Some),
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.sent += other.sent;
        self.accepted += other.accepted;
        for (mine, theirs) in [(&mut self.rejected, other.rejected), (&mut self.broken, other.broken)] {
            for (reason, count) in theirs {
                *mine.entry(reason).or_default() += count;
            }
        }
    }
}
