//! The ledger as server-sent events, and a slice as a download.
//!
//! A task reads ahead of its client by a few pieces at most. A client that takes nothing for
//! half a minute is given up: its place is for others.

use super::{Audit, bad, number, problem, value};
use crate::audit::Listener;
use crate::http::problem::Problem;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::Stream;
use ledger::Reader;
use ledger::evidence::{Cursor, Kind, Message};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The content type of a slice.
pub(super) const EVIDENCE: &str = "application/vnd.punchbowl.evidence";
/// Read at a time.
const PIECE: usize = 128 * 1024;
/// Pieces that wait for the client.
const AHEAD: usize = 2;
/// How long a client may take nothing.
const STALL: Duration = Duration::from_secs(30);

/// Everything from a place on, as events: `from` is a sequence number or a whole place,
/// share.slice.entry; slices before `whole_from` come without their shares. Resumed by
/// `Last-Event-ID`.
pub(super) async fn events(
    State(audit): State<Audit>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = query.as_deref();
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let from =
        last.or_else(|| value(query, "from").map(str::to_owned)).unwrap_or_else(|| Cursor::START.to_string());
    let cursor = cursor(&audit, &from).await?;
    let whole_from = number(query, "whole_from")?.unwrap_or(1);
    let listener = audit.listeners.listen(None, cursor, whole_from).await.map_err(problem)?;
    let pieces = spawn(listener, cursor, audit.shutdown, true);
    let events = futures_util::stream::unfold((pieces, Vec::new().into_iter()), next_event);
    let alive = KeepAlive::new().interval(Duration::from_secs(15));
    let nothing_cached =
        [(header::CACHE_CONTROL, "no-store"), (header::HeaderName::from_static("x-accel-buffering"), "no")];
    Ok((nothing_cached, Sse::new(events).keep_alive(alive)).into_response())
}

/// What a listener tells until it ends, as bytes.
pub(super) fn download(listener: Listener, shutdown: CancellationToken) -> Response {
    let pieces = spawn(listener, Cursor::START, shutdown, false);
    let kind = [(header::CONTENT_TYPE, EVIDENCE)];
    (kind, Body::from_stream(bytes(pieces))).into_response()
}

type Pieces = mpsc::Receiver<Vec<Message>>;

async fn next_event(
    (mut pieces, mut waiting): (Pieces, std::vec::IntoIter<Message>),
) -> Option<(Result<Event, Infallible>, (Pieces, std::vec::IntoIter<Message>))> {
    loop {
        if let Some(message) = waiting.next() {
            return Some((Ok(event(&message)), (pieces, waiting)));
        }
        waiting = pieces.recv().await?.into_iter();
    }
}

fn event(message: &Message) -> Event {
    let data = STANDARD.encode(&message.body);
    Event::default().event(message.kind.name()).id(message.cursor.to_string()).data(data)
}

fn bytes(pieces: Pieces) -> impl Stream<Item = Result<Bytes, Infallible>> {
    futures_util::stream::unfold(pieces, |mut pieces| async {
        let messages = pieces.recv().await?;
        let mut bytes = Vec::new();
        messages.iter().for_each(|message| message.write_to(&mut bytes));
        Some((Ok(Bytes::from(bytes)), pieces))
    })
}

/// Reads for a client until it has gone, the pool stops, or all is told.
fn spawn(mut listener: Listener, begin: Cursor, shutdown: CancellationToken, follow: bool) -> Pieces {
    let (sender, pieces) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        // Dropped when the pool stops, which ends the response.
        let reading = read(&mut listener, begin, sender, follow);
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = reading => {}
        }
    });
    pieces
}

async fn read(listener: &mut Listener, mut cursor: Cursor, sender: mpsc::Sender<Vec<Message>>, follow: bool) {
    // Told once each time that there is nothing more.
    let mut is_news = true;
    loop {
        let batch = tokio::select! {
            () = sender.closed() => return,
            batch = listener.next(PIECE) => batch,
        };
        let mut batch = match batch {
            Ok(batch) => batch,
            Err(fault) => return tracing::warn!(%fault, "the ledger could not be read for an auditor"),
        };
        is_news |= !batch.messages.is_empty();
        cursor = batch.messages.last().map_or(cursor, |message| message.cursor);
        if batch.caught_up && is_news {
            is_news = false;
            batch.messages.push(Message { kind: Kind::CaughtUp, body: Vec::new(), cursor });
        }
        if !batch.messages.is_empty() && sender.send_timeout(batch.messages, STALL).await.is_err() {
            return;
        }
        if batch.ended || (batch.caught_up && !follow) {
            return;
        }
        if batch.caught_up {
            tokio::select! {
                () = sender.closed() => return,
                () = listener.news() => {}
            }
        }
    }
}

/// Where a client wants to begin.
async fn cursor(audit: &Audit, from: &str) -> Result<Cursor, Problem> {
    if let Ok(cursor) = from.parse() {
        return Ok(cursor);
    }
    let share: u64 = from
        .parse()
        .ok()
        .filter(|share| *share > 0)
        .ok_or_else(|| bad(format!("'{from}' is no sequence number, and no place such as 1041.7.3")))?;
    audit.read(move |reader: &mut Reader| reader.cursor_at(share)).await
}
