//! Bitcoin Core's JSON-RPC over the same socket, where the node offers it (after 31).

use super::error::NodeError;
use super::node::{Node, READ_LIMIT, limited, on, sense};
use crate::Place;
use serde_json::Value;
use work::Hash256;

const CALL: &str = "executeRpc";
/// "No such block", among others.
const INVALID_ADDRESS_OR_KEY: i64 = -5;

/// What the node answered.
pub(super) enum Answer {
    /// The result.
    Result(Value),
    /// An error: its code and the node's words.
    Error(i64, String),
    /// It does not take RPC over IPC.
    NotOffered,
}

impl Node {
    /// Calls `method` with `params`, a JSON array.
    pub(super) async fn json_rpc(&self, method: &str, params: Value) -> Result<Answer, NodeError> {
        let Some(rpc) = &self.rpc else { return Ok(Answer::NotOffered) };
        let request_text = serde_json::json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut request = rpc.execute_rpc_request();
        let mut params = request.get();
        params.set_request(request_text.to_string());
        params.set_uri("/");
        params.set_user("");
        on(params.init_context(), &self.threads.calls);
        let reply = match limited(CALL, READ_LIMIT, request.send().promise).await {
            Ok(reply) => reply,
            Err(NodeError::Unimplemented(_) | NodeError::Call { .. }) => return Ok(Answer::NotOffered),
            Err(error) => return Err(error),
        };
        let text = sense(CALL, sense(CALL, reply.get())?.get_result())?;
        answer(text.as_bytes())
            .ok_or_else(|| NodeError::Answer { call: CALL, reason: "not a JSON-RPC answer".to_owned() })
    }

    /// Where the block `hash` is; None where the node does not offer to tell.
    pub(super) async fn block_place(&self, hash: Hash256) -> Result<Option<Place>, NodeError> {
        match self.json_rpc("getblockheader", serde_json::json!([hash.to_string()])).await? {
            Answer::NotOffered => Ok(None),
            Answer::Error(INVALID_ADDRESS_OR_KEY, _) => Ok(Some(Place::NotInChain)),
            Answer::Error(code, words) => {
                Err(NodeError::Answer { call: CALL, reason: format!("{words} (code {code})") })
            }
            Answer::Result(header) => place(&header).map(Some).ok_or_else(|| NodeError::Answer {
                call: CALL,
                reason: "a block header without confirmations".to_owned(),
            }),
        }
    }
}

fn answer(text: &[u8]) -> Option<Answer> {
    let answer: Value = serde_json::from_slice(text).ok()?;
    match answer.get("error") {
        None | Some(Value::Null) => answer.get("result").cloned().map(Answer::Result),
        Some(error) => {
            let words = error.get("message").and_then(Value::as_str).unwrap_or_default();
            Some(Answer::Error(error.get("code")?.as_i64()?, words.to_owned()))
        }
    }
}

/// Core says -1 confirmations of a block that is not in the best chain.
fn place(header: &Value) -> Option<Place> {
    let confirmations = header.get("confirmations")?.as_i64()?;
    Some(match u32::try_from(confirmations) {
        Ok(confirmations) if confirmations > 0 => Place::InChain { confirmations, certain: true },
        _ => Place::NotInChain,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn answers_errors_and_nonsense_are_told_apart() {
        let Answer::Result(header) =
            answer(br#"{"jsonrpc":"2.0","result":{"confirmations":3},"id":1}"#).unwrap()
        else {
            panic!("no result")
        };
        assert_eq!(place(&header), Some(Place::InChain { confirmations: 3, certain: true }));
        let text = br#"{"result":null,"error":{"code":-5,"message":"Block not found"},"id":1}"#;
        assert!(
            matches!(answer(text), Some(Answer::Error(INVALID_ADDRESS_OR_KEY, words)) if words == "Block not found")
        );
        assert!(answer(b"{}").is_none() && answer(b"[").is_none());
        assert_eq!(place(&serde_json::json!({"confirmations": -1})), Some(Place::NotInChain));
        assert_eq!(place(&serde_json::json!({})), None);
    }
}
