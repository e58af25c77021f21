//! How a connection starts: setup, extensions, and the channels of before.

use super::{Link, PATIENCE, UpstreamConfig, UpstreamError};
use crate::wire::keep_alive::{self, ChannelResumed, ResumeToken, Token, message};
use crate::wire::short_string;
use binary_sv2::from_bytes;
use common_messages_sv2 as common;
use extensions_sv2 as extensions;
use std::time::Duration;

/// A connection whose Noise handshake is done.
pub(super) struct Greeting<'a> {
    link: &'a mut Link,
    config: &'a UpstreamConfig,
}

/// Some pools do not answer a request for extensions at all; how long one is waited for
/// where nothing depends on it.
const POLITENESS: Duration = Duration::from_secs(2);
const REQUEST_ID: u16 = 1;

impl<'a> Greeting<'a> {
    pub(super) fn new(link: &'a mut Link, config: &'a UpstreamConfig) -> Greeting<'a> {
        Greeting { link, config }
    }

    /// `SetupConnection` and its answer.
    pub(super) async fn set_up(&mut self) -> Result<(), UpstreamError> {
        let payload = [
            &[common::SV2_MINING_PROTOCOL_DISCRIMINANT, 2, 0, 2, 0][..],
            &self.config.flags.to_le_bytes(),
            &short_string(""),
            &0u16.to_le_bytes(),
            &short_string("punchbowl"),
            &short_string(self.config.role),
            &short_string(env!("CARGO_PKG_VERSION")),
            &short_string(""),
        ];
        self.link.queue(false, common::MESSAGE_TYPE_SETUP_CONNECTION, &payload)?;
        let (_, msg_type, mut payload) = in_time(PATIENCE, self.link.next_frame()).await?;
        match msg_type {
            common::MESSAGE_TYPE_SETUP_CONNECTION_SUCCESS => Ok(()),
            common::MESSAGE_TYPE_SETUP_CONNECTION_ERROR => {
                let message: common::SetupConnectionError<'_> = from_bytes(&mut payload)
                    .map_err(|_| UpstreamError::Malformed("SetupConnection.Error"))?;
                Err(UpstreamError::SetupRefused(message.error_code.as_utf8_or_hex()))
            }
            _ => Err(UpstreamError::Malformed("answer to SetupConnection")),
        }
    }

    /// Asks for extensions. What the pool offers for the next connection, when it knows
    /// keep-alive and resume; that it does is `expected` by whoever has a token of it.
    pub(super) async fn negotiate(&mut self, expected: bool) -> Result<Option<ResumeToken>, UpstreamError> {
        let wanted: Vec<u8> = [keep_alive::EXTENSION]
            .iter()
            .chain(&self.config.extensions)
            .flat_map(|extension| extension.to_le_bytes())
            .collect();
        let count = u16::try_from(wanted.len() / 2).unwrap_or(u16::MAX);
        let payload = [&REQUEST_ID.to_le_bytes()[..], &count.to_le_bytes(), &wanted].concat();
        self.link.queue_extension(
            extensions::EXTENSION_TYPE_EXTENSIONS_NEGOTIATION,
            extensions::MESSAGE_TYPE_REQUEST_EXTENSIONS,
            &payload,
        )?;
        let patience = if expected { PATIENCE } else { POLITENESS };
        match in_time(patience, self.answer_to_negotiation()).await {
            Ok(true) => in_time(PATIENCE, self.offer()).await.map(Some),
            Ok(false) => Ok(None),
            // A pool that does not know negotiation ignores it (extension 0x0001).
            Err(UpstreamError::Silent(_)) if !expected => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Presents `tokens`. The channels, or the pool's reason why there are none.
    pub(super) async fn resume(
        &mut self,
        tokens: &[Token],
    ) -> Result<Result<Vec<ChannelResumed>, String>, UpstreamError> {
        let payload = keep_alive::resume(tokens);
        self.link.queue_extension(keep_alive::EXTENSION, message::RESUME, &payload)?;
        in_time(PATIENCE, self.channels()).await
    }

    /// Whether keep-alive and resume is on.
    async fn answer_to_negotiation(&mut self) -> Result<bool, UpstreamError> {
        loop {
            let (extension, msg_type, mut payload) = self.link.next_frame().await?;
            match (extension, msg_type) {
                (
                    extensions::EXTENSION_TYPE_EXTENSIONS_NEGOTIATION,
                    extensions::MESSAGE_TYPE_REQUEST_EXTENSIONS_SUCCESS,
                ) => {
                    let message: extensions::RequestExtensionsSuccess<'_> = from_bytes(&mut payload)
                        .map_err(|_| UpstreamError::Malformed("RequestExtensions.Success"))?;
                    let granted = message.supported_extensions.into_inner();
                    let known = granted.contains(&keep_alive::EXTENSION);
                    self.link.set_extensions(granted);
                    return Ok(known);
                }
                (
                    extensions::EXTENSION_TYPE_EXTENSIONS_NEGOTIATION,
                    extensions::MESSAGE_TYPE_REQUEST_EXTENSIONS_ERROR,
                ) => return Ok(false),
                _ => {}
            }
        }
    }

    /// What follows a granted request.
    async fn offer(&mut self) -> Result<ResumeToken, UpstreamError> {
        loop {
            let (extension, msg_type, payload) = self.link.next_frame().await?;
            if (extension, msg_type) == (keep_alive::EXTENSION, message::RESUME_TOKEN) {
                return ResumeToken::parse(&payload).ok_or(UpstreamError::Malformed("ResumeToken"));
            }
        }
    }

    async fn channels(&mut self) -> Result<Result<Vec<ChannelResumed>, String>, UpstreamError> {
        let mut missing: Option<u32> = None;
        let mut channels = Vec::new();
        while missing != Some(0) {
            let (extension, msg_type, payload) = self.link.next_frame().await?;
            match (extension, msg_type) {
                (keep_alive::EXTENSION, message::RESUME_SUCCESS) => {
                    let count = keep_alive::take_u32(&mut &payload[..]);
                    missing = Some(count.ok_or(UpstreamError::Malformed("Resume.Success"))?);
                }
                (keep_alive::EXTENSION, message::CHANNEL_RESUMED) => {
                    let channel = ChannelResumed::parse(&payload);
                    channels.push(channel.ok_or(UpstreamError::Malformed("ChannelResumed"))?);
                    missing = missing.and_then(|missing| missing.checked_sub(1));
                }
                (keep_alive::EXTENSION, message::RESUME_ERROR) => {
                    let code = payload.get(1..).unwrap_or_default();
                    return Ok(Err(String::from_utf8_lossy(code).into_owned()));
                }
                _ => {}
            }
        }
        Ok(Ok(channels))
    }
}

/// `step`, if it is done in time.
async fn in_time<T>(
    patience: Duration,
    step: impl Future<Output = Result<T, UpstreamError>>,
) -> Result<T, UpstreamError> {
    tokio::time::timeout(patience, step).await.map_err(|_| UpstreamError::Silent(patience))?
}
