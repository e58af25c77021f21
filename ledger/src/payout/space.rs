//! Room in the coinbase: how much payout outputs take, how much there is, and how much to
//! have reserved before it is needed.

use bitcoin::{Script, TxOut};

/// Bytes of an output that pays `script`: value, length and script.
pub fn output_bytes(script: &Script) -> u32 {
    let length = script.len();
    // CompactSize; a script has at most 10 000 bytes.
    let prefix = if length < 0xfd { 1 } else { 3 };
    u32::try_from(8 + prefix + length).unwrap_or(u32::MAX)
}

/// The least satoshi that are worth an output: below, spending it costs more than a third
/// of it at 3 sat/vB, and Bitcoin Core does not relay a transaction that pays it. 294 for
/// P2WPKH, 330 for P2WSH and P2TR, 540 for P2SH, 546 for P2PKH.
///
/// Not consensus: a coinbase may pay less.
pub fn dust_limit(script: &Script) -> u64 {
    script.minimal_non_dust().to_sat()
}

/// The coinbase apart from its payout outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CoinbaseFrame {
    /// Bytes of the scriptSig: height, tag and extranonce.
    pub script_sig: u32,
    /// Bytes of the outputs that the template requires, serialised.
    pub required_outputs: u32,
}

impl CoinbaseFrame {
    /// For a coinbase with `script_sig` bytes and the template's `required` outputs.
    pub fn new(script_sig: usize, required: &[TxOut]) -> CoinbaseFrame {
        let required: usize = required.iter().map(TxOut::size).sum();
        CoinbaseFrame {
            script_sig: u32::try_from(script_sig).unwrap_or(u32::MAX),
            required_outputs: u32::try_from(required).unwrap_or(u32::MAX),
        }
    }

    /// Bytes left for payout outputs in a coinbase of at most `coinbase_bytes`, as it is
    /// sent to miners: without its witness. The classes of firmware differ in this.
    pub fn room_in(&self, coinbase_bytes: u32) -> u32 {
        // Version, count of inputs, outpoint, length of the scriptSig, sequence, count of
        // outputs (three bytes if there are many) and lock time.
        const FIXED: u32 = 4 + 1 + 36 + 1 + 4 + 3 + 4;
        coinbase_bytes
            .saturating_sub(FIXED)
            .saturating_sub(self.script_sig)
            .saturating_sub(self.required_outputs)
    }
}

/// How much room to have the template source reserve.
///
/// It is asked for before it is needed: when more than 85 % of it is used, half as much
/// again as is used; and given back when less than half is used. Between the two nothing
/// is asked, so that a member who comes and goes costs no new template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserve {
    asked: u32,
    least: u32,
    most: u32,
    used: u32,
}

impl Reserve {
    /// Asks for `least` bytes of outputs at first and for `most` at the utmost.
    pub fn new(least: u32, most: u32) -> Reserve {
        Reserve { asked: least.min(most), least: least.min(most), most, used: 0 }
    }

    /// Whether payouts would use more than may be asked for.
    pub fn is_full(&self) -> bool {
        self.used > self.most
    }

    /// What is asked for at present, in bytes of outputs.
    pub fn asked(&self) -> u32 {
        self.asked
    }

    /// Takes note that payouts would use `used` bytes if there were any room; the new
    /// sum to ask for, if it has to change.
    pub fn update(&mut self, used: u32) -> Option<u32> {
        self.used = used;
        let (used, asked) = (u64::from(used), u64::from(self.asked));
        if used * 100 <= asked * 85 && used * 100 >= asked * 50 {
            return None;
        }
        let wanted = u32::try_from(used.div_ceil(2) * 3).unwrap_or(u32::MAX).clamp(self.least, self.most);
        if wanted == self.asked {
            return None;
        }
        self.asked = wanted;
        Some(wanted)
    }
}

/// Bytes of outputs for which `weight` units of a block have room.
pub fn output_bytes_in_weight(weight: u64) -> u32 {
    u32::try_from(weight / 4).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bitcoin::{Amount, ScriptBuf};
    use proptest::prelude::*;
    use work::CoinbaseTemplate;

    /// An output that pays nothing yet, for its size.
    fn sized(script: &Script) -> TxOut {
        TxOut { value: Amount::ZERO, script_pubkey: script.to_owned() }
    }

    fn scripts() -> [(&'static str, ScriptBuf, u64); 5] {
        let script = |hex: &str| ScriptBuf::from_hex(hex).unwrap();
        let zeros = |count| "00".repeat(count);
        [
            ("p2wpkh", script(&format!("0014{}", zeros(20))), 294),
            ("p2wsh", script(&format!("0020{}", zeros(32))), 330),
            ("p2tr", script(&format!("5120{}", zeros(32))), 330),
            ("p2sh", script(&format!("a914{}87", zeros(20))), 540),
            ("p2pkh", script(&format!("76a914{}88ac", zeros(20))), 546),
        ]
    }

    #[test]
    fn dust_is_what_the_network_takes_it_for() {
        for (name, script, limit) in scripts() {
            assert_eq!(dust_limit(&script), limit, "{name}");
        }
    }

    #[test]
    fn an_output_takes_what_it_takes_serialised() {
        for length in [0, 22, 34, 252, 253, 300] {
            let script = ScriptBuf::from(vec![0x51; length]);
            assert_eq!(output_bytes(&script) as usize, sized(&script).size(), "{length}");
        }
    }

    #[test]
    fn a_coinbase_filled_to_its_class_has_the_size_of_its_class() {
        let payout = scripts()[0].1.clone();
        for (class, outputs) in [(500, 10), (755, 18), (2_250, 66), (6_500, 203), (16_000, 510)] {
            let template = CoinbaseTemplate {
                version: 2,
                sequence: 0,
                script_sig_prefix: vec![3, 1, 2, 3],
                witness: Some([0; 32]),
                value_remaining: 0,
                required_outputs: vec![sized(&ScriptBuf::from(vec![0x6a; 38]))],
                lock_time: 0,
            };
            let frame = CoinbaseFrame::new(4 + 16, &template.required_outputs);
            let count = frame.room_in(class) / output_bytes(&payout);
            let payouts = vec![sized(&payout); count as usize];
            let split = template.split(&payouts, &[], 16).unwrap();
            let size = split.prefix.len() + 16 + split.suffix.len();
            assert!(size <= class as usize && size + 34 > class as usize, "{class}: {size}");
            assert!(count.abs_diff(outputs) <= 2, "{class}: {count}");
        }
    }

    #[test]
    fn room_is_asked_for_before_it_is_needed_and_given_back_late() {
        let mut reserve = Reserve::new(1_000, 10_000);
        assert_eq!(reserve.update(500), None);
        assert_eq!(reserve.update(850), None);
        assert_eq!(reserve.update(851), Some(1_278));
        assert_eq!(reserve.update(1_000), None);
        assert_eq!(reserve.update(640), None);
        assert_eq!(reserve.update(638), Some(1_000)); // not below the least
        assert_eq!(reserve.update(100), None);
        assert_eq!(reserve.update(9_000), Some(10_000)); // nor above the most
        assert!(!reserve.is_full());
        assert_eq!(reserve.update(50_000), None);
        assert_eq!(reserve.update(u32::MAX), None);
        assert!(reserve.is_full());
    }

    proptest! {
        #[test]
        fn what_is_asked_is_enough_and_does_not_flutter(used in prop::collection::vec(0u32..20_000, 1..50)) {
            let mut reserve = Reserve::new(1_000, 100_000);
            for used in used {
                reserve.update(used);
                prop_assert!(reserve.asked() >= used);
                prop_assert_eq!(reserve.update(used), None);
            }
        }
    }
}
