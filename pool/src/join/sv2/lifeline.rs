//! Extension 0x5042 towards a miner on this network: both ends notice within seconds when the
//! other is gone. Its channels do not wait for it (`docs/extensions.md` says why).

use super::{Session, TICK};
use crate::server::Closed;
use crate::server::keep_alive::KeepAlivePolicy;
use crate::wire::keep_alive::{EXTENSION, KeepAlive, ResumeToken, Token, error_code, message};
use crate::wire::short_string;
use std::time::{Duration, Instant};
use tokio::io::AsyncWrite;

/// At most as many miners connect as ping a thousand times a second at this pace.
const POLICY: KeepAlivePolicy =
    KeepAlivePolicy { ping_after: Duration::from_secs(1), dead_after: Duration::from_secs(3) };

impl<W: AsyncWrite + Unpin> Session<W> {
    /// Tells a miner how often to ask, and that it comes back to nothing. Once: who negotiates
    /// again keeps what it has.
    pub(super) fn hold_out_a_line(&mut self) -> Result<(), Closed> {
        if self.pace.is_some() {
            return Ok(());
        }
        let pace: KeepAlive = POLICY.pace(1);
        self.pace = Some(pace);
        self.say(message::KEEP_ALIVE, &pace.to_bytes())?;
        let token = ResumeToken { token: Token::random(&mut rand::thread_rng()), kept_for: Duration::ZERO };
        self.say(message::RESUME_TOKEN, &token.to_bytes())
    }

    /// A message of the extension.
    pub(super) fn line(&mut self, msg_type: u8, payload: &[u8]) -> Result<(), Closed> {
        match msg_type {
            message::PING => {
                let number = payload.first_chunk::<4>().ok_or(Closed::Malformed("Ping"))?;
                self.say(message::PONG, number)
            }
            message::RESUME => self.say(message::RESUME_ERROR, &short_string(error_code::UNKNOWN_TOKEN)),
            // Unknown messages are ignored (SV2 section 3.4.1).
            _ => Ok(()),
        }
    }

    /// Ends a session whose miner is gone. Called at every tick.
    pub(super) fn check_lifeline(&mut self, now: Instant) -> Result<(), Closed> {
        if now.saturating_duration_since(self.looked) > 2 * TICK {
            // It is we who did not listen.
            self.heard = now;
        }
        self.looked = now;
        let silent = now.saturating_duration_since(self.heard);
        match self.pace {
            Some(pace) if silent >= pace.gone_after => Err(Closed::Silent(silent)),
            _ => Ok(()),
        }
    }

    fn say(&mut self, msg_type: u8, payload: &[u8]) -> Result<(), Closed> {
        self.writer.queue(EXTENSION, false, msg_type, &[payload]).map_err(Closed::Wire)
    }
}
