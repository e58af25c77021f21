//! A miner of one thread, for templates that are easy to solve.

use bitcoin::{Amount, ScriptBuf, TxOut};
use template_provider::{Solution, Template};
use work::{Header, Target, merkle};

/// Solves `template` with a coinbase that pays everything to `OP_TRUE`; `tag` makes
/// the coinbase another one.
pub fn solve(template: &Template, tag: &[u8]) -> Solution {
    solve_paying(template, template.coinbase.value_remaining, tag)
}

/// As [`solve`], but pays `value`, right or wrong.
pub fn solve_paying(template: &Template, value: u64, tag: &[u8]) -> Solution {
    let mut coinbase = template.coinbase.clone();
    coinbase.value_remaining = value;
    let payout = TxOut { value: Amount::from_sat(value), script_pubkey: ScriptBuf::from_bytes(vec![0x51]) };
    let extranonce = [7; 8];
    let split = coinbase.split(&[payout], tag, extranonce.len()).unwrap();
    let header = Header {
        version: template.version,
        prev_hash: template.prev_hash,
        merkle_root: merkle::fold(split.txid(&extranonce), &template.merkle_path),
        ntime: template.ntime,
        nbits: template.nbits,
        nonce: 0,
    };
    finish(template, header, split.to_block_bytes(&extranonce))
}

/// Finds the nonce.
pub fn finish(template: &Template, mut header: Header, coinbase: Vec<u8>) -> Solution {
    let target = Target::from_compact(header.nbits);
    while !target.is_met_by(&header.hash()) {
        header.nonce += 1;
    }
    Solution {
        template_id: template.id,
        version: header.version,
        ntime: header.ntime,
        nonce: header.nonce,
        coinbase,
        hash: header.hash(),
    }
}
