//! Bitcoin Core's JSON-RPC in the few lines that tests need.

use crate::http;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};

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
    let answer = post(port, method, &request(method, params)).await?;
    result(method, &answer)
}

/// Calls `method` once for each of `params`, one after another, in one request: every
/// request takes the node some 50 ms, whatever it asks for.
///
/// # Errors
/// When the node cannot be reached or answers one of them with an error.
pub async fn call_each(port: u16, method: &str, params: Vec<Value>) -> Result<Vec<Value>> {
    let requests = params.into_iter().map(|params| request(method, params)).collect();
    let answers = post(port, method, &Value::Array(requests)).await?;
    let answers = answers.as_array().with_context(|| format!("RPC {method}: {answers}"))?;
    answers.iter().map(|answer| result(method, answer)).collect()
}

fn request(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

async fn post(port: u16, method: &str, body: &Value) -> Result<Value> {
    let headers = format!("Authorization: Basic {AUTHORIZATION}\r\nContent-Type: application/json\r\n");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let (head, body) = http::exchange(address, "POST / HTTP/1.1", &headers, &body.to_string())
        .await
        .with_context(|| format!("RPC {method}"))?;
    serde_json::from_str(&body)
        .with_context(|| format!("RPC {method}: {}", head.lines().next().unwrap_or_default()))
}

fn result(method: &str, answer: &Value) -> Result<Value> {
    match answer.get("error") {
        None | Some(Value::Null) => Ok(answer.get("result").cloned().unwrap_or(Value::Null)),
        Some(error) => bail!("RPC {method} answered {error}"),
    }
}
