//! The firmwares that are known. The first row that matches counts.

use super::{CoinbaseClass, Firmware};
use CoinbaseClass::{Antminer, Antminer2, Respectable, Tiny, Yuge};
use work::{Difficulty, HashRate};

/// A row: any of these words in the lower-case user agent, and none of those.
pub(super) struct Row {
    words: &'static [&'static str],
    but_not: &'static [&'static str],
    pub(super) firmware: Firmware,
}

impl Row {
    pub(super) fn matches(&self, agent: &str) -> bool {
        let has = |words: &[&str]| words.iter().any(|word| agent.contains(word));
        has(self.words) && !has(self.but_not)
    }
}

/// Whoever is not in the table: taken for an Antminer, whose limits everybody keeps.
pub(super) const UNKNOWN: Firmware = firmware("unknown", Antminer, 1.0, 1e12);

/// Rented hash rate: marketplaces refuse orders at less.
const RENTAL: f64 = 524_288.0;
/// Tens of kilohashes a second, at a share or more a minute.
const NANO: f64 = 0.000_01;

pub(super) const TABLE: &[Row] = &[
    row(&["nicehash"], firmware("NiceHash", Tiny, RENTAL, 1e15)),
    row(&["miningrigrentals", "mrr/"], firmware("Mining Rig Rentals", Tiny, RENTAL, 1e15)),
    row(
        &["nerdminer", "nerd miner", "leafminer", "sparkminer", "nmminer"],
        firmware("NerdMiner", Respectable, NANO, 5e4),
    ),
    row(&["cpuminer", "punchbowl cpu"], firmware("CPU miner", Respectable, NANO, 1e6)),
    row(&["nerdqaxe", "nerdoctaxe", "nerdaxe"], firmware("NerdQAxe", Respectable, 1.0, 4e12)),
    row(&["bitaxe", "esp-miner", "axeos"], firmware("Bitaxe", Respectable, 1.0, 1e12)),
    row(&["whatsminer/v1"], firmware("Whatsminer", Respectable, 1.0, 1e14)),
    row(&["whatsminer", "btminer"], firmware("Whatsminer", Antminer, 1.0, 1e14)),
    row(&["powerplay-bm"], firmware("ePIC", Yuge, 1.0, 1e14)),
    row(&["xminer-1."], firmware("vnish", Yuge, 1.0, 1e14)),
    row(&["vnish", "xminer"], firmware("vnish", Antminer, 1.0, 1e14)),
    row(&["bosminer", "bos/", "boser", "braiins"], firmware("Braiins OS", Antminer2, 1.0, 1e14)),
    Row {
        words: &["antminer s21"],
        but_not: &["antminer s21 pro", "antminer s21pro"],
        firmware: firmware("Antminer S21", Antminer2, 1.0, 2e14),
    },
    row(&["antminer", "bmminer"], firmware("Antminer", Antminer, 1.0, 1e14)),
    row(&["luxminer"], firmware("LuxOS", Antminer, 1.0, 1e14)),
    row(&["avalon"], firmware("Avalon", Antminer, 1.0, 1e13)),
    // Also what an Avalon calls itself, and many a USB stick.
    row(&["cgminer", "bfgminer", "sgminer"], firmware("cgminer", Antminer, 1.0, 1e12)),
];

const fn row(words: &'static [&'static str], firmware: Firmware) -> Row {
    Row { words, but_not: &[], firmware }
}

const fn firmware(name: &'static str, class: CoinbaseClass, min_difficulty: f64, hash_rate: f64) -> Firmware {
    Firmware { name, class, min_difficulty: Difficulty(min_difficulty), hash_rate: HashRate(hash_rate) }
}
