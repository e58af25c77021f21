//! A connection that reads the ledger (extension 0x5043) instead of mining.
//!
//! The client asks for a piece and is given it, no more: who does not read is not sent
//! anything. Pings are answered meanwhile (extension 0x5042).

use super::Closed;
use super::parking::Peer;
use crate::audit::{ListenError, Listener, Listeners};
use crate::wire::audit::{DATA_BYTES, EXTENSION, Next, Open, error_code, message};
use crate::wire::keep_alive;
use crate::wire::short_string;
use common_messages_sv2 as common;
use ledger::evidence::Batch;
use p2p::{FrameReader, FrameWriter};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A client that says nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);
/// The most that is told at a time.
const MOST_BYTES: u32 = 256 * 1024;
/// The longest that is waited for news.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Serves a client that has sent [`Open`] until one side ends it.
///
/// # Errors
/// Why it was ended, unless the client left.
pub async fn serve<R, W>(
    reader: &mut FrameReader<R>,
    writer: &mut FrameWriter<W>,
    open: Open,
    peer: Peer,
    listeners: &Arc<Listeners>,
    shutdown: &CancellationToken,
) -> Result<(), Closed>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut listener = match listeners.listen(Some(peer), open.cursor, open.whole_from).await {
        Ok(listener) => Some(listener),
        Err(fault) => {
            let code = match &fault {
                ListenError::Busy(_) | ListenError::TooMany(_) => error_code::BUSY,
                _ => error_code::UNREADABLE,
            };
            let payload = [short_string(code), short_string(&fault.to_string())].concat();
            writer.queue(EXTENSION, false, message::OPEN_ERROR, &[&payload])?;
            // It may ask again later; it goes by itself.
            writer.shutdown().await?;
            return Ok(());
        }
    };
    writer.queue(EXTENSION, false, message::OPEN_SUCCESS, &[])?;
    writer.flush().await?;

    let mut telling: Option<Telling> = None;
    let mut heard = Instant::now();
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {
                const SAME_HOST_AND_PORT: [u8; 3] = [0, 0, 0];
                writer.queue(0, false, common::MESSAGE_TYPE_RECONNECT, &[&SAME_HOST_AND_PORT])?;
                writer.flush().await?;
                return Err(Closed::Stopping);
            }
            (back, told) = ready(&mut telling), if telling.is_some() => {
                telling = None;
                listener = Some(back);
                tell(writer, told?).await?;
            }
            () = tokio::time::sleep_until(heard + SILENCE) => return Err(Closed::Silent(SILENCE)),
            frame = reader.next() => {
                let Some(frame) = frame? else { return Ok(()) };
                heard = Instant::now();
                match (frame.header.extension_type, frame.header.msg_type) {
                    (EXTENSION, message::NEXT) => {
                        let next = Next::parse(frame.payload).ok_or(Closed::Malformed("audit Next"))?;
                        // One at a time; who asks again meanwhile has been heard.
                        if let Some(listener) = listener.take() {
                            telling = Some(Box::pin(prepare(listener, next)));
                        }
                    }
                    (keep_alive::EXTENSION, keep_alive::message::PING) => {
                        let number = frame.payload.first_chunk::<4>().ok_or(Closed::Malformed("Ping"))?;
                        writer.queue(keep_alive::EXTENSION, false, keep_alive::message::PONG, &[number])?;
                        writer.flush().await?;
                    }
                    _ => {}
                }
            }
        }
    }
}

/// The listener comes back when it has something.
type Telling = Pin<Box<dyn Future<Output = (Listener, Result<Batch, ListenError>)> + Send>>;

async fn ready(telling: &mut Option<Telling>) -> (Listener, Result<Batch, ListenError>) {
    match telling {
        Some(telling) => telling.await,
        None => std::future::pending().await,
    }
}

async fn prepare(mut listener: Listener, next: Next) -> (Listener, Result<Batch, ListenError>) {
    let until = Instant::now() + Duration::from_millis(next.wait.into()).min(LONGEST_WAIT);
    let bytes = usize::try_from(next.bytes.clamp(1, MOST_BYTES)).unwrap_or(usize::MAX);
    loop {
        let told = listener.next(bytes).await;
        let is_news = told.as_ref().map_or(true, |batch| !batch.messages.is_empty());
        if is_news || Instant::now() >= until {
            return (listener, told);
        }
        // The answer of a pool at rest comes when its time is up.
        let _ = tokio::time::timeout_at(until, listener.news()).await;
    }
}

async fn tell<W: AsyncWrite + Unpin>(writer: &mut FrameWriter<W>, batch: Batch) -> Result<(), Closed> {
    let mut bytes = Vec::new();
    for told in &batch.messages {
        told.write_to(&mut bytes);
    }
    for piece in bytes.chunks(DATA_BYTES) {
        writer.queue(EXTENSION, false, message::DATA, &[piece])?;
        writer.flush().await?;
    }
    writer.queue(EXTENSION, false, message::DONE, &[&[u8::from(batch.caught_up)]])?;
    writer.flush().await?;
    Ok(())
}
