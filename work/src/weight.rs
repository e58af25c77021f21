//! How much of a block to leave free for the coinbase.

/// Weight to have Bitcoin Core reserve in a template (`block_reserved_weight`, in weight
/// units) when the pool's own coinbase outputs take `output_bytes` bytes serialised.
///
/// SV2 section 7.1 reserves `1168 + 4 * output_bytes`, the largest that everything but
/// the payout outputs can be:
///
/// | bytes | what | weight |
/// |---|---|---|
/// | 80 | header | 320 |
/// | 3 | count of transactions | 12 |
/// | 153 | coinbase: version 4, count of inputs 1, outpoint 36, scriptSig 1 + 100, sequence 4, count of outputs 3, lock time 4 | 612 |
/// | 36 | coinbase, witness data: marker and flag 2, one item of 32 bytes 34 | 36 |
/// | 47 | the witness commitment output | 188 |
///
/// On top comes a margin for a second required output, since a block over the limit by
/// one byte is worth nothing. Core accepts no less than 2000.
pub fn reserved_weight(output_bytes: usize) -> u64 {
    const WITHOUT_OUTPUTS: u64 = 320 + 12 + 612 + 36 + 188;
    const MARGIN: u64 = 400;
    const MINIMUM_OF_CORE: u64 = 2000;
    let outputs = (output_bytes as u64).saturating_mul(4);
    outputs.saturating_add(WITHOUT_OUTPUTS + MARGIN).max(MINIMUM_OF_CORE)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::coinbase::CoinbaseTemplate;
    use bitcoin::{Amount, ScriptBuf, Transaction, TxOut, Weight, consensus::deserialize};

    #[test]
    fn the_largest_coinbase_with_header_and_count_fits_in_what_is_reserved() {
        for payouts in [1usize, 2, 252, 253, 3000] {
            let payout = TxOut { value: Amount::from_sat(1), script_pubkey: ScriptBuf::from(vec![0x51; 34]) };
            let template = CoinbaseTemplate {
                version: 2,
                sequence: 0,
                script_sig_prefix: vec![3, 1, 2, 3],
                witness: Some([0; 32]),
                value_remaining: payouts as u64,
                required_outputs: vec![TxOut {
                    value: Amount::ZERO,
                    script_pubkey: ScriptBuf::from(vec![0x6a; 38]),
                }],
                lock_time: 1,
            };
            let split = template.split(&vec![payout; payouts], &[7; 80], 16).unwrap();
            let coinbase: Transaction = deserialize(&split.to_block_bytes(&[0; 16])).unwrap();
            let header_and_count = Weight::from_non_witness_data_size(80 + 3);
            let needed = (coinbase.weight() + header_and_count).to_wu();
            let reserved = reserved_weight(payouts * 43);
            assert!(needed <= reserved, "{payouts}: {needed} > {reserved}");
            assert!(reserved <= (needed + 420).max(2000), "{payouts}: {reserved} is wasteful for {needed}");
        }
    }

    #[test]
    fn absurd_sizes_saturate() {
        assert_eq!(reserved_weight(0), 2000);
        assert_eq!(reserved_weight(usize::MAX), u64::MAX);
    }
}
