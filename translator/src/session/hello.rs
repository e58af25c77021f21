//! What a miner says of itself before it mines, in whatever order.

use super::{Goodbye, MAX_WAITING, Output, Session, Upstream, extranonce_sizes};
use crate::firmware::classify;
use crate::identity::MinerName;
use crate::sv1::method::{Authorize, Configure, Subscribe};
use crate::sv1::notice::{message, set_extranonce};
use crate::sv1::quantity::write_hex;
use crate::sv1::request::Id;
use crate::sv1::{ErrorCode, answer};
use crate::upstream::{Command, OpenChannel, Opened};
use crate::wishes::Wishes;
use std::time::Instant;
use work::Difficulty;

impl Session {
    pub(super) fn configure(&mut self, id: &Id, asked: &Configure<'_>, now: Instant, out: &mut Output) {
        let before = self.mask;
        if let Some(rolling) = asked.version_rolling {
            let mask = self.config.version_mask.and(rolling.mask);
            let enough = mask.bits() > 0 && mask.bits() >= rolling.min_bits;
            self.mask = enough.then_some(mask);
        }
        self.takes_extranonce |= asked.subscribe_extranonce;
        self.asked.minimum = asked.minimum_difficulty.or(self.asked.minimum);
        answer::result(&mut out.lines, id, &asked.answer(self.mask));
        self.update_terms(out);
        if self.mask != before && self.jobs.any_sent() {
            // The job that it holds was made for other bits.
            self.send_job(now, out);
        }
    }

    /// Answered at once and as often as it is asked: the extranonce is this session's own,
    /// whether there is a pool above or not.
    pub(super) fn subscribe(&mut self, id: &Id, hello: &Subscribe<'_>, now: Instant, out: &mut Output) {
        if !hello.agent.trim().is_empty() {
            self.agent = printable(hello.agent).into();
            self.firmware = classify(&self.agent, &self.config.rules);
        }
        let mut hex = String::with_capacity(2 * self.extranonce1.len());
        write_hex(&mut hex, self.extranonce1.as_bytes());
        let size = self.extranonce2_size;
        let result =
            format!(r#"[[["mining.set_difficulty","{hex}"],["mining.notify","{hex}"]],"{hex}",{size}]"#);
        answer::result(&mut out.lines, id, &result);
        self.update_terms(out);
        let first = !self.subscribed;
        self.subscribed = true;
        if first {
            self.send_job(now, out);
        }
    }

    pub(super) fn authorize(&mut self, id: &Id, asked: &Authorize<'_>, out: &mut Output) {
        let name = match MinerName::of(asked.name) {
            Ok(name) => name,
            Err(fault) => {
                return answer::error(&mut out.lines, id, ErrorCode::Unauthorized, &fault.to_string());
            }
        };
        if let Some(present) = &self.name
            && present.member() != name.member()
        {
            let words = format!(
                "this connection already mines for {}: open another one for {}",
                shown(present.member()),
                shown(name.member())
            );
            return answer::error(&mut out.lines, id, ErrorCode::Unauthorized, &words);
        }
        self.name.get_or_insert(name);
        self.wishes = Wishes::of(asked.password);
        match self.upstream {
            Upstream::Open(_) => {
                answer::result(&mut out.lines, id, "true");
                self.update_terms(out);
            }
            // Its name is checked when the pool is back; until then it is welcome to wait.
            Upstream::Away(_) => answer::result(&mut out.lines, id, "true"),
            Upstream::Idle | Upstream::Opening => {
                if self.waiting.len() >= MAX_WAITING {
                    return answer::error(&mut out.lines, id, ErrorCode::Other, "one question at a time");
                }
                self.waiting.push(id.clone());
                self.open(out);
            }
        }
    }

    pub(super) fn suggest(&mut self, id: &Id, difficulty: Option<Difficulty>, out: &mut Output) {
        match difficulty {
            Some(difficulty) => {
                self.asked.suggested = Some(difficulty);
                answer::result(&mut out.lines, id, "true");
                self.update_terms(out);
            }
            None => {
                answer::error(&mut out.lines, id, ErrorCode::Other, "a difficulty is a number above zero")
            }
        }
    }

    /// Asks for a channel, if there is a name to open it for.
    pub(super) fn open(&mut self, out: &mut Output) {
        if self.upstream != Upstream::Idle {
            return;
        }
        let Some(name) = self.name.as_ref().map(|name| name.as_str().to_owned()) else { return };
        self.upstream = Upstream::Opening;
        let class = self.config.class_of(&name, self.wishes.class);
        let channel = OpenChannel {
            name,
            agent: self.agent.to_string(),
            class: class.unwrap_or(self.firmware.class),
            terms: self.tell_terms(),
            min_rolled: self.below_prefix(),
        };
        out.commands.push(Command::Open(Box::new(channel)));
    }

    pub(super) fn opened(&mut self, opened: Opened, now: Instant, out: &mut Output) {
        self.upstream = Upstream::Open(opened);
        self.jobs.new_channel();
        self.jobs.set_target(opened.target, now);
        self.answer_waiting(out);
        let room = opened.rolled.saturating_sub(self.extranonce1.len());
        if room < self.extranonce2_size {
            // Less than the miner was promised; only some can be told.
            if room < extranonce_sizes::LEAST || (self.subscribed && !self.takes_extranonce) {
                out.close = Some(Goodbye::Extranonce);
                return;
            }
            self.extranonce2_size = room;
            if self.subscribed {
                set_extranonce::write(&mut out.lines, self.extranonce1.as_bytes(), room);
            }
        }
        // What the miner said while the channel was being opened.
        self.update_terms(out);
    }

    pub(super) fn refused(&mut self, words: &str, out: &mut Output) {
        self.upstream = Upstream::Idle;
        let hint = self.name.take().map_or("", |name| name.hint());
        let words = format!("{words}{hint}");
        if self.waiting.is_empty() {
            // It was told that it is welcome, by a pool that was away or is another now.
            message::show(&mut out.lines, &words);
            out.close = Some(Goodbye::Unauthorized);
        }
        for id in self.waiting.drain(..) {
            answer::error(&mut out.lines, &id, ErrorCode::Unauthorized, &words);
        }
    }

    pub(super) fn answer_waiting(&mut self, out: &mut Output) {
        for id in self.waiting.drain(..) {
            answer::result(&mut out.lines, &id, "true");
        }
    }
}

/// A user agent that may stand in logs and on pages.
fn printable(agent: &str) -> String {
    const LONGEST: usize = 96;
    let words = agent.chars().filter(|letter| !letter.is_control());
    words.take(LONGEST).collect::<String>().trim().to_owned()
}

fn shown(member: &str) -> &str {
    if member.is_empty() { "a worker without a name" } else { member }
}
