//! Heat mode: work for warmth alone.
//!
//! When the pool is gone, miners that heat a room can be given a job on the last known
//! tip so that they stay warm. It must be plain that nobody is paid for it: the job's
//! coinbase says so and creates no coins at all, so that even a block found with it would
//! give nobody anything; and its shares go nowhere.

use crate::sv1::notice::JobText;
use crate::upstream::Job;
use std::sync::Arc;

/// In the scriptSig and in the only output of every heat job.
pub const MARK: &[u8] = b"heat only, never payable";

/// A job like `last` that pays nobody. `extranonce` bytes are the miner's.
pub fn job(last: &Job, extranonce: usize) -> Job {
    let (head, tail) = coinbase(extranonce);
    let text: Arc<JobText> = JobText::new(&last.prev_hash, (&head, &tail), &[]);
    Job { id: 0, text, ..last.clone() }
}

/// The coinbase of every heat job, before and after `extranonce` bytes.
pub fn coinbase(extranonce: usize) -> (Vec<u8>, Vec<u8>) {
    const OP_RETURN: u8 = 0x6a;
    let script_sig = MARK.len() + extranonce;
    let mut head = Vec::with_capacity(80);
    head.extend_from_slice(&2u32.to_le_bytes()); // version
    head.push(1); // one input ...
    head.extend_from_slice(&[0; 32]); // ... that spends nothing
    head.extend_from_slice(&u32::MAX.to_le_bytes());
    head.push(u8::try_from(script_sig).unwrap_or(u8::MAX)); // some 40 bytes
    head.extend_from_slice(MARK);

    let mut tail = Vec::with_capacity(60);
    tail.extend_from_slice(&u32::MAX.to_le_bytes()); // sequence
    tail.push(1); // one output ...
    tail.extend_from_slice(&0u64.to_le_bytes()); // ... of nothing
    tail.push(MARK.len() as u8 + 2);
    tail.extend_from_slice(&[OP_RETURN, MARK.len() as u8]);
    tail.extend_from_slice(MARK);
    tail.extend_from_slice(&0u32.to_le_bytes()); // lock time
    (head, tail)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::sv1::notice::Notify;
    use crate::sv1::quantity::{JobId, Nbits, Ntime, Version};
    use bitcoin::Transaction;
    use bitcoin::consensus::deserialize;
    use bitcoin::hex::FromHex;
    use work::Hash256;

    #[test]
    fn a_heat_job_is_a_coinbase_that_pays_nobody_and_says_so() {
        let last = Job {
            id: 7,
            text: JobText::new(&Hash256([3; 32]), (&[1], &[2]), &[Hash256([4; 32])]),
            prev_hash: Hash256([3; 32]),
            version: 0x2000_0000,
            version_rolling: true,
            nbits: 0x1700_0000,
            ntime: 5,
        };
        let heat = job(&last, 12);
        let mut line = String::new();
        Notify {
            id: JobId(1),
            text: &heat.text,
            prefix: &[],
            version: Version(heat.version),
            nbits: Nbits(heat.nbits),
            ntime: Ntime(heat.ntime),
            clean: true,
        }
        .write(&mut line);
        let notify: serde_json::Value = serde_json::from_str(&line).unwrap();
        let params = &notify["params"];
        let hex =
            format!("{}{}{}", params[2].as_str().unwrap(), "00".repeat(12), params[3].as_str().unwrap());
        let coinbase: Transaction = deserialize(&Vec::from_hex(&hex).unwrap()).unwrap();
        assert!(coinbase.is_coinbase());
        assert_eq!(coinbase.output.len(), 1);
        assert_eq!(coinbase.output[0].value.to_sat(), 0);
        assert!(coinbase.output[0].script_pubkey.is_op_return());
        assert!(coinbase.input[0].script_sig.as_bytes().starts_with(MARK));
        assert_eq!(params[4].as_array().unwrap().len(), 0);
    }
}
