//! How large a coinbase a miner takes. The "15 outputs" that miners know are a limit in bytes
//! of some firmwares.

use ledger::payout::space::CoinbaseFrame;
use translator::CoinbaseClass;
use work::CoinbaseTemplate;
use work::coinbase::EXTRANONCE_OUTPUT;
use work::extranonce::EXTRANONCE_SIZE;

/// What a miner takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CoinbaseLimit {
    /// Bytes of the coinbase as it is sent, without its witness; none for a miner that is
    /// never sent it.
    bytes: Option<u32>,
    /// Little room for what follows the extranonce: see
    /// [`CoinbaseTemplate::split_short`](work::CoinbaseTemplate::split_short).
    short_tail: bool,
}

impl CoinbaseLimit {
    /// A standard channel: its miner hashes a header and sees no coinbase.
    pub const NONE: CoinbaseLimit = CoinbaseLimit { bytes: None, short_tail: false };
    /// An SV2 client with extended jobs of which nothing else is known. The message's fields
    /// hold 65 535 bytes each.
    pub const SV2: CoinbaseLimit = CoinbaseLimit { bytes: Some(60_000), short_tail: false };
    /// A client that takes frames of 8 192 bytes (ESP-Miner): 7 600, and the rest for sixteen
    /// hashes of the merkle path, the message's other fields and the seal.
    pub const SMALL_FRAMES: CoinbaseLimit = CoinbaseLimit { bytes: Some(7_600), short_tail: false };

    /// Bytes before the extranonce that firmware with little room behind it takes in its stead.
    pub const SHORT_HEAD: usize = 150;

    /// An SV2 client with extended jobs that calls itself `agent`.
    pub fn of_sv2(agent: &str) -> CoinbaseLimit {
        if translator::takes_small_frames(agent) { Self::SMALL_FRAMES } else { Self::SV2 }
    }

    /// Bytes that payout outputs may take in a coinbase like `coinbase` with `tag`, if the block
    /// has room for `in_block`.
    pub fn room(self, coinbase: &CoinbaseTemplate, tag: &[u8], in_block: u32) -> u32 {
        let Some(bytes) = self.bytes else { return in_block };
        let mut frame = CoinbaseFrame::new(
            coinbase.script_sig_prefix.len() + tag.len() + EXTRANONCE_SIZE,
            &coinbase.required_outputs,
        );
        if self.short_tail {
            frame.required_outputs += u32::try_from(EXTRANONCE_OUTPUT).unwrap_or(u32::MAX);
        }
        frame.room_in(bytes).min(in_block)
    }

    /// Whether the short form is for this miner at all.
    pub fn is_short_tail(self) -> bool {
        self.short_tail
    }

    /// Whether a coinbase with so many payouts is written in the short form for this miner: with
    /// a few, what follows the extranonce is short anyhow.
    pub fn wants_short_form(self, payouts: usize) -> bool {
        const FEW: usize = 3;
        self.short_tail && payouts > FEW
    }
}

impl From<CoinbaseClass> for CoinbaseLimit {
    fn from(class: CoinbaseClass) -> CoinbaseLimit {
        CoinbaseLimit {
            bytes: Some(u32::try_from(class.max_coinbase()).unwrap_or(u32::MAX)),
            short_tail: class.wants_short_tail(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bitcoin::{Amount, ScriptBuf, TxOut};

    fn output(sat: u64, script: Vec<u8>) -> TxOut {
        TxOut { value: Amount::from_sat(sat), script_pubkey: ScriptBuf::from(script) }
    }

    fn coinbase(value: u64) -> CoinbaseTemplate {
        CoinbaseTemplate {
            version: 2,
            sequence: 0xffff_fffe,
            script_sig_prefix: vec![3, 64, 13, 3],
            witness: Some([0; 32]),
            value_remaining: value,
            required_outputs: vec![output(0, vec![0x6a; 38])],
            lock_time: 0,
        }
    }

    #[test]
    fn a_coinbase_that_fills_its_room_is_as_large_as_its_class_takes_and_no_larger() {
        for class in CoinbaseClass::ALL {
            let limit = CoinbaseLimit::from(class);
            for tag in [&b""[..], b"/a tag/"] {
                let count = limit.room(&coinbase(0), tag, u32::MAX) / 31;
                let payouts: Vec<TxOut> = (0..count).map(|_| output(1, vec![0x51; 22])).collect();
                let template = coinbase(count.into());
                let split = if limit.wants_short_form(payouts.len()) {
                    template.split_short(&payouts, tag, EXTRANONCE_SIZE, CoinbaseLimit::SHORT_HEAD)
                } else {
                    template.split(&payouts, tag, EXTRANONCE_SIZE)
                };
                let split = split.unwrap();
                let size = split.prefix.len() + EXTRANONCE_SIZE + split.suffix.len();
                let most = class.max_coinbase();
                assert!(size <= most && size + 34 > most, "{class:?}: {size}");
                if class.wants_short_tail() {
                    assert!(split.prefix.len() <= 150 && split.suffix.len() <= 590, "{class:?}");
                }
            }
        }
    }

    #[test]
    fn the_block_may_have_less_room_than_the_miner() {
        assert_eq!(CoinbaseLimit::SV2.room(&coinbase(0), b"", 1_000), 1_000);
        assert_eq!(CoinbaseLimit::NONE.room(&coinbase(0), b"", 250_000), 250_000);
        assert!(CoinbaseLimit::SV2.room(&coinbase(0), b"", 250_000) < 60_000);
    }

    #[test]
    fn small_clients_of_stratum_v2_are_known_by_their_name() {
        assert_eq!(CoinbaseLimit::of_sv2("bitaxe BM1370 v2.9"), CoinbaseLimit::SMALL_FRAMES);
        assert_eq!(CoinbaseLimit::of_sv2("SRI translator"), CoinbaseLimit::SV2);
    }
}
