//! Handing a solved block to Bitcoin Core, by every way that its version has, and
//! understanding what it says.
//!
//! `submitSolution` is quickest, for the node has the transactions: ordinal 10 in
//! versions after 31, ordinal 7 in 31 (where "true" does not yet mean valid, and
//! later versions answer it with an error). Whenever that does not end in a plain
//! yes, the whole block is handed in by `submitBlock`.

use super::error::NodeError;
use super::node::{Node, NodeTemplate, limited, on, sense};
use crate::Solution;
use std::time::Duration;

/// Connecting a block can take long on a small machine.
const SUBMIT_LIMIT: Duration = Duration::from_secs(180);

/// The node's word on a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has the block; says which call told it.
    Has(&'static str),
    /// The block breaks a rule.
    Refused(String),
    /// It could not be asked, or gave no answer that settles it.
    NoAnswer(String),
}

/// What one call said.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Yes,
    /// With the reason (BIP22), which may be empty.
    No(String),
    /// This version does not have the call.
    Unknown,
}

impl Node {
    /// Hands in `solution` of `template`; `block` gives the whole block, if it can
    /// be had, should that be needed.
    pub(super) async fn submit(
        &self,
        template: &NodeTemplate,
        solution: &Solution,
        block: impl AsyncFnOnce() -> Option<Vec<u8>>,
    ) -> Verdict {
        let (via, word) = self.submit_solution(template, solution).await;
        match &word {
            Ok(Word::Yes) if via == "submitSolution@10" => return Verdict::Has(via),
            Ok(Word::No(reason)) if is_known(reason) => return Verdict::Has(via),
            _ => {}
        }
        let second = match block().await {
            Some(block) => self.submit_block(&block).await,
            None => Verdict::NoAnswer("the whole block could not be had".to_owned()),
        };
        match (word, second) {
            // It was told before, so `submitBlock` only confirmed.
            (Ok(Word::Yes), Verdict::Has(_) | Verdict::NoAnswer(_)) => Verdict::Has(via),
            (Ok(Word::No(reason)), Verdict::NoAnswer(_)) => Verdict::Refused(reason),
            (Err(error), Verdict::NoAnswer(also)) => Verdict::NoAnswer(format!("{error}; {also}")),
            (_, second) => second,
        }
    }

    /// Hands in a whole block.
    pub(super) async fn submit_block(&self, block: &[u8]) -> Verdict {
        const CALL: &str = "submitBlock";
        let word = async {
            let mut request = self.mining.submit_block_request();
            let mut params = request.get();
            params.set_block(block);
            on(params.init_context(), &self.threads.solutions);
            let reply = limited(CALL, SUBMIT_LIMIT, request.send().promise).await?;
            let reply = sense(CALL, reply.get())?;
            word(reply.get_result(), sense(CALL, reply.get_reason())?, sense(CALL, reply.get_debug())?)
        };
        match word.await {
            Ok(Word::Yes) => Verdict::Has(CALL),
            Ok(Word::No(reason)) if is_known(&reason) => Verdict::Has("submitBlock (already known)"),
            // Stored, valid as far as known, but another chain has more work.
            Ok(Word::No(reason)) if reason.starts_with("inconclusive") => {
                Verdict::Has("submitBlock (not on the best chain)")
            }
            // The node lags behind the one that made the template: ask again later.
            Ok(Word::No(reason)) if reason.starts_with("prev-blk-not-found") => Verdict::NoAnswer(reason),
            Ok(Word::No(reason)) => Verdict::Refused(reason),
            Ok(Word::Unknown) => Verdict::NoAnswer("this version does not know submitBlock".to_owned()),
            Err(error) => Verdict::NoAnswer(error.to_string()),
        }
    }

    async fn submit_solution(
        &self,
        template: &NodeTemplate,
        solution: &Solution,
    ) -> (&'static str, Result<Word, NodeError>) {
        if self.takes_solution_10.get() {
            match self.submit_solution_10(template, solution).await {
                Ok(Word::Unknown) => self.takes_solution_10.set(false),
                word => return ("submitSolution@10", word),
            }
        }
        ("submitSolution@7", self.submit_solution_7(template, solution).await)
    }

    async fn submit_solution_10(
        &self,
        template: &NodeTemplate,
        solution: &Solution,
    ) -> Result<Word, NodeError> {
        const CALL: &str = "submitSolution@10";
        let mut request = template.0.submit_solution10_request();
        let mut params = request.get();
        params.set_version(solution.version);
        params.set_timestamp(solution.ntime);
        params.set_nonce(solution.nonce);
        params.set_coinbase(&solution.coinbase);
        on(params.init_context(), &self.threads.solutions);
        match limited(CALL, SUBMIT_LIMIT, request.send().promise).await {
            Ok(reply) => {
                let reply = sense(CALL, reply.get())?;
                word(reply.get_result(), sense(CALL, reply.get_reason())?, sense(CALL, reply.get_debug())?)
            }
            Err(NodeError::Unimplemented(_)) => Ok(Word::Unknown),
            Err(error) => Err(error),
        }
    }

    async fn submit_solution_7(
        &self,
        template: &NodeTemplate,
        solution: &Solution,
    ) -> Result<Word, NodeError> {
        const CALL: &str = "submitSolution@7";
        let mut request = template.0.submit_solution7_request();
        let mut params = request.get();
        params.set_version(solution.version);
        params.set_timestamp(solution.ntime);
        params.set_nonce(solution.nonce);
        params.set_coinbase(&solution.coinbase);
        on(params.init_context(), &self.threads.solutions);
        let reply = limited(CALL, SUBMIT_LIMIT, request.send().promise).await?;
        let yes = sense(CALL, reply.get())?.get_result();
        Ok(if yes { Word::Yes } else { Word::No("submitSolution@7 said no, without a reason".to_owned()) })
    }
}

fn word(
    yes: bool,
    reason: capnp::text::Reader<'_>,
    debug: capnp::text::Reader<'_>,
) -> Result<Word, NodeError> {
    if yes {
        return Ok(Word::Yes);
    }
    let reason = String::from_utf8_lossy(reason.as_bytes()).into_owned();
    let debug = String::from_utf8_lossy(debug.as_bytes());
    Ok(Word::No(if debug.is_empty() { reason } else { format!("{reason}: {debug}") }))
}

/// "duplicate" is a block that the node has; "duplicate-invalid" is another matter.
fn is_known(reason: &str) -> bool {
    reason == "duplicate" || reason.starts_with("duplicate:")
}

#[cfg(test)]
mod tests;
