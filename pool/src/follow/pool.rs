//! Reading the ledger over a connection to the pool (extension 0x5043).

use super::FollowError;
use crate::upstream::{Incoming, Link, PATIENCE, Upstream, UpstreamConfig, UpstreamError};
use crate::wire::audit::{EXTENSION, Next, Open, message};
use common_messages_sv2::MESSAGE_TYPE_RECONNECT;
use ledger::evidence::Cursor;
use p2p::IrohNode;
use std::time::Duration;

/// A connection that reads.
pub(super) struct Reading {
    upstream: Upstream,
    link: Link,
    /// Whether the pool owes an answer.
    asked: bool,
}

/// Asked for at a time.
const BYTES: u32 = 256 * 1024;

impl Reading {
    pub(super) async fn open(
        config: UpstreamConfig,
        node: Option<IrohNode>,
        cursor: Cursor,
        whole_from: u64,
    ) -> Result<Reading, FollowError> {
        let mut upstream = Upstream::bind_beside(config, node).await?;
        let opened = async {
            let (mut link, _) = upstream.connect().await?;
            if !link.extensions().contains(&EXTENSION) {
                return Err(FollowError::NotOffered);
            }
            let open = Open { cursor, whole_from };
            link.queue_extension(EXTENSION, message::OPEN, &open.to_bytes()).map_err(UpstreamError::from)?;
            let answer = tokio::time::timeout(PATIENCE, answer(&mut link)).await;
            answer.map_err(|_| UpstreamError::Silent(PATIENCE))??;
            Ok(link)
        };
        match opened.await {
            Ok(link) => Ok(Reading { upstream, link, asked: false }),
            Err(fault) => {
                upstream.close().await;
                Err(fault)
            }
        }
    }

    /// Bytes of the stream; none when nothing is newer. Loses nothing when dropped.
    pub(super) async fn next(&mut self, wait: Duration) -> Result<Option<Vec<u8>>, FollowError> {
        loop {
            if !self.asked {
                let wait = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
                let next = Next { bytes: BYTES, wait };
                self.link
                    .queue_extension(EXTENSION, message::NEXT, &next.to_bytes())
                    .map_err(UpstreamError::from)?;
                self.asked = true;
            }
            let Incoming::Frame(frame) = self.link.next().await? else { continue };
            match (frame.header.extension_type, frame.header.msg_type) {
                (EXTENSION, message::DATA) => return Ok(Some(frame.payload.to_vec())),
                (EXTENSION, message::DONE) => {
                    self.asked = false;
                    if frame.payload.first() == Some(&1) {
                        return Ok(None);
                    }
                }
                (0, MESSAGE_TYPE_RECONNECT) => return Err(UpstreamError::Closed.into()),
                _ => {}
            }
        }
    }

    pub(super) async fn close(self) {
        drop(self.link);
        self.upstream.close().await;
    }
}

async fn answer(link: &mut Link) -> Result<(), FollowError> {
    loop {
        let Incoming::Frame(frame) = link.next().await? else { continue };
        match (frame.header.extension_type, frame.header.msg_type) {
            (EXTENSION, message::OPEN_SUCCESS) => return Ok(()),
            (EXTENSION, message::OPEN_ERROR) => {
                let mut rest: &[u8] = frame.payload;
                let (code, words) = (text(&mut rest), text(&mut rest));
                return Err(FollowError::Refused(words.or(code).unwrap_or_default()));
            }
            _ => {}
        }
    }
}

/// A STR0_255.
fn text(bytes: &mut &[u8]) -> Option<String> {
    let (length, rest) = bytes.split_first()?;
    let (text, rest) = rest.split_at_checked(usize::from(*length))?;
    *bytes = rest;
    let clean = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    Some(String::from_utf8_lossy(text).chars().map(clean).collect())
}
