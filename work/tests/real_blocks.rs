//! Blocks of the real chain: what we compute must be what is in them.
//!
//! `tests/data` holds them as hex: mainnet's block 1, block 170 (the first payment),
//! the block 0000000000013b8a... with nine transactions, the coinbase of block 620175
//! (with a witness commitment and another output behind it), and testnet3's block
//! 1263442 (with witnesses).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bitcoin::consensus::{deserialize, encode::serialize};
use bitcoin::hashes::Hash;
use bitcoin::hex::FromHex;
use bitcoin::{Block, Network, Transaction, TxOut};
use proptest::prelude::*;
use work::merkle::{coinbase_path, fold};
use work::{
    BIP323_MASK, CoinbaseTemplate, Difficulty, Hash256, Header, HeightPush, JobWork, SplitCoinbase,
    Submission, Target, Tip, block_subsidy, judge_extended,
};

const BLOCK_1: &str = include_str!("data/mainnet_1.hex");
const BLOCK_170: &str = include_str!("data/mainnet_170.hex");
const BLOCK_13B8A: &str = include_str!("data/mainnet_13b8a.hex");
const TESTNET_1263442: &str = include_str!("data/testnet_1263442.hex");
const COINBASE_620175: &str = include_str!("data/mainnet_620175_coinbase.hex");

fn bytes(hex: &str) -> Vec<u8> {
    Vec::from_hex(&hex.lines().collect::<String>()).unwrap()
}

/// All of them with their hashes and how many transactions they have.
fn blocks() -> Vec<(Block, &'static str, usize)> {
    let block = |hex| deserialize::<Block>(&bytes(hex)).unwrap();
    vec![
        (
            bitcoin::constants::genesis_block(Network::Bitcoin),
            "000000000019d6689c085ae165831e934ff763ae46a2a6c172b3f1b60a8ce26f",
            1,
        ),
        (block(BLOCK_1), "00000000839a8e6886ab5951d76f411475428afc90947ee320161bbf18eb6048", 1),
        (block(BLOCK_170), "00000000d1145790a8694403d4063f323d499e655c83426834d4ce2f8dd4a2ee", 2),
        (block(BLOCK_13B8A), "0000000000013b8ab2cd513b0261a14096412195a72a0c4827d229dcc7e0f7af", 9),
        (block(TESTNET_1263442), "000000006f27ddfe1dd680044a34548f41bed47eba9e6f0b310da21423bc5f33", 2),
    ]
}

fn header(block: &Block) -> Header {
    Header {
        version: block.header.version.to_consensus() as u32,
        prev_hash: Hash256(block.header.prev_blockhash.to_byte_array()),
        merkle_root: Hash256(block.header.merkle_root.to_byte_array()),
        ntime: block.header.time,
        nbits: block.header.bits.to_consensus(),
        nonce: block.header.nonce,
    }
}

fn txids(block: &Block) -> Vec<Hash256> {
    block.txdata.iter().map(|tx| Hash256(tx.compute_txid().to_byte_array())).collect()
}

/// Takes a coinbase apart as if its last four scriptSig bytes were the extranonce.
fn split(coinbase: &Transaction) -> (SplitCoinbase, Vec<u8>) {
    let input = &coinbase.input[0];
    let script_sig = input.script_sig.as_bytes();
    let (front, extranonce) = script_sig.split_at(script_sig.len() - 4);
    let (prefix, tag) = front.split_at(front.len().min(4));
    let is_payout = |output: &&TxOut| !output.script_pubkey.is_op_return();
    let template = CoinbaseTemplate {
        version: coinbase.version.0 as u32,
        sequence: input.sequence.0,
        script_sig_prefix: prefix.to_vec(),
        witness: input.witness.iter().next().map(|item| item.try_into().unwrap()),
        value_remaining: coinbase.output.iter().map(|output| output.value.to_sat()).sum(),
        required_outputs: coinbase.output.iter().filter(|output| !is_payout(output)).cloned().collect(),
        lock_time: coinbase.lock_time.to_consensus_u32(),
    };
    let payouts: Vec<TxOut> = coinbase.output.iter().filter(is_payout).cloned().collect();
    (template.split(&payouts, tag, extranonce.len()).unwrap(), extranonce.to_vec())
}

#[test]
fn headers_have_the_hashes_that_the_chain_has() {
    for (block, hash, _) in blocks() {
        let header = header(&block);
        assert_eq!(header.to_bytes()[..], serialize(&block.header));
        assert_eq!(header.hash().to_string(), hash);
        assert!(Target::from_compact(header.nbits).is_met_by(&header.hash()));
    }
}

#[test]
fn headers_of_2025_meet_their_targets() {
    for (raw, hash) in [
        (
            "00e07a26beaaeee2e71d7eb19279545edbaf15de0999983626ec00000000000000000000579cf78b65229bfb93f4a11463af2eaa5ad91780f27f5d147a423bea5f7e4cdf2a47e268b4dd01173a9662ee",
            "00000000000000000000325c7e14a4ee3b4fcb2343089a839287308a0ddbee4f",
        ),
        (
            "00c00020e7cb7b4de21d26d55bd384017b8bb9333ac3b2b55bed00000000000000000000d91b4484f801b99f03d36b9d26cfa83420b67f81da12d7e6c1e7f364e743c5ba9946e268b4dd011799c8533d",
            "00000000000000000000ec2636989909de15afdb5e547992b17e1de7e2eeaabe",
        ),
    ] {
        let raw: bitcoin::block::Header = deserialize(&bytes(raw)).unwrap();
        let header = header(&Block { header: raw, txdata: vec![] });
        assert_eq!(header.hash().to_string(), hash);
        let target = Target::from_compact(header.nbits);
        assert!(target.is_met_by(&header.hash()));
        assert_eq!(target.to_compact(), header.nbits);
        // As the explorers showed it in October 2025.
        assert_eq!((target.difficulty().0 / 1e12 * 100.0).round(), 15084.0);
    }
}

#[test]
fn difficulties_are_those_that_explorers_show() {
    for (nbits, difficulty) in
        [(0x1d00_ffff, 1.0), (0x1b04_864c, 14_484.162_361), (0x1b04_04cb, 16_307.420_938)]
    {
        let shown = Target::from_compact(nbits).difficulty().0;
        assert!((shown - difficulty).abs() < 1e-6, "{shown} for {nbits:08x}");
        let target = Target::from_difficulty(Difficulty(shown));
        assert_eq!(target.to_compact(), nbits);
    }
}

#[test]
fn the_merkle_path_of_the_coinbase_leads_to_the_root() {
    for (block, hash, transactions) in blocks() {
        let txids = txids(&block);
        assert_eq!(txids.len(), transactions, "{hash}");
        let path = coinbase_path(&txids[1..]);
        assert_eq!(path.len() as u32, (transactions as u32).next_power_of_two().ilog2(), "{hash}");
        assert_eq!(fold(txids[0], &path), header(&block).merkle_root, "{hash}");
    }
}

#[test]
fn coinbases_survive_being_split_and_joined() {
    let alone: Transaction = deserialize(&bytes(COINBASE_620175)).unwrap();
    assert_eq!(
        alone.compute_txid().to_string(),
        "bb11c194ff4b605dba45b1cfc5cd79b6ecaf722634ca1245e9e8f1fc52e187f4"
    );
    let of_blocks = blocks().into_iter().map(|(block, ..)| block.txdata[0].clone());
    for coinbase in of_blocks.chain([alone]) {
        let (split, extranonce) = split(&coinbase);
        assert_eq!(split.to_block_bytes(&extranonce), serialize(&coinbase));
        assert_eq!(split.txid(&extranonce).0, coinbase.compute_txid().to_byte_array());
    }
}

#[test]
fn heights_and_subsidies_are_those_of_the_chain() {
    let coinbase: Transaction = deserialize(&bytes(COINBASE_620175)).unwrap();
    let (height, _) = HeightPush::parse(coinbase.input[0].script_sig.as_bytes()).unwrap();
    assert_eq!(height, 620_175);
    let paid: u64 = coinbase.output.iter().map(|output| output.value.to_sat()).sum();
    assert!(paid > block_subsidy(height, Network::Bitcoin) && paid < 2 * 1_250_000_000);

    let testnet: Block = deserialize(&bytes(TESTNET_1263442)).unwrap();
    let script_sig = testnet.txdata[0].input[0].script_sig.as_bytes();
    assert_eq!(HeightPush::parse(script_sig).map(|(height, _)| height), Some(1_263_442));
}

#[test]
fn every_real_block_is_judged_to_be_one() {
    for (block, hash, _) in blocks() {
        let header = header(&block);
        let (coinbase, extranonce) = split(&block.txdata[0]);
        let work = JobWork::new(header.version, true, coinbase, coinbase_path(&txids(&block)[1..]));
        let target = Target::from_compact(header.nbits);
        let tip = Tip {
            prev_hash: header.prev_hash,
            nbits: header.nbits,
            network_target: target,
            min_ntime: header.ntime,
        };
        let share = Submission { version: header.version, ntime: header.ntime, nonce: header.nonce };
        let parts: [&[u8]; 2] = [&extranonce[..1], &extranonce[1..]];
        let judge = |share| judge_extended(&work, &tip, &parts, &share, &target, header.ntime, BIP323_MASK);
        let judged = judge(share).unwrap();
        assert!(judged.is_block && judged.is_share);
        assert_eq!(judged.hash.to_string(), hash);
        assert!(judge(Submission { nonce: share.nonce ^ 1, ..share }).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_merkle_path_agrees_with_rust_bitcoin_on_any_number_of_transactions(count in 1usize..3000, seed: u64) {
        let txids: Vec<Hash256> =
            (0..count as u64).map(|index| work::sha256d(&[seed, index].map(u64::to_le_bytes).concat())).collect();
        let oracle = bitcoin::merkle_tree::calculate_root(
            txids.iter().map(|txid| bitcoin::Txid::from_byte_array(txid.0)),
        );
        let root = fold(txids[0], &coinbase_path(&txids[1..]));
        prop_assert_eq!(root.0, oracle.unwrap().to_byte_array());
    }
}
