//! The state of one miner's connection: what it said, what it is mining, what it waits for.
//!
//! A session takes lines and events, in any order, and appends to an [`Output`]. Firmware
//! differs in everything: `mining.configure` comes before, after or never, `subscribe`
//! twice or without a name, `authorize` first. So there are no stages here, only facts,
//! and what follows from them: a job is sent as soon as the miner has subscribed, the pool
//! has opened a channel and there is a job.

mod config;
mod extranonce_sizes;
mod flood;
mod hello;
mod jobs;
mod patience;
mod shares;
mod terms;

pub use config::{Goodbye, Output, SessionConfig};
pub use extranonce_sizes::{ExtranonceSizes, ExtranonceSizesError};

use crate::firmware::{Firmware, classify};
use crate::identity::MinerName;
use crate::refusal::Refusal;
use crate::sv1::json::Json;
use crate::sv1::method::Method;
use crate::sv1::notice::message;
use crate::sv1::quantity::{Told, VersionMask};
use crate::sv1::request::{Id, Request, request};
use crate::sv1::{ErrorCode, answer};
use crate::upstream::{Command, Event, Opened};
use crate::wishes::Wishes;
use flood::Flood;
use jobs::Jobs;
use patience::Patience;
use shares::Pending;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use terms::Asked;
use work::Extranonce;

/// From the connection to `mining.subscribe` and a worker's name.
const HELLO: Duration = Duration::from_secs(60);
/// Lines that cannot be read before the connection is closed.
const MAX_UNREADABLE: u32 = 10;
/// Requests that may wait for the pool's word on a name.
const MAX_WAITING: usize = 8;

/// One miner.
#[derive(Debug)]
pub struct Session {
    config: Arc<SessionConfig>,
    /// This miner's own part of whatever search space the pool gives.
    extranonce1: Extranonce,
    extranonce2_size: usize,
    opened_at: Instant,
    unreadable: u32,

    agent: Box<str>,
    firmware: Firmware,
    subscribed: bool,
    /// It can be given another extranonce1.
    takes_extranonce: bool,
    /// The version bits agreed on.
    mask: Option<VersionMask>,
    name: Option<MinerName>,
    wishes: Wishes,
    asked: Asked,
    /// `mining.authorize` requests that wait for the pool.
    waiting: Vec<Id>,

    upstream: Upstream,
    jobs: Jobs,
    pending: VecDeque<Pending>,
    sequence: u32,
    flood: Flood,
    patience: Patience,
    heat_shares: u64,
}

/// Bytes that tell miners of one process apart: extranonce1 begins with them.
pub const OWN: usize = 4;

/// How it stands with the pool.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Upstream {
    /// Nothing has been asked of it.
    Idle,
    /// A channel was asked for.
    Opening,
    /// It is open.
    Open(Opened),
    /// There is no pool, since then.
    Away(Instant),
}

impl Session {
    /// A miner that has just connected. `own` must be another than that of every other
    /// session with the same channel; unique in the process is simplest.
    pub fn new(config: Arc<SessionConfig>, own: [u8; OWN], now: Instant) -> Session {
        let firmware = classify("", &config.rules);
        Session {
            extranonce1: config.extranonce_sizes.extranonce1(own),
            extranonce2_size: config.extranonce_sizes.extranonce2(),
            opened_at: now,
            unreadable: 0,
            agent: "".into(),
            firmware,
            subscribed: false,
            takes_extranonce: false,
            mask: None,
            name: None,
            wishes: Wishes::default(),
            asked: Asked::default(),
            waiting: Vec::new(),
            upstream: Upstream::Idle,
            jobs: Jobs::new(now),
            pending: VecDeque::new(),
            sequence: 0,
            flood: Flood::new(now),
            patience: Patience::default(),
            heat_shares: 0,
            config,
        }
    }

    /// Takes a line, without its end.
    pub fn line(&mut self, line: &[u8], now: Instant, out: &mut Output) {
        if line.trim_ascii().is_empty() {
            return;
        }
        let read = Json::parse(line).map_err(Into::into);
        let handled = read.and_then(|json| {
            if let Some(request) = request(&json)? {
                self.request(&request, now, out);
            }
            Ok(())
        });
        let handled: Result<(), crate::sv1::request::RequestError> = handled;
        if let Err(fault) = handled {
            answer::error(&mut out.lines, &Id::null(), ErrorCode::Other, &fault.to_string());
            self.unreadable += 1;
            if self.unreadable >= MAX_UNREADABLE {
                out.close = Some(Goodbye::Unreadable);
            }
        }
    }

    /// Takes what happened upstream.
    pub fn event(&mut self, event: Event, now: Instant, out: &mut Output) {
        match event {
            Event::Job(job) => self.take_job(job, now, out),
            Event::AcceptedThrough(sequence) => self.accepted_through(sequence, out),
            Event::Accepted(sequence) => self.accepted(sequence, out),
            Event::Rejected(sequence, refusal) => self.rejected(sequence, &refusal, now, out),
            Event::Target(target) => self.jobs.set_target(target, now),
            Event::Prefix(prefix) => {
                if let Upstream::Open(opened) = &mut self.upstream {
                    opened.prefix = prefix;
                }
            }
            Event::Opened(opened) => self.opened(opened, now, out),
            Event::Refused(words) => self.refused(&words, out),
            Event::Lost => {
                // Told again, it has not been away for any less.
                if !matches!(self.upstream, Upstream::Away(_)) {
                    self.upstream = Upstream::Away(now);
                }
                self.lose_pending(out);
                // Miners that wait for a word on their name would leave.
                self.answer_waiting(out);
            }
            Event::Back => {
                self.upstream = Upstream::Idle;
                self.open(out);
            }
        }
    }

    /// Does what is due. Call it when [`next_tick`](Self::next_tick) has come.
    pub fn tick(&mut self, now: Instant, out: &mut Output) {
        if self.owes_hello() && now >= self.opened_at + HELLO {
            out.close = Some(Goodbye::Late);
        }
        self.expire_pending(now, out);
        if let Upstream::Away(since) = self.upstream
            && let Some(patience) = self.config.heat_after
            && now >= since + patience
        {
            self.start_heat(now, out);
        }
        if self.jobs.resend_due(now) {
            self.send_job(now, out);
        }
    }

    /// When [`tick`](Self::tick) is needed next, if nothing else happens.
    pub fn next_tick(&self) -> Instant {
        let hello = self.owes_hello().then(|| self.opened_at + HELLO);
        let heat = match (self.upstream, self.config.heat_after) {
            (Upstream::Away(since), Some(patience)) if !self.jobs.is_heat() && self.jobs.any() => {
                Some(since + patience)
            }
            _ => None,
        };
        let all = [hello, self.pending_due(), heat, Some(self.jobs.resend_at())];
        all.into_iter().flatten().min().unwrap_or(self.opened_at)
    }

    /// The pool stops: the miner is asked to come back.
    pub fn drain(&mut self, out: &mut Output) {
        self.lose_pending(out);
        if self.subscribed {
            message::reconnect(&mut out.lines);
        }
    }

    /// The firmware in its own words, printable.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// What is known of the firmware.
    pub fn firmware(&self) -> &Firmware {
        &self.firmware
    }

    /// Who mines here, once it is said.
    pub fn name(&self) -> Option<&MinerName> {
        self.name.as_ref()
    }

    /// The version bits agreed on.
    pub fn version_mask(&self) -> Option<VersionMask> {
        self.mask
    }

    /// The difficulty that the miner was told last.
    pub fn told(&self) -> Option<Told> {
        self.jobs.told()
    }

    /// Whether it mines for warmth alone, and how many shares it has sent so.
    pub fn heat(&self) -> Option<u64> {
        self.jobs.is_heat().then_some(self.heat_shares)
    }

    /// Extranonce bytes that it has below the channel's prefix: its own, and those it rolls.
    fn below_prefix(&self) -> usize {
        self.extranonce1.len() + self.extranonce2_size
    }

    /// Whether it has not said yet what it must say to mine.
    fn owes_hello(&self) -> bool {
        self.name.is_none() || !self.subscribed
    }

    fn request(&mut self, request: &Request<'_>, now: Instant, out: &mut Output) {
        let id = &request.id;
        match Method::read(request.method, request.params) {
            Method::Submit(submit) => self.submit(id, submit, now, out),
            Method::Configure(configure) => self.configure(id, &configure, now, out),
            Method::Subscribe(subscribe) => self.subscribe(id, &subscribe, now, out),
            Method::Authorize(authorize) => self.authorize(id, &authorize, out),
            Method::Suggest(difficulty) => self.suggest(id, difficulty, out),
            Method::ExtranonceSubscribe => {
                self.takes_extranonce = true;
                answer::result(&mut out.lines, id, "true");
            }
            Method::Ping => answer::result(&mut out.lines, id, "\"pong\""),
            Method::GetVersion => answer::result(&mut out.lines, id, VERSION),
            Method::Unknown => {
                answer::error(
                    &mut out.lines,
                    id,
                    ErrorCode::UnknownMethod,
                    "this pool does not know the method",
                );
            }
        }
    }

    fn refuse(&mut self, id: &Id, refusal: &Refusal, now: Instant, out: &mut Output) {
        answer::error(&mut out.lines, id, refusal.code(), refusal.words());
        if let Some(step) = self.patience.refused(now) {
            step.take(out);
        }
    }

    /// A share that is not worth the pool's time.
    fn refuse_here(&mut self, id: &Id, fault: work::ShareFault, now: Instant, out: &mut Output) {
        out.commands.push(Command::Refused(fault));
        self.refuse(id, &Refusal::Fault(fault), now, out);
    }
}

const VERSION: &str = concat!("\"punchbowl/", env!("CARGO_PKG_VERSION"), "\"");
