//! The chain itself: blocks on top of the real regtest genesis, one after another,
//! each checked before it is kept. No clock: the time is a parameter.

use super::EmbeddedError;
use super::coins::{Coins, anyone_can_spend};
use super::rules::{Parent, RuleError, check_block, height_push};
use super::store::BlockStore;
use bitcoin::block::{Header, Version};
use bitcoin::hashes::Hash;
use bitcoin::{
    Amount, Block, BlockHash, CompactTarget, Network, OutPoint, Sequence, Target, Transaction, TxIn,
    TxMerkleNode, TxOut, Witness, WitnessCommitment, absolute, transaction,
};
use std::collections::VecDeque;
use std::path::Path;

/// The regtest difficulty: every other hash is a block.
pub const REGTEST_NBITS: u32 = 0x207f_ffff;

/// Blocks that every embedded chain starts with: heights above 16 (whose BIP34
/// push is short) and some matured coinbases to spend.
pub const PREMINED_BLOCKS: u32 = 116;

/// Version of the blocks that the chain makes.
pub(super) const BLOCK_VERSION: i32 = 0x2000_0000;

/// Key of BIP141's witness commitment: the coinbase's only witness item.
pub(super) const WITNESS_RESERVED_VALUE: [u8; 32] = [0; 32];

const MEDIAN_TIME_SPAN: usize = 11;

/// Blocks, coins and tip.
#[derive(Debug)]
pub(super) struct Chain {
    store: BlockStore,
    coins: Coins,
    tip: BlockHash,
    /// Times of the last [`MEDIAN_TIME_SPAN`] blocks.
    recent_times: VecDeque<u32>,
    /// Difficulty of the blocks after the premine.
    nbits: u32,
}

impl Chain {
    /// Opens the chain in `data_dir`, or a new one in memory, re-checking every
    /// block and mining the first [`PREMINED_BLOCKS`] if they are not there.
    ///
    /// # Errors
    /// When the file cannot be used or holds a block that breaks a rule.
    pub(super) fn open(data_dir: Option<&Path>, nbits: u32, now: u32) -> Result<Chain, EmbeddedError> {
        if Target::from_compact(CompactTarget::from_consensus(nbits)) == Target::ZERO {
            return Err(EmbeddedError::Difficulty(nbits));
        }
        let genesis = bitcoin::constants::genesis_block(Network::Regtest);
        let store = match data_dir {
            Some(dir) => BlockStore::open(dir)?,
            None => BlockStore::in_memory(),
        };
        let mut chain = Chain {
            store,
            coins: Coins::default(),
            tip: genesis.block_hash(),
            recent_times: VecDeque::from([genesis.header.time]),
            nbits,
        };
        chain.replay(now)?;
        chain.premine(genesis.header.time)?;
        Ok(chain)
    }

    pub(super) fn height(&self) -> u32 {
        self.store.len() as u32
    }

    pub(super) fn tip(&self) -> BlockHash {
        self.tip
    }

    pub(super) fn coins(&self) -> &Coins {
        &self.coins
    }

    /// What the next block builds on.
    pub(super) fn parent(&self) -> Parent {
        self.parent_at(self.height())
    }

    /// The block at `height`; `None` above the tip.
    ///
    /// # Errors
    /// When it cannot be read back.
    pub(super) fn block(&mut self, height: u32) -> Result<Option<Block>, EmbeddedError> {
        match height.checked_sub(1) {
            None => Ok(Some(bitcoin::constants::genesis_block(Network::Regtest))),
            Some(index) => self.store.get(index as usize),
        }
    }

    /// Checks `block` and makes it the tip. When this returns it is on disk.
    ///
    /// # Errors
    /// The rule that it breaks, or that it could not be written.
    pub(super) fn append(&mut self, block: &Block, now: u32) -> Result<(), AppendError> {
        let effect = check_block(block, &self.parent(), &self.coins, now)?;
        self.store.append(block)?;
        self.advance(block);
        self.coins.apply(effect);
        Ok(())
    }

    /// A solved coinbase-only block on the tip at the regtest difficulty, paying
    /// anyone, with a time of `now` or the first that is allowed.
    pub(super) fn mine_empty(&self, now: u32) -> Block {
        let parent = self.parent();
        let coinbase = coinbase_paying_anyone(parent.height + 1, parent.subsidy);
        let mut block = Block {
            header: Header {
                version: Version::from_consensus(BLOCK_VERSION),
                prev_blockhash: parent.hash,
                merkle_root: TxMerkleNode::all_zeros(),
                time: now.max(parent.median_time_past + 1),
                bits: CompactTarget::from_consensus(REGTEST_NBITS),
                nonce: 0,
            },
            txdata: vec![coinbase],
        };
        block.header.merkle_root = block.compute_merkle_root().unwrap_or(TxMerkleNode::all_zeros());
        let target = Target::from_compact(block.header.bits);
        // Every other hash will do.
        while !target.is_met_by(block.header.block_hash()) {
            block.header.nonce = block.header.nonce.wrapping_add(1);
        }
        block
    }

    fn replay(&mut self, now: u32) -> Result<(), EmbeddedError> {
        for index in 0..self.store.len() {
            let height = index as u32 + 1;
            let Some(block) = self.store.get(index)? else { break };
            let effect = check_block(&block, &self.parent_at(index as u32), &self.coins, now)
                .map_err(|rule| EmbeddedError::InvalidBlock { height, rule: rule.to_string() })?;
            self.advance(&block);
            self.coins.apply(effect);
        }
        Ok(())
    }

    /// The same blocks every time, at the spacing of ten minutes after `genesis_time`.
    fn premine(&mut self, genesis_time: u32) -> Result<(), EmbeddedError> {
        while self.height() < PREMINED_BLOCKS {
            let height = self.height() + 1;
            let time = genesis_time + height * 600;
            let block = self.mine_empty(time);
            self.append(&block, time).map_err(|error| match error {
                AppendError::Rule(rule) => EmbeddedError::InvalidBlock { height, rule: rule.to_string() },
                AppendError::Store(error) => error,
            })?;
        }
        Ok(())
    }

    fn advance(&mut self, block: &Block) {
        self.tip = block.block_hash();
        self.recent_times.push_back(block.header.time);
        if self.recent_times.len() > MEDIAN_TIME_SPAN {
            self.recent_times.pop_front();
        }
    }

    fn parent_at(&self, height: u32) -> Parent {
        let next = height + 1;
        Parent {
            hash: self.tip,
            height,
            median_time_past: median(&self.recent_times),
            nbits: if next <= PREMINED_BLOCKS { REGTEST_NBITS } else { self.nbits },
            easy_nbits: REGTEST_NBITS,
            subsidy: subsidy(next, self.nbits),
        }
    }
}

/// Why a block was not appended.
#[derive(Debug)]
pub(super) enum AppendError {
    Rule(RuleError),
    Store(EmbeddedError),
}

impl From<RuleError> for AppendError {
    fn from(rule: RuleError) -> AppendError {
        AppendError::Rule(rule)
    }
}

impl From<EmbeddedError> for AppendError {
    fn from(error: EmbeddedError) -> AppendError {
        AppendError::Store(error)
    }
}

/// Subsidy in satoshi of the block at `height`. Regtest halves every 150 blocks; a
/// private chain (another difficulty) halves as mainnet does, so that a load test
/// does not run out of money.
fn subsidy(height: u32, nbits: u32) -> u64 {
    let interval = if nbits == REGTEST_NBITS { 150 } else { 210_000 };
    (50 * Amount::ONE_BTC.to_sat()).checked_shr(height / interval).unwrap_or(0)
}

/// The witness commitment output (BIP141) over `transactions`, coinbase left out.
pub(super) fn commitment_output(transactions: &[Transaction]) -> TxOut {
    let coinbase = Hash::all_zeros();
    let leaves =
        std::iter::once(coinbase).chain(transactions.iter().map(|tx| tx.compute_wtxid().to_raw_hash()));
    let root = bitcoin::merkle_tree::calculate_root(leaves).unwrap_or(coinbase);
    let commitment = Block::compute_witness_commitment(
        &bitcoin::WitnessMerkleNode::from_raw_hash(root),
        &WITNESS_RESERVED_VALUE,
    );
    TxOut { value: Amount::ZERO, script_pubkey: commitment_script(commitment) }
}

fn commitment_script(commitment: WitnessCommitment) -> bitcoin::ScriptBuf {
    const PREFIX: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];
    bitcoin::ScriptBuf::from_bytes([PREFIX.as_slice(), commitment.as_byte_array()].concat())
}

fn coinbase_paying_anyone(height: u32, value: u64) -> Transaction {
    let mut script_sig = height_push(height);
    script_sig.push(0); // heights up to 16 are one byte, consensus wants two
    Transaction {
        version: transaction::Version::TWO,
        lock_time: absolute::LockTime::ZERO,
        input: vec![TxIn {
            previous_output: OutPoint::null(),
            script_sig: script_sig.into(),
            sequence: Sequence::MAX,
            witness: Witness::from_slice(&[WITNESS_RESERVED_VALUE]),
        }],
        output: vec![
            TxOut { value: Amount::from_sat(value), script_pubkey: anyone_can_spend() },
            commitment_output(&[]),
        ],
    }
}

fn median(times: &VecDeque<u32>) -> u32 {
    let mut sorted: Vec<u32> = times.iter().copied().collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}
