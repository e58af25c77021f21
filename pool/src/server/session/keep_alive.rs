//! Extension 0x5042, first half: client and pool notice when the other one is gone.
//!
//! The client asks, when it has heard nothing for a while, and the pool only answers. A
//! client that says nothing any more is noticed at the tick that each session has
//! anyway: there is no timer for it.

use super::{Lifeline, Session};
use crate::server::Closed;
use crate::server::keep_alive::is_news;
use crate::wire::keep_alive::{EXTENSION, KeepAlive, ResumeToken, message};
use std::time::Duration;
use tokio::io::AsyncWrite;

impl<W: AsyncWrite + Unpin> Session<W> {
    /// Tells a client that has just negotiated it how often to ask, and what to present
    /// when it comes back. Once: who negotiates again keeps what it has.
    pub(super) fn hold_out_a_line(&mut self) -> Result<(), Closed> {
        let Some(asker) = self.asker.take() else { return Ok(()) };
        let parking = self.context.parking.clone();
        let ticket = parking.enter(asker);
        let token = ResumeToken { token: ticket.token(), kept_for: parking.kept_for() };
        let pace = self.context.keep_alive.pace(parking.sessions());
        self.lifeline = Some(Lifeline { ticket, pace });
        self.tell_pace(pace)?;
        self.say(message::RESUME_TOKEN, &token.to_bytes())
    }

    /// Answers a ping.
    pub(super) fn pong(&mut self, payload: &[u8]) -> Result<(), Closed> {
        let number = payload.first_chunk::<4>().ok_or(Closed::Malformed("Ping"))?;
        self.say(message::PONG, number)
    }

    /// How long until the client is gone if it goes on saying nothing.
    pub(super) fn gone_in(&self) -> Option<Duration> {
        let lifeline = self.lifeline.as_ref()?;
        let left = lifeline.pace.gone_after.saturating_sub(self.heard.elapsed());
        Some(left.max(Duration::from_millis(1)))
    }

    /// Ends a session whose client is gone, and keeps the others' pace up to date.
    pub(super) fn check_lifeline(&mut self) -> Result<(), Closed> {
        let Some(lifeline) = &self.lifeline else { return Ok(()) };
        if self.log.is_behind() {
            // It is we who do not listen.
            self.heard = self.clock.now;
        }
        let silent = self.clock.now.saturating_duration_since(self.heard);
        if silent >= lifeline.pace.gone_after {
            return Err(Closed::Silent(silent));
        }
        let pace = self.context.keep_alive.pace(self.context.parking.sessions());
        if is_news(&lifeline.pace, &pace) { self.tell_pace(pace) } else { Ok(()) }
    }

    fn tell_pace(&mut self, pace: KeepAlive) -> Result<(), Closed> {
        if let Some(lifeline) = &mut self.lifeline {
            lifeline.pace = pace;
        }
        self.say(message::KEEP_ALIVE, &pace.to_bytes())
    }

    /// A message of the extension.
    pub(super) fn say(&mut self, msg_type: u8, payload: &[u8]) -> Result<(), Closed> {
        self.writer.queue(EXTENSION, false, msg_type, &[payload]).map_err(Closed::Wire)
    }
}
