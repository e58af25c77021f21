//! Extension 0x5042, keep-alive and resume: its messages as they stand on the wire.
//!
//! `docs/extensions.md` says what they are for. All integers are little-endian; no
//! message has the channel_msg bit. A reader takes a message that is longer than it
//! knows, so that fields can be added at the end.

use rand::RngCore;
use std::fmt;
use std::time::Duration;
use work::{Extranonce, Target};

/// The extension's number, in the range that SV2 section 3.4 leaves to experiments.
pub const EXTENSION: u16 = 0x5042;

/// Message types.
pub mod message {
    /// [`KeepAlive`](super::KeepAlive), server to client.
    pub const KEEP_ALIVE: u8 = 0x00;
    /// Client to server: four bytes, which come back.
    pub const PING: u8 = 0x01;
    /// Server to client: the four bytes of the ping.
    pub const PONG: u8 = 0x02;
    /// [`ResumeToken`](super::ResumeToken), server to client.
    pub const RESUME_TOKEN: u8 = 0x03;
    /// Client to server: see [`resume`](super::resume).
    pub const RESUME: u8 = 0x04;
    /// Server to client: how many `ChannelResumed` follow (U32).
    pub const RESUME_SUCCESS: u8 = 0x05;
    /// [`ChannelResumed`](super::ChannelResumed), server to client.
    pub const CHANNEL_RESUMED: u8 = 0x06;
    /// Server to client: an error code (STR0_255).
    pub const RESUME_ERROR: u8 = 0x07;
}

/// Error codes of `Resume.Error`.
pub mod error_code {
    /// No channels wait under any of the tokens: they were closed, waited too long,
    /// there was no room for them, or the pool was started again.
    pub const UNKNOWN_TOKEN: &str = "unknown-token";
    /// This connection has channels of its own already.
    pub const CHANNELS_OPEN: &str = "channels-open";
    /// The channels were opened under other flags of `SetupConnection`. They are closed.
    pub const OTHER_SETUP: &str = "other-setup";
}

/// Tokens of one `Resume` that are looked at.
pub const MAX_TOKENS: usize = 8;

/// How a client and a pool notice that the other one is gone. On the wire three U32 of
/// milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// A client that has heard nothing for so long sends a ping.
    pub ping_after: Duration,
    /// One that has still heard nothing after so long takes the stream for dead. It also
    /// sends something at least this often.
    pub dead_after: Duration,
    /// A pool that has heard nothing for so long takes the client for gone.
    pub gone_after: Duration,
}

/// What a client presents to get its channels back. Good once; who has it has the
/// channels, so that it is not shown in logs.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(pub [u8; Token::SIZE]);

/// A token and what it is worth. On the wire 16 bytes and a U32 of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumeToken {
    /// For the channels of this connection.
    pub token: Token,
    /// How long they wait after the connection died; zero when they do not.
    pub kept_for: Duration,
}

/// A channel as it goes on after an outage: U32 channel, U32 group, U32 sequence number,
/// U64 accepted, U64 rejected, U256 target, B0_32 extranonce prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelResumed {
    /// Its id, the same as before.
    pub channel_id: u32,
    /// Its group's.
    pub group_channel_id: u32,
    /// The last share that was judged; without meaning when none was.
    pub last_sequence_number: u32,
    /// Shares accepted since the channel was opened.
    pub accepted: u64,
    /// Shares refused since then.
    pub rejected: u64,
    /// The target of the job that follows.
    pub target: Target,
    /// The extranonce prefix of the job that follows.
    pub extranonce_prefix: Extranonce,
}

impl KeepAlive {
    /// The payload.
    pub fn to_bytes(self) -> [u8; 12] {
        let mut payload = [0; 12];
        let times = [self.ping_after, self.dead_after, self.gone_after];
        for (field, time) in payload.chunks_exact_mut(4).zip(times) {
            field.copy_from_slice(&u32::try_from(time.as_millis()).unwrap_or(u32::MAX).to_le_bytes());
        }
        payload
    }

    /// From a payload; `None` when it is too short.
    pub fn parse(mut payload: &[u8]) -> Option<KeepAlive> {
        let mut time = || Some(Duration::from_millis(u64::from(take_u32(&mut payload)?)));
        Some(KeepAlive { ping_after: time()?, dead_after: time()?, gone_after: time()? })
    }
}

impl Token {
    /// Bytes of a token.
    pub const SIZE: usize = 16;

    /// One that nobody guesses.
    pub fn random(rng: &mut impl RngCore) -> Token {
        let mut bytes = [0; Token::SIZE];
        rng.fill_bytes(&mut bytes);
        Token(bytes)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl ResumeToken {
    /// The payload.
    pub fn to_bytes(self) -> Vec<u8> {
        let seconds = u32::try_from(self.kept_for.as_secs()).unwrap_or(u32::MAX);
        [&self.token.0[..], &seconds.to_le_bytes()].concat()
    }

    /// From a payload; `None` when it is too short.
    pub fn parse(mut payload: &[u8]) -> Option<ResumeToken> {
        let token = Token(take(&mut payload)?);
        Some(ResumeToken { token, kept_for: Duration::from_secs(u64::from(take_u32(&mut payload)?)) })
    }
}

/// The payload of `Resume`: a U8 count and so many tokens, tried in order. More than one,
/// because a client whose connection died while it waited for an answer does not know
/// which of its tokens the channels wait under. The newest [`MAX_TOKENS`] are sent.
pub fn resume(tokens: &[Token]) -> Vec<u8> {
    let newest = tokens.get(tokens.len().saturating_sub(MAX_TOKENS)..).unwrap_or(tokens);
    let mut payload = vec![u8::try_from(newest.len()).unwrap_or(u8::MAX)];
    newest.iter().for_each(|token| payload.extend_from_slice(&token.0));
    payload
}

/// The first [`MAX_TOKENS`] tokens of `Resume`; `None` when it is cut short.
pub fn parse_resume(payload: &[u8]) -> Option<Vec<Token>> {
    let (count, mut rest) = payload.split_first()?;
    let tokens = (0..*count).map(|_| take(&mut rest).map(Token)).collect::<Option<Vec<Token>>>();
    tokens.map(|mut tokens| {
        tokens.truncate(MAX_TOKENS);
        tokens
    })
}

impl ChannelResumed {
    /// The payload.
    pub fn to_bytes(&self) -> Vec<u8> {
        let prefix = self.extranonce_prefix.as_bytes();
        [
            &self.channel_id.to_le_bytes()[..],
            &self.group_channel_id.to_le_bytes(),
            &self.last_sequence_number.to_le_bytes(),
            &self.accepted.to_le_bytes(),
            &self.rejected.to_le_bytes(),
            &self.target.to_le_bytes(),
            &[u8::try_from(prefix.len()).unwrap_or(u8::MAX)],
            prefix,
        ]
        .concat()
    }

    /// From a payload; `None` when it is cut short or the prefix is too long.
    pub fn parse(mut payload: &[u8]) -> Option<ChannelResumed> {
        let rest = &mut payload;
        let ids = [take_u32(rest)?, take_u32(rest)?, take_u32(rest)?];
        let counts = [take(rest)?, take(rest)?].map(u64::from_le_bytes);
        let target = Target::from_le_bytes(take(rest)?);
        let [length] = take(rest)?;
        let prefix = rest.get(..usize::from(length))?;
        Some(ChannelResumed {
            channel_id: ids[0],
            group_channel_id: ids[1],
            last_sequence_number: ids[2],
            accepted: counts[0],
            rejected: counts[1],
            target,
            extranonce_prefix: Extranonce::new(prefix).ok()?,
        })
    }
}

/// The U32 in front of `bytes`, which lose it.
pub fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    take(bytes).map(u32::from_le_bytes)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_stand_where_the_documentation_puts_them() {
        let times = KeepAlive {
            ping_after: Duration::from_millis(1),
            dead_after: Duration::from_millis(0x0203),
            gone_after: Duration::from_secs(u64::MAX),
        };
        assert_eq!(times.to_bytes(), [1, 0, 0, 0, 3, 2, 0, 0, 255, 255, 255, 255]);
        let token = ResumeToken { token: Token([7; 16]), kept_for: Duration::from_secs(120) };
        assert_eq!(token.to_bytes(), [&[7; 16][..], &[120, 0, 0, 0]].concat());
        assert_eq!(resume(&[Token([1; 16]), Token([2; 16])]), [&[2][..], &[1; 16], &[2; 16]].concat());
    }

    #[test]
    fn the_newest_tokens_are_sent_and_only_so_many_are_looked_at() {
        let tokens: Vec<Token> = (0..20).map(|number| Token([number; 16])).collect();
        assert_eq!(parse_resume(&resume(&tokens)).unwrap(), tokens[12..]);
        let many = [&[20][..], &tokens.iter().flat_map(|token| token.0).collect::<Vec<u8>>()].concat();
        assert_eq!(parse_resume(&many).unwrap(), tokens[..8]);
    }

    #[test]
    fn a_token_does_not_show_in_logs() {
        assert!(!format!("{:?}", Token([0xab; 16])).contains("ab"));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_even_with_more_behind_it(
            times: [u32; 3],
            ids: [u32; 3],
            counts: [u64; 2],
            target: [u8; 32],
            prefix in prop::collection::vec(any::<u8>(), 0..=16),
            tokens in prop::collection::vec(any::<[u8; 16]>(), 0..=8),
            more in prop::collection::vec(any::<u8>(), 0..5),
        ) {
            let longer = |payload: &[u8]| [payload, &more].concat();
            let [ping_after, dead_after, gone_after] = times.map(|time| Duration::from_millis(u64::from(time)));
            let keep_alive = KeepAlive { ping_after, dead_after, gone_after };
            prop_assert_eq!(KeepAlive::parse(&longer(&keep_alive.to_bytes())), Some(keep_alive));
            let tokens: Vec<Token> = tokens.into_iter().map(Token).collect();
            prop_assert_eq!(parse_resume(&longer(&resume(&tokens))), Some(tokens));
            let channel = ChannelResumed {
                channel_id: ids[0],
                group_channel_id: ids[1],
                last_sequence_number: ids[2],
                accepted: counts[0],
                rejected: counts[1],
                target: Target::from_le_bytes(target),
                extranonce_prefix: Extranonce::new(&prefix).unwrap(),
            };
            prop_assert_eq!(ChannelResumed::parse(&longer(&channel.to_bytes())), Some(channel));
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = KeepAlive::parse(&bytes);
            let _ = ResumeToken::parse(&bytes);
            let _ = ChannelResumed::parse(&bytes);
            if let Some(tokens) = parse_resume(&bytes) {
                prop_assert!(tokens.len() <= MAX_TOKENS);
            }
        }

        #[test]
        fn a_cut_message_is_refused(cut in 0usize..77) {
            let channel = ChannelResumed {
                channel_id: 1,
                group_channel_id: 2,
                last_sequence_number: 3,
                accepted: 4,
                rejected: 5,
                target: Target::MAX,
                extranonce_prefix: Extranonce::new(&[9; 16]).unwrap(),
            };
            prop_assert_eq!(ChannelResumed::parse(&channel.to_bytes()[..cut]), None);
        }
    }
}
