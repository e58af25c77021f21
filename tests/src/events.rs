//! What a pool's stream of events (`/api/v1/events`, SSE) says, as it says it.

use crate::within_deadline;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;

/// An open stream of events.
pub struct Events {
    lines: Lines<BufReader<TcpStream>>,
}

impl Events {
    /// Listens to `path` at `address`.
    ///
    /// # Errors
    /// When nobody answers, or not with a stream of events.
    pub async fn listen(address: SocketAddr, path: &str) -> Result<Events> {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut lines = BufReader::new(stream).lines();
        let head = within_deadline("an answer with events", lines.next_line()).await??;
        let head = head.context("no answer")?;
        ensure!(head.contains(" 200 "), "{path}: {head}");
        Ok(Events { lines })
    }

    /// The next event: its name and what it holds.
    ///
    /// # Errors
    /// When the stream ends or the deadline passes first.
    pub async fn next(&mut self) -> Result<(String, Value)> {
        within_deadline("an event", self.read()).await?
    }

    /// The first event that `wanted` takes.
    ///
    /// # Errors
    /// When the stream ends or the deadline passes first.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&str, &Value) -> bool) -> Result<Value> {
        let search = async {
            loop {
                let (name, data) = self.read().await?;
                if wanted(&name, &data) {
                    return Ok(data);
                }
            }
        };
        within_deadline(what, search).await?
    }

    async fn read(&mut self) -> Result<(String, Value)> {
        let mut name = String::new();
        loop {
            // Sizes of chunks stand between; they are neither of these.
            let line = self.lines.next_line().await?.context("the stream of events has ended")?;
            if let Some(event) = line.strip_prefix("event: ") {
                name = event.to_owned();
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Ok((name, serde_json::from_str(data)?));
            }
        }
    }
}
