//! What the next block would pay: coinbases as they are handed to miners, read back.
//!
//! Nothing here is computed anew: the bytes of the jobs are decoded, so that what is shown
//! is what is mined.

use crate::described;
use crate::job::Job;
use bitcoin::consensus::deserialize;
use bitcoin::{Address, Network, Transaction};
use serde::Serialize;

described! {
    /// A coinbase that is being mined.
    #[derive(Clone, Debug, PartialEq, Serialize)]
    pub struct CoinbaseView {
        /// For whom: a class of firmware, or a member in solo mode.
        pub class: String,
        /// Who mines it: how many channels, or whom.
        pub note: String,
        /// Height of the block.
        pub height: u32,
        /// What it pays in all, in satoshi.
        pub value: u64,
        /// Fees of the transactions in the block, in satoshi.
        pub fees: u64,
        /// Bytes of the transaction without its witness.
        pub bytes: u64,
        /// Transactions in the block besides this one, as far as the merkle path tells.
        pub merkle_path: u64,
        /// The text in its input that people can read.
        pub tag: String,
        /// Its outputs, in their order.
        pub outputs: Vec<OutputView>,
    }
}

described! {
    /// An output.
    #[derive(Clone, Debug, PartialEq, Serialize)]
    pub struct OutputView {
        /// In satoshi.
        pub value: u64,
        /// Part of the whole, 0 to 1.
        pub part: f64,
        /// The address; none for data.
        pub address: Option<String>,
        /// The script, hexadecimal.
        pub script: String,
        /// Whose it is, where that is known.
        pub owner: Option<String>,
        /// Why it is there.
        pub why: String,
    }
}

/// Whose an output is and why it is there.
pub type Named = (Option<String>, String);

impl CoinbaseView {
    /// The coinbase of `job`; `named` tells whose an address is. None when it does not decode,
    /// which no job that miners take does.
    pub fn read(
        job: &Job,
        network: Network,
        class: &str,
        note: String,
        named: impl Fn(&str) -> Named,
    ) -> Option<CoinbaseView> {
        let split = job.work.coinbase();
        let extranonce = vec![0; split.extranonce_size];
        let bytes = [&*split.prefix, &*extranonce, &*split.suffix].concat();
        let coinbase: Transaction = deserialize(&bytes).ok()?;
        let value = coinbase.output.iter().map(|output| output.value.to_sat()).sum::<u64>();
        let outputs = coinbase.output.iter().map(|output| {
            let script = &output.script_pubkey;
            let address = Address::from_script(script, network).ok().map(|address| address.to_string());
            let (owner, why) = match &address {
                Some(address) => named(address),
                None => (None, data(script.as_bytes()).to_owned()),
            };
            OutputView {
                value: output.value.to_sat(),
                part: if value > 0 { output.value.to_sat() as f64 / value as f64 } else { 0.0 },
                address,
                script: script.to_hex_string(),
                owner,
                why,
            }
        });
        let script_sig = coinbase.input.first().map(|input| input.script_sig.to_bytes()).unwrap_or_default();
        Some(CoinbaseView {
            class: class.to_owned(),
            note,
            height: job.height,
            value,
            fees: job.fees,
            bytes: bytes.len() as u64,
            merkle_path: job.work.merkle_path().len() as u64,
            tag: readable(&script_sig),
            outputs: outputs.collect(),
        })
    }
}

/// What an output without an address is.
fn data(script: &[u8]) -> &'static str {
    const WITNESS: [u8; 6] = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];
    match script {
        script if script.starts_with(&WITNESS) => {
            "commitment to the transactions' signatures (BIP141), which every block with SegWit needs"
        }
        [0x6a, ..] => "data that everybody can read",
        _ => "a script without an address",
    }
}

/// Runs of at least four printable characters.
fn readable(script: &[u8]) -> String {
    let printable = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let runs = script.split(|byte| !printable(byte)).filter(|run| run.len() >= 4);
    runs.map(|run| String::from_utf8_lossy(run).into_owned()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_can_read_is_found_among_bytes() {
        assert_eq!(readable(b"\x03\xa1\x01\x00/Punchbowl/\x00\x01ab\x00"), "/Punchbowl/");
        assert_eq!(readable(&[1, 2, 3]), "");
    }
}
