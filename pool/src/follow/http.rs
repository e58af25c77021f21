//! Reading the ledger from a pool's HTTP.

use super::FollowError;
use super::sse::Parser;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Uri, header};
use hyper_util::rt::TokioIo;
use ledger::evidence::{Cursor, Kind};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Events as they come.
pub(super) struct Events {
    body: Incoming,
    parser: Parser,
    /// Drives the connection; ends with this.
    _driver: JoinSet<()>,
}

/// Longest that a connection and the first answer may take.
const DIAL: Duration = Duration::from_secs(10);
/// The pool says something at least every 15 s.
const SILENCE: Duration = Duration::from_secs(45);

impl Events {
    pub(super) async fn open(place: &Uri, cursor: Cursor, whole_from: u64) -> Result<Events, FollowError> {
        let opened = tokio::time::timeout(DIAL, Events::dial(place, cursor, whole_from)).await;
        opened.map_err(|_| FollowError::Http(format!("{place} does not answer")))?
    }

    async fn dial(place: &Uri, cursor: Cursor, whole_from: u64) -> Result<Events, FollowError> {
        let failed = |what: &dyn std::fmt::Display| FollowError::Http(format!("{place}: {what}"));
        if place.scheme_str() != Some("http") {
            return Err(failed(&"only http:// is read; for anything else use the pool's invite"));
        }
        let host = place.host().ok_or_else(|| failed(&"names no host"))?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((bare, place.port_u16().unwrap_or(80))).await;
        let stream = stream.map_err(|fault| failed(&fault))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|fault| failed(&fault))?;
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            // Its end shows in the body.
            let _ = connection.await;
        });
        let authority = place.authority().map_or(host, |authority| authority.as_str());
        let path = place.path().trim_end_matches('/');
        let request =
            Request::get(format!("{path}/api/v1/shares/stream?from={cursor}&whole_from={whole_from}"))
                .header(header::HOST, authority)
                .header(header::ACCEPT, "text/event-stream")
                .header(header::USER_AGENT, concat!("punchbowl/", env!("CARGO_PKG_VERSION")))
                .body(Empty::<Bytes>::new())
                .map_err(|fault| failed(&fault))?;
        let answer = sender.send_request(request).await.map_err(|fault| failed(&fault))?;
        if answer.status().is_success() {
            return Ok(Events { body: answer.into_body(), parser: Parser::default(), _driver: driver });
        }
        let status = answer.status().as_u16();
        Err(FollowError::Status { status, detail: detail(answer.into_body()).await })
    }

    /// The next message. Loses nothing when dropped.
    pub(super) async fn next(&mut self) -> Result<(Kind, Vec<u8>), FollowError> {
        let failed = |what: &str| FollowError::Http(what.to_owned());
        loop {
            if let Some(event) = self.parser.next() {
                // Events of a later version's are passed over.
                let Some(kind) = Kind::from_name(&event.name) else { continue };
                let body = STANDARD
                    .decode(&event.data)
                    .map_err(|_| failed("the pool sends an event that is not base64"))?;
                return Ok((kind, body));
            }
            let frame = tokio::time::timeout(SILENCE, self.body.frame()).await;
            let frame = frame.map_err(|_| failed("the pool has been silent for too long"))?;
            let frame = frame.ok_or_else(|| failed("the pool has ended the stream"))?;
            let frame = frame.map_err(|fault| failed(&format!("the stream broke: {fault}")))?;
            if let Ok(bytes) = frame.into_data() {
                self.parser.push(&bytes).map_err(|_| failed("the pool sends an event that is too long"))?;
            }
        }
    }
}

/// The words of a problem.
async fn detail(mut body: Incoming) -> String {
    const LONGEST: usize = 4_096;
    let mut bytes = Vec::new();
    while let Some(Ok(frame)) = body.frame().await
        && bytes.len() < LONGEST
    {
        bytes.extend_from_slice(&frame.into_data().unwrap_or_default());
    }
    let problem: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let detail = problem.get("detail").and_then(serde_json::Value::as_str);
    detail.unwrap_or("the pool's HTTP does not show its ledger").to_owned()
}
