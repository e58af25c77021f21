//! A program of a host's that takes webhooks: answers as it is told, and keeps what comes.

use crate::within_deadline;
use anyhow::{Context, Result};
use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A webhook that listens on loopback. Ends when dropped.
pub struct Hook {
    address: SocketAddr,
    status: Arc<AtomicU16>,
    calls: mpsc::UnboundedReceiver<Call>,
    task: JoinHandle<()>,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Call {
    head: String,
    /// As it came.
    pub body: String,
    /// What it was answered.
    pub answered: u16,
}

impl Call {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// The body.
    ///
    /// # Errors
    /// When it is no JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.body).with_context(|| format!("no JSON: {}", self.body))
    }
}

impl Hook {
    /// Listens, and answers with `status`.
    ///
    /// # Errors
    /// When there is no port to be had.
    pub async fn listen(status: u16) -> Result<Hook> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let status = Arc::new(AtomicU16::new(status));
        let (came, calls) = mpsc::unbounded_channel();
        let answer = status.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let status = answer.load(Ordering::SeqCst);
                // Whoever breaks off has sent nothing.
                if let Ok(call) = take(stream, status).await {
                    let _ = came.send(call);
                }
            }
        });
        Ok(Hook { address, status, calls, task })
    }

    /// The address listened at.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Answers with `status` from now on.
    pub fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// The next call that `wanted` accepts.
    ///
    /// # Errors
    /// When none comes within the deadline.
    pub async fn call(&mut self, wanted: impl Fn(&Call) -> bool) -> Result<Call> {
        within_deadline("a webhook", async {
            loop {
                let call = self.calls.recv().await.context("the hook has ended")?;
                if wanted(&call) {
                    return Ok(call);
                }
            }
        })
        .await?
    }

    /// The next call about this kind of event that was taken, as JSON.
    ///
    /// # Errors
    /// When none comes within the deadline.
    pub async fn notice(&mut self, kind: &str) -> Result<Value> {
        let is = |call: &Call| call.answered == 200 && call.json().is_ok_and(|json| json["kind"] == kind);
        self.call(is).await?.json()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(mut stream: TcpStream, status: u16) -> Result<Call> {
    let mut bytes = Vec::new();
    let (head, length) = loop {
        let mut chunk = [0; 4_096];
        let count = stream.read(&mut chunk).await?;
        anyhow::ensure!(count > 0, "closed within a head");
        bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes.drain(..end + 4).collect())?;
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        break (head, length.unwrap_or_default());
    };
    while bytes.len() < length {
        let mut chunk = [0; 4_096];
        let count = stream.read(&mut chunk).await?;
        anyhow::ensure!(count > 0, "closed within a body");
        bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
    }
    let answer = format!("HTTP/1.1 {status} Told\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await?;
    Ok(Call { head, body: String::from_utf8(bytes)?, answered: status })
}
