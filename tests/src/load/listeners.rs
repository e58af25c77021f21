//! Pages that are looked at while a pool is under load: each is a stream of events that is
//! read and thrown away.

use anyhow::{Result, ensure};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Those who listen; they go when it is dropped.
pub struct Listeners(#[allow(dead_code, reason = "held, so that they stay")] JoinSet<()>);

impl Listeners {
    /// Opens `count` streams at `address`: half of them the big screen, half events as JSON.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn open(address: SocketAddr, count: usize) -> Result<Listeners> {
        let mut all = JoinSet::new();
        for number in 0..count {
            let path = if number.is_multiple_of(2) { "/live?page=/screen" } else { "/api/v1/events" };
            let mut stream = TcpStream::connect(address).await?;
            stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).await?;
            let mut bytes = vec![0; 64 * 1024];
            let first = stream.read(&mut bytes).await?;
            ensure!(
                bytes.get(..first).is_some_and(|head| head.starts_with(b"HTTP/1.1 200")),
                "{path} is refused"
            );
            all.spawn_local(async move { while stream.read(&mut bytes).await.is_ok_and(|read| read > 0) {} });
        }
        Ok(Listeners(all))
    }
}
