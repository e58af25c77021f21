//! The calls that we make on a Bitcoin Core, each with a time limit.

use super::convert::{self, Parts};
use super::error::NodeError;
use crate::mining_capnp::{block_template, coinbase_tx, mining};
use crate::proxy_capnp::{context, thread};
use crate::rpc_capnp::rpc;
use crate::{CoinbaseReserve, Template};
use bitcoin::consensus::deserialize;
use std::cell::Cell;
use std::time::{Duration, Instant};
use work::{CoinbaseTemplate, Hash256};

/// A connected Bitcoin Core.
pub(super) struct Node {
    pub(super) mining: mining::Client,
    /// After Core 31 only.
    pub(super) rpc: Option<rpc::Client>,
    pub(super) threads: Threads,
    /// What was found out of how this version takes solutions.
    pub(super) takes_solution_10: Cell<bool>,
}

/// Threads in the node. A call blocks its thread until it is done, so what must
/// not wait for each other has threads of its own.
pub(super) struct Threads {
    pub(super) tip: thread::Client,
    pub(super) fees: thread::Client,
    pub(super) calls: thread::Client,
    pub(super) blocks: thread::Client,
    pub(super) solutions: thread::Client,
}

/// A template that the node holds. Cheap to clone; the node lets go of it when the
/// last clone is dropped and no call on it is under way any more.
///
/// (Its `destroy` call would not wait for those calls, and take the node down.)
#[derive(Clone)]
pub(super) struct NodeTemplate(pub(super) block_template::Client);

/// The best chain's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tip {
    pub(super) hash: Hash256,
    pub(super) height: u32,
}

/// For calls that only read. Core may hold its locks for long while it connects
/// blocks or flushes.
pub(super) const READ_LIMIT: Duration = Duration::from_secs(120);

impl Node {
    pub(super) async fn is_test_chain(&self) -> Result<bool, NodeError> {
        let mut request = self.mining.is_test_chain_request();
        on(request.get().init_context(), &self.threads.calls);
        let reply = limited("isTestChain", READ_LIMIT, request.send().promise).await?;
        Ok(sense("isTestChain", reply.get())?.get_result())
    }

    pub(super) async fn is_initial_block_download(&self) -> Result<bool, NodeError> {
        let mut request = self.mining.is_initial_block_download_request();
        on(request.get().init_context(), &self.threads.calls);
        let reply = limited("isInitialBlockDownload", READ_LIMIT, request.send().promise).await?;
        Ok(sense("isInitialBlockDownload", reply.get())?.get_result())
    }

    /// The tip; `None` before the node has one.
    pub(super) async fn tip(&self) -> Result<Option<Tip>, NodeError> {
        const CALL: &str = "getTip";
        let mut request = self.mining.get_tip_request();
        on(request.get().init_context(), &self.threads.calls);
        let reply = limited(CALL, READ_LIMIT, request.send().promise).await?;
        let result = sense(CALL, reply.get())?;
        if !result.get_has_result() {
            return Ok(None);
        }
        let block = sense(CALL, result.get_result())?;
        Ok(Some(Tip { hash: hash(CALL, block.get_hash())?, height: height(block.get_height()) }))
    }

    /// Waits until the tip is another than `current`, at most `timeout`, and makes a
    /// coinbase-only template on it; on the same tip if it does not change. `None` when the
    /// wait was interrupted or the node shuts down.
    ///
    /// All of it is asked for now and done by one thread of the node, one thing after the
    /// other: at the new tip no question of ours has to find its way there first.
    pub(super) async fn next_tip(
        &self,
        current: Hash256,
        timeout: Duration,
        reserve: CoinbaseReserve,
    ) -> Result<Option<(NodeTemplate, Template)>, NodeError> {
        const CALL: &str = "waitTipChanged";
        let limit = timeout + READ_LIMIT;
        let mut request = self.mining.wait_tip_changed_request();
        let mut params = request.get();
        params.set_current_tip(&current.0);
        params.set_timeout(milliseconds(timeout));
        on(params.init_context(), &self.threads.tip);
        let changed = request.send().promise;
        let created = self.create(reserve, false, false, &self.threads.tip, Some(limit));
        let (changed, created) = tokio::join!(limited(CALL, limit, changed), created);
        let changed = changed?;
        let result = sense(CALL, changed.get())?;
        let known =
            result.has_result() && !sense(CALL, sense(CALL, result.get_result())?.get_hash())?.is_empty();
        // Where there is no tip, there is nothing to build on either.
        if known { created.map(Some) } else { Ok(None) }
    }

    /// Makes a template with transactions on the tip, in one round trip. With
    /// `cooldown` the node first catches up with the headers that it knows.
    pub(super) async fn create_full(
        &self,
        reserve: CoinbaseReserve,
        cooldown: bool,
    ) -> Result<(NodeTemplate, Template), NodeError> {
        // With it, that is as long as the node has blocks to catch up with.
        let limit = if cooldown { None } else { Some(READ_LIMIT) };
        self.create(reserve, true, cooldown, &self.threads.fees, limit).await
    }

    async fn create(
        &self,
        reserve: CoinbaseReserve,
        use_mempool: bool,
        cooldown: bool,
        thread: &thread::Client,
        limit: Option<Duration>,
    ) -> Result<(NodeTemplate, Template), NodeError> {
        const CALL: &str = "createNewBlock";
        let mut request = self.mining.create_new_block_request();
        let mut params = request.get();
        params.set_cooldown(cooldown);
        on(params.reborrow().init_context(), thread);
        let mut options = params.init_options();
        options.set_use_mempool(use_mempool);
        options.set_block_reserved_weight(reserved_weight(reserve));
        options.set_coinbase_output_max_additional_sigops(reserved_sigop_cost(reserve));
        let sent = request.send();
        // Pipelined: asked of the template before there is one.
        let pending = NodeTemplate(sent.pipeline.get_result());
        let created = async {
            let reply = match limit {
                None => answer(CALL, sent.promise.await)?,
                Some(limit) => limited(CALL, limit, sent.promise).await?,
            };
            let result = sense(CALL, reply.get())?;
            if !result.has_result() {
                return Err(NodeError::ShuttingDown);
            }
            Ok(NodeTemplate(sense(CALL, result.get_result())?))
        };
        let (created, template) = tokio::join!(created, pending.read(use_mempool, thread, limit));
        // The first error is the cause of the second.
        Ok((created?, template?))
    }

    /// Waits for a template that is worth more by `fee_threshold` satoshi than
    /// `base`, or is on another tip; at most `timeout`, and without one it only looks.
    /// `None` when it did not come.
    pub(super) async fn wait_next(
        &self,
        base: &NodeTemplate,
        fee_threshold: Option<u64>,
        timeout: Duration,
    ) -> Result<Option<NodeTemplate>, NodeError> {
        const CALL: &str = "waitNext";
        let mut request = base.0.wait_next_request();
        let mut params = request.get();
        on(params.reborrow().init_context(), &self.threads.fees);
        let mut options = params.init_options();
        options.set_timeout(milliseconds(timeout));
        let threshold = fee_threshold.and_then(|fees| i64::try_from(fees).ok());
        options.set_fee_threshold(threshold.unwrap_or(crate::mining_capnp::MAX_MONEY));
        let reply = limited(CALL, timeout + READ_LIMIT, request.send().promise).await?;
        let result = sense(CALL, reply.get())?;
        if !result.has_result() {
            return Ok(None);
        }
        Ok(Some(NodeTemplate(sense(CALL, result.get_result())?)))
    }

    /// Ends a `waitTipChanged` or `createNewBlock` that is under way.
    pub(super) async fn interrupt(&self) -> Result<(), NodeError> {
        let request = self.mining.interrupt_request();
        limited("interrupt", READ_LIMIT, request.send().promise).await.map(drop)
    }
}

impl NodeTemplate {
    /// Everything of the template that a job needs, in one round trip. An empty
    /// template (`full` false) has no merkle path and no fees to ask for.
    pub(super) async fn read(
        &self,
        full: bool,
        thread: &thread::Client,
        limit: Option<Duration>,
    ) -> Result<Template, NodeError> {
        let asked = async {
            let (header, coinbase, merkle_path, fees) = tokio::try_join!(
                self.header(thread),
                self.coinbase(thread),
                async { if full { self.merkle_path(thread).await } else { Ok(Vec::new()) } },
                async { if full { self.fees(thread).await } else { Ok(Vec::new()) } },
            )?;
            Ok(Parts { header, coinbase, merkle_path, fees })
        };
        let parts = match limit {
            None => asked.await?,
            Some(limit) => tokio::time::timeout(limit, asked)
                .await
                .map_err(|_| NodeError::Silent { call: "getBlockHeader", seconds: limit.as_secs() })??,
        };
        convert::template(parts, !full, Instant::now())
            .map_err(|error| NodeError::Answer { call: "getCoinbaseTx", reason: error.to_string() })
    }

    /// The whole block, with a coinbase that only fills the place.
    pub(super) async fn block(&self, thread: &thread::Client) -> Result<Vec<u8>, NodeError> {
        const CALL: &str = "getBlock";
        let mut request = self.0.get_block_request();
        on(request.get().init_context(), thread);
        let reply = limited(CALL, READ_LIMIT, request.send().promise).await?;
        Ok(sense(CALL, sense(CALL, reply.get())?.get_result())?.to_vec())
    }

    async fn header(&self, thread: &thread::Client) -> Result<Vec<u8>, NodeError> {
        const CALL: &str = "getBlockHeader";
        let mut request = self.0.get_block_header_request();
        on(request.get().init_context(), thread);
        let reply = answer(CALL, request.send().promise.await)?;
        Ok(sense(CALL, sense(CALL, reply.get())?.get_result())?.to_vec())
    }

    async fn coinbase(&self, thread: &thread::Client) -> Result<CoinbaseTemplate, NodeError> {
        const CALL: &str = "getCoinbaseTx";
        let mut request = self.0.get_coinbase_tx_request();
        on(request.get().init_context(), thread);
        let reply = answer(CALL, request.send().promise.await)?;
        coinbase(sense(CALL, sense(CALL, reply.get())?.get_result())?)
    }

    async fn merkle_path(&self, thread: &thread::Client) -> Result<Vec<Hash256>, NodeError> {
        const CALL: &str = "getCoinbaseMerklePath";
        let mut request = self.0.get_coinbase_merkle_path_request();
        on(request.get().init_context(), thread);
        let reply = answer(CALL, request.send().promise.await)?;
        let path = sense(CALL, sense(CALL, reply.get())?.get_result())?;
        path.iter().map(|sibling| hash(CALL, sibling)).collect()
    }

    async fn fees(&self, thread: &thread::Client) -> Result<Vec<i64>, NodeError> {
        const CALL: &str = "getTxFees";
        let mut request = self.0.get_tx_fees_request();
        on(request.get().init_context(), thread);
        let reply = answer(CALL, request.send().promise.await)?;
        let fees = sense(CALL, sense(CALL, reply.get())?.get_result())?;
        Ok(fees.iter().collect())
    }
}

/// Weight units to keep free: SV2 section 7.1's 1168 for a block without payouts, four
/// for each byte of them, and a margin.
fn reserved_weight(reserve: CoinbaseReserve) -> u64 {
    const MARGIN: u64 = 200;
    const CORE_FLOOR: u64 = 2_000;
    const CORE_CEILING: u64 = 4_000_000;
    (1_168 + 4 * u64::from(reserve.output_bytes) + MARGIN).clamp(CORE_FLOOR, CORE_CEILING)
}

/// A legacy signature operation costs four; no less than Core's own default.
fn reserved_sigop_cost(reserve: CoinbaseReserve) -> u64 {
    (4 * u64::from(reserve.sigops)).clamp(400, 80_000)
}

fn coinbase(tx: coinbase_tx::Reader<'_>) -> Result<CoinbaseTemplate, NodeError> {
    const CALL: &str = "getCoinbaseTx";
    let wrong = |reason: &str| NodeError::Answer { call: CALL, reason: reason.to_owned() };
    let witness = sense(CALL, tx.get_witness())?;
    let witness = match witness.len() {
        0 => None,
        _ => Some(witness.try_into().map_err(|_| wrong("the witness is not of 32 bytes"))?),
    };
    let mut required_outputs = Vec::new();
    for output in sense(CALL, tx.get_required_outputs())? {
        let bytes = sense(CALL, output)?;
        required_outputs.push(deserialize(bytes).map_err(|_| wrong("a required output is not an output"))?);
    }
    Ok(CoinbaseTemplate {
        version: tx.get_version(),
        sequence: tx.get_sequence(),
        script_sig_prefix: sense(CALL, tx.get_script_sig_prefix())?.to_vec(),
        witness,
        value_remaining: u64::try_from(tx.get_block_reward_remaining())
            .map_err(|_| wrong("the reward is negative"))?,
        required_outputs,
        lock_time: tx.get_lock_time(),
    })
}

/// Says on which of the node's threads a call runs.
pub(super) fn on(mut context: context::Builder<'_>, thread: &thread::Client) {
    context.set_thread(thread.clone());
}

/// Waits for the answer to `call`, no longer than `limit`.
pub(super) async fn limited<T>(
    call: &'static str,
    limit: Duration,
    reply: impl Future<Output = Result<T, capnp::Error>>,
) -> Result<T, NodeError> {
    match tokio::time::timeout(limit, reply).await {
        Ok(reply) => answer(call, reply),
        Err(_) => Err(NodeError::Silent { call, seconds: limit.as_secs() }),
    }
}

/// Errors of the node itself.
fn answer<T>(call: &'static str, reply: Result<T, capnp::Error>) -> Result<T, NodeError> {
    reply.map_err(|error| NodeError::from_capnp(call, &error))
}

/// Errors of reading an answer that came.
pub(super) fn sense<T>(call: &'static str, read: Result<T, capnp::Error>) -> Result<T, NodeError> {
    read.map_err(|error| NodeError::Answer { call, reason: error.to_string() })
}

fn hash(call: &'static str, bytes: Result<&[u8], capnp::Error>) -> Result<Hash256, NodeError> {
    let bytes = sense(call, bytes)?;
    let length = bytes.len();
    let hash = bytes.try_into();
    hash.map(Hash256).map_err(|_| NodeError::Answer { call, reason: format!("a hash of {length} bytes") })
}

fn height(height: i32) -> u32 {
    u32::try_from(height).unwrap_or(0)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_weight_covers_the_outputs_and_keeps_to_core_s_limits() {
        let weight = |output_bytes| reserved_weight(CoinbaseReserve { output_bytes, sigops: 0 });
        assert_eq!(weight(0), 2_000);
        assert!(weight(1_000) >= 1_168 + 4_000);
        assert_eq!(weight(u32::MAX), 4_000_000);
    }

    #[test]
    fn legacy_sigops_cost_four() {
        let cost = |sigops| reserved_sigop_cost(CoinbaseReserve { output_bytes: 0, sigops });
        assert_eq!(cost(500), 2_000);
        assert_eq!(cost(0), 400);
    }
}
