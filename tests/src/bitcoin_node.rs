//! A real Bitcoin Core on a chain of its own.

use crate::{Process, rpc, within_deadline};
use anyhow::{Context, Result, bail, ensure};
use bitcoin::{
    Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness, absolute, consensus, hex,
    transaction,
};
use serde_json::{Value, json};
use std::{
    env,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// A `bitcoin-node` with IPC on, no peers, and at least 17 blocks (coinbases of heights
/// up to 16 are encoded differently). Killed when dropped.
pub struct BitcoinNode {
    chain: Chain,
    rpc_port: u16,
    // Before its folder, so that it has ended when that is deleted.
    process: Process,
    folder: TempDir,
    /// Height of the next block whose coinbase [`pay_fee`](Self::pay_fee) spends.
    next_coin: u64,
}

/// Which chain a node is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// Half of all hashes are blocks: for finding blocks.
    Regtest,
    /// A custom signet where a block takes some five million hashes and anyone may sign:
    /// for shares that are not blocks.
    Signet,
}

/// Height of the chain that every node starts with.
pub const START_HEIGHT: u64 = 18;

/// Blocks 1 to 18 of the custom signet, one a line, so that no test has to grind them.
const SIGNET_BLOCKS: &str = include_str!("../fixtures/signet-18-blocks.hex");

/// A script that everyone can spend: `OP_TRUE`.
const ANYONE: &str = "raw(51)";

/// Longest path of a unix socket, in bytes.
const MAX_SOCKET_PATH: usize = 107;

impl BitcoinNode {
    /// Starts a node on regtest, or `None` where there is no `bitcoin-node` and the test
    /// should be left out. Under `tests/run` a missing node is an error instead.
    ///
    /// # Errors
    /// When the node does not come up.
    pub async fn regtest() -> Result<Option<BitcoinNode>> {
        BitcoinNode::start(Chain::Regtest).await
    }

    /// As [`regtest`](Self::regtest), on the custom signet.
    ///
    /// # Errors
    /// When the node does not come up.
    pub async fn signet() -> Result<Option<BitcoinNode>> {
        BitcoinNode::start(Chain::Signet).await
    }

    async fn start(chain: Chain) -> Result<Option<BitcoinNode>> {
        let Some(program) = find_program()? else {
            eprintln!("SKIPPED: no bitcoin-node; set BITCOIN_NODE or run tests/run");
            return Ok(None);
        };
        let folder = folder_for_sockets()?;
        let (process, rpc_port) = launch(&program, chain, folder.path()).await?;
        let node = BitcoinNode { chain, folder, rpc_port, process, next_coin: 1 };
        match chain {
            Chain::Regtest => node.generate(START_HEIGHT).await.map(drop)?,
            Chain::Signet => {
                node.submit_blocks(SIGNET_BLOCKS.lines()).await?;
            }
        }
        let (height, _) = node.tip().await?;
        ensure!(height == START_HEIGHT, "the node took only {height} of the first {START_HEIGHT} blocks");
        Ok(Some(node))
    }

    /// The chain it is on.
    pub fn chain(&self) -> Chain {
        self.chain
    }

    /// Its data directory.
    pub fn datadir(&self) -> &Path {
        self.folder.path()
    }

    /// The unix socket of its IPC interface.
    pub fn socket(&self) -> PathBuf {
        self.chain.folder(self.folder.path()).join("node.sock")
    }

    /// Its process, for its log.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Its RPC port; user and password are [`rpc::USER`].
    pub fn rpc_port(&self) -> u16 {
        self.rpc_port
    }

    /// Calls an RPC method.
    ///
    /// # Errors
    /// When the node cannot be reached or answers with an error.
    pub async fn rpc(&self, method: &str, params: Value) -> Result<Value> {
        within_deadline(method, rpc::call(self.rpc_port, method, params)).await?
    }

    /// Mines `count` blocks and returns their hashes (display order). On signet a block
    /// takes seconds.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn generate(&self, count: u64) -> Result<Vec<String>> {
        let hashes = self.rpc("generatetodescriptor", json!([count, ANYONE, 100_000_000])).await?;
        let hashes: Vec<String> = serde_json::from_value(hashes)?;
        ensure!(hashes.len() as u64 == count, "the node mined {} of {count} blocks", hashes.len());
        Ok(hashes)
    }

    /// Hands it whole blocks (hexadecimal), parents first; returns what it says of each:
    /// null, or why it is not the tip.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn submit_blocks(&self, blocks: impl Iterator<Item = &str>) -> Result<Vec<Value>> {
        let params = blocks.map(|block| json!([block])).collect();
        within_deadline("submitblock", rpc::call_each(self.rpc_port, "submitblock", params)).await?
    }

    /// Height and hash (display order) of the tip.
    ///
    /// # Errors
    /// When the RPC fails.
    pub async fn tip(&self) -> Result<(u64, String)> {
        height_and_hash(&self.rpc("waitforblockheight", json!([0])).await?)
    }

    /// Waits until the chain is at least `height` blocks high; returns the tip.
    ///
    /// # Errors
    /// When the deadline passes first.
    pub async fn wait_for_height(&self, height: u64) -> Result<(u64, String)> {
        height_and_hash(&self.rpc("waitforblockheight", json!([height])).await?)
    }

    /// Waits until the tip is another one than `hash` (display order); returns it.
    ///
    /// # Errors
    /// When the deadline passes first.
    pub async fn wait_for_tip_after(&self, hash: &str) -> Result<(u64, String)> {
        height_and_hash(&self.rpc("waitfornewblock", json!([0, hash])).await?)
    }

    /// The block with `hash` (display order), as `getblock` shows it with verbosity 2.
    ///
    /// # Errors
    /// When the node does not know it.
    pub async fn block(&self, hash: &str) -> Result<Value> {
        self.rpc("getblock", json!([hash, 2])).await
    }

    /// Puts a transaction that pays `fee` satoshi into the mempool, so that the template
    /// becomes worth more. Regtest only; mines until a coin is ripe.
    ///
    /// # Errors
    /// When the node refuses the transaction.
    pub async fn pay_fee(&mut self, fee: u64) -> Result<Txid> {
        const COINBASE_MATURITY: u64 = 100;
        ensure!(self.chain == Chain::Regtest, "there are no ripe coins on the signet");
        let (height, _) = self.tip().await?;
        let ripe_at = self.next_coin + COINBASE_MATURITY;
        if height < ripe_at {
            self.generate(ripe_at - height).await?;
        }
        let hash = self.rpc("getblockhash", json!([self.next_coin])).await?;
        self.next_coin += 1;
        let coinbase = self.block(hash.as_str().unwrap_or_default()).await?["tx"][0].clone();
        let raw = coinbase["hex"].as_str().context("getblock shows no coinbase")?;
        let coinbase: Transaction = consensus::encode::deserialize_hex(raw)?;
        let coin = coinbase.output.first().context("a coinbase without outputs")?.clone();
        let spend = Transaction {
            version: transaction::Version::TWO,
            lock_time: absolute::LockTime::ZERO,
            input: vec![TxIn {
                previous_output: OutPoint::new(coinbase.compute_txid(), 0),
                script_sig: ScriptBuf::new(),
                sequence: Sequence::MAX,
                witness: Witness::new(),
            }],
            output: vec![TxOut {
                value: coin
                    .value
                    .checked_sub(Amount::from_sat(fee))
                    .context("a fee above the coin's value")?,
                // Anyone can spend this too; long enough for the smallest size that is relayed.
                script_pubkey: ScriptBuf::from_bytes(vec![0x51; 8]),
            }],
        };
        let txid = spend.compute_txid();
        let bytes = consensus::serialize(&spend);
        let raw = hex::DisplayHex::to_lower_hex_string(bytes.as_slice());
        self.rpc("sendrawtransaction", json!([raw, 0])).await?;
        Ok(txid)
    }

    /// Ends it on the spot; the data directory stays for [`restart`](Self::restart).
    ///
    /// Its blocks are written to disk first: Bitcoin Core does so once an hour and would
    /// otherwise come back at height 0.
    ///
    /// # Errors
    /// When it has ended already.
    pub async fn kill(&mut self) -> Result<()> {
        self.rpc("gettxoutsetinfo", json!(["none"])).await?; // flushes as a side effect
        self.process.kill().await.map(drop)
    }

    /// Shuts it down in good order; the data directory stays.
    ///
    /// # Errors
    /// When it does not end within the deadline.
    pub async fn stop(&mut self) -> Result<()> {
        self.process.terminate().await.map(drop)
    }

    /// Starts it again on the same data directory and the same IPC socket.
    ///
    /// # Errors
    /// When it does not come up.
    pub async fn restart(&mut self) -> Result<()> {
        let program = find_program()?.context("bitcoin-node has disappeared")?;
        (self.process, self.rpc_port) = launch(&program, self.chain, self.folder.path()).await?;
        Ok(())
    }
}

impl Chain {
    /// The name that Bitcoin Core and `network = ` use.
    pub fn name(self) -> &'static str {
        match self {
            Chain::Regtest => "regtest",
            Chain::Signet => "signet",
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Chain::Regtest => &["-regtest", "-acceptnonstdtxn=1"],
            Chain::Signet => &["-signet", "-signetchallenge=51"],
        }
    }

    fn folder(self, datadir: &Path) -> PathBuf {
        datadir.join(self.name())
    }
}

/// `BITCOIN_NODE`, the PATH, then the cache that `tests/build-bitcoin-node` fills.
fn find_program() -> Result<Option<PathBuf>> {
    if let Some(path) = env::var_os("BITCOIN_NODE").map(PathBuf::from) {
        ensure!(path.is_file(), "BITCOIN_NODE={} is not a file", path.display());
        return Ok(Some(path));
    }
    let on_path = env::var_os("PATH").unwrap_or_default();
    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")))
        .unwrap_or_default();
    let found = env::split_paths(&on_path)
        .map(|folder| folder.join("bitcoin-node"))
        .chain([cache.join("punchbowl/bitcoin-node-0.4.1/bitcoin-node")])
        .find(|path| path.is_file());
    if found.is_none() && env::var("PUNCHBOWL_TESTS").as_deref() == Ok("required") {
        bail!("no bitcoin-node, and PUNCHBOWL_TESTS=required; tests/build-bitcoin-node makes one");
    }
    Ok(found)
}

/// A folder whose path is short enough for a unix socket in it.
fn folder_for_sockets() -> Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("pb-").tempdir()?;
    if folder.path().join("regtest/node.sock").as_os_str().len() <= MAX_SOCKET_PATH {
        return Ok(folder);
    }
    Ok(tempfile::Builder::new().prefix("pb-").tempdir_in("/tmp")?)
}

async fn launch(program: &Path, chain: Chain, datadir: &Path) -> Result<(Process, u16)> {
    // Another process may take the port between our choice and the node's; then again.
    const ATTEMPTS: u32 = 3;
    let mut failure = None;
    for _ in 0..ATTEMPTS {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(program);
        command
            .arg(format!("-datadir={}", datadir.display()))
            .args(chain.arguments())
            .args(["-listen=0", "-connect=0", "-dnsseed=0", "-fixedseeds=0", "-maxtipage=3153600000"])
            .args(["-ipcbind=unix", "-server", "-rpcbind=127.0.0.1", "-rpcallowip=127.0.0.1"])
            .args([format!("-rpcport={port}"), format!("-rpcuser={}", rpc::USER)])
            .arg(format!("-rpcpassword={}", rpc::USER))
            .args(["-printtoconsole", "-nodebuglogfile", "-dbcache=16"]);
        let process = Process::spawn("bitcoin-node", command)?;
        match process.line(|line| line.contains("init message: Done loading")).await {
            Ok(_) => return Ok((process, port)),
            Err(error) => failure = Some(error),
        }
    }
    Err(failure.context("no attempt was made")?)
}

fn height_and_hash(answer: &Value) -> Result<(u64, String)> {
    match (answer["height"].as_u64(), answer["hash"].as_str()) {
        (Some(height), Some(hash)) => Ok((height, hash.to_owned())),
        _ => bail!("expected a height and a hash, not {answer}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn regtest_node_mines_pays_fees_and_comes_back_after_a_kill() {
        let Some(mut node) = BitcoinNode::regtest().await.unwrap() else { return };
        assert!(node.socket().exists());
        let txid = node.pay_fee(5_000).await.unwrap();
        let hash = node.generate(1).await.unwrap().remove(0);
        let block = node.block(&hash).await.unwrap();
        assert_eq!(block["tx"][1]["txid"], txid.to_string());
        node.kill().await.unwrap();
        node.restart().await.unwrap();
        assert_eq!(node.tip().await.unwrap().1, hash);
    }

    #[tokio::test]
    async fn signet_node_starts_with_its_chain() {
        let Some(mut node) = BitcoinNode::signet().await.unwrap() else { return };
        assert_eq!(node.tip().await.unwrap().0, START_HEIGHT);
        node.stop().await.unwrap();
    }
}
