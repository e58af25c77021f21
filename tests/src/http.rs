//! HTTP in the few lines that tests need: one request a connection, on loopback.

use anyhow::{Result, bail};
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends a request to `address` and returns the answer's head and body. `first_line` is
/// `GET /path HTTP/1.1`; every line of `headers` ends with a line end of its own.
///
/// # Errors
/// When nobody answers, or not in HTTP.
pub async fn exchange(
    address: SocketAddr,
    first_line: &str,
    headers: &str,
    body: &str,
) -> Result<(String, String)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "{first_line}\r\nHost: localhost\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) => Ok((head.to_owned(), body.to_owned())),
        None => bail!("no HTTP answer but {answer:?}"),
    }
}
