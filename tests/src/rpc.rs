//! Bitcoin Core's JSON-RPC in the few lines that tests need.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// User and password of every test node; they listen on loopback only.
pub const USER: &str = "punchbowl";
const AUTHORIZATION: &str = "cHVuY2hib3dsOnB1bmNoYm93bA=="; // base64 of punchbowl:punchbowl

/// Calls `method` on the node whose RPC port is `port`.
///
/// One connection per call, so that a long poll never delays another call.
///
/// # Errors
/// When the node cannot be reached or answers with an error.
pub async fn call(port: u16, method: &str, params: Value) -> Result<Value> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Basic {AUTHORIZATION}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = exchange(port, &request).await.with_context(|| format!("RPC {method}"))?;
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        bail!("RPC {method}: no HTTP answer but {answer:?}");
    };
    let answer: Value = serde_json::from_str(body)
        .with_context(|| format!("RPC {method}: {}", head.lines().next().unwrap_or_default()))?;
    match answer.get("error") {
        None | Some(Value::Null) => Ok(answer.get("result").cloned().unwrap_or(Value::Null)),
        Some(error) => bail!("RPC {method} answered {error}"),
    }
}

async fn exchange(port: u16, request: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.set_nodelay(true)?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
