//! What a block may create out of nothing.

use bitcoin::Network;

/// The subsidy of the block at `height`, in satoshi, fees not counted.
///
/// 50 BTC, halved every 210 000 blocks; on regtest every 150.
pub fn block_subsidy(height: u32, network: Network) -> u64 {
    const FIRST: u64 = 50 * 100_000_000;
    let interval = match network {
        Network::Regtest => 150,
        _ => 210_000,
    };
    // Shifting by 64 or more is undefined in C++; Core says zero, and so do we.
    FIRST.checked_shr(height / interval).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsidy_halves_at_the_known_heights() {
        let btc = 100_000_000;
        for (height, expected) in [
            (0, 50 * btc),
            (209_999, 50 * btc),
            (210_000, 25 * btc),
            (840_000, 312_500_000),
            (1_050_000, 156_250_000),
            (6_929_999, 1),
            (6_930_000, 0),
            (u32::MAX, 0),
        ] {
            assert_eq!(block_subsidy(height, Network::Bitcoin), expected, "{height}");
        }
        assert_eq!(block_subsidy(149, Network::Regtest), 50 * btc);
        assert_eq!(block_subsidy(150, Network::Regtest), 25 * btc);
        assert_eq!(block_subsidy(150, Network::Signet), 50 * btc);
    }

    #[test]
    fn all_subsidies_together_are_a_little_less_than_21_million_coins() {
        let total: u64 = (0..64).map(|era| block_subsidy(era * 210_000, Network::Bitcoin) * 210_000).sum();
        assert_eq!(total, 2_099_999_997_690_000);
    }
}
